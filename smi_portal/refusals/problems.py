"""What the API refuses or fails at, as RFC 9457 `application/problem+json`, wherever it fails."""

from collections.abc import Iterable, Sequence

from django.core.exceptions import RequestDataTooBig
from django.http import JsonResponse
from django.urls import reverse
from rest_framework.exceptions import APIException, ParseError
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import exception_handler

from accounts.errors import BadRequest, Busy, Problem, Stale, TooMany
from accounts.mail import link_to
from smi_portal.refusals.request_ids import reference

MEDIA_TYPE = "application/problem+json"
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


# Refusals that the framework does not know.
STATUSES = {BadRequest: 400, Stale: 412, RequestDataTooBig: 413, TooMany: 429, Busy: 503}


def handle(raised: Exception, context: dict[str, object]) -> Response | None:
    """For views of the API; None for what is a mistake of ours, which `answer` tells of."""
    response = exception_handler(_as_known_to_the_framework(raised), context)
    if response is None:
        return None
    problems, hint = problems_of(raised), getattr(raised, "hint", "")
    response.data = described(response.status_code, problems, str(raised) if isinstance(raised, TooMany) else hint)
    response.content_type = MEDIA_TYPE
    request = context["request"]  # answered as JSON, whatever was asked for
    request.accepted_renderer, request.accepted_media_type = JSONRenderer(), JSONRenderer.media_type
    return response


def _as_known_to_the_framework(raised: Exception) -> Exception:
    status = next((status for kind, status in STATUSES.items() if isinstance(raised, kind)), None)
    if status is None:
        return raised
    known = APIException()
    known.status_code, known.wait = status, getattr(raised, "seconds", None)
    return known


def problems_of(raised: Exception) -> list[dict[str, str]]:
    """What is wrong with a request, as the answer tells it."""
    if isinstance(raised, BadRequest):
        return [_told(problem, raised.within) for problem in raised.problems]
    return [_told(Problem(str(raised.detail), "not_json"), "body")] if isinstance(raised, ParseError) else []


def _told(problem: Problem, within: str) -> dict[str, str]:
    where = {"parameter": problem.item} if within == "query" else {"pointer": f"/{problem.item}"}
    given = where if problem.item else {}
    given |= {"code": problem.code, "detail": problem.sentence}
    return given | ({"suggestion": problem.suggestion} if problem.suggestion else {})


def answer(status: int, problems: Iterable[Problem] = (), hint: str = "") -> JsonResponse:
    """For what fails outside those views."""
    told = [_told(problem, "query") for problem in problems]
    response = JsonResponse(described(status, told, hint), status=status, content_type=MEDIA_TYPE)
    response["Cache-Control"] = "no-store"
    return response


def described(status: int, problems: Sequence[dict[str, str]] = (), hint: str = "") -> dict[str, object]:
    """The problem; `errors` has one entry for each thing that is wrong with a request."""
    name, title, detail = PROBLEMS.get(status) or PROBLEMS[500 if status >= 500 else 400]
    return {
        "type": f"{link_to(reverse('api-guide'))}#{name}",
        "title": title,
        "status": status,
        "detail": hint or detail,
        "errors": list(problems),
        "reference": reference(),
    }
