"""The error pages, in the portal's style, each with its reference in the log.

`table` says which page a refusal gets. Below `/api/`, `problems` answers instead.
"""

import sys
from collections.abc import Callable

from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.exceptions import SessionInterrupted
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.template.loader import render_to_string

from accounts.acting import API
from accounts.errors import MOST_TOLD, Busy, OtherMembership, Problem, more_than_told
from accounts.sign_in.kept_forms import give_back
from smi_portal.refusals import problems
from smi_portal.refusals.request_ids import reference
from smi_portal.refusals.table import status_of, told_as

# Fields that the form of the 409 page has of its own.
NOT_CARRIED = ("csrfmiddlewaretoken", "membership")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, SessionInterrupted):
        return _signed_out(request)
    request.POST = QueryDict()  # the page does not read a form that may be the reason
    return _page(request, 400)


def _signed_out(request: HttpRequest) -> HttpResponse:
    """The session ended while the request ran; the request may have done its work before that."""
    request.session, request.user = type(request.session)(), AnonymousUser()
    request.memberships, request.acting = [], None
    onward = request.get_full_path() if request.method in ("GET", "HEAD") else ""
    return _page(request, 400, "400_signed_out.html", next=onward)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _page(request, 403, reason=str(exception))


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _page(request, 404)


def too_many_requests(request: HttpRequest) -> HttpResponse:
    """For django-allauth, which looks for `handler429` in the URLconf."""
    return _page(request, 429)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return give_back(request) or _page(request, 403, "403_csrf.html")


def server_error(request: HttpRequest) -> HttpResponse:
    """Render the page without the request, whose session or database may be what failed."""
    raised = told_as(sys.exc_info()[1])
    busy = raised if isinstance(raised, Busy) else None
    status = 503 if busy else 500
    if request.path_info.startswith(API):
        answer = problems.answer(status, busy)
    else:
        shown = {"reference": reference(), "sentence": str(busy or "")}
        answer = _not_stored(HttpResponse(render_to_string(f"{status}.html", shown), status=status))
    if busy:
        answer.headers["Retry-After"] = str(busy.seconds)
    return answer


class RefusalMiddleware:
    """Turns the refusals of views into pages; comes after `ActingMiddleware`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return refused(request, exception)


def refused(request: HttpRequest, exception: Exception) -> HttpResponse | None:
    """Return the answer for a refusal; None for refusals of the framework, and for our own mistakes."""
    exception = told_as(exception)
    status = status_of(exception)
    if status is None:
        return None
    if request.path_info.startswith(API):
        answer = problems.answer(status.api, exception)
    else:
        answer = _page(request, status.page, status.template, **_shown(request, exception))
    if seconds := getattr(exception, "seconds", None):
        answer.headers["Retry-After"] = str(seconds)
    return answer


def _shown(request: HttpRequest, exception: Exception) -> dict[str, object]:
    """Return the context for the page of this refusal."""
    if isinstance(exception, OtherMembership):
        return _made_for_another(request, exception.membership_id)
    shown = {name: getattr(exception, name) for name in ("problems", "hint", "seconds") if hasattr(exception, name)}
    if problems := shown.get("problems"):
        shown["problems"] = [*problems[:MOST_TOLD], *map(Problem, more_than_told(problems))]
    return {"sentence": str(exception)} | shown


def _made_for_another(request: HttpRequest, membership_id: str) -> dict[str, object]:
    """Return everything that was posted, so that no input is lost."""
    return {
        "made_for": next((m for m in request.memberships if str(m.pk) == membership_id), None),
        "path": request.get_full_path(),
        "is_post": request.method == "POST",
        "fields": [(name, v) for name, values in request.POST.lists() for v in values if name not in NOT_CARRIED],
    }


def _page(request: HttpRequest, status: int, template: str = "", **context: object) -> HttpResponse:
    if request.path_info.startswith(API):
        return problems.answer(status)
    context["reference"] = reference()
    return _not_stored(render(request, template or f"{status}.html", context, status=status))


def _not_stored(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    return response
