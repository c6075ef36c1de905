"""`migrate` on a filled database while requests come in."""

import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from accounts.models import Organisation
from inventory.models import Device, DeviceEvent
from smi_portal.schema import applying, source
from tests.factories import make_device, provided_by
from tests.schema.catalog import definitions, differences
from tests.server import database_url

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.usefixtures("operator"),
]
VISITORS = 4
ASKS = (
    "SELECT count(*) FROM inventory_device",
    "SELECT count(*) FROM inventory_providerperiod",
    "SELECT count(*) FROM device_as_of(current_date, now())",
    "SELECT count(*) FROM inventory_deviceevent",
    "UPDATE inventory_device SET msn = 'Z' || nextval('inventory_device_id_seq') WHERE device_id = %s",
    "SELECT acting_device(%s)",
)


@pytest.fixture
def devices(supplier, asset_provider, rival_provider) -> list[Device]:
    devices = [make_device("ZEPH", "ZMAP") for _ in range(20)]
    for device in devices[::2]:
        provided_by(device, "ZMAB")
    return devices


@pytest.fixture
def changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[source.Definition]]:
    """Definitions of which a function and a policy are others; afterwards those of the files are in force again.

    The version of a device goes up by ten, and a MAP reads no device.
    """
    folders = [tmp_path / folder.parent.name / "sql" for folder in source.FOLDERS]
    for folder, copy in zip(source.FOLDERS, folders, strict=True):
        shutil.copytree(folder, copy)
    replace(folders[1] / "version.sql", "OLD.version + 1", "OLD.version + 10")
    replace(folders[1] / "devices_in_scope.sql", "acting_participants('map')", "acting_participants('nobody')")
    yield source.read(folders)
    monkeypatch.undo()
    call_command("migrate", verbosity=0)


def replace(path: Path, former: str, new: str) -> None:
    text = path.read_text()
    assert former in text
    path.write_text(text.replace(former, new))


class Visitors:
    """Each asks and writes for the organisation, in transactions like a request's, as fast as it is answered."""

    def __init__(self, organisation: Organisation, devices: list[Device]) -> None:
        self.organisation, self.devices = organisation, devices
        self.stopped = threading.Event()
        self.answered = [0] * VISITORS

    @contextmanager
    def coming_in(self) -> Iterator[None]:
        """Fails with the error of the first who was refused."""
        with ThreadPoolExecutor(VISITORS) as pool:
            visits = [pool.submit(self._visit, number) for number in range(VISITORS)]
            try:
                yield
            finally:
                self.stopped.set()
            for visit in visits:
                visit.result()

    def wait_for(self, answers: int) -> None:
        """Until each has been given so many more."""
        wanted, end = [number + answers for number in self.answered], time.monotonic() + 60
        while any(now < then for now, then in zip(self.answered, wanted, strict=True)):
            assert time.monotonic() < end, self.answered
            time.sleep(0.01)

    def _visit(self, number: int) -> None:
        with psycopg.connect(database_url(), autocommit=True) as connection:
            while not self.stopped.is_set():
                self._request(connection, self.devices[number].device_id, turned=number % 2 == 0)
                self.answered[number] += 1

    def _request(self, connection: psycopg.Connection, device_id: str, turned: bool) -> None:
        with connection.transaction():
            connection.execute("SELECT set_config('portal.organisation', %s, true)", [str(self.organisation.pk)])
            for ask in reversed(ASKS) if turned else ASKS:
                connection.execute(ask, [device_id] if "%s" in ask else None)


def count() -> list[int]:
    counts = []
    with connections["owner"].cursor() as cursor:
        for table in ("inventory_device", "inventory_providerperiod"):
            cursor.execute(f"SELECT count(*) FROM {table}")
            counts += cursor.fetchone()
    return counts


def version_of(device: Device) -> int:
    return Device.objects.get(pk=device.pk).version


def test_what_changed_is_in_force_all_data_is_there_and_no_request_failed(
    supplier, asset_provider, devices, changed, monkeypatch
):
    before, device, visitors = count(), devices[-1], Visitors(supplier, devices)
    monkeypatch.setattr(source, "read", lambda: changed)

    with visitors.coming_in():
        visitors.wait_for(answers=3)
        call_command("migrate", verbosity=0)
        visitors.wait_for(answers=3)

    was, events = version_of(device), DeviceEvent.objects.filter(pgh_obj=device).count()
    Device.objects.filter(pk=device.pk).update(msn="Z9")
    assert version_of(device) == was + 10
    assert DeviceEvent.objects.filter(pgh_obj=device).count() == events + 1
    with psycopg.connect(database_url()) as login:
        login.execute("SELECT set_config('portal.organisation', %s, false)", [str(asset_provider.pk)])
        assert login.execute("SELECT count(*) FROM inventory_device").fetchone() == (0,)
    assert count() == before


def test_changed_function_waits_for_nobody(devices, changed, monkeypatch):
    others = [made for made in source.read() if made.thing.kind != source.SqlKind.FUNCTION]
    functions = [made for made in changed if made.thing.kind == source.SqlKind.FUNCTION]
    monkeypatch.setattr(source, "read", lambda: functions + others)
    monkeypatch.setattr(applying, "PATIENCE", 0)

    with psycopg.connect(database_url()) as reader:
        reader.execute("SELECT count(*) FROM inventory_device")
        call_command("migrate", verbosity=0)

    was = version_of(devices[0])
    Device.objects.filter(pk=devices[0].pk).update(msn="Z9")
    assert version_of(devices[0]) == was + 10


def test_changed_policy_waits_for_its_table_and_says_when_it_gives_up(devices, changed, monkeypatch):
    monkeypatch.setattr(applying, "PATIENCE", 0)
    before = definitions()
    monkeypatch.setattr(source, "read", lambda: changed)

    with psycopg.connect(database_url()) as reader:
        reader.execute("SELECT count(*) FROM inventory_device")
        with pytest.raises(CommandError, match="in use for a minute"):
            call_command("migrate", verbosity=0)

    assert definitions() == before


def test_statement_the_database_refuses_is_named_and_nothing_is_changed(monkeypatch):
    thing = source.Thing(source.SqlKind.POLICY, "read", "accounts_user")
    wrong = source.Definition(thing, "CREATE POLICY read ON accounts_user USING (nothing);", "accounts/sql/wrong.sql")
    definitions = [*source.read(), wrong]
    monkeypatch.setattr(source, "read", lambda: definitions)

    with pytest.raises(CommandError, match=r'^accounts/sql/wrong\.sql: column "nothing" does not exist'):
        call_command("migrate", verbosity=0)

    monkeypatch.undo()
    assert differences() == set()


@pytest.mark.parametrize("asking", ["--plan", "--check"])
def test_who_only_asks_changes_nothing(asking, changed, monkeypatch):
    before = definitions()
    monkeypatch.setattr(source, "read", lambda: changed)

    call_command("migrate", asking, verbosity=0)

    assert definitions() == before
