"""Helpers for tests of sessions: making sessions older, and signing in with the form."""

from datetime import timedelta

from django.db.models import F
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from accounts.models import Membership, Session
from tests.server import PASSWORD

MINUTE, HOUR = 60, 3600


def age(browser: Client, *, idle: float = 0, signed_in: float = 0) -> None:
    """Makes the session of `browser` so many seconds older."""
    Session.objects.filter(pk=browser.session.session_key).update(
        last_seen_at=F("last_seen_at") - timedelta(seconds=idle),
        signed_in_at=F("signed_in_at") - timedelta(seconds=signed_in),
    )


def idle_for(browser: Client) -> float:
    """Seconds since the last activity that was written."""
    return (timezone.now() - browser.session.row.last_seen_at).total_seconds()


def sign_in_by_form(browser: Client, membership: Membership, **fields: str) -> HttpResponse:
    membership.user.set_password(PASSWORD)
    membership.user.save(update_fields=["password"])
    return browser.post("/accounts/login/", {"login": membership.user.email, "password": PASSWORD} | fields)
