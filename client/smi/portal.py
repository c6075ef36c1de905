"""The API of one portal over HTTPS, with waiting and repeating where that is safe."""

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Self

import httpx

from smi import __version__
from smi.answers import JSON, accepted, as_object, objects
from smi.errors import BrokenOff
from smi.logins import Login, origin
from smi.terminal import note

TIMEOUT = httpx.Timeout(60, connect=10)  # seconds without a sign of life
PAUSES = (1.0, 3.0)  # seconds before a lost request is sent again
MOST_WAITS, LONGEST_WAIT = 3, 60
ERRNO = re.compile(r"^\[Errno -?\d+\] ")
BUSY = (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE)


class Portal:
    """What one token may do there. Each method raises Refused or BrokenOff."""

    def __init__(self, login: Login) -> None:
        self._base, self._token = httpx.URL(f"{login.url}/api/v1/"), login.token
        encrypted = self._base.scheme == "https"  # plain HTTP stays on this machine: past any proxy
        agent = {"User-Agent": f"smi/{__version__}"}
        self._client = httpx.Client(headers=agent, timeout=TIMEOUT, trust_env=encrypted, follow_redirects=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def read(self, address: str, params: Mapping[str, object] | None = None) -> dict:
        return as_object(self.ask("GET", address, params=params))

    def pages(self, address: str, params: Mapping[str, object] | None = None) -> Iterator[dict]:
        """All `results`, one page in memory at a time."""
        following: object = address
        while following:
            page = self.read(str(following), params)
            yield from objects(page, "results")
            following, params = page.get("next"), None

    def ask(self, method: str, address: str, *, accept: str = JSON, **parts: object) -> httpx.Response:
        """A whole answer of the media type `accept`; `parts` are `params`, `json`, `content` and `headers`."""
        return accepted(self._send(self._request(method, address, accept, **parts)), accept)

    @contextmanager
    def stream(self, address: str, params: Mapping[str, object], accept: str) -> Iterator[httpx.Response]:
        """An answer whose body is still to come, by `iter_bytes`."""
        answer = self._send(self._request("GET", address, accept, params=params), stream=True)
        try:
            yield accepted(answer, accept)
        except httpx.RequestError as error:
            raise BrokenOff(f"The connection broke off before the end: {reason(error)}.") from error
        finally:
            answer.close()

    def _request(self, method: str, address: str, accept: str, **parts: object) -> httpx.Request:
        """With the token, and to no other host than the one it is for."""
        url = self._at_home(address)
        headers = {"Authorization": f"Bearer {self._token}", "Accept": accept} | dict(parts.pop("headers", None) or {})
        params = {name: value for name, value in (parts.pop("params", None) or {}).items() if value is not None}
        return self._client.build_request(method, url, headers=headers, params=params or None, **parts)

    def _at_home(self, address: str) -> httpx.URL:
        try:
            url = self._base.join(address)
        except httpx.InvalidURL as error:
            raise BrokenOff(f"The portal names an address that is none: {address}") from error
        if origin(url) != origin(self._base) or url.userinfo:
            raise BrokenOff(f"The portal names an address elsewhere, which is not followed: {url}")
        return url

    def _send(self, request: httpx.Request, *, stream: bool = False) -> httpx.Response:
        """The answer, whatever it says; while the portal is busy, as often as it asks to wait a bearable time."""
        answer = self._reach(request, stream)
        for _ in range(MOST_WAITS):
            seconds = wait_asked(answer)
            if seconds is None or seconds > LONGEST_WAIT:
                break
            answer.close()
            note(f"The portal is busy; trying again in {seconds} s.")
            time.sleep(seconds)
            answer = self._reach(request, stream)
        return answer

    def _reach(self, request: httpx.Request, stream: bool) -> httpx.Response:
        for pause in (*PAUSES, None):
            try:
                return self._client.send(request, stream=stream)
            except httpx.RequestError as error:
                if pause is None or not repeatable(request):
                    raise lost(request, error) from error
                note(f"The portal was not reached ({reason(error)}); trying again in {pause:g} s.")
            time.sleep(pause)


def repeatable(request: httpx.Request) -> bool:
    """Whether sending it twice does no more than sending it once."""
    return request.method == "GET" or "Idempotency-Key" in request.headers


def lost(request: httpx.Request, error: httpx.RequestError) -> BrokenOff:
    text = f"{request.url.copy_with(query=None)} was not reached: {reason(error)}."
    if repeatable(request):
        return BrokenOff(text)
    return BrokenOff(f"{text} Whether the change was recorded is not known: look before you try again.")


def reason(error: httpx.RequestError) -> str:
    return ERRNO.sub("", str(error) or type(error).__name__).rstrip(".")


def wait_asked(answer: httpx.Response) -> int | None:
    """The seconds that a busy portal asks to wait; None if it does not."""
    asked = answer.headers.get("Retry-After", "")
    if answer.status_code not in BUSY or not asked:
        return None
    if asked.isdecimal():
        return int(asked)
    try:
        return max(0, round((parsedate_to_datetime(asked) - datetime.now(UTC)).total_seconds()))
    except (ValueError, TypeError):  # no date, or one without its zone
        return None
