"""Many who save at once: one wins, the others are told, and no update is lost."""

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, timedelta
from http.client import HTTPConnection
from urllib.parse import urlencode

import psycopg
import pytest
from django.db import connections
from django.utils import timezone

from accounts.acting import Acting, scope
from accounts.errors import Stale
from accounts.models import Membership, Organisation
from accounts.operator import system_scope
from accounts.roles import Job
from inventory.models import Device, DeviceEvent, ProviderPeriod, StepKind
from inventory.recording.batch import record_batch
from inventory.recording.planned import take_back_step
from inventory.recording.record import record_items
from inventory.recording.removal import blank_map_id
from inventory.rules.recording import BatchEntry, Recording
from tests.drills import sized
from tests.factories import listed, make_device, make_membership, make_user, provided_by
from tests.server import PASSWORD, Server, Visitor, database_url, running

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.usefixtures("operator"),
]
SAVERS = sized(24, 50)
SOLD, TO_COME = date(2025, 6, 1), timezone.localdate() + timedelta(days=30)
SWITCH = (
    "SELECT write_steps('supply', ARRAY[%s::bigint], ARRAY['2025-01-01'::date], array_agg(id), ARRAY['change'])"
    " FROM accounts_participant WHERE code = 'ZODI'"
)


class Saver:
    """Somebody signed in who sends forms over real HTTP, a connection each."""

    def __init__(self, server: Server, membership: Membership) -> None:
        self.server, self.membership = server, membership
        visitor = Visitor(server).sign_in(membership.user.email)
        token = next(cookie.value for cookie in visitor.cookies if cookie.name == "csrftoken")
        self.hidden = {"acting": membership.pk, "csrfmiddlewaretoken": token}
        self.headers = {"Cookie": visitor.cookie_header, "Content-Type": "application/x-www-form-urlencoded"}

    def send(self, path: str, **form: object) -> tuple[int, str]:
        """Status and page of the answer."""
        connection = HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        try:
            connection.request("POST", path, urlencode(self.hidden | form), self.headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


@contextmanager
def held(device: Device, waiting: int) -> Iterator[psycopg.Connection]:
    """Nobody else writes `device` inside the block, which ends once so many `waiting` stand before the lock."""
    with psycopg.connect(database_url()) as holder:
        holder.execute("SET LOCAL portal.operator = 'tests'")
        holder.execute("SELECT FROM inventory_device WHERE id = %s FOR UPDATE", [device.pk])
        yield holder
        deadline = time.monotonic() + 30
        while how_many_wait() < waiting:
            assert time.monotonic() < deadline, "too few came to the lock"
            time.sleep(0.05)


def how_many_wait() -> int:
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        return cursor.fetchone()[0]


def at_once(device: Device, *acts: Callable[[], object]) -> list[object]:
    """What each of `acts` returned or raised, when all of them had come to the device's lock before one went on."""
    with ThreadPoolExecutor(len(acts)) as pool:
        with held(device, len(acts)):
            futures = [pool.submit(in_thread, act) for act in acts]
        return [outcome(future) for future in futures]


def in_thread(act: Callable[[], object]) -> object:
    try:
        return act()
    finally:
        connections.close_all()


def outcome(future: Future) -> object:
    return future.exception(timeout=60) or future.result()


@pytest.fixture
def device(supplier, rival, asset_provider, rival_provider) -> Device:
    return make_device("ZEPH", "ZMAP", msn="")


@pytest.fixture
def by(supplier, acting) -> Acting:
    return acting(supplier, Job.ADMINISTRATOR)


@pytest.fixture(scope="module")
def server(django_db_setup: None) -> Iterator[Server]:
    """Of two processes; one for all tests here: each of them empties the database."""
    with running(WEB_CONCURRENCY="2", LOCK_SECONDS="60") as server:
        yield server


def editor_of(organisation: Organisation) -> Membership:
    return make_membership(organisation, Job.EDITOR, make_user(password=PASSWORD))


def msns(device: Device) -> list[str]:
    """What the MSN was after each write."""
    return list(DeviceEvent.objects.filter(pgh_obj=device).order_by("pgh_id").values_list("msn", flat=True))


# Over the real server


@pytest.mark.drill
def test_of_many_who_save_at_once_one_wins_and_the_others_are_told(server, device, supplier):
    with ThreadPoolExecutor(SAVERS) as pool:
        saver = Saver(server, editor_of(supplier))
        with held(device, 20):  # all that the server lets work at once, or nearly
            path = f"/devices/{device.device_id}/edit/"
            futures = {f"Z{n}": pool.submit(saver.send, path, version=1, msn=f"Z{n}") for n in range(SAVERS)}
        answers = {msn: future.result() for msn, future in futures.items()}

    won = [msn for msn, (status, _) in answers.items() if status == 302]
    lost = [page for status, page in answers.values() if status == 409]
    assert (len(won), len(lost)) == (1, SAVERS - 1)
    assert all("MSN: changed in both tabs" in page and f">{won[0]}<" in page for page in lost)
    device.refresh_from_db()
    assert (device.msn, device.version) == (won[0], 2)
    assert msns(device) == ["", won[0]]


@pytest.mark.drill
def test_many_who_try_again_on_the_new_version_all_stand_in_history(server, device, supplier):
    with ThreadPoolExecutor(4) as pool:
        saver = Saver(server, editor_of(supplier))
        wanted = [f"Z{n}" for n in range(SAVERS)]
        tries = list(pool.map(lambda msn: save_until_saved(saver, device, msn), wanted))

    device.refresh_from_db()
    recorded = msns(device)
    assert sum(tries) > SAVERS  # there were conflicts
    assert sorted(recorded) == sorted(["", *wanted])
    assert (device.msn, device.version) == (recorded[-1], SAVERS + 1)


def save_until_saved(saver: Saver, device: Device, msn: str) -> int:
    """How often it had to be tried, each time on the version that the conflict page carries."""
    form = {"msn": msn, "kind": "correction", "source": "sheet", "version": 1}
    for attempt in range(1, 500):
        status, page = saver.send(f"/devices/{device.device_id}/edit/confirm/", **form)
        if status == 302:
            return attempt
        assert status == 409, page
        form["version"] = re.search(r'name="version" value="(\d+)"', page)[1]
    raise AssertionError("never saved")


# The actions


def recorder(device: Device, by: Acting, version: int = 1, **given: object) -> Callable[[], Device]:
    def record() -> Device:
        with scope(by):
            recording = Recording(source="sheet", **given)
            return record_items(device_id=device.device_id, recording=recording, expected_version=version, by=by)

    return record


def blanker(device: Device, by: Acting, **given: object) -> Callable[[], Device]:
    how = {"kind": StepKind.ENDED, "day": SOLD, "reason": "sold", "source": "letter", "expected_version": 1}

    def blank() -> Device:
        with scope(by):
            return blank_map_id(device_id=device.device_id, by=by, **how | given)

    return blank


def taker_back(device: Device, by: Acting, version: int = 2) -> Callable[[], Device]:
    def take_back() -> Device:
        with scope(by):
            given = {"device_id": device.device_id, "valid_from": TO_COME, "reason": "fell through"}
            return take_back_step(**given, expected_version=version, by=by)

    return take_back


def agrees(device: Device) -> bool:
    """Whether the device is what its steps and its history say."""
    device.refresh_from_db()
    columns = [field.attname for field in Device._meta.concrete_fields]
    now = Device.objects.as_of(timezone.localdate(), device=device.pk).values_list(*columns).get()
    return now == Device.objects.filter(pk=device.pk).values_list(*columns).get()


def test_change_and_correction_of_the_map_id_at_once(device, by):
    change = recorder(device, by, map_id="ZMAB", map_from=SOLD, kind=StepKind.CHANGE)
    correction = recorder(device, by, map_id="ZMAB", kind=StepKind.CORRECTION)

    outcomes = at_once(device, change, correction)

    winners = [number for number, found in enumerate(outcomes) if isinstance(found, Device)]
    assert [type(found) for found in outcomes if not isinstance(found, Device)] == [Stale]
    standing = list(ProviderPeriod.objects.known_now().values_list("participant__code", flat=True))
    assert standing == (["ZMAP", "ZMAB"] if winners == [0] else ["ZMAB"])
    assert agrees(device)
    assert device.version == 2


@pytest.mark.parametrize("second", ["the same", "the MSN", "blanked", "corrected away"])
def test_of_two_acts_on_the_map_id_at_once_one_is_stale(device, by, second):
    blank = blanker(device, by)
    other = {
        "the same": blank,
        "the MSN": recorder(device, by, msn="Z9"),
        "blanked": blanker(device, by, day=SOLD + timedelta(days=1)),
        "corrected away": blanker(device, by, kind=StepKind.CORRECTION, day=None),
    }[second]

    outcomes = at_once(device, blank, other)

    assert sorted(type(found).__name__ for found in outcomes) == ["Device", "Stale"]
    assert agrees(device)
    assert device.version == 2
    assert DeviceEvent.objects.filter(pgh_obj=device).count() == 2


def test_step_is_taken_back_once(device, by):
    provided_by(device, "ZMAB", TO_COME)

    outcomes = at_once(device, *[taker_back(device, by)] * 5)

    assert sorted(type(found).__name__ for found in outcomes) == ["Device"] + ["Stale"] * 4
    steps = ProviderPeriod.objects.filter(valid_from=TO_COME)
    assert sorted(steps.values_list("kind", flat=True)) == ["cancelled", "change"]
    assert agrees(device)


def test_step_taken_back_and_changed_at_once(device, by):
    provided_by(device, "ZMAB", TO_COME)
    change = recorder(device, by, version=2, map_id="ZMAB", map_from=SOLD, kind=StepKind.CHANGE)

    outcomes = at_once(device, taker_back(device, by), change)

    assert sorted(type(found).__name__ for found in outcomes) == ["Device", "Stale"]
    assert agrees(device)


def test_device_lost_while_one_waits_is_gone_rather_than_stale(device, by):
    with ThreadPoolExecutor(1) as pool:
        with held(device, 1) as holder:
            holder.execute(SWITCH, [device.pk])
            waiting = pool.submit(in_thread, recorder(device, by, msn="Z9"))

        assert type(outcome(waiting)) is Device.DoesNotExist
    assert msns(device)[-1] == ""


def test_steps_added_at_once_by_any_path_all_count(device):
    """No action and no version: the triggers alone keep the device and its steps together."""
    days = [SOLD + timedelta(days=number) for number in range(6)]

    def add(day: date) -> Callable[[], object]:
        def as_operator() -> object:
            with system_scope("tests"):
                return provided_by(device, "ZMAB", day)

        return as_operator

    outcomes = at_once(device, *(add(day) for day in days))

    assert {type(found) for found in outcomes} == {ProviderPeriod}
    device.refresh_from_db()
    assert (device.map_from, device.version) == (days[-1], 1 + len(days))
    assert agrees(device)


def test_two_batches_over_the_same_devices_in_opposite_order_wait_for_one_another(supplier, asset_provider, by):
    devices = [make_device("ZEPH", None, msn="") for _ in range(20)]

    def batch(devices: list[Device], **items: object) -> Callable[[], list[Device]]:
        def record() -> list[Device]:
            entries = [BatchEntry(device.device_id, Recording(**items), None) for device in devices]
            with scope(by):
                return record_batch(entries=entries, by=by)

        return record

    outcomes = at_once(devices[0], batch(devices, map_id="ZMAP"), batch(devices[::-1], msn="Z1"))

    assert [len(found) for found in outcomes] == [20, 20]
    assert set(Device.objects.values_list("msn", "asset_provider__code")) == {("Z1", "ZMAP")}


def test_steps_of_the_same_devices_written_in_opposite_order_wait_for_one_another(supplier, asset_provider):
    """Called by SQL alone: the function takes the devices in its own order, whatever the order they are given in."""
    devices = [make_device("ZEPH", None).pk for _ in range(20)]
    days = [SOLD, SOLD + timedelta(days=1)]

    def write(given: list[int], day: date) -> Callable[[], int]:
        def as_operator() -> int:
            with system_scope("tests"), connections["default"].cursor() as cursor:
                parties = [listed("ZMAP").pk] * len(given)
                cursor.execute(
                    "SELECT write_steps('provider', %s::bigint[], %s::date[], %s::bigint[], %s::text[])",
                    [given, [day] * len(given), parties, ["change"] * len(given)],
                )
                return len(given)

        return as_operator

    outcomes = at_once(Device.objects.get(pk=devices[10]), write(devices, days[0]), write(devices[::-1], days[1]))

    assert outcomes == [20, 20]
    assert ProviderPeriod.objects.known_now().count() == 40
    assert set(Device.objects.values_list("map_from", "version")) == {(days[1], 3)}
