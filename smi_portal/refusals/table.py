"""The status of each refusal, in one table for pages and the API, and what the API says about each status.

Refusals of the framework itself have Django's status: 400 SuspiciousOperation, 403 PermissionDenied, 404 Http404.
"""

from typing import NamedTuple

from django.core.exceptions import RequestDataTooBig

from accounts.errors import BadRequest, Busy, NotAllowed, OtherMembership, Stale, TooMany
from accounts.waits import waited_too_long
from inventory.models import Device


class StatusOf(NamedTuple):
    """The status of a refusal on a page, the template that shows it, and its status in the API."""

    page: int
    template: str
    api: int


REFUSALS: dict[type[Exception], StatusOf] = {
    BadRequest: StatusOf(400, "400.html", 400),
    NotAllowed: StatusOf(400, "400_not_allowed.html", 400),
    OtherMembership: StatusOf(409, "409_membership.html", 400),  # only forms and links to files name a membership
    Stale: StatusOf(409, "409_stale.html", 412),
    RequestDataTooBig: StatusOf(400, "400.html", 413),
    TooMany: StatusOf(429, "429.html", 429),
    Busy: StatusOf(503, "503.html", 503),
    Device.DoesNotExist: StatusOf(404, "404.html", 404),  # it left the scope between the page and the act
}


def told_as(raised: Exception) -> Exception:
    """Return `raised`, or the portal's own refusal if the database took too long."""
    return waited_too_long(raised) or raised


def status_of(raised: Exception) -> StatusOf | None:
    """Return the entry of the table; None for refusals of the framework, and for our own mistakes, which are 500."""
    return next((status for kind, status in REFUSALS.items() if isinstance(raised, kind)), None)


# Status → its section in docs/api.md, which ends `type`; the title; what to do.
PROBLEMS = {
    400: ("bad-request", "The request is not valid", "See errors."),
    401: (
        "not-signed-in",
        "The token is missing or not valid",
        "Send the header “Authorization: Bearer” with a valid token, from a network that it allows.",
    ),
    403: (
        "not-allowed",
        "You do not have permission to do this",
        "Your access level, or the token’s, does not allow this; or a membership or a CSRF token is missing.",
    ),
    404: ("not-found", "Not found", "It does not exist, or it is outside your scope."),
    405: (
        "method-not-allowed",
        "This address does not support that method",
        "The header “Allow” lists the methods it supports.",
    ),
    406: (
        "not-acceptable",
        "The answer is not available in this format",
        "Accept “application/json”, or “text/csv” for lists and files.",
    ),
    412: (
        "stale",
        "The device has been changed since you read it",
        "Read it again, look at what changed, and send your change with its new ETag.",
    ),
    413: ("too-large", "The body is too large", "Send fewer devices at once. A batch can have at most 1,000."),
    415: ("unsupported-media-type", "This content type is not accepted", "Send “application/json”."),
    422: (
        "key-used-before",
        "This Idempotency-Key has been used for another request",
        "Send the same request as before, or use another key.",
    ),
    428: (
        "precondition-required",
        "Say which version of the device you are changing",
        "Send the header “If-Match” with the ETag of the version that you read.",
    ),
    429: ("too-many-requests", "Too many requests", "Wait as long as the header “Retry-After” says."),
    503: ("busy", "The portal is busy", "Wait as long as the header “Retry-After” says."),
    500: ("failed", "There is a problem with the portal", "Try again later. If you ask for help, quote the reference."),
}
