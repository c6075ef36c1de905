"""Steps of the MAP ID to be written: the device, the date, the participant and the kind."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from django.db import connection

from accounts.acting import Acting, explaining
from accounts.models import Participant
from accounts.roles import Role
from inventory.models import Device, StepKind
from inventory.trail.notes import note_recorded

WRITE = "SELECT write_steps('provider', %s::bigint[], %s::date[], %s::bigint[], %s::text[])"


class MapStep(NamedTuple):
    """From `valid_from` the MAP is `participant`, or none. The scope and `explaining` say who records it, and why."""

    device: int
    valid_from: date
    participant: int | None
    kind: str

    @classmethod
    def of(cls, device: Device, day: date, participant: Participant | None, kind: StepKind) -> "MapStep":
        return cls(device.pk, day, participant and participant.pk, str(kind))


def write_steps(steps: Sequence[MapStep]) -> None:
    """Write the steps as sets; a database function closes those that they replace, and updates the devices."""
    with connection.cursor() as cursor:
        cursor.execute(WRITE, [list(column) for column in zip(*steps, strict=True)])


def record_step(device: Device, step: MapStep, source: str, reason: str, by: Acting) -> Device:
    """Write one step, with its words, and note it; return the device as it is now."""
    with explaining(kind=step.kind, source=source, reason=reason, code=code_of(device, by)):
        write_steps([step])
    device.refresh_from_db()
    note_recorded([(device, ["map_id"])], by)
    return device


def code_of(device: Device, by: Acting) -> str:
    """Return the code of the participant on whose behalf `by` records; `DCC` for the DCC itself."""
    return "DCC" if by.role == Role.DCC else device.supplier.code
