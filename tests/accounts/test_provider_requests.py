"""The portal's own requests to a provider, answered by a badly behaved server on this machine."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
from django.db import connections, transaction
from django.db.backends.utils import CursorWrapper

from accounts.errors import Busy, NotAllowed
from accounts.sign_in import provider_requests
from accounts.sign_in.provider_requests import (
    EXCHANGES,
    MOST_BYTES,
    OF_ONE,
    WELL_KNOWN,
    Deadline,
    KeepingAdapter,
    NotAsked,
    discover,
    host_of,
    is_public,
    session_for,
    take_turn,
)

pytestmark = pytest.mark.django_db


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

    def headers_without_end(self) -> None:
        with suppress(OSError):
            self.wfile.write(b"HTTP/1.0 200 OK\r\n")
            for number in range(100):
                self.wfile.write(b"X-%d: x\r\n" % number)
                time.sleep(0.05)

    def pause(self) -> None:
        time.sleep(0.3)
        self.plain()

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
        with session_for([host], Deadline()) as session:
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
    with session_for([host], Deadline()) as session, pytest.raises(NotAsked):
        session.get(address)

    assert BadManners.asked == []


def test_nobody_is_asked_outside_the_pages_of_a_provider():
    with session_for([], Deadline()) as session, pytest.raises(NotAsked):
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


DEADLINE = 0.7


def open_sockets() -> set[str]:
    found = set()
    for handle in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            found.add(str(handle.readlink()))
    return {name for name in found if name.startswith("socket:")}


@contextmanager
def in_time() -> Iterator[None]:
    """What is asked ends a second after the deadline at the latest, and leaves neither timer nor socket."""
    sockets, began = open_sockets(), time.monotonic()
    yield
    assert time.monotonic() - began < DEADLINE + 1
    assert not [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]
    while open_sockets() - sockets and time.monotonic() - began < 10:  # the server's own end by themselves
        time.sleep(0.05)
    assert open_sockets() <= sockets


@pytest.fixture
def short(monkeypatch) -> None:
    monkeypatch.setattr(provider_requests, "EXCHANGE_SECONDS", DEADLINE)


@pytest.fixture
def bare_host(request) -> Iterator[str]:
    """Accepts one connection and sends, byte for byte, what the test says; nothing more, and never closes."""
    over = threading.Event()

    def serve() -> None:
        with suppress(OSError):
            sock, _ = listener.accept()
            with sock:
                sock.recv(4096)
                for byte in request.param:
                    sock.sendall(bytes([byte]))
                    time.sleep(0.05)
                over.wait(10)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        over.set()
        thread.join(10)


@pytest.mark.parametrize("kind", ["headers_without_end", "slow"])
def test_answer_that_drips_ends_at_the_deadline(ask, host, short, kind):
    with in_time(), pytest.raises(requests.RequestException):
        ask(kind)
    with in_time(), pytest.raises(NotAllowed, match="No discovery document answers"):
        discover(f"http://{host}/{kind}")


HANDSHAKE = b"\x16\x03\x03\x40\x00" + b"\x02\x00\x3f\xfc" + b"x" * 60  # a server hello that goes on and on


@pytest.mark.parametrize(
    ("bare_host", "scheme"),
    [(b"", "http"), (b"", "https"), (HANDSHAKE, "https")],
    indirect=["bare_host"],
    ids=["silence", "silence_for_tls", "handshake_that_drips"],
)
def test_server_that_does_not_come_to_an_answer_is_left_at_the_deadline(bare_host, short, scheme):
    began = time.monotonic()

    with pytest.raises(NotAllowed, match="No discovery document answers"):
        discover(f"{scheme}://{bare_host}")

    assert DEADLINE - 0.1 < time.monotonic() - began < DEADLINE + 1
    assert not [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]


def test_requests_of_one_exchange_have_one_deadline(host, short):
    deadline = Deadline()

    def ask_in_a_new_session() -> None:
        with session_for([host], deadline) as session:
            session.get(f"http://{host}/pause")

    with in_time():
        ask_in_a_new_session()
        ask_in_a_new_session()
        with pytest.raises(requests.RequestException):
            ask_in_a_new_session()
    with pytest.raises(NotAsked):
        ask_in_a_new_session()
    assert len(BadManners.asked) == 3


def test_nobody_is_asked_after_the_deadline(host, short):
    deadline = Deadline()
    deadline.at = time.monotonic()

    with session_for([host], deadline) as session, pytest.raises(NotAsked):
        session.get(f"http://{host}/plain")

    assert BadManners.asked == []


def test_many_addresses_that_do_not_answer_have_one_deadline(short, monkeypatch):
    """A provider's DNS may name any number of them."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, socket.create_connection(full.getsockname()):
        look_up, (address, port) = socket.getaddrinfo, full.getsockname()

        def many(host: str, *args: object) -> list[object]:
            return look_up(address, *args) * (20 if host == "localhost" else 1)

        monkeypatch.setattr(socket, "getaddrinfo", many)
        monkeypatch.setattr(provider_requests, "SECONDS", 0.2)
        with in_time(), pytest.raises(NotAllowed, match="No discovery document answers"):
            discover(f"http://localhost:{port}")


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "192.168.1.1",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "::1",
        "fe80::1%eth0",
        "fd00::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "2002:a00:1::1",
    ],
)
def test_machine_behind_the_portals_firewall_is_not_connected_to(address, settings):
    settings.PORTAL_HTTPS = True

    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "::ffff:8.8.8.8", "2606:4700::1111"])
def test_public_address_is_connected_to(address):
    assert is_public(address)


def test_address_is_looked_at_when_the_portal_connects(host, settings):
    """Not when the name was given: a name may lead elsewhere by then."""
    settings.PORTAL_HTTPS = True
    with session_for([host], Deadline()) as session, pytest.raises(requests.ConnectionError) as failed:
        session.get(f"https://{host}/plain")

    assert isinstance(failed.value.args[0].reason.__cause__, NotAsked)


def test_discovery_document_is_asked_for_once_in_some_minutes(host, monkeypatch):
    monkeypatch.setattr(provider_requests, "kept", {})

    def ask(path: str) -> None:
        with session_for([host], Deadline(), KeepingAdapter) as session:
            assert session.get(f"http://{host}/{path}").json() == {"fine": True}

    for _ in range(3):
        ask(f"plain{WELL_KNOWN}")
    ask("plain")
    ask("plain")
    monkeypatch.setattr(provider_requests.time, "monotonic", lambda now=time.monotonic: now() + 301)
    ask(f"plain{WELL_KNOWN}")

    assert [path.count(WELL_KNOWN) for path in BadManners.asked] == [1, 0, 0, 1]


TAKE = "SELECT pg_advisory_xact_lock(hashtext(%s), place) FROM generate_series(1, %s) AS place"
TRY = "SELECT pg_try_advisory_xact_lock(hashtext(%s), %s)"
ALL, ONE = "exchanges with providers", "exchanges with one"


@pytest.fixture
def elsewhere() -> Iterator[CursorWrapper]:
    """Another transaction, of an exchange that goes on."""
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        yield cursor


@pytest.mark.django_db(databases=["default", "owner"])
@pytest.mark.parametrize(("of", "places"), [(ALL, EXCHANGES), (ONE, OF_ONE)])
def test_requests_of_one_exchange_take_one_turn(elsewhere, of, places):
    elsewhere.execute(TAKE, [of, places - 1])
    take_turn("one")
    take_turn("one")

    elsewhere.execute(TRY, [of, places])
    assert elsewhere.fetchone() == (False,)


@pytest.mark.django_db(databases=["default", "owner"])
@pytest.mark.parametrize(("of", "places"), [(ALL, EXCHANGES), (ONE, OF_ONE)])
def test_nobody_is_asked_while_enough_others_are(elsewhere, host, of, places):
    elsewhere.execute(TAKE, [of, places])

    with session_for([host], Deadline(partial(take_turn, "one"))) as session, pytest.raises(Busy):
        session.get(f"http://{host}/plain")

    assert BadManners.asked == []


@pytest.mark.django_db(databases=["default", "owner"])
def test_provider_that_drips_leaves_a_turn_to_the_others(elsewhere):
    """However many people begin to sign in through it."""
    for of in (ONE, ALL):
        elsewhere.execute(TAKE, [of, OF_ONE])
    with pytest.raises(Busy):
        take_turn("one")

    take_turn("another")
