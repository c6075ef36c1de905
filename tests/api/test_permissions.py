"""What a view of the API asks for, and that it is closed where it says nothing."""

import pytest
from django.db import OperationalError
from django.http import HttpRequest
from django.urls import path
from rest_framework.exceptions import NotAcceptable
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet

from accounts.access import Open
from accounts.roles import Job, Permission
from smi_portal.refusals import pages as errors
from smi_portal.refusals import problems
from smi_portal.urls import urlpatterns as portal
from tests.conftest import System
from tests.factories import make_token

pytestmark = pytest.mark.django_db


class Actions(ViewSet):
    permission = {"retrieve": Permission.VIEW_DEVICE, "update": Permission.RECORD_ITEM}

    def retrieve(self, request: Request) -> Response:
        return Response({})

    update = forgotten = retrieve


class Undeclared(ViewSet):
    def retrieve(self, request: Request) -> Response:
        return Response({})


class Single(APIView):
    permission = Permission.RECORD_ITEM

    def get(self, request: Request) -> Response:
        return Response({})


class ForMembers(Single):
    permission = Open.MEMBERS


class Unavailable(ForMembers):
    def get(self, request: Request) -> Response:
        raise NotAcceptable if "refuse" in request.query_params else OperationalError("inner details")


urlpatterns = [
    path("api/v1/actions/", Actions.as_view({"get": "retrieve", "put": "update", "delete": "forgotten"})),
    path("api/v1/undeclared/", Undeclared.as_view({"get": "retrieve"})),
    path("api/v1/single/", Single.as_view()),
    path("api/v1/members/", ForMembers.as_view()),
    path("api/v1/unavailable/", Unavailable.as_view()),
    *portal,
]
handler400, handler403 = errors.bad_request, errors.permission_denied
handler404, handler500 = errors.page_not_found, errors.server_error


@pytest.fixture(autouse=True)
def stand_ins(settings) -> None:
    settings.ROOT_URLCONF = __name__


@pytest.fixture
def viewer(supplier) -> System:
    return System(make_token(supplier, Job.VIEWER))


@pytest.fixture
def editor(supplier) -> System:
    return System(make_token(supplier, Job.EDITOR))


def test_each_action_asks_for_its_own_right(viewer, editor):
    assert [system.get("/api/v1/actions/").status_code for system in (viewer, editor)] == [200, 200]
    assert [system.put("/api/v1/actions/").status_code for system in (viewer, editor)] == [403, 200]


def test_action_that_is_not_listed_is_refused(operator, editor):
    answer = editor.delete("/api/v1/actions/")

    assert answer.status_code == 403
    assert answer.json()["type"].endswith("#not-allowed")


def test_method_without_an_action_is_not_taken(editor):
    assert editor.post("/api/v1/actions/").status_code == 405


def test_options_are_for_who_has_any_of_the_rights(viewer):
    assert viewer.options("/api/v1/actions/").status_code == 200
    assert viewer.options("/api/v1/single/").status_code == 403


@pytest.mark.parametrize("method", ["get", "options"])
def test_view_that_declares_nothing_lets_nobody_in(editor, sign_in, dcc, method):
    for visitor in (editor, sign_in(dcc, Job.ADMINISTRATOR)):
        assert getattr(visitor, method)("/api/v1/undeclared/").status_code == 403


def test_one_right_for_all_methods(viewer, editor):
    assert [system.get("/api/v1/single/").status_code for system in (viewer, editor)] == [403, 200]


def test_what_is_for_members_is_for_whoever_acts_for_an_organisation(viewer, client):
    assert viewer.get("/api/v1/members/").status_code == 200
    assert client.get("/api/v1/members/").status_code == 401


def test_pages_of_the_framework_are_not_served(viewer):
    answer = viewer.get("/api/v1/members/", headers={"Accept": "text/html,*/*"})

    assert answer.headers["Content-Type"] == "application/json"


def test_failure_of_the_database_is_a_problem_without_details(supplier):
    system = System(make_token(supplier), raise_request_exception=False)

    answer = system.get("/api/v1/unavailable/")

    assert answer.status_code == 500
    assert "inner details" not in answer.text
    assert answer.headers["Content-Type"] == problems.MEDIA_TYPE


def test_refusal_of_any_kind_says_its_status(viewer):
    answer = viewer.get("/api/v1/unavailable/?refuse=1")

    assert (answer.status_code, answer.json()["status"]) == (406, 406)


@pytest.mark.parametrize(("status", "name"), [(418, "bad-request"), (502, "failed"), (400, "bad-request")])
def test_status_that_has_no_section_of_its_own_points_to_the_nearest(status, name):
    said = problems.described(status)

    assert said["status"] == status
    assert said["type"].endswith(f"#{name}")


def test_middleware_refuses_as_views_do(rf):
    request: HttpRequest = rf.get("/api/v1/devices/")

    answer = errors.bad_request(request, Exception())

    assert answer.headers["Content-Type"] == problems.MEDIA_TYPE
    assert answer.headers["Cache-Control"] == "no-store"
