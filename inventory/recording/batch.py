"""Records or replaces MAP ID and MSN of many devices: all of them, or none."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from django.db import transaction

from accounts.acting import Acting
from accounts.errors import NotAllowed, Problem
from inventory.models import Device
from inventory.recording.writing import Work, write
from inventory.rules.recording import BatchEntry, assess_all

NOT_THERE = Problem("This device does not exist, or it is outside your scope.", "not_found", "device_id")
CHANGED = Problem("This device has been changed since you read it. Read it again.", "stale", "version")
TWICE = Problem("This device is in the batch more than once.", "repeated", "device_id")


@transaction.atomic
def record_batch(*, entries: Sequence[BatchEntry], by: Acting) -> list[Device]:
    """Record or replace MAP ID and MSN of many devices, in their order: all of them, or none.

    Raises NotAllowed with every problem; items begin with the number of the entry, such as `3/map_id`.
    """
    names = [entry.device_id for entry in entries]
    visible = Device.objects.visible_to(by).with_parties().order_by("pk").select_for_update(of=("self",))
    held = {device.device_id: device for device in visible.filter(device_id__in=names)}
    times = Counter(names)
    unfit = [_unfit(held.get(entry.device_id), entry, twice=times[entry.device_id] > 1) for entry in entries]
    works = _assessed(entries, held, unfit, by)
    problems = []
    for number, entry in enumerate(entries):
        work = works.get(number)
        found = work.assessment.problems if work else [*unfit[number], *entry.recording.refused]
        problems += [problem.of_part(str(number)) for problem in found]
    if problems:
        raise NotAllowed.because(problems)
    return write(list(works.values()), by)


def _assessed(
    entries: Sequence[BatchEntry], held: dict[str, Device], unfit: Sequence[list[Problem]], by: Acting
) -> dict[int, Work]:
    """Assess what is asked of each device that is there once, by the number of its entry."""
    asked = {
        number: (held[entry.device_id], replace(entry.recording, refused=(*found, *entry.recording.refused)))
        for number, (entry, found) in enumerate(zip(entries, unfit, strict=True))
        if entry.device_id in held and TWICE not in found
    }
    assessments = assess_all(list(asked.values()), by)
    return {
        number: Work(device, recording, assessment, str(number))
        for (number, (device, recording)), assessment in zip(asked.items(), assessments, strict=True)
    }


def _unfit(device: Device | None, entry: BatchEntry, *, twice: bool) -> list[Problem]:
    """Return the problems with the device and the version that an entry names, as far as they could be read."""
    if entry.device_id is None:
        return []
    if twice or device is None:
        return [TWICE if twice else NOT_THERE]
    return [CHANGED] if entry.expected_version not in (None, device.version) else []
