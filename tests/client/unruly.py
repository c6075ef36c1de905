"""An HTTP server that follows a script: for what a real portal cannot be made to do."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SHUT_RDWR

TOKEN = "smi_" + "A" * 43 + "01234567"


@dataclass(frozen=True)
class Answer:
    """`sent` is how much of the body comes before the connection breaks off; nothing at all comes if it is negative."""

    body: bytes | dict | list = b""
    status: int = 200
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    sent: int | None = None
    stalls: bool = False

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


HTML = Answer(b"<h1>Sign in to the network</h1>", kind="text/html")
LOST = Answer(sent=-1)


def busy(seconds: object, status: int = 429) -> Answer:
    problem = {"title": "Too many requests", "status": status, "errors": [], "reference": "r-1"}
    return Answer(problem, status, "application/problem+json", {"Retry-After": str(seconds)})


def problem(status: int, title: str, *errors: dict) -> Answer:
    said = {"title": title, "status": status, "detail": "", "errors": list(errors), "reference": "r-2"}
    return Answer(said, status, "application/problem+json")


class Unruly(ThreadingHTTPServer):
    """Answers `GET /api/v1/rights/` by `script["GET rights/"]`, one answer after the other, the last one for ever."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: dict[str, list[Answer]] = {}
        self.heard: list[tuple[str, str, dict[str, str], bytes]] = []
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.api = f"{self.url}/api/v1/"

    def will(self, request: str, *answers: Answer) -> None:
        self.script[request] = list(answers)

    def headers_heard(self, name: str) -> list[str | None]:
        return [headers.get(name) for _, _, headers, _ in self.heard]

    def handle_error(self, *_: object) -> None:
        """A client that goes in the middle is what some tests want."""

    def next_answer(self, request: str) -> Answer:
        answers = self.script.get(request) or [problem(404, f"No script for {request}")]
        return answers.pop(0) if len(answers) > 1 else answers[0]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Unruly

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.heard.append((self.command, self.path, dict(self.headers), body))
        address = self.path.partition("?")[0].removeprefix("/api/v1/")
        self.give(self.server.next_answer(f"{self.command} {address}"))

    do_PATCH = do_POST = do_GET  # noqa: N815

    def give(self, answer: Answer) -> None:
        if answer != LOST:
            self.send_response(answer.status)
            for name, value in ({"Content-Type": answer.kind} | answer.headers).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content[: answer.sent])
        if answer.stalls:
            self.rfile.read(1)  # until the client goes
        if answer.sent is not None:
            self.close_connection = True
            self.connection.shutdown(SHUT_RDWR)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def unruly() -> Iterator[Unruly]:
    server = Unruly()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
