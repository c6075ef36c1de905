"""A gunicorn worker whose threads take whole requests alone.

Its own threads (`gthread`) read a request as slowly as it is sent, so that a few clients which send half of one stop
every page. Here requests gather beside the threads, in the loop that waits for connections, and so do connections that
are being closed.
"""

import os
import re
import selectors
import signal
import socket
import time
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from types import FrameType

from gunicorn.http.message import Request
from gunicorn.workers.gthread import TConn, ThreadWorker

HEAD_SECONDS = float(os.environ.get("REQUEST_SECONDS") or 10)  # for request line and headers
BODY_FLOOR = 10_000  # bytes a second
MOST_HEAD = 64 * 1024  # bytes
MOST_BODY = 1024 * 1024  # bytes; what is longer, the portal refuses by its stated length (DATA_UPLOAD_MAX_MEMORY_SIZE)
MOST_HELD = 64 * 1024 * 1024  # bytes, of all requests that gather or wait for a thread in a process
SEND_BUFFER = 1024 * 1024  # bytes: a page is handed over to the system, however slowly its client reads it
ANSWER_SECONDS = 20  # for what the system does not take at once; downloads have a time-out of their own
CLOSING_SECONDS = 2

HEAD_END = b"\r\n\r\n"
LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r\n", re.IGNORECASE)
IN_CHUNKS = re.compile(rb"\r\ntransfer-encoding:[^\r\n]*chunked", re.IGNORECASE)
LAST_CHUNK = re.compile(rb"\r\n0+(?:;[^\r\n]*)?\r\n(?:[^\r\n]{1,200}\r\n){0,4}\r\n")  # and a few trailers
ASKS_FIRST = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*(?=\r\n)", re.IGNORECASE)

GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"
REFUSAL = "HTTP/1.1 {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
TOO_SLOW = REFUSAL.format("408 Request Timeout").encode()
HEAD_TOO_LONG = REFUSAL.format("431 Request Header Fields Too Large").encode()
BODY_TOO_LONG = REFUSAL.format("413 Content Too Large").encode()
CROWDED = REFUSAL.format("503 Service Unavailable").encode()


class Connection(TConn):
    """A connection whose request gathers until it is whole."""

    cut = False  # the body is too long to be read
    held = 0  # bytes of the request that is being served

    def __init__(self, worker: "Worker", *args: object) -> None:
        super().__init__(*args)
        self.worker = worker

    def close(self, graceful: bool = False) -> None:
        if graceful:
            self.worker.let_go(self.sock)
        else:
            super().close()


@dataclass
class Arriving:
    """What has come of a request."""

    connection: Connection
    data: bytearray
    until: float = field(default_factory=lambda: time.monotonic() + HEAD_SECONDS)
    received: int = 0  # bytes
    head: int = 0  # bytes, once its end has come
    body: int | None = 0  # bytes; None: in chunks
    searched: int = 0  # bytes in which no end was found

    def is_whole(self) -> bool:
        """Whether a thread can take it without having to wait for more."""
        if not self.head and not self._read_head():
            return False
        if self.body is None:
            found = LAST_CHUNK.search(self.data, max(self.head - 2, self.searched - 1024))
            self.searched = len(self.data)
            return found is not None
        return self.connection.cut or len(self.data) >= self.head + self.body

    def refusal(self) -> bytes:
        """What its sender is told, if it is too long; else nothing."""
        if not self.head and len(self.data) > MOST_HEAD:
            return HEAD_TOO_LONG
        if self.body is None and len(self.data) > self.head + MOST_BODY:
            return BODY_TOO_LONG
        return b""

    def _read_head(self) -> bool:
        end = self.data.find(HEAD_END, max(self.searched - 3, 0))
        self.searched = len(self.data)
        if end < 0:
            return False
        self.head = end + len(HEAD_END)
        head = bytes(self.data[: self.head])
        length = LENGTH.search(head)
        self.body = None if IN_CHUNKS.search(head) else int(length[1]) if length else 0
        self.connection.cut = (self.body or 0) > MOST_BODY
        if not self.connection.cut and ASKS_FIRST.search(head):
            with suppress(OSError):
                self.connection.sock.send(GO_ON)
            self._put_head(ASKS_FIRST.sub(b"", head))  # and is not told again
        self.until += (MOST_BODY if self.body is None else self.body) / BODY_FLOOR
        return True

    def _put_head(self, head: bytes) -> None:
        self.data[: self.head] = head
        self.head = self.searched = len(head)


class Worker(ThreadWorker):
    """Serves what has come whole, and ends what comes too slowly."""

    def init_process(self) -> None:
        self.arriving: dict[socket.socket, Arriving] = {}
        self.closing: dict[socket.socket, float] = {}
        self.held = 0
        super().init_process()

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:
        """End, once: Ctrl-C comes from the terminal and from the master, and the second would wait for the first."""
        for number in (signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, signal.SIG_IGN)
        super().handle_quit(sig, frame)

    def accept(self, listener: socket.socket) -> None:
        with suppress(BlockingIOError, ConnectionAbortedError):
            client, address = listener.accept()
            self.nr_conns += 1
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
            self.enqueue_req(Connection(self, self.cfg, client, address, listener.getsockname()))

    def enqueue_req(self, conn: Connection) -> None:
        """Wait for the next request of the connection, of which the last one may have read something already."""
        conn.init()
        conn.sock.setblocking(False)
        arriving = self.arriving[conn.sock] = Arriving(conn, bytearray())
        self._add(arriving, conn.parser.unreader.take_buffered())
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.read, arriving))
        self.read(arriving)

    def read(self, arriving: Arriving, _sock: object = None) -> None:
        """Take what has come, and hand the request over to a thread once it is whole."""
        try:
            while not arriving.is_whole() and not arriving.refusal():
                if not (data := arriving.connection.sock.recv(64 * 1024)):
                    self._end(arriving)
                    return
                self._add(arriving, data)
        except BlockingIOError:
            if self.held > MOST_HELD:
                self._end(arriving, CROWDED)
        except OSError:
            self._end(arriving)
        else:
            if refusal := arriving.refusal():
                self._end(arriving, refusal)
            else:
                self._hand_over(arriving)

    def finish_request(self, conn: Connection, fs: Future) -> None:
        self.held, conn.held = self.held - conn.held, 0
        super().finish_request(conn, fs)

    def handle_request(self, req: Request, conn: Connection) -> bool:
        conn.sock.settimeout(ANSWER_SECONDS)
        if conn.cut:
            req.force_close()  # the answer says so, by `Connection: close`
        return super().handle_request(req, conn)

    def murder_pending(self) -> None:
        """Once a second: end what has not come in time, and what was not closed by its client."""
        super().murder_pending()
        now = time.monotonic()
        for arriving in [one for one in self.arriving.values() if one.until < now or not (one.data or self.alive)]:
            self._end(arriving, TOO_SLOW if arriving.data else b"")
        for sock in [sock for sock, until in self.closing.items() if until < now]:
            self._close(sock)

    def let_go(self, sock: socket.socket) -> None:
        """Close the connection once its client has taken the answer, so that it is not cut off."""
        with suppress(OSError):
            sock.setblocking(False)
            sock.shutdown(socket.SHUT_WR)
            self.closing[sock] = time.monotonic() + CLOSING_SECONDS
            self.poller.register(sock, selectors.EVENT_READ, self._drain)
            return
        sock.close()

    def _hand_over(self, arriving: Arriving) -> None:
        conn = self._take(arriving)
        conn.held = len(arriving.data)
        self.held += conn.held
        conn.parser.unreader.unread(bytes(arriving.data))
        conn.data_ready = True
        super().enqueue_req(conn)

    def _end(self, arriving: Arriving, refusal: bytes = b"") -> None:
        conn = self._take(arriving)
        self.nr_conns -= 1
        with suppress(OSError):
            if refusal:
                conn.sock.send(refusal)
        conn.close(graceful=bool(refusal))

    def _add(self, arriving: Arriving, data: bytes) -> None:
        arriving.data += data
        arriving.received += len(data)
        self.held += len(data)

    def _take(self, arriving: Arriving) -> Connection:
        self.held -= arriving.received
        self.poller.unregister(arriving.connection.sock)
        return self.arriving.pop(arriving.connection.sock).connection

    def _drain(self, sock: socket.socket) -> None:
        try:
            if sock.recv(64 * 1024):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self._close(sock)

    def _close(self, sock: socket.socket) -> None:
        del self.closing[sock]
        self.poller.unregister(sock)
        sock.close()

    def _keepalive_after(self, conn: Connection, keepalive: bool) -> bool:
        """What was not read of a long body is not waited for either."""
        return not conn.cut and super()._keepalive_after(conn, keepalive)
