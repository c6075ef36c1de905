"""Records or replaces MAP ID and MSN of one device."""

from django.db import transaction

from accounts.acting import Acting
from accounts.errors import NotAllowed
from inventory.models import Device
from inventory.recording.held import held_device
from inventory.recording.writing import Work, write
from inventory.rules.recording import Recording, assess


@transaction.atomic
def record_items(*, device_id: str, recording: Recording, expected_version: int, by: Acting) -> Device:
    """Record or replace MAP ID and MSN of one device.

    Raises Device.DoesNotExist if it is not (or no longer) in the scope of `by`, Stale if its version is not
    `expected_version`, NotAllowed with all refusals of the rules.
    """
    device = held_device(device_id, expected_version, by)
    assessment = assess(device, recording, by)
    if assessment.problems:
        raise NotAllowed.because(assessment.problems)
    (changed,) = write([Work(device, recording, assessment)], by)
    return changed
