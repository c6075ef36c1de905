"""What the portal asks of a provider by itself: a server of bad manners answers, on a port of this machine."""

import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from accounts.errors import NotAllowed
from accounts.sign_in import provider_requests
from accounts.sign_in.provider_requests import MOST_BYTES, NotAsked, discover, host_of, session_for


class BadManners(BaseHTTPRequestHandler):
    """Does what the path says; `asked` remembers where it was asked."""

    asked: list[str] = []

    def do_GET(self) -> None:
        self.asked.append(f"{self.headers['Host']}{self.path}")
        kind = self.path.split("/")[1]
        getattr(self, kind, self.plain)()

    def plain(self) -> None:
        self.answer(b'{"fine": true}')

    def answer(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def long(self) -> None:
        self.answer(b"x" * (MOST_BYTES + 1))

    def list(self) -> None:
        self.answer(b"[1]")

    def words(self) -> None:
        self.answer(b"<html>")

    def missing(self) -> None:
        self.answer(b"{}", 404)

    def slow(self) -> None:
        self.send_response(200)
        self.end_headers()
        try:
            for _ in range(100):
                self.wfile.write(b"x")
                time.sleep(0.05)
        except OSError:
            return

    def cut(self) -> None:
        self.answer(b"x", **{"Content-Length": "100"})

    def away(self) -> None:
        self.answer(b"", 302, Location=f"http://localhost:{self.server.server_port}/plain")

    def round(self) -> None:
        self.answer(b"", 302, Location="/round")

    def near(self) -> None:
        self.answer(b"", 302, Location="/plain")

    def log_message(self, *args: object) -> None:
        """Nothing is printed."""


@pytest.fixture
def host() -> Iterator[str]:
    BadManners.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), BadManners) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def ask(host) -> Callable[[str], requests.Response]:
    def get(path: str) -> requests.Response:
        with session_for([host]) as session:
            return session.get(f"http://{host}/{path}")

    return get


def test_plain_answer_is_taken(ask):
    assert ask("plain").json() == {"fine": True}


def test_redirect_within_the_host_is_followed_once(ask, host):
    assert ask("near").json() == {"fine": True}
    with pytest.raises(requests.TooManyRedirects):
        ask("round")


def test_redirect_to_another_host_is_not_followed(ask, host):
    with pytest.raises(NotAsked):
        ask("away")

    assert [where.split("/")[0] for where in BadManners.asked] == [host]


@pytest.mark.parametrize(
    "address", ["http://localhost:1/", "https://evil.example/", "http://169.254.169.254/", "http://a@127.0.0.1/"]
)
def test_other_hosts_are_not_asked(host, address):
    with session_for([host]) as session, pytest.raises(NotAsked):
        session.get(address)

    assert BadManners.asked == []


def test_nobody_is_asked_outside_the_pages_of_a_provider():
    with session_for([]) as session, pytest.raises(NotAsked):
        session.get("https://login.zephyr.example/")


def test_answer_that_is_too_long_is_cut_off(ask):
    with pytest.raises(NotAsked):
        ask("long")


def test_answer_that_trickles_is_cut_off(ask, monkeypatch):
    monkeypatch.setattr(provider_requests, "SECONDS", 0.5)
    began = time.monotonic()

    with pytest.raises(NotAsked):
        ask("slow")

    assert time.monotonic() - began < 2


def test_answer_that_breaks_off_is_a_failure_to_answer(ask):
    with pytest.raises(requests.ConnectionError):
        ask("cut")


@pytest.mark.parametrize("kind", ["missing", "words", "long", "away", "cut"])
def test_discovery_that_does_not_answer_is_told(host, kind):
    with pytest.raises(NotAllowed, match="No discovery document answers") as refusal:
        discover(f"http://{host}/{kind}")

    assert refusal.value.field == "issuer"


@pytest.mark.parametrize("kind", ["list", "plain"])
def test_discovery_that_names_no_issuer_is_told(host, kind):
    with pytest.raises(NotAllowed, match="names itself “None”"):
        discover(f"http://{host}/{kind}")


@pytest.mark.parametrize(
    ("address", "named"),
    [
        ("https://Login.Zephyr.example/x", "login.zephyr.example"),
        ("https://login.zephyr.example:8443", "login.zephyr.example:8443"),
        ("http://127.0.0.1:80/", "127.0.0.1:80"),
        ("http://login.zephyr.example", ""),
        ("https://ada@login.zephyr.example", ""),
        ("//login.zephyr.example", ""),
        ("https://[", ""),
        ("", ""),
    ],
)
def test_host_is_that_of_an_https_address(address, named):
    assert host_of(address) == named


def test_portal_with_tls_asks_not_even_this_machine_without(settings):
    settings.PORTAL_HTTPS = True

    assert host_of("http://127.0.0.1/") == ""
