"""The portal's own requests to an organisation's provider: only to its hosts, with limits of size and time."""

import io
import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from urllib.parse import urlsplit

import requests
import urllib3
from django.conf import settings
from django.db import connection as database
from requests.adapters import HTTPAdapter
from urllib3.util import connection

from accounts.errors import Busy, NotAllowed, quote

WELL_KNOWN = "/.well-known/openid-configuration"
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
FETCHED = ("token_endpoint", "jwks_uri", "userinfo_endpoint")
MOST_BYTES = 256 * 1024
SECONDS = 5  # of silence, and to take an answer once it has begun
EXCHANGE_SECONDS = 10  # for all that one page asks of a provider, however many requests that takes
# Exchanges at once, over all processes: providers that drip keep no more threads than these, and one alone leaves
# a turn to the others.
EXCHANGES, OF_ONE = 3, 2
KEPT_SECONDS, MOST_KEPT = 300, 1000  # discovery documents, in each process
NAT64 = ipaddress.ip_network("64:ff9b::/96")
LOCAL = {"127.0.0.1", "localhost"}

# Held until the transaction of the request ends.
TURN = """
SELECT EXISTS (
    SELECT FROM generate_series(1, %s) AS place WHERE pg_try_advisory_xact_lock(hashtext(%s), place)
)
"""
CROWDED = "Too many people are signing in through their organisation at this moment. Try again in a few seconds."
kept: dict[str, tuple[float, requests.Response]] = {}


class NotAsked(requests.RequestException):
    """The request would go elsewhere than to the provider, or its answer exceeds a limit."""


class Deadline:
    """The end of an exchange with a provider, of one request or several.

    Before the first of them goes out, `begin` is called.
    """

    def __init__(self, begin: Callable[[], None] | None = None) -> None:
        self.at, self._begin = time.monotonic() + EXCHANGE_SECONDS, begin

    def begin(self) -> None:
        if self._begin:
            self._begin()
            self._begin = None

    def left(self) -> float:
        """Return the seconds left; raise NotAsked if there are none."""
        if (left := self.at - time.monotonic()) <= 0:
            raise NotAsked("the exchange takes too long")
        return left


def take_turn(provider: str) -> None:
    """Raise Busy if as many exchanges are going on as there may be at once, with this provider or with all."""
    for _ in range(5):
        if _takes(OF_ONE, f"exchanges with {provider}") and _takes(EXCHANGES, "exchanges with providers"):
            return
        time.sleep(0.1)
    raise Busy(CROWDED, EXCHANGE_SECONDS)


def _takes(places: int, of: str) -> bool:
    with database.cursor() as cursor:
        cursor.execute(TURN, [places, of])
        return cursor.fetchone()[0]


class BoundedAdapter(HTTPAdapter):
    """Asks `hosts` only, each named with its port, and reads each answer whole before it is handed on.

    Time-outs of sockets start again with each byte, so at the deadline a timer shuts down the connections.
    """

    def __init__(self, hosts: list[str], deadline: Deadline) -> None:
        self.hosts, self.deadline = hosts, deadline
        self._lock, self._watched = threading.Lock(), list[socket.socket]()
        super().__init__()

    def send(self, request: requests.PreparedRequest, **kwargs: object) -> requests.Response:
        if host_of(request.url or "") not in self.hosts:
            raise NotAsked("another host than the provider's")
        self.deadline.begin()
        timeout = min(SECONDS, self.deadline.left())
        with self._timer():
            response = super().send(request, **kwargs | {"stream": True, "timeout": timeout})
            try:
                with closing(response.raw) as raw:
                    self.deadline.left()  # headers that were shut down look as if they had ended
                    response.raw = io.BytesIO(_read(raw))
                self.deadline.left()  # and so does a body of no stated length
            except urllib3.exceptions.HTTPError as error:
                raise requests.ConnectionError from error
        return response

    def get_connection_with_tls_context(self, *args: object, **kwargs: object) -> urllib3.HTTPConnectionPool:
        """Directly or through a proxy: its connections are watched."""
        pool = super().get_connection_with_tls_context(*args, **kwargs)
        if not issubclass(pool.ConnectionCls, _Watched):
            pool.ConnectionCls = type("WatchedConnection", (_Watched, pool.ConnectionCls), {"adapter": self})
        return pool

    def watch(self, sock: socket.socket) -> None:
        """By a handle of its own, as TLS takes the socket's away."""
        with self._lock:
            self._watched.append(sock.dup())
        self.deadline.left()  # for the timer may have passed by before

    def close(self) -> None:
        super().close()
        while self._watched:
            self._watched.pop().close()

    @contextmanager
    def _timer(self) -> Iterator[None]:
        timer = threading.Timer(self.deadline.left(), self._shut_down)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()

    def _shut_down(self) -> None:
        with self._lock:
            for sock in self._watched:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)


class KeepingAdapter(BoundedAdapter):
    """Asks for a discovery document once in some minutes, not whenever somebody signs in."""

    def send(self, request: requests.PreparedRequest, **kwargs: object) -> requests.Response:
        address = request.url or ""
        if not address.endswith(WELL_KNOWN):
            return super().send(request, **kwargs)
        until, response = kept.get(address, (0, None))
        if until < time.monotonic():
            response = super().send(request, **kwargs)
            response.content  # noqa: B018 - read, so that it can be read again
            if response.ok and len(kept) < MOST_KEPT:
                kept[address] = time.monotonic() + KEPT_SECONDS, response
        return response


class _Watched:
    """A connection of urllib3 that tries one network address after another until the deadline, not each as long."""

    adapter: BoundedAdapter

    def _new_conn(self) -> socket.socket:
        error: Exception | None = None
        try:
            family = connection.allowed_gai_family()
            found = socket.getaddrinfo(self._dns_host, self.port, family, socket.SOCK_STREAM)
        except (OSError, UnicodeError) as unknown:
            found, error = [], unknown
        for *_, (address, port, *_scope) in found:
            timeout = min(SECONDS, self.adapter.deadline.left())
            if not (self.proxy or is_public(address)):
                error = NotAsked("an address that is not public")
                continue
            try:
                sock = connection.create_connection((address, port), timeout, socket_options=self.socket_options)
            except OSError as failed:
                error = failed
                continue
            try:
                self.adapter.watch(sock)
            except BaseException:
                sock.close()
                raise
            return sock
        raise urllib3.exceptions.NewConnectionError(self, "no connection") from error


def is_public(address: str) -> bool:
    """Whether the portal may connect to this IP address: to no machine behind its own firewall.

    Without TLS (the demo and the tests), to this machine too.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip in NAT64 or ip.sixtofour or ip.teredo:  # these lead to any IPv4 address
            return False
        ip = ip.ipv4_mapped or ip
    return (ip.is_global and not ip.is_multicast) or (ip.is_loopback and not settings.PORTAL_HTTPS)


def _read(raw: urllib3.HTTPResponse) -> bytes:
    data, deadline = b"", time.monotonic() + SECONDS
    while chunk := raw.read1(8192, decode_content=True):
        data += chunk
        if len(data) > MOST_BYTES or time.monotonic() > deadline:
            raise NotAsked("the answer is too long or too slow")
    return data


def session_for(
    hosts: list[str], deadline: Deadline, adapter: type[BoundedAdapter] = BoundedAdapter
) -> requests.Session:
    """Follows a redirect within these hosts at most once."""
    session = requests.Session()
    session.max_redirects = 1
    session.headers["Accept-Encoding"] = "identity"
    session.mount("https://", adapter(hosts, deadline))
    session.mount("http://", adapter(hosts, deadline))
    return session


def host_of(address: str) -> str:
    """Return host and port of an https address; empty for any other.

    Plain http is allowed only to this machine, from a portal without TLS: the demo and the tests.
    """
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    local = parts.scheme == "http" and parts.hostname in LOCAL and not settings.PORTAL_HTTPS
    return parts.netloc.lower() if (parts.scheme == "https" or local) and "@" not in parts.netloc else ""


def discover(issuer: str) -> list[str]:
    """Return the hosts that the provider's discovery document names, which are the only ones asked later.

    Raises NotAllowed, with the reason, unless the document answers and names this very issuer.
    """
    if not (own := host_of(issuer)):
        raise NotAllowed(f"{quote(issuer)} does not begin with https://.", "issuer")
    document = _document(issuer, own)
    if document.get("issuer") != issuer:
        named = quote(str(document.get("issuer")))
        raise NotAllowed(f"The provider names itself {named}. Enter the issuer exactly as it does.", "issuer")
    if missing := [name for name in ENDPOINTS if not host_of(str(document.get(name)))]:
        raise NotAllowed(f"The provider’s discovery document does not name a {missing[0]} with https.", "issuer")
    return sorted({own} | {host for name in FETCHED if (host := host_of(str(document.get(name))))})


def _document(issuer: str, own: str) -> dict[str, object]:
    try:
        with session_for([own], Deadline(partial(take_turn, own))) as session:
            answer = session.get(issuer.rstrip("/") + WELL_KNOWN)
            answer.raise_for_status()
            document = answer.json()
    except requests.RequestException as error:
        raise NotAllowed(f"No discovery document answers at {issuer.rstrip('/')}{WELL_KNOWN}.", "issuer") from error
    return document if isinstance(document, dict) else {}
