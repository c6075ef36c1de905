"""Every refusal that the code can raise, uncaught in a page and in the API: its status, its page and its problem."""

import inspect

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import errors
from accounts.access import Open, allow
from accounts.errors import BadRequest, Busy, NotAllowed, OtherMembership, Problem, Stale, TooMany
from accounts.roles import Job
from smi_portal.refusals import pages
from smi_portal.refusals.problems import MEDIA_TYPE
from smi_portal.refusals.table import PROBLEMS, REFUSALS
from smi_portal.urls import urlpatterns as portal
from tests.conftest import Browser, System
from tests.factories import make_membership, make_token

pytestmark = pytest.mark.django_db

NO_SUCH_MAP = Problem("ZZZZ is not a MAP ID.", "not_a_map_id", "map_id", "ZMAP")
# Per refusal: its status on a page, what the page says, its status in the API, and what the problem says.
EXPECTED = [
    (BadRequest("“x” is unknown.", hint="Accepted: y."), 400, "Accepted: y.", 400, ("bad-request", "Accepted: y.")),
    (NotAllowed("Zed is a member already.", "email"), 400, "Zed is a member already.", 400, ("bad-request", "")),
    (NotAllowed.because([NO_SUCH_MAP]), 400, "ZZZZ is not a MAP ID. Did you mean ZMAP?", 400, ("bad-request", "")),
    (OtherMembership("7"), 409, "This page was made for another organisation", 400, ("bad-request", "")),
    (Stale(), 409, "This has been updated since you opened it", 412, ("stale", "")),
    (TooMany("1,000 were in vain.", 30), 429, "1,000 were in vain.", 429, ("too-many-requests", "1,000 were in vain.")),
    (Busy("Eight downloads run.", 30), 503, "Eight downloads run.", 503, ("busy", "Eight downloads run.")),
]
RAISED = [refusal for refusal, *_ in EXPECTED]
NAMES = [f"{type(refusal).__name__}-{number}" for number, refusal in enumerate(RAISED)]


@allow(Open.TO_ALL, "GET", "POST")
def page(request: HttpRequest, number: int) -> HttpResponse:
    raise RAISED[number]


class Resource(APIView):
    permission = Open.MEMBERS

    def get(self, request: Request, number: int) -> Response:
        raise RAISED[number]


urlpatterns = [
    path("raise/<int:number>/", page),
    path("api/v1/raise/<int:number>/", Resource.as_view()),
    path("api/v1/page/<int:number>/", page),
    *portal,
]
handler400, handler403 = pages.bad_request, pages.permission_denied
handler404, handler500 = pages.page_not_found, pages.server_error


@pytest.fixture(autouse=True)
def views_that_refuse(settings) -> None:
    settings.ROOT_URLCONF = __name__


@pytest.fixture
def visitor(supplier) -> Browser:
    return Browser(make_membership(supplier))


@pytest.fixture
def system(supplier) -> System:
    return System(make_token(supplier, Job.EDITOR))


def test_every_refusal_is_in_the_table_and_raised_here():
    defined = {kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, Exception)}

    assert {kind for kind in defined if not issubclass(kind, tuple(REFUSALS))} == set()
    assert {type(refusal) for refusal in RAISED} == defined


def test_every_status_of_the_api_has_words():
    assert {status.api for status in REFUSALS.values()} - PROBLEMS.keys() == set()


@pytest.mark.parametrize("number", range(len(RAISED)), ids=NAMES)
@pytest.mark.parametrize("method", ["get", "post"])
def test_page_that_refuses(visitor, number, method):
    _, status, says, _, _ = EXPECTED[number]

    answer = getattr(visitor, method)(f"/raise/{number}/")

    assert answer.status_code == status
    assert says in answer.text
    assert f"Error {status}" in answer.text
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("number", range(len(RAISED)), ids=NAMES)
@pytest.mark.parametrize("door", ["raise", "page"], ids=["view of the API", "page below /api/"])
def test_problem_that_the_api_tells(system, number, door):
    _, _, _, status, (name, detail) = EXPECTED[number]

    answer = system.get(f"/api/v1/{door}/{number}/")
    told = answer.json()

    assert (answer.status_code, told["status"]) == (status, status)
    assert answer.headers["Content-Type"] == MEDIA_TYPE
    assert told["type"].endswith(f"#{name}")
    assert told["title"] == PROBLEMS[status][1]
    assert told["detail"] == detail or not detail


@pytest.mark.parametrize("number", [5, 6], ids=["TooMany", "Busy"])
@pytest.mark.parametrize("path", ["/raise/", "/api/v1/raise/", "/api/v1/page/"])
def test_refusal_that_passes_says_when(visitor, system, path, number):
    client: Client = system if "api" in path else visitor

    assert client.get(f"{path}{number}/").headers["Retry-After"] == "30"


def test_rule_that_refuses_is_told_by_field_in_the_api(system):
    told = system.get("/api/v1/raise/2/").json()

    assert told["errors"] == [
        {"pointer": "/map_id", "code": "not_a_map_id", "detail": "ZZZZ is not a MAP ID.", "suggestion": "ZMAP"}
    ]
