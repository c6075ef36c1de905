"""A long answer on a real connection: bounded in number and time, and never ended as if it were whole."""

import re
import socket
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress

from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse

from accounts.errors import Busy

# At most half of the threads of a process serve streams: the rest stay free for pages.
SLOTS = max(1, settings.WEB_THREADS // 2)
slots = threading.BoundedSemaphore(SLOTS)
RETRY_SECONDS = 30
CSV = "text/csv; charset=utf-8"


class Stream:
    """Iterates over `chunks`; resets the connection when they fail, and gives its slot back once.

    Calls `active` with each chunk, and at the end: the person who waits for the file is not idle.
    """

    def __init__(self, chunks: Iterator[bytes], client: socket.socket | None, active: Callable[[], None]) -> None:
        self._chunks, self._client, self._open, self._active = chunks, client, True, active
        if client:
            client.settimeout(settings.STREAM_TIMEOUT)

    def __iter__(self) -> "Stream":
        return self

    def __next__(self) -> bytes:
        self._active()
        try:
            return next(self._chunks)
        except StopIteration:
            raise
        except BaseException:
            self._reset()
            raise

    def close(self) -> None:
        if not self._open:
            return
        self._open = False
        slots.release()
        self._chunks.close()
        self._active()
        if self._client:
            with suppress(OSError):  # closed already
                self._client.settimeout(None)

    def _reset(self) -> None:
        """End the connection by a reset: an ordinary end would make half a file look whole to an HTTP/1.0 client."""
        if self._client:
            self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._client.close()


def gzipped(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes, compressed as they pass."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    try:
        for chunk in chunks:
            if packed := packer.compress(chunk):
                yield packed
    finally:
        chunks.close()
    yield packer.flush()


def accepts_gzip(request: HttpRequest) -> bool:
    offers = request.headers.get("Accept-Encoding", "")
    return bool(re.search(r"\bgzip\b(?!\s*;\s*q=0(\.0+)?\s*(,|$))", offers))


def csv_answer(request: HttpRequest, name: str, begin: Callable[[], Iterator[bytes]]) -> HttpResponse:
    """A CSV download named `name` of what `begin` gives; HEAD gets the headers alone, and nothing is begun.

    Raises Busy when all slots for streams are taken.
    """
    packed = accepts_gzip(request)
    if request.method == "HEAD":
        # A stream of nothing, as an ordinary answer would claim that the file has no bytes.
        return _with_headers(StreamingHttpResponse((), content_type=CSV), name, packed)
    if not slots.acquire(blocking=False):
        raise Busy(RETRY_SECONDS)
    try:
        chunks = begin()
    except BaseException:
        slots.release()
        raise
    client = request.META.get("gunicorn.socket")
    stream = Stream(gzipped(chunks) if packed else chunks, client, request.note_activity)
    return _with_headers(StreamingHttpResponse(stream, content_type=CSV), name, packed)


def _with_headers(answer: HttpResponse, name: str, packed: bool) -> HttpResponse:
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Vary"] = "Accept-Encoding"
    if packed:
        answer.headers["Content-Encoding"] = "gzip"
    return answer
