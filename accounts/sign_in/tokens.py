"""API tokens of an organisation's own systems: their form, and how a system that sends one acts.

A token holds 256 bits of chance. Nobody guesses that, so its plain SHA-256 is what is kept: a slow hash, which protects
what people can remember, would only make each call slow.
"""

import re
import secrets
import zlib
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.middleware.gzip import GZipMiddleware
from django.utils import timezone

from accounts.acting import API, Acting, Origin, scope
from accounts.audit import note
from accounts.audit.kinds import AuditKind
from accounts.models import ServiceToken
from accounts.models.audit import AuditRow
from accounts.sign_in.hashing import hash_of
from accounts.sign_in.networks import lies_within

MARK = "smi_"  # by which secret scanners recognise one
SECRET_BYTES = 32  # 43 characters
SHOWN = 12  # characters by which people recognise one
FORM = re.compile(MARK + r"[A-Za-z0-9_-]{43}[0-9a-f]{8}", re.ASCII)
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,36}", re.ASCII)  # that a system may give its request
TOUCH_EVERY = timedelta(minutes=1)


def new_secret() -> str:
    """Return a new token: mark, secret, and a checksum that reveals a typing error without the database."""
    return _with_checksum(MARK + secrets.token_urlsafe(SECRET_BYTES))


def is_well_formed(text: str) -> bool:
    return bool(FORM.fullmatch(text)) and secrets.compare_digest(_with_checksum(text[:-8]), text)


def _with_checksum(text: str) -> str:
    return f"{text}{zlib.crc32(text.encode()):08x}"


def brings_credentials(request: HttpRequest) -> bool:
    """Whether a request to the API has an `Authorization` header, which then takes precedence over a session."""
    return request.path_info.startswith(API) and "Authorization" in request.headers


def authenticate(request: HttpRequest) -> Acting | None:
    """Return for whom the token of the request acts; None if it is refused, whatever the reason.

    The organisation of a known token finds in its audit trail, once a day for each network address, that it was used,
    or why it was refused.
    """
    token = _known(request.headers["Authorization"])
    if token is None:
        return None
    acting = Acting.by_token(token, Origin.of(request))
    refused = _refusal(token, acting.origin.address)
    _note_once_a_day(acting, {"refused": refused} if refused else {})
    if refused:
        return None
    _touch(token)
    return acting


def _known(header: str) -> ServiceToken | None:
    scheme, _, text = header.partition(" ")
    if scheme.lower() != "bearer" or not is_well_formed(text.strip()):
        return None
    tokens = ServiceToken.objects.select_related("organisation")
    return tokens.filter(secret_hash=hash_of(text.strip())).first()


def _refusal(token: ServiceToken, address: str) -> str:
    """Return why a known token is refused now, in one word for the audit trail; empty if it is valid."""
    if token.revoked_at:
        return "revoked"
    if token.has_expired:
        return "expired"
    if not token.organisation.is_active:
        return "inactive"
    return "network" if token.networks and not lies_within(address, token.networks) else ""


def _touch(token: ServiceToken) -> None:
    """Write `last_used_at`, at most once a minute."""
    now = timezone.now()
    if token.last_used_at and token.last_used_at > now - TOUCH_EVERY:
        return
    before = Q(last_used_at=None) | Q(last_used_at__lte=now - TOUCH_EVERY)
    ServiceToken.objects.filter(before, pk=token.pk).update(last_used_at=now)


# What this process has seen in the audit trail already, so that it does not ask again.
noted: set[tuple[object, ...]] = set()
MOST_NOTED = 10_000


def _note_once_a_day(acting: Acting, refusal: dict[str, str]) -> None:
    """In a transaction of its own, as a request may fail; processes that see a token at once wait for one another."""
    key = (timezone.localdate(), acting.token_id, acting.origin.address, *refusal.values())
    if key in noted:
        return
    with scope(acting):
        ServiceToken.objects.select_for_update(no_key=True).get(pk=acting.token_id)
        if not _is_noted(acting, refusal):
            personal = {"address": acting.origin.address}
            note(AuditKind.TOKEN_USED, by=acting, personal=personal, **refusal)
    if len(noted) >= MOST_NOTED:
        noted.clear()
    noted.add(key)


def _is_noted(acting: Acting, refusal: dict[str, str]) -> bool:
    rows = AuditRow.objects.between(timezone.localdate(), None)
    rows = rows.filter(kind=AuditKind.TOKEN_USED, organisation_id=acting.organisation.pk)
    rows = rows.filter(details=refusal | {"token": acting.token_id})
    return rows.filter(values__name="address", values__value=acting.origin.address).exists()


class ApiMiddleware:
    """What holds for all of the API: who brings a header brings no session; long answers are packed.

    Stands before the session is read, so that nothing in it counts. On pages, too, a request's own id counts, and no
    answer is stored: each shows who is signed in, pages of libraries and refusals included.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response, self.gzip = get_response, GZipMiddleware(get_response)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Not by `request.headers`, which would keep what is taken away here.
        if not REQUEST_ID.fullmatch(request.META.get("HTTP_X_REQUEST_ID", "")):
            request.META.pop("HTTP_X_REQUEST_ID", None)  # django-structlog makes one
        if brings_credentials(request):
            request.COOKIES.pop(settings.SESSION_COOKIE_NAME, None)
        response = self.get_response(request)
        response.setdefault("Cache-Control", "no-store")
        if not request.path_info.startswith(API):
            return response
        return response if response.streaming else self.gzip.process_response(request, response)
