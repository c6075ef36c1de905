"""Today is today: at midnight the UK date turns for scope, pages, files, the API and row security, worker or not."""

import csv
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from datetime import time as time_of_day

import psycopg
import pytest
from django.db import connection, connections
from django.utils import timezone

from accounts import clock
from accounts.acting import Acting, scope
from accounts.models import Organisation
from accounts.roles import Job
from inventory.loads import devices as loading
from inventory.loads.devices import REQUIRED_HEADER, DeviceLoad, load_devices
from inventory.models import Adoption, Device
from inventory.recording.planned import adopt_due_steps
from tests.conftest import Browser, System
from tests.factories import make_device, make_membership, make_token, make_user, provided_by
from tests.scopes import as_nobody
from tests.server import PASSWORD, Visitor, database_url, running

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.usefixtures("operator"),
]
TODAY = timezone.localdate()
TOMORROW = TODAY + timedelta(days=1)
MIDNIGHT = timezone.make_aware(datetime.combine(TOMORROW, time_of_day.min))
REPORT = "/reports/map-portfolio/download/"
MOVED = "CREATE OR REPLACE FUNCTION portal_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$ {} $$"


@pytest.fixture
def move() -> Iterator[Callable[[timedelta], None]]:
    """`move(by)`: from now on the database's clock is so far before or after midnight, and runs on."""

    def moved(by: timedelta) -> None:
        offset = (MIDNIGHT + by - timezone.now()).total_seconds()
        with connections["owner"].cursor() as cursor:
            cursor.execute(MOVED.format(f"SELECT now() + interval '{offset:.3f} seconds'"))

    yield moved
    with connections["owner"].cursor() as cursor:
        cursor.execute(MOVED.format("SELECT now()"))


@pytest.fixture(autouse=True)
def nobody_has_adopted() -> Iterator[None]:
    """Neither the database nor this process is prepared for any date."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("TRUNCATE inventory_adoption")
        clock._prepared.clear()
        yield
        cursor.execute("TRUNCATE inventory_adoption")
        cursor.execute("INSERT INTO inventory_adoption (id, day) VALUES (1, '9999-12-31')")


@pytest.fixture
def sold(supplier, asset_provider, rival_provider) -> Device:
    """From tomorrow on it is another MAP's."""
    device = make_device("ZEPH", "ZMAP", msn="Z1")
    provided_by(device, "ZMAB", TOMORROW)
    return device


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(content.decode().splitlines()))


def seen_by(organisation: Organisation) -> bool:
    """By row security alone."""
    with as_nobody(), scope(Acting(organisation, Job.VIEWER)):
        return Device.objects.exists()


def test_after_midnight_pages_files_and_api_are_those_of_the_new_date(sold, move, asset_provider, rival_provider):
    """The worker has not run."""
    former, present = (Browser(make_membership(organisation)) for organisation in (asset_provider, rival_provider))
    system = System(make_token(rival_provider))
    assert former.get(f"/devices/{sold}/").status_code == 200
    assert present.get(f"/devices/{sold}/").status_code == 404

    move(timedelta(seconds=5))

    assert former.get(f"/devices/{sold}/").status_code == 404
    assert present.get(f"/devices/{sold}/").status_code == 200
    (row,) = rows(b"".join(present.get(REPORT)))
    assert (row["as_of"], row["map_id"], row["map_from"]) == (TOMORROW.isoformat(), "ZMAB", TOMORROW.isoformat())
    assert system.get(f"/api/v1/devices/{sold}/").json()["map_id"] == "ZMAB"
    history = present.get(f"/devices/{sold}/history/", {"as_of": TOMORROW.isoformat()}).content.decode()
    assert "ZMAB" in history
    assert Adoption.objects.get().day == TOMORROW


def test_before_midnight_nothing_has_changed(sold, move, asset_provider, rival_provider):
    move(timedelta(seconds=-60))

    assert Browser(make_membership(asset_provider)).get(f"/devices/{sold}/").status_code == 200
    assert Browser(make_membership(rival_provider)).get(f"/devices/{sold}/").status_code == 404


def test_row_security_shows_nothing_until_due_steps_are_adopted(sold, move, asset_provider, rival_provider, dcc):
    move(timedelta(seconds=5))
    clock._prepared.add(TOMORROW)  # as if only this process thought so

    before = [seen_by(organisation) for organisation in (asset_provider, rival_provider, dcc)]
    adopt_due_steps()
    after = [seen_by(organisation) for organisation in (asset_provider, rival_provider, dcc)]

    assert before == [False, False, False]
    assert after == [False, True, True]


def test_where_nothing_is_due_nobody_waits_for_an_adoption(supplier, move):
    make_device("ZEPH", None)
    move(timedelta(seconds=5))
    clock._prepared.add(TOMORROW)

    assert seen_by(supplier)
    assert not Adoption.objects.exists()


def test_file_that_was_asked_for_before_midnight_is_of_its_date(sold, move, asset_provider, rival_provider):
    former, present = (Browser(make_membership(organisation)) for organisation in (asset_provider, rival_provider))
    move(timedelta(seconds=-60))
    answer = former.get(REPORT)  # nothing is read yet

    move(timedelta(seconds=5))
    assert present.get(f"/devices/{sold}/").status_code == 200

    (row,) = rows(b"".join(answer))
    assert (row["as_of"], row["map_id"]) == (TODAY.isoformat(), "ZMAP")
    assert f"{TODAY.isoformat()}.csv" in answer.headers["Content-Disposition"]


def test_file_that_begins_while_nobody_has_adopted_is_whole(sold, move, asset_provider):
    former = Browser(make_membership(asset_provider))
    move(timedelta(seconds=-60))
    answer = former.get(REPORT)
    move(timedelta(seconds=5))

    assert len(rows(b"".join(answer))) == 1


def test_many_who_come_at_once_adopt_once(sold, move, supplier):
    move(timedelta(seconds=5))
    sold.refresh_from_db()
    version = sold.version

    def come(_: int) -> bool:
        clock._prepared.clear()
        try:
            return seen_by(supplier)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(come, range(16)))
    sold.refresh_from_db()
    assert sold.version == version + 1


def test_planned_step_that_is_committed_after_midnight_counts_from_midnight(supplier, rival_provider, move):
    device = make_device("ZEPH", None, msn="Z1")
    visitor = Browser(make_membership(rival_provider))
    move(timedelta(seconds=-60))
    with psycopg.connect(database_url()) as writer, ThreadPoolExecutor(1) as pool:
        writer.execute("SET LOCAL portal.operator = 'tests'")
        code = "(SELECT id FROM accounts_participant WHERE code = 'ZMAB')"
        writer.execute(
            f"SELECT write_steps('provider', ARRAY[%s::bigint], ARRAY[%s], ARRAY[{code}], ARRAY['first'])",
            [device.pk, TOMORROW],
        )
        move(timedelta(seconds=5))
        answer = pool.submit(status_of, visitor, f"/devices/{device}/")
        time.sleep(0.5)
        writer.commit()

        assert answer.result() == 200


def status_of(visitor: Browser, path: str) -> int:
    try:
        return visitor.get(path).status_code
    finally:
        connections.close_all()


@contextmanager
def held(device: Device) -> Iterator[None]:
    with psycopg.connect(database_url()) as holder:
        holder.execute("SET LOCAL portal.operator = 'tests'")
        holder.execute("SELECT FROM inventory_device WHERE id = %s FOR UPDATE", [device.pk])
        yield
        holder.rollback()


def test_who_comes_while_a_due_device_is_held_is_told_to_try_again(sold, move, rival_provider):
    """And sees it once it is free."""
    membership = make_membership(rival_provider, user=make_user(password=PASSWORD))
    with running(LOCK_SECONDS="1") as server:
        visitor = Visitor(server).sign_in(membership.user.email)
        visitor.get("/devices/").close()
        move(timedelta(seconds=5))
        with held(sold), pytest.raises(OSError, match="503") as refused:
            visitor.get(f"/devices/{sold}/")

        assert refused.value.headers["Retry-After"] == "5"
        refused.value.close()
        with visitor.get(f"/devices/{sold}/") as answer:
            assert answer.status == 200


def test_people_who_click_over_midnight_see_one_date_or_the_other(sold, move, asset_provider, rival_provider):
    """Each answer is right for its date; no request fails, and after the first of today nobody sees yesterday."""
    emails = []
    for organisation in (asset_provider, rival_provider, asset_provider, rival_provider):
        emails.append(make_membership(organisation, user=make_user(password=PASSWORD)).user.email)
    with running(WEB_CONCURRENCY="2", WEB_THREADS="8", LOCK_SECONDS="30") as server:
        visitors = [Visitor(server).sign_in(email) for email in emails]
        move(timedelta(seconds=-2))
        end = time.monotonic() + 5
        files: list[tuple[str, str]] = []
        lock = threading.Lock()

        def click(number: int) -> None:
            while time.monotonic() < end:
                with visitors[number].get(f"{REPORT}?format=csv") as answer:
                    found = [(row["as_of"], row["map_id"]) for row in rows(answer.read())]
                with lock:
                    files.extend(found)

        with ThreadPoolExecutor(4) as pool:
            for done in [pool.submit(click, number) for number in range(4)]:
                done.result()

    assert set(files) == {(TODAY.isoformat(), "ZMAP"), (TOMORROW.isoformat(), "ZMAB")}


@pytest.mark.parametrize("phase", ["_apply_in_time", "_refuse_problems", "_apply"])
def test_load_begun_before_midnight_is_applied_to_what_holds_after_it(
    sold, move, rival_provider, monkeypatch, tmp_path, phase
):
    """Midnight comes before, while and after it compares; people go on, and the planned change is not lost."""
    path, visitor = tmp_path / "devices.csv", Browser(make_membership(rival_provider))
    given = {"device_id": sold.device_id, "firmware": "00000002", "status": "Commissioned"}
    path.write_text(f"{','.join(REQUIRED_HEADER)}\n{','.join(given.get(item, '') for item in REQUIRED_HEADER)}\n")
    move(timedelta(minutes=-10))
    real, pool = getattr(loading, phase), ThreadPoolExecutor(1)
    came = []

    def at_midnight(*args: object) -> object:
        if not came:
            move(timedelta(seconds=5))
            came.append(pool.submit(status_of, visitor, f"/devices/{sold}/"))
            time.sleep(0.2)
        return real(*args)

    monkeypatch.setattr(loading, phase, at_midnight)
    with pool:
        assert load_devices(path) == DeviceLoad(created=0, changed=1, unchanged=0)
        assert came[0].result() == 200

    sold.refresh_from_db()
    assert (sold.firmware, sold.asset_provider.code, sold.map_from) == ("00000002", "ZMAB", TOMORROW)


def test_planned_step_is_adopted_though_the_clock_had_been_ahead(supplier, asset_provider, rival_provider, move):
    """The clock goes to tomorrow, back, and to tomorrow again; meanwhile a change is planned."""
    device, visitor = make_device("ZEPH", "ZMAP", msn="Z1"), Browser(make_membership(asset_provider))
    for by in (timedelta(seconds=5), timedelta(hours=-5)):
        move(by)
        assert visitor.get(f"/devices/{device}/").status_code == 200
    provided_by(device, "ZMAB", TOMORROW)

    move(timedelta(seconds=5))

    assert not seen_by(asset_provider)
    assert visitor.get(f"/devices/{device}/").status_code == 404
    assert seen_by(rival_provider)


def test_clock_is_that_of_the_database(move):
    move(timedelta(days=40))

    assert clock.today() == TOMORROW + timedelta(days=40)
    assert isinstance(clock.today(), date)
