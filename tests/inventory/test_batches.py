"""Many devices recorded at once, as sets."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.acting import Acting, scope
from accounts.audit import noting as audit
from accounts.models.audit import AuditRow
from inventory.models import Device
from inventory.recording.batch import record_batch
from inventory.rules.recording import BatchEntry, Recording
from inventory.trail.kinds import DeviceAuditKind
from tests.factories import make_device

pytestmark = pytest.mark.usefixtures("operator")


@pytest.fixture
def editor(supplier, asset_provider, acting) -> Acting:
    return acting(supplier)


def entries(devices: list[Device]) -> list[BatchEntry]:
    return [
        BatchEntry(device.device_id, Recording(msn=f"Z9{number:06}", map_id="ZMAP"), device.version)
        for number, device in enumerate(devices)
    ]


def record_in_scope(devices: list[Device], by: Acting) -> list[Device]:
    with scope(by):
        return record_batch(entries=entries(devices), by=by)


def test_each_device_of_a_batch_has_its_row_in_the_audit_trail(editor, monkeypatch):
    monkeypatch.setattr(audit, "AT_ONCE", 2)
    devices = [make_device(map_id=None, msn="") for _ in range(5)][::-1]

    changed = record_in_scope(devices, editor)

    rows = AuditRow.objects.filter(kind=DeviceAuditKind.ITEMS_RECORDED).order_by("pk")
    assert [row.device_id for row in rows] == [device.device_id for device in devices]
    assert [row.version for row in rows] == [device.version for device in changed]
    for row in rows:
        assert (row.person_id, row.organisation_id) == (editor.user.pk, editor.organisation.pk)
        assert (row.details, row.hashes) == ({"items": ["msn", "map_id"]}, {})


def test_batch_costs_the_same_number_of_queries_for_two_and_for_twenty(editor):
    costs = []
    assert editor.participants  # asked for once
    for number in (2, 20):
        devices = [make_device(map_id=None, msn="") for _ in range(number)]
        with CaptureQueriesContext(connection) as queries:
            record_in_scope(devices, editor)
        costs.append(len(queries))

    assert costs[0] == costs[1]
