"""Removes the MAP ID of a device, from a date, or because it was wrong from the start; and a wrong MSN."""

from datetime import date

from django.db import transaction

from accounts.acting import Acting, explaining
from accounts.errors import NotAllowed
from inventory.models import Device, StepKind
from inventory.recording.held import held_device
from inventory.recording.steps import MapStep, code_of, record_step
from inventory.trail.notes import note_recorded


@transaction.atomic
def blank_map_id(
    *, device_id: str, kind: StepKind, reason: str, day: date | None, source: str, expected_version: int, by: Acting
) -> Device:
    """Remove the MAP ID of one device, for `reason`: ENDED from `day`, or as a CORRECTION from its beginning.

    Raises the same errors as `record_items`.
    """
    device = held_device(device_id, expected_version, by)
    if device.asset_provider is None:
        raise NotAllowed("No MAP ID is recorded for this device.")
    if kind == StepKind.CORRECTION:
        day = device.map_from
    if day is None:
        raise NotAllowed("Enter the first date on which no MAP provides the meter, for example 23/11/2026.", "day")
    if day < device.map_from:
        raise NotAllowed(f"Enter a date from {device.map_from:%d/%m/%Y}, when the MAP ID began to apply.", "day")
    return record_step(device, MapStep.of(device, day, None, kind), source, reason, by)


@transaction.atomic
def remove_msn(*, device_id: str, reason: str, expected_version: int, by: Acting) -> Device:
    """Remove the MSN of one device, which is wrong, for `reason`. Raises the same errors as `record_items`."""
    device = held_device(device_id, expected_version, by)
    if not device.msn:
        raise NotAllowed("No MSN is recorded for this device.")
    with explaining(kind=StepKind.CORRECTION, source="", reason=reason, code=code_of(device, by)):
        device.msn = ""
        device.save(update_fields=["msn"])
    device.refresh_from_db()
    note_recorded([(device, ["msn"])], by)
    return device
