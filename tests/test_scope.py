"""A scope lasts as long as its block: what was before comes back, however it ends; the connection keeps nothing."""

from concurrent.futures import ThreadPoolExecutor
from io import StringIO

import pytest
from django.contrib.auth.decorators import login_not_required
from django.core.management import BaseCommand, call_command
from django.db import DatabaseError, connection, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path

from accounts.acting import Acting, Origin, explaining, scope
from accounts.operator import system_scope
from accounts.roles import Job
from inventory.models import Device, DeviceEvent
from smi_portal import urls
from tests.factories import make_device
from tests.scopes import become_operator

pytestmark = pytest.mark.usefixtures("operator")

SETTINGS = ("portal.organisation", "portal.operator", "portal.within", "pghistory.context_metadata")


class Surprise(Exception):
    pass


def said() -> tuple[str, ...]:
    """What the connection says now; an unset setting and an empty one are the same."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT " + ", ".join(f"coalesce(current_setting('{name}', true), '')" for name in SETTINGS))
        return cursor.fetchone()


NOTHING = ("", "", "", "")


@pytest.fixture
def one(supplier, acting) -> Acting:
    return acting(supplier)


@pytest.fixture
def other(rival, acting) -> Acting:
    return acting(rival)


@pytest.fixture
def nobody(one, other) -> None:
    """The connection as the portal has it between requests."""
    become_operator("")


def test_scope_says_for_whom_and_the_end_takes_it_back(nobody, one):
    with scope(one):
        organisation, operator, within, history = said()

    assert (organisation, operator, within) == (str(one.organisation.pk), "", "")
    assert f'"person": {one.user.pk}' in history
    assert said()[:2] == ("", "")


def test_inner_scope_gives_the_outer_one_back(nobody, one, other):
    with scope(one):
        outer = said()
        with scope(other):
            assert said()[0] == str(other.organisation.pk)
            with system_scope("a look"):
                assert said()[:2] == ("", "a look")
            assert said()[:2] == (str(other.organisation.pk), "")
        assert said() == outer


def test_inner_scope_is_never_wider_than_its_own(nobody, one, other):
    become_operator()
    mine, theirs = make_device("ZEPH", None), make_device("ZODI", None)
    become_operator("")

    with system_scope("a look"), scope(one):
        assert list(Device.objects.all()) == [mine]
        with scope(other):
            assert list(Device.objects.all()) == [theirs]
        assert list(Device.objects.all()) == [mine]


def test_exception_gives_the_former_scope_back(nobody, one, other):
    with scope(one):
        outer = said()
        with pytest.raises(Surprise), scope(other):
            raise Surprise
        assert said() == outer


def test_failed_statement_gives_the_former_scope_back(nobody, one, other):
    with scope(one), connection.cursor() as cursor:
        outer = said()
        with pytest.raises(DatabaseError), scope(other):
            cursor.execute("SELECT 1 / 0")
        assert said() == outer


def test_savepoint_rolled_back_inside_leaves_the_scope(nobody, one, other):
    with scope(one):
        outer = said()
        with pytest.raises(Surprise), transaction.atomic(), scope(other), explaining(kind="change"):
            raise Surprise
        assert said() == outer
        with transaction.atomic():
            transaction.set_rollback(True)
        assert said() == outer


def test_notes_end_with_their_block_and_add_to_those_around(nobody, one):
    with scope(one), explaining(source="sheet", kind="first"):
        around = said()
        with explaining(kind="correction", reason="typed wrongly"):
            history = said()[3]
        assert '"source": "sheet"' in history
        assert '"kind": "correction"' in history
        assert said() == around


def test_function_that_fails_half_way_does_not_stay_open(nobody, one):
    with scope(one), connection.cursor() as cursor:
        with pytest.raises(DatabaseError), transaction.atomic():
            cursor.execute("SELECT reading_within('windows'), 1 / (SELECT count(*) FROM inventory_device WHERE false)")
        assert said()[2] == ""


# On a connection that is used again


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
@pytest.mark.parametrize("end", ["in time", "by an exception", "by a broken statement", "rolled back"])
def test_connection_used_again_says_nothing(nobody, one, end):
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        before = cursor.fetchone()
    try:
        with scope(one), explaining(kind="change"), connection.cursor() as cursor:
            cursor.execute("SELECT acting_windows(1), acting_device('none')")
            if end == "by an exception":
                raise Surprise
            if end == "by a broken statement":
                cursor.execute("SELECT 1 / 0")
            if end == "rolled back":
                transaction.set_rollback(True)
    except (Surprise, DatabaseError):
        pass

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        assert cursor.fetchone() == before
    assert said() == NOTHING
    assert not Device.objects.exists()


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
@pytest.mark.parametrize(("path", "status"), [("/devices/", 200), ("/devices/?x=1", 400), ("/devices/to-do/no/", 404)])
def test_request_leaves_nothing_on_its_connection(supplier, sign_in, path, status):
    make_device("ZEPH", None)
    browser = sign_in(supplier)
    become_operator("")

    assert browser.get(path).status_code == status
    assert said() == NOTHING


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_request_that_fails_leaves_nothing_and_undoes_its_writes(supplier, sign_in, monkeypatch):
    device = make_device("ZEPH", None, msn="")
    browser = sign_in(supplier, Job.EDITOR)
    browser.raise_request_exception = False
    form = {"version": 1, "msn": "Z1"}
    monkeypatch.setattr("accounts.forms.page.messages.success", lambda *given: 1 / 0)  # after the write
    become_operator("")

    assert browser.submit(f"/devices/{device.device_id}/edit/", form).status_code == 500
    assert said() == NOTHING
    become_operator()
    device.refresh_from_db()
    assert (device.msn, device.version) == ("", 1)
    assert DeviceEvent.objects.filter(pgh_obj=device).count() == 1


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_download_leaves_nothing_read_to_the_end_or_not(asset_provider, supplier, sign_in):
    make_device("ZEPH", "ZMAP")
    browser = sign_in(asset_provider)
    become_operator("")

    whole = browser.get("/reports/map-portfolio/download/")
    assert sum(1 for _ in whole.streaming_content) > 0
    assert said() == NOTHING
    browser.get("/reports/map-portfolio/download/").close()
    assert said() == NOTHING


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_scope_of_one_connection_is_not_that_of_another(one, other):
    mine, theirs = make_device("ZEPH", None), make_device("ZODI", None)

    def seen(acting: Acting) -> list[Device]:
        try:
            with scope(acting):
                return list(Device.objects.all())
        finally:
            connection.close()

    with scope(one), ThreadPoolExecutor(1) as pool:
        assert pool.submit(seen, other).result() == [theirs]
        assert list(Device.objects.all()) == [mine]


# Who it is


def test_task_of_the_operator_says_why_and_by_what(nobody):
    with system_scope("steps whose day has come", via="task"):
        assert '"operator": "steps whose day has come", "via": "task"' in said()[3]


def test_scope_carries_the_request_it_belongs_to(nobody, one):
    with scope(Acting(one.organisation, one.job, one.user, one.membership_id, Origin("page", "abc"))):
        assert '"via": "page", "request": "abc"' in said()[3]


# What a test asks of the portal, while the test itself is the operator


@login_not_required
def forgetful_page(request: HttpRequest) -> HttpResponse:
    return HttpResponse(Device.objects.count())


class ForgetfulCommand(BaseCommand):
    def handle(self, **options: object) -> str:
        return str(Device.objects.count())


urlpatterns = [path("devices/", forgetful_page), *urls.urlpatterns]


@pytest.mark.urls(__name__)
def test_page_that_forgets_its_scope_sees_nothing(client):
    make_device("ZEPH", "ZMAP")

    assert client.get("/devices/").text == "0"
    assert Device.objects.count() == 1


def test_command_that_forgets_its_scope_sees_nothing():
    make_device("ZEPH", "ZMAP")

    assert call_command(ForgetfulCommand(stdout=StringIO())) == "0"
    assert Device.objects.count() == 1
