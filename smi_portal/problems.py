"""What the API refuses or fails at, as RFC 9457 `application/problem+json`, wherever it fails."""

from collections.abc import Sequence

import structlog
from django.http import JsonResponse
from django.urls import reverse
from rest_framework.exceptions import ParseError
from rest_framework.response import Response
from rest_framework.views import exception_handler

from accounts.errors import BadRequest
from accounts.mail import link_to

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
    406: ("not-acceptable", "There is no such form of the answer", "Accept “application/json”."),
    415: ("unsupported-media-type", "This form of content is not taken", "Send “application/json”."),
    429: ("too-many-requests", "Too many requests", "Wait as long as the header “Retry-After” says."),
    500: ("failed", "The portal has made a mistake", "Try again later. If you ask for help, give the reference."),
}


def handle(raised: Exception, context: dict[str, object]) -> Response | None:
    """For views of the API; None for what is a mistake of ours, which `answer` tells of."""
    sentences = raised.problems if isinstance(raised, BadRequest) else ()
    response = exception_handler(ParseError() if sentences else raised, context)
    if response is not None:
        response.data = described(response.status_code, sentences)
        response.content_type = MEDIA_TYPE
    return response


def answer(status: int, sentences: Sequence[str] = ()) -> JsonResponse:
    """For what fails outside those views."""
    response = JsonResponse(described(status, sentences), status=status, content_type=MEDIA_TYPE)
    response["Cache-Control"] = "no-store"
    return response


def described(status: int, sentences: Sequence[str] = ()) -> dict[str, object]:
    """The problem; `errors` has one sentence for each thing that is wrong with a request."""
    name, title, detail = PROBLEMS.get(status) or PROBLEMS[500 if status >= 500 else 400]
    return {
        "type": f"{link_to(reverse('api-guide'))}#{name}",
        "title": title,
        "status": status,
        "detail": detail,
        "errors": [{"detail": sentence} for sentence in sentences],
        "reference": reference(),
    }


def reference() -> str:
    """The id that django-structlog gave this request; empty when it failed before that."""
    return structlog.contextvars.get_contextvars().get("request_id", "")
