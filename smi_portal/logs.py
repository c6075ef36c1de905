"""What no log keeps, whichever logger writes it: secrets in addresses, parameters of addresses, and API tokens.

Parameters may be personal data (an MPxN that somebody searches for), or the codes of a sign-in through a provider. A
secret is known by its place in a route of the URL table, and by its look: a broken link leads to no route.
"""

import logging
import re
import traceback
from collections.abc import Iterable, Iterator

from django.urls import URLPattern, URLResolver

SECRETS = ("secret", "key", "uidb36")  # parts of routes; a test demands a decision about each name
HIDDEN = "***"
SLASH = r"(?:/|%(?:25)*2[Ff])"  # as it stands, or in a parameter of another address
LOOKS_SECRET = re.compile(r"[0-9A-Fa-f]{32,}")  # as all secrets of links do; a request id has hyphens
REST = r"[^\s\"'<>\\]+"
PLACE = re.compile(r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>")
PARAMETERS = re.compile(rf"(/[^\s\"'?\\]*)\?{REST}")
TOKEN = re.compile(r"smi_[\w-]{20,}")
secrets: list[re.Pattern[str]] = []  # what stands before one in an address, and the rest of it


def mask_secrets_of(patterns: Iterable[URLPattern | URLResolver]) -> None:
    """Keep the secrets in addresses of these routes out of every log of this process."""
    befores = sorted({re.sub(r"/", SLASH, before) for before in _before_secrets(patterns)})
    secrets[:] = [re.compile(f"({before}){REST}") for before in befores]


def _before_secrets(patterns: Iterable[URLPattern | URLResolver], before: str = "") -> Iterator[str]:
    for pattern in patterns:
        route = before + str(pattern.pattern).removeprefix("^")
        if isinstance(pattern, URLResolver):
            yield from _before_secrets(pattern.url_patterns, route)
        elif place := next((p for p in PLACE.finditer(route) if (p[1] or p[2]) in SECRETS), None):
            yield PLACE.sub(r"[^/\\s]+", route[: place.start()])


def masked(text: str) -> str:
    """Return a line or message for a log, without what no log keeps."""
    for pattern in secrets:
        text = pattern.sub(rf"\1{HIDDEN}", text)
    text = LOOKS_SECRET.sub(HIDDEN, text)
    return TOKEN.sub(f"smi_{HIDDEN}", PARAMETERS.sub(r"\1", text))


class MaskedRecord(logging.LogRecord):
    """A record of any logger, those of libraries and of the server included, whatever handler writes it."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        if self.exc_info and self.exc_info[0]:
            self.exc_text = masked("".join(traceback.format_exception(*self.exc_info)).rstrip())

    def getMessage(self) -> str:  # noqa: N802  (of the standard library)
        return masked(super().getMessage())


def masked_event(_logger: object, _name: str, event: dict[str, object]) -> dict[str, object]:
    """Of structlog: its events are dicts, which are no message yet."""
    return {name: masked(value) if isinstance(value, str) else value for name, value in event.items()}


def masked_line(_logger: object, _name: str, line: str) -> str:
    """Of structlog, the last one: a line is masked as a whole, with whatever a record brought along."""
    return masked(line)
