"""Refusals and failures of the API as RFC 9457 `application/problem+json`, wherever they happen."""

from django.http import JsonResponse
from django.urls import reverse
from rest_framework.exceptions import APIException, ParseError
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import exception_handler

from accounts.errors import MOST_TOLD, BadRequest, Busy, NotAllowed, Problem, TooMany, more_than_told
from accounts.mail import link_to
from smi_portal.refusals.request_ids import reference
from smi_portal.refusals.table import PROBLEMS, status_of, told_as

MEDIA_TYPE = "application/problem+json"


def handle(raised: Exception, context: dict[str, object]) -> Response | None:
    """Answer for views of the API; return None for our own mistakes, which `answer` reports."""
    raised = told_as(raised)
    response = exception_handler(_as_known_to_the_framework(raised), context)
    if response is None:
        return None
    response.data = described(response.status_code, raised)
    response.content_type = MEDIA_TYPE
    request = context["request"]  # answered as JSON, whatever format was asked for
    request.accepted_renderer, request.accepted_media_type = JSONRenderer(), JSONRenderer.media_type
    return response


def _as_known_to_the_framework(raised: Exception) -> Exception:
    status = status_of(raised)
    if status is None:
        return raised
    known = APIException()
    known.status_code, known.wait = status.api, getattr(raised, "seconds", None)
    return known


def _errors(raised: Exception | None) -> list[dict[str, str]]:
    """Return the problems of a request, in the form of the answer."""
    if isinstance(raised, BadRequest):
        return [_told(problem, raised.within) for problem in raised.problems]
    if isinstance(raised, NotAllowed):
        return [_told(problem, "body") for problem in raised.problems]
    return [_told(Problem(str(raised.detail), "not_json"), "body")] if isinstance(raised, ParseError) else []


def _told(problem: Problem, within: str) -> dict[str, str]:
    where = {"parameter": problem.item} if within == "query" else {"pointer": f"/{problem.item}"}
    given = where if problem.item else {}
    given |= {"code": problem.code, "detail": problem.sentence}
    return given | ({"suggestion": problem.suggestion} if problem.suggestion else {})


def answer(status: int, raised: Exception | None = None) -> JsonResponse:
    """Answer for failures outside views of the API."""
    response = JsonResponse(described(status, raised), status=status, content_type=MEDIA_TYPE)
    response["Cache-Control"] = "no-store"
    return response


def described(status: int, raised: Exception | None = None) -> dict[str, object]:
    """Return the problem; `errors` has one entry for each of the first 100 things that are wrong with the request."""
    name, title, detail = PROBLEMS.get(status) or PROBLEMS[500 if status >= 500 else 400]
    hint = str(raised) if isinstance(raised, TooMany | Busy) else getattr(raised, "hint", "")
    errors = _errors(raised)
    parts = [hint or detail, *more_than_told(errors)]
    return {
        "type": f"{link_to(reverse('api-guide'))}#{name}",
        "title": title,
        "status": status,
        "detail": " ".join(parts),
        "errors": errors[:MOST_TOLD],
        "reference": reference(),
    }
