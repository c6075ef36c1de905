"""Addresses that browsers, password managers and crawlers ask for by themselves."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.utils import timezone

from accounts.access import Open, allow
from accounts.sign_in.timeouts import passive

PLAIN = "text/plain; charset=utf-8"
EXPIRES_AFTER = timedelta(days=180)  # RFC 9116: less than a year


@passive
@allow(Open.TO_ALL)
@transaction.non_atomic_requests
def robots(request: HttpRequest) -> HttpResponse:
    """Ask search engines to leave."""
    return HttpResponse("User-agent: *\nDisallow: /\n", PLAIN)


@passive
@allow(Open.TO_ALL)
@transaction.non_atomic_requests
def favicon(request: HttpRequest) -> HttpResponse:
    return redirect(static("smi_portal/icon.svg"))


@passive
@allow(Open.TO_ALL)
@transaction.non_atomic_requests
def change_password(request: HttpRequest) -> HttpResponse:
    """Lead a password manager to the page on which a password is changed."""
    return redirect("account_change_password")


@passive
@allow(Open.TO_ALL)
@transaction.non_atomic_requests
def security(request: HttpRequest) -> HttpResponse:
    """Say where a weakness of the portal is reported (RFC 9116)."""
    expires = timezone.now() + EXPIRES_AFTER
    contact = f"Contact: {settings.PORTAL_URL}/help/\nExpires: {expires:%Y-%m-%dT00:00:00Z}\nPreferred-Languages: en\n"
    return HttpResponse(contact, PLAIN)
