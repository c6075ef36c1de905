"""Planned changes of the MAP ID: cancelled before their date, or adopted by the device when it comes."""

from datetime import date

from django.db import connection, transaction

from accounts import clock
from accounts.acting import Acting
from accounts.errors import NotAllowed
from accounts.operator import system_scope
from accounts.waits import or_busy
from inventory.models import Device, StepKind
from inventory.recording.held import held_device
from inventory.recording.steps import MapStep, record_step


@transaction.atomic
def take_back_step(*, device_id: str, valid_from: date, reason: str, expected_version: int, by: Acting) -> Device:
    """Cancel the planned change of the MAP ID from `valid_from`. Raises the same errors as `record_items`."""
    device = held_device(device_id, expected_version, by)
    planned = device.providerperiods.known_now().to_come().filter(valid_from=valid_from).first()
    if planned is None:
        raise NotAllowed("No change of the MAP ID is planned for that date.")
    step = MapStep.of(device, valid_from, planned.participant, StepKind.CANCELLED)
    return record_step(device, step, "", reason, by)


def adopt_due_steps() -> int:
    """Apply planned changes whose date has come to their devices; return the number of devices changed.

    For the operator. A second run changes nothing.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT adopt_today()")
        return cursor.fetchone()[0]


@clock.before_each_day
def adopt_before_scopes() -> None:
    """In each process, before anyone reads devices on a new date. Raises Busy if that takes too long."""
    with or_busy(), system_scope("planned changes of today", via="page", audited=False):
        adopt_due_steps()
