"""A load and others who write at the same time: it is applied to what it was compared with, or not at all."""

import csv
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import IntegrityError, connection
from django.utils import timezone

from accounts.acting import Acting, scope
from accounts.operator import system_scope
from accounts.roles import Job, Role
from inventory.loads import devices as loading
from inventory.loads import staging
from inventory.loads.devices import REQUIRED_HEADER, DeviceLoad, LoadRefused, load_devices
from inventory.models import Device, DeviceEvent, StagedDevice, StagedFile, StagedRow, SupplyPeriod
from inventory.recording.record import record_items
from inventory.rules.recording import Recording
from inventory.tasks import remove_staged
from tests.factories import listed, make_device
from tests.inventory.test_locking import SWITCH, ThreadPoolExecutor, agrees, at_once, held, in_thread, outcome
from tests.server import database_url

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.usefixtures("operator"),
]
NEW = "00-DB-12-FF-FF-FF-FF-00"


@pytest.fixture
def device(supplier, rival, asset_provider) -> Device:
    listed("ZIRC", Role.SUPPLIER)
    return make_device("ZEPH", "ZMAP", msn="Z1")


@pytest.fixture
def by(supplier, acting) -> Acting:
    return acting(supplier, Job.EDITOR)


@pytest.fixture
def load_of(tmp_path) -> Callable[..., Callable[[], DeviceLoad]]:
    """`load_of(row, …)`: a load of a file of these rows, ready to be run."""

    def prepare(*rows: dict[str, str]) -> Callable[[], DeviceLoad]:
        path = Path(tmp_path / f"devices{len(list(tmp_path.iterdir()))}.csv")
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, [*REQUIRED_HEADER, "supplier_from"], restval="")
            writer.writeheader()
            writer.writerows(rows)

        def load() -> DeviceLoad:
            with system_scope("load_devices"):
                return load_devices(path)

        return load

    return prepare


def row(device: Device, **items: str) -> dict[str, str]:
    return {"device_id": device.device_id} | items


def hub(device_id: str = NEW) -> dict[str, str]:
    return {"device_id": device_id, "device_type": "CHF", "status": "Pending", "status_from": "2025-01-01"} | {
        "supplier_id": "ZEPH",
    }


@pytest.mark.parametrize("change", ["UPDATE inventory_device SET msn = 'Z2' WHERE id = %s", SWITCH])
def test_load_of_a_device_changed_meanwhile_is_applied_to_what_it_is_now(device, load_of, change):
    load = load_of(row(device, status="Suspended", status_from="2025-02-02"), hub())
    with ThreadPoolExecutor(1) as pool:
        with held(device, 1) as holder:
            holder.execute(change, [device.pk])
            waiting = pool.submit(in_thread, load)

        assert outcome(waiting) == DeviceLoad(1, 1, 0)

    former = device.msn, device.supplier.code
    device.refresh_from_db()
    assert (device.status, device.version) == ("Suspended", 2)
    assert (device.msn, device.supplier.code) != former
    assert agrees(device)


def test_load_of_a_device_whose_supplier_another_load_changed_meanwhile_is_refused_as_a_whole(device, load_of):
    load = load_of(row(device, supplier_id="ZIRC", supplier_from="2025-02-02"), hub())
    with ThreadPoolExecutor(1) as pool:
        with held(device, 1) as holder:
            holder.execute(SWITCH, [device.pk])
            waiting = pool.submit(in_thread, load)

        refusal = outcome(waiting)

    assert type(refusal) is LoadRefused
    assert refusal.problems == [f"Line 2: {loading.OVERTAKEN}"]
    device.refresh_from_db()
    assert (device.supplier.code, device.version) == ("ZODI", 2)
    assert not Device.objects.filter(device_id=NEW).exists()
    assert agrees(device)


def test_recording_by_a_page_and_a_load_at_once(device, load_of, by):
    """Both hold if the person comes first; after the load the device is no longer the supplier's."""

    def record() -> Device:
        with scope(by):
            recording = Recording(msn="Z3", kind="correction", source="sheet")
            return record_items(device_id=device.device_id, recording=recording, expected_version=1, by=by)

    load = load_of(row(device, supplier_id="ZODI", supplier_from="2025-01-01"))
    recorded, loaded = at_once(device, record, load)

    device.refresh_from_db()
    assert isinstance(loaded, DeviceLoad)
    assert isinstance(recorded, Device | Device.DoesNotExist)
    assert device.msn == ("Z3" if isinstance(recorded, Device) else "Z1")
    assert device.supplier.code == "ZODI"
    assert agrees(device)


def test_of_two_loads_that_change_the_supplier_at_once_one_is_refused(device, load_of):
    loads = [load_of(row(device, supplier_id=code, supplier_from="2025-01-01"), hub()) for code in ("ZODI", "ZIRC")]

    outcomes = at_once(device, *loads)

    assert sorted(type(found).__name__ for found in outcomes) == ["DeviceLoad", "LoadRefused"]
    won = "ZODI" if isinstance(outcomes[0], DeviceLoad) else "ZIRC"
    device.refresh_from_db()
    assert (device.supplier.code, device.previous_supplier.code) == (won, "ZEPH")
    assert SupplyPeriod.objects.filter(device=device).count() == 2
    assert Device.objects.filter(device_id=NEW).count() == 1
    assert agrees(device)


def test_two_loads_of_other_items_at_once_lose_neither(device, load_of):
    status = load_of(row(device, status="Suspended", status_from="2025-02-02"))
    others = load_of(row(device, firmware="00020130", installed_on="2024-02-28"))

    outcomes = at_once(device, status, others)

    assert [type(found) for found in outcomes] == [DeviceLoad, DeviceLoad]
    device.refresh_from_db()
    assert (device.status, device.firmware) == ("Suspended", "00020130")
    assert device.installed_on == date(2024, 2, 28)
    assert DeviceEvent.objects.filter(pgh_obj=device).count() == 3


def test_two_loads_of_the_same_new_device_at_once_make_it_once(device, load_of):
    """The other one is refused, by a rule or by the key, and changes nothing at all."""
    loads = [load_of(row(device, firmware=f"0002013{number}"), hub()) for number in (1, 2)]

    outcomes = at_once(device, *loads)

    assert [type(found) for found in outcomes if not isinstance(found, LoadRefused | IntegrityError)] == [DeviceLoad]
    assert Device.objects.filter(device_id=NEW).count() == 1
    device.refresh_from_db()
    assert device.firmware == ("00020131" if isinstance(outcomes[0], DeviceLoad) else "00020132")


def test_load_goes_through_while_a_person_changes_a_device_of_its_file_again_and_again(device, load_of, by):
    others = [make_device("ZEPH", None) for _ in range(200)]
    loads = [load_of(*(row(each, firmware=firmware) for each in (device, *others))) for firmware in ("0A0B", "0A0C")]
    stopped, saved = threading.Event(), []

    def change() -> None:
        while not stopped.is_set():
            version = version_of(device)
            recording = Recording(msn=f"Z9{version}", kind="correction", source="sheet")
            with scope(by):
                saved.append(
                    record_items(device_id=device.device_id, recording=recording, expected_version=version, by=by)
                )

    with ThreadPoolExecutor(1) as pool:
        person = pool.submit(in_thread, change)
        outcomes = [load() for load in loads]
        stopped.set()
        person.result()

    assert outcomes == [DeviceLoad(0, 201, 0)] * 2
    assert saved
    device.refresh_from_db()
    assert (device.firmware, device.version) == ("0A0C", 1 + len(saved))
    assert agrees(device)


def version_of(device: Device) -> int:
    with system_scope("tests"):
        return Device.objects.values_list("version", flat=True).get(pk=device.pk)


def test_load_that_does_not_get_a_device_lets_go_of_the_others_and_tries_again(device, load_of, monkeypatch):
    monkeypatch.setattr(loading, "PATIENCE", "100ms")
    first = make_device("ZEPH", None)
    load = load_of(row(device, firmware="0A0B"), row(first, firmware="0A0B"))
    with ThreadPoolExecutor(1) as pool:
        with held(device, 1):
            waiting = pool.submit(in_thread, load)
            time.sleep(0.5)
        assert waiting.result() == DeviceLoad(0, 2, 0)


def test_load_that_never_gets_a_device_says_so_and_changes_nothing(device, load_of, monkeypatch):
    monkeypatch.setattr(loading, "PATIENCE", "50ms")
    monkeypatch.setattr(loading, "TRIES", 2)
    load = load_of(row(device, firmware="0A0B"), hub())
    with held(device, 0), pytest.raises(LoadRefused) as refusal:
        load()

    assert refusal.value.problems == [loading.IN_USE]
    assert not Device.objects.filter(device_id=NEW).exists()
    assert not StagedRow.objects.exists()


KILLED = """
import django, os, signal, sys
django.setup()
from pathlib import Path
from inventory.loads import devices
devices._apply_in_time = lambda *given: os.kill(os.getpid(), signal.SIGKILL)
devices.load_devices(Path(sys.argv[1]))
"""


def test_killed_load_leaves_nothing_but_staged_rows_which_are_removed_in_time(device, load_of, tmp_path):
    load_of(row(device, firmware="0A0B"), hub())
    databases = {"DATABASE_URL": database_url(), "DATABASE_OWNER_URL": database_url("owner")}
    given = {"SECRET_KEY": "x" * 50, "PORTAL_URL": "http://127.0.0.1", "DJANGO_SETTINGS_MODULE": "smi_portal.settings"}
    command = [sys.executable, "-c", KILLED, str(tmp_path / "devices0.csv")]

    killed = subprocess.run(command, cwd=settings.BASE_DIR, env=os.environ | given | databases, check=False)

    assert killed.returncode == -signal.SIGKILL
    device.refresh_from_db()
    assert device.firmware == "0002012F"
    assert not Device.objects.filter(device_id=NEW).exists()
    assert StagedRow.objects.count() == StagedDevice.objects.count() == 2
    assert remove_staged(0) == 0
    StagedFile.objects.update(kept_until=timezone.now())
    assert remove_staged(0) == 1
    assert not StagedRow.objects.exists()
    assert not StagedDevice.objects.exists()


def test_staged_rows_are_removed_in_steps(monkeypatch):
    """However many a load has left, no statement and no transaction removes more than a few of them."""
    monkeypatch.setattr(staging, "STEP", 10, raising=False)
    left = StagedFile.objects.create(kept_until=timezone.now())
    kept = StagedFile.objects.create(kept_until=timezone.now() + timedelta(days=1))
    for file, number in ((left, 25), (kept, 3)):
        StagedRow.objects.bulk_create(StagedRow(file=file, line=line, cells=[]) for line in range(number))
        StagedDevice.objects.bulk_create(StagedDevice(file=file, line=line) for line in range(number))
    removed: list[int] = []

    def noted(execute, statement, params, many, context):
        answer = execute(statement, params, many, context)
        if "DELETE FROM" in str(statement):
            removed.append(context["cursor"].rowcount)
        return answer

    with connection.execute_wrapper(noted):
        assert staging.remove_leftovers() == 1

    assert removed == [10, 10, 5, 10, 10, 5, 1]
    assert set(StagedRow.objects.values_list("file", flat=True)) == {kept.pk}
    assert StagedDevice.objects.count() == 3
