"""Nothing waits for ever: each kind of work has its limits in the database, and whoever waited too long is told."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection

import psycopg
import pytest
from django.db import connection, connections
from django.http import HttpRequest, HttpResponse
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import waits
from accounts.access import Open, allow
from accounts.acting import Acting, Origin, scope
from accounts.operator import system_scope
from accounts.roles import Job
from inventory.models import Device
from inventory.reports.copy import snapshot
from smi_portal.refusals import pages
from smi_portal.urls import urlpatterns as portal
from tests.conftest import System
from tests.factories import make_device, make_membership, make_token, make_user
from tests.inventory.test_locking import Saver
from tests.server import PASSWORD, Server, database_url, running


@allow(Open.TO_ALL, "GET")
def dawdle(request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(20)")
    return HttpResponse()


class Dawdling(APIView):
    permission = Open.MEMBERS

    def get(self, request: Request) -> Response:
        return dawdle(request)


urlpatterns = [path("dawdle/", dawdle), path("api/v1/dawdle/", Dawdling.as_view()), *portal]
handler400, handler403 = pages.bad_request, pages.permission_denied
handler404, handler500 = pages.page_not_found, pages.server_error


def in_force() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT " + ", ".join(f"current_setting('{name}')" for name in waits.NAMES))
        return list(cursor.fetchone())


@pytest.fixture
def editor(supplier) -> Acting:
    return Acting.under(make_membership(supplier, Job.EDITOR))


@pytest.mark.parametrize("via", ["page", "api"])
def test_page_and_api_wait_for_seconds(supplier, via):
    before = in_force()
    with scope(Acting(supplier, Job.EDITOR, origin=Origin(via))):
        assert in_force() == ["3s", "20s", "1min"]
    assert in_force() == before


def test_work_of_the_operator_waits_longer_but_not_for_locks_without_end(db):
    with system_scope("a test", via="task"):
        assert in_force() == ["30s", "10min", "5min"]
    with system_scope("a test", via="command"):
        assert in_force() == ["1min", "0", "5min"]


def test_file_is_read_for_as_long_as_its_client_takes_it(editor):
    with snapshot(editor):
        assert in_force() == ["3s", "4h", "5min"]


@pytest.fixture
def hasty(settings, monkeypatch) -> None:
    settings.ROOT_URLCONF = __name__
    monkeypatch.setitem(waits.WAITS, "page", {**waits.WAITS["page"], "statement_timeout": "200ms"})
    monkeypatch.setitem(waits.WAITS, "api", {**waits.WAITS["page"]})


def test_statement_that_takes_too_long_is_told_on_a_page(hasty, supplier, sign_in):
    answer = sign_in(supplier).get("/dawdle/")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert "This took longer than the portal allows." in answer.content.decode()


def test_statement_that_takes_too_long_is_told_in_the_api(hasty, supplier):
    answer = System(make_token(supplier)).get("/api/v1/dawdle/")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert answer.json()["detail"].startswith("This took longer than the portal allows.")
    assert answer.json()["type"].endswith("#busy")


# Sixteen wait for one row, on a real server of sixteen threads ----------------------------------------------------

COMMITTED = [
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.usefixtures("operator"),
]
WAITERS = 16


@pytest.fixture
def server() -> Iterator[Server]:
    with running(LOCK_SECONDS="2", WEB_CONCURRENCY="1", WEB_THREADS=str(WAITERS)) as server:
        yield server


@contextmanager
def locked(statement: str, *values: object) -> Iterator[None]:
    with psycopg.connect(database_url()) as holder:
        holder.execute("SET LOCAL portal.operator = 'tests'")
        holder.execute(statement, values)
        yield
        holder.rollback()


def timed(server: Server, path: str) -> tuple[int, float]:
    began = time.monotonic()
    connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, time.monotonic() - began


def end_connections(where: str = "") -> None:
    """Those of the server."""
    ours = [each.connection.info.backend_pid for each in connections.all(initialized_only=True) if each.connection]
    with psycopg.connect(database_url()) as login:
        end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user AND pid <> ALL (%s)"
        login.execute(f"{end} AND datname = current_database() {where}", [[*ours, login.info.backend_pid]])


class TestSixteenThatWait:
    pytestmark = COMMITTED

    def test_others_are_answered_and_they_are_told_with_what_they_typed(self, supplier, server):
        device = make_device("ZEPH", None, msn="")
        membership = make_membership(supplier, Job.EDITOR, make_user(password=PASSWORD))
        saver, form = Saver(server, membership), {"msn": "Z21E 10447", "source": "nameplate", "version": 1}

        with locked("SELECT FROM inventory_device WHERE id = %s FOR UPDATE", device.pk), ThreadPoolExecutor(16) as pool:
            sent = [pool.submit(saver.send, f"/devices/{device}/edit/", **form) for _ in range(WAITERS)]
            time.sleep(0.5)
            others = [timed(server, path) for path in ("/health/live", "/help/")]
            answers = [each.result(timeout=60) for each in sent]

        assert [status for status, _ in others] == [200, 200]
        assert max(seconds for _, seconds in others) < 10
        assert {status for status, _ in answers} == {503}
        assert all(waits.LOCKED[0] in page and 'value="Z21E 10447"' in page for _, page in answers)
        assert Device.objects.get(pk=device.pk).msn == ""

    def test_api_says_when_to_try_again(self, supplier, server):
        device = make_device("ZEPH", None, msn="")
        token = make_token(supplier, Job.EDITOR)

        with locked("SELECT FROM inventory_device WHERE id = %s FOR UPDATE", device.pk):
            connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
            headers = {"Authorization": f"Bearer {token.secret}", "If-Match": '"1"', "Content-Type": "application/json"}
            body = '{"msn": "Z21E 10447", "kind": "first", "source": "nameplate"}'
            connection.request("PATCH", f"/api/v1/devices/{device}/", body, headers)
            answer = connection.getresponse()
            told = answer.read().decode()
            connection.close()

        assert (answer.status, answer.headers["Retry-After"]) == (503, "5"), told
        assert waits.LOCKED[0] in told

    def test_connections_that_have_ended_are_not_used(self, server):
        """As after a restart of PostgreSQL."""
        assert [timed(server, "/health/ready")[0] for _ in range(4)] == [200] * 4

        end_connections()

        assert [timed(server, "/health/ready")[0] for _ in range(8)] == [200] * 8

    def test_person_whose_connection_is_lost_meanwhile_is_told(self, supplier, server):
        device = make_device("ZEPH", None, msn="")
        membership = make_membership(supplier, Job.EDITOR, make_user(password=PASSWORD))
        saver, form = Saver(server, membership), {"msn": "Z21E 10447", "source": "nameplate", "version": 1}

        with locked("SELECT FROM inventory_device WHERE id = %s FOR UPDATE", device.pk), ThreadPoolExecutor(1) as pool:
            sent = pool.submit(saver.send, f"/devices/{device}/edit/", **form)
            time.sleep(0.5)
            end_connections("AND wait_event_type = 'Lock'")
            status, page = sent.result(timeout=30)

        assert status == 503
        assert "has lost the connection to its database" in page

    def test_wait_outside_every_scope_ends_too(self, supplier, server):
        """The count of requests is taken before the request's scope begins."""
        token = make_token(supplier)

        with locked("LOCK TABLE portal_count"):
            connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
            connection.request("GET", "/api/v1/devices/", headers={"Authorization": f"Bearer {token.secret}"})
            answer = connection.getresponse()
            told = answer.read().decode()
            connection.close()

        assert (answer.status, answer.headers["Retry-After"]) == (503, "5"), told
