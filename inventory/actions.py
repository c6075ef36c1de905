"""The verbs of the inventory: who may write what, in one transaction each."""

from datetime import date

from django.db import transaction
from django.utils import timezone

from accounts.acting import Acting
from accounts.errors import NotAllowed, Stale
from accounts.roles import Role
from inventory.models import Device
from inventory.recording import Assessment, Recording, assess


@transaction.atomic
def record_items(*, device_id: str, recording: Recording, expected_version: int, by: Acting) -> Device:
    """Record or replace MAP ID and MSN of one device.

    Raises Device.DoesNotExist when it is not (or no longer) in the scope of `by`, Stale when its version is not
    `expected_version`, NotAllowed with the first sentence of what the rules refuse.
    """
    device = _locked(device_id, expected_version, by)
    assessment = assess(device, recording, by)
    if assessment.problems:
        field, sentence = assessment.problems[0]
        raise NotAllowed(sentence, field or None)
    if assessment.msn:
        _write_msn(device, assessment.msn, recording, by)
    if assessment.participant:
        _write_map_id(device, assessment, recording, by)
    return _save(device)


@transaction.atomic
def blank_map_id(*, device_id: str, reason: str, day: date, source: str, expected_version: int, by: Acting) -> Device:
    """Take the MAP ID of one device away from `day` on, for `reason`. Raises like `record_items`."""
    device = _locked(device_id, expected_version, by)
    if device.asset_provider is None:
        raise NotAllowed("No MAP ID is recorded for this device.")
    if day < device.map_from:
        raise NotAllowed("The day is before the MAP ID began to apply. If it was never right, use that day.", "day")
    if day > timezone.localdate():
        raise NotAllowed("The day is in the future. Blank the MAP ID on or after that day.", "day")
    device.asset_provider, device.map_from, device.map_blank_from = None, None, day
    device.map_reason, device.map_source = reason, source
    _sign(device, "map", by)
    return _save(device)


def _locked(device_id: str, expected_version: int, by: Acting) -> Device:
    """The device for update, in the scope of `by`; out of scope comes before stale."""
    visible = Device.objects.visible_to(by).with_parties().select_for_update(of=("self",))
    device = visible.get(device_id=device_id)
    if device.version != expected_version:
        raise Stale
    return device


def _write_msn(device: Device, msn: str, recording: Recording, by: Acting) -> None:
    device.msn, device.msn_source = msn, recording.source
    _sign(device, "msn", by)


def _write_map_id(device: Device, assessment: Assessment, recording: Recording, by: Acting) -> None:
    device.asset_provider, device.map_from = assessment.participant, assessment.map_from
    device.map_source, device.map_reason, device.map_blank_from = recording.source, recording.reason, None
    _sign(device, "map", by)


def _sign(device: Device, item: str, by: Acting) -> None:
    """Note who recorded the item, on whose behalf and when."""
    setattr(device, f"{item}_recorded_at", timezone.now())
    setattr(device, f"{item}_recorded_by", by.user)
    setattr(device, f"{item}_recorded_for", "DCC" if by.role == Role.DCC else device.supplier.code)


def _save(device: Device) -> Device:
    device.version += 1
    written = ["asset_provider", "map_from", "map_blank_from", "map_reason", "map_source", "msn", "msn_source"]
    signed = [f"{item}_recorded_{part}" for item in ("map", "msn") for part in ("at", "by", "for")]
    device.save(update_fields=[*written, *signed, "version"])
    return device
