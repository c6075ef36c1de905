"""Which browsers someone has signed in with before; a sign-in with another one is reported by email.

The browser itself keeps this, in a signed cookie: for each account a keyed hash, void once its password changes.
"""

import re

from django.conf import settings
from django.core.signing import BadSignature
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

from accounts.models import User

COOKIE = "known_browser"
SALT = "accounts.sign_in.known_browsers"
KEPT = 365 * 24 * 3600
ACCOUNTS = 20  # in one browser; the least recently used is forgotten first
# The names browsers give themselves, the more specific first: most claim to be several.
BROWSERS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser": "Samsung Internet",
    "Firefox|FxiOS": "Firefox",
    "Chrom(e|ium)|CriOS": "Chrome",
    "Safari": "Safari",
}
SYSTEMS = {
    "Windows": "Windows",
    "iPhone|iPad": "iOS",
    "Android": "Android",
    "Macintosh|Mac OS X": "macOS",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}


def knows(request: HttpRequest, user: User) -> bool:
    """Whether this person has signed in with this browser before, under their current password."""
    return _mark(user) in _marks(request)


def remember(request: HttpRequest, response: HttpResponse, user: User) -> None:
    """Remember the browser for this person, for a year."""
    mark = _mark(user)
    marks = [mark, *(other for other in _marks(request) if other != mark)][:ACCOUNTS]
    response.set_signed_cookie(
        COOKIE,
        ".".join(marks),
        salt=SALT,
        max_age=KEPT,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _marks(request: HttpRequest) -> list[str]:
    try:
        return request.get_signed_cookie(COOKIE, "", salt=SALT, max_age=KEPT).split(".")
    except BadSignature:
        return []


def _mark(user: User) -> str:
    return salted_hmac(SALT, f"{user.pk}:{user.password}", algorithm="sha256").hexdigest()[:32]


def in_words(user_agent: str) -> str:
    """Return the name a browser gives itself, in plain words: “Firefox on Windows”."""
    browser = _first(BROWSERS, user_agent) or "Unknown browser"
    system = _first(SYSTEMS, user_agent)
    return f"{browser} on {system}" if system else browser


def _first(names: dict[str, str], user_agent: str) -> str:
    return next((name for sign, name in names.items() if re.search(sign, user_agent)), "")
