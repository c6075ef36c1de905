"""Which status a refusal has: one table for pages and the API, and what the API says of each status.

What the framework itself refuses has Django's status: 400 SuspiciousOperation, 403 PermissionDenied, 404 Http404.
"""

from typing import NamedTuple

from django.core.exceptions import RequestDataTooBig

from accounts.errors import BadRequest, Busy, NotAllowed, OtherMembership, Stale, TooMany
from inventory.models import Device


class StatusOf(NamedTuple):
    """A refusal's status on a page, the template that shows it, and its status in the API."""

    page: int
    template: str
    api: int


REFUSALS: dict[type[Exception], StatusOf] = {
    BadRequest: StatusOf(400, "400.html", 400),
    NotAllowed: StatusOf(400, "400_not_allowed.html", 400),
    OtherMembership: StatusOf(409, "409_membership.html", 400),  # forms and links to files alone name a membership
    Stale: StatusOf(409, "409_stale.html", 412),
    RequestDataTooBig: StatusOf(400, "400.html", 413),
    TooMany: StatusOf(429, "429.html", 429),
    Busy: StatusOf(503, "503.html", 503),
    Device.DoesNotExist: StatusOf(404, "404.html", 404),  # it left the scope between the page and the act
}


def status_of(raised: Exception) -> StatusOf | None:
    """None for what the framework refuses, and for a mistake of ours, which is 500."""
    return next((status for kind, status in REFUSALS.items() if isinstance(raised, kind)), None)


# Status → the name of its section in docs/api.md, by which `type` ends; what it says; what to do.
PROBLEMS = {
    400: ("bad-request", "The request says something that is not accepted", "See errors."),
    401: (
        "not-signed-in",
        "No valid token",
        "Send the header “Authorization: Bearer” with a token that is in force, from a network that it is for.",
    ),
    403: (
        "not-allowed",
        "This takes a right that you do not have",
        "The token’s job, or yours, does not include it; or you act for no organisation, or sent no CSRF token.",
    ),
    404: ("not-found", "There is nothing here that you may see", "It does not exist, or lies outside your scope."),
    405: ("method-not-allowed", "This address does not take that method", "The header “Allow” names those it takes."),
    406: (
        "not-acceptable",
        "There is no such form of the answer",
        "Accept “application/json”; of lists and files also “text/csv”.",
    ),
    412: (
        "stale",
        "The device has been changed since you read it",
        "Read it again, look at what changed, and send your change with its new ETag.",
    ),
    413: ("too-large", "The body is too large", "Send fewer devices at once; a batch has at most 1,000."),
    415: ("unsupported-media-type", "This form of content is not taken", "Send “application/json”."),
    422: (
        "key-used-before",
        "This Idempotency-Key has been used for another request",
        "Send the same request as before, or give this one a key of its own.",
    ),
    428: (
        "precondition-required",
        "Say which version of the device you change",
        "Send the header “If-Match” with the ETag that the device was read with.",
    ),
    429: ("too-many-requests", "Too many requests", "Wait as long as the header “Retry-After” says."),
    503: ("busy", "All places for downloads are taken", "Wait as long as the header “Retry-After” says."),
    500: ("failed", "The portal has made a mistake", "Try again later. If you ask for help, give the reference."),
}
