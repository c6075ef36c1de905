"""What the portal asks of an organisation's provider itself: of its hosts alone, so much in so long."""

import io
import time
from urllib.parse import urlsplit

import requests
import urllib3
from django.conf import settings
from requests.adapters import HTTPAdapter

from accounts.errors import NotAllowed, quote

WELL_KNOWN = "/.well-known/openid-configuration"
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
FETCHED = ("token_endpoint", "jwks_uri", "userinfo_endpoint")
MOST_BYTES = 256 * 1024
SECONDS = 5  # of silence, and to take an answer once it has begun
LOCAL = {"127.0.0.1", "localhost"}


class NotAsked(requests.RequestException):
    """The request would go somewhere else than to the provider, or its answer goes beyond what is taken."""


class BoundedAdapter(HTTPAdapter):
    """Asks `hosts` only, each named with its port, and reads each answer whole before it is handed on."""

    def __init__(self, hosts: list[str]) -> None:
        self.hosts = hosts
        super().__init__()

    def send(self, request: requests.PreparedRequest, **kwargs: object) -> requests.Response:
        if host_of(request.url or "") not in self.hosts:
            raise NotAsked("another host than the provider's")
        response = super().send(request, **kwargs | {"stream": True, "timeout": SECONDS})
        try:
            response.raw = io.BytesIO(_read(response.raw))
        except urllib3.exceptions.HTTPError as error:
            raise requests.ConnectionError from error
        return response


def _read(raw: urllib3.HTTPResponse) -> bytes:
    data, deadline = b"", time.monotonic() + SECONDS
    while chunk := raw.read1(8192, decode_content=True):
        data += chunk
        if len(data) > MOST_BYTES or time.monotonic() > deadline:
            raise NotAsked("the answer is too long or too slow")
    return data


def session_for(hosts: list[str]) -> requests.Session:
    """Follows a redirect within these hosts at most once."""
    session = requests.Session()
    session.max_redirects = 1
    session.headers["Accept-Encoding"] = "identity"
    session.mount("https://", BoundedAdapter(hosts))
    session.mount("http://", BoundedAdapter(hosts))
    return session


def host_of(address: str) -> str:
    """Host and port of an https address; empty for any other.

    Without TLS only this machine is asked, by a portal without TLS: the demo and the tests.
    """
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    local = parts.scheme == "http" and parts.hostname in LOCAL and not settings.PORTAL_HTTPS
    return parts.netloc.lower() if (parts.scheme == "https" or local) and "@" not in parts.netloc else ""


def discover(issuer: str) -> list[str]:
    """The hosts that will be asked, as the provider's discovery document names them.

    Raises NotAllowed, with the reason, unless it answers and names this very issuer.
    """
    if not (own := host_of(issuer)):
        raise NotAllowed(f"{quote(issuer)} does not begin with https://.", "issuer")
    document = _document(issuer, own)
    if document.get("issuer") != issuer:
        named = quote(str(document.get("issuer")))
        raise NotAllowed(f"The provider names itself {named}. Give the issuer exactly as it does.", "issuer")
    if missing := [name for name in ENDPOINTS if not host_of(str(document.get(name)))]:
        raise NotAllowed(f"The provider’s discovery document names no {missing[0]} with https.", "issuer")
    return sorted({own} | {host for name in FETCHED if (host := host_of(str(document.get(name))))})


def _document(issuer: str, own: str) -> dict[str, object]:
    try:
        with session_for([own]) as session:
            answer = session.get(issuer.rstrip("/") + WELL_KNOWN)
            answer.raise_for_status()
            document = answer.json()
    except requests.RequestException as error:
        raise NotAllowed(f"No discovery document answers at {issuer.rstrip('/')}{WELL_KNOWN}.", "issuer") from error
    return document if isinstance(document, dict) else {}
