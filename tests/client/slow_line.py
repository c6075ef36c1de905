"""A line to a server that is held up in the middle of an answer."""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

PIECE = 4096
PACKED = re.compile(rb"(?i)(accept-encoding:)[^\r]*")


@contextmanager
def slow_line(port: int, after: int, act: Callable[[], object]) -> Iterator[str]:
    """An address that leads to the server at `port`, once: after so many bytes of the answer it calls `act`.

    Until then it takes them in small pieces, not packed, so that the server cannot have said much more.
    """
    with socket.create_server(("127.0.0.1", 0)) as door:
        door.settimeout(20)
        line = threading.Thread(target=_pass_on, args=(door, port, after, act), daemon=True)
        line.start()
        yield f"http://127.0.0.1:{door.getsockname()[1]}"
        line.join(20)


def _pass_on(door: socket.socket, port: int, after: int, act: Callable[[], object]) -> None:
    client, _ = door.accept()
    with client, socket.socket() as server, suppress(ConnectionError):
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, PIECE)
        server.connect(("127.0.0.1", port))
        server.sendall(PACKED.sub(rb"\1 identity", client.recv(1 << 16)))
        passed = 0
        while piece := server.recv(PIECE):
            client.sendall(piece)
            before, passed = passed, passed + len(piece)
            if before <= after < passed:
                act()
