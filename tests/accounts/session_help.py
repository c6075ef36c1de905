"""What the tests of sessions share: sessions made older, and sign-in by the form."""

import time

from django.http import HttpResponse
from django.test import Client

from accounts.models import Membership
from accounts.sign_in.sessions import stored
from accounts.sign_in.timeouts import LAST_SEEN, SIGNED_IN
from tests.server import PASSWORD

MINUTE, HOUR = 60, 3600


def age(browser: Client, *, idle: float = 0, signed_in: float = 0) -> None:
    """Makes the session of `browser` so many seconds older."""
    with stored(browser.session.session_key) as data:
        data[LAST_SEEN] -= idle
        data[SIGNED_IN] -= signed_in


def idle_for(browser: Client) -> float:
    """Seconds since the last activity that was written."""
    return time.time() - browser.session[LAST_SEEN]


def sign_in_by_form(browser: Client, membership: Membership, **fields: str) -> HttpResponse:
    membership.user.set_password(PASSWORD)
    membership.user.save()
    return browser.post("/accounts/login/", {"login": membership.user.email, "password": PASSWORD} | fields)
