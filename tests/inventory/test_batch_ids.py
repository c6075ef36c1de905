"""All that one request, batch or load writes carries one id, by which it is found again."""

import csv
from pathlib import Path
from uuid import UUID

import pytest

from accounts.acting import Acting, Origin, scope
from accounts.models.audit import AuditRow
from accounts.roles import Job
from inventory.loads.devices import REQUIRED_HEADER, load_devices
from inventory.models import Device, DeviceEvent, ProviderPeriod, SupplyPeriod
from inventory.recording.batch import record_batch
from inventory.rules.recording import BatchEntry, Recording
from inventory.trail.kinds import DeviceAuditKind
from tests.factories import make_device, make_membership

pytestmark = pytest.mark.usefixtures("operator")


@pytest.fixture
def devices(supplier, asset_provider) -> list[Device]:
    return [make_device("ZEPH", None, msn="") for _ in range(3)]


def one_more_request(supplier) -> Acting:
    """Somebody's next request."""
    membership = make_membership(supplier, Job.EDITOR)
    return Acting(supplier, Job.EDITOR, membership.user, membership.pk, Origin("api"))


def record(devices: list[Device], by: Acting, **items: str) -> None:
    entries = [BatchEntry(device.device_id, Recording(**items), None) for device in devices]
    with scope(by):
        record_batch(entries=entries, by=by)


def test_batch_is_found_whole_by_its_id(devices, supplier):
    first, second = one_more_request(supplier), one_more_request(supplier)

    record(devices[:2], first, map_id="ZMAP", msn="Z77")
    record(devices[2:], second, map_id="ZMAP")

    batch, found = first.origin.batch, {device.pk for device in devices[:2]}
    assert batch != second.origin.batch
    assert set(ProviderPeriod.objects.filter(batch=batch).values_list("device", flat=True)) == found
    assert set(DeviceEvent.objects.filter(pgh_batch=batch).values_list("pgh_obj", flat=True)) == found
    rows = AuditRow.objects.filter(batch=batch, kind=DeviceAuditKind.ITEMS_RECORDED)
    assert set(rows.values_list("device_id", flat=True)) == {device.device_id for device in devices[:2]}


def test_requests_of_one_person_are_batches_apart(devices, supplier, sign_in):
    browser = sign_in(supplier, Job.EDITOR)
    for device in devices:
        form = {"version": 1, "msn": "", "map_id": "ZMAP", "map_from": "2024-03-01", "source": "contract 9"}
        assert browser.submit(f"/devices/{device.device_id}/edit/confirm/", form).status_code == 302

    batches = list(ProviderPeriod.objects.values_list("batch", flat=True))
    assert len(set(batches)) == len(devices)
    assert all(isinstance(batch, UUID) for batch in batches)


def test_load_is_found_whole_by_its_id(devices, tmp_path):
    load_devices(written(tmp_path, [{"device_id": devices[0].device_id, "firmware": "00020139"}, NEW]))

    (batch,) = AuditRow.objects.filter(kind=DeviceAuditKind.DEVICES_LOADED).values_list("batch", flat=True)
    new = Device.objects.get(device_id=NEW["device_id"])
    assert set(DeviceEvent.objects.filter(pgh_batch=batch).values_list("pgh_obj", flat=True)) == {devices[0].pk, new.pk}
    assert SupplyPeriod.objects.get(batch=batch).device == new


NEW = {"device_id": "00-DB-12-FF-FF-FF-FF-00", "device_type": "CHF", "status": "Pending", "status_from": "2025-01-01"}
NEW |= {"supplier_id": "ZEPH"}


def written(folder: Path, rows: list[dict[str, str]]) -> Path:
    path = folder / "devices.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, REQUIRED_HEADER, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path
