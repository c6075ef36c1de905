"""Steps of the MAP ID to be written: the device, the date, the participant, and the words about it."""

from datetime import date

from accounts.acting import Acting, explaining
from accounts.models import Participant
from accounts.roles import Role
from inventory.models import Device, ProviderPeriod, StepKind
from inventory.trail.notes import note_recorded


def add_steps(device: Device, steps: list[ProviderPeriod], by: Acting) -> Device:
    """Write the steps. Triggers close those that they replace and write today's step on the device."""
    last = steps[-1]
    with explaining(kind=last.kind, source=last.source, reason=last.reason, code=last.recorded_for):
        ProviderPeriod.objects.bulk_create(steps)
    device.refresh_from_db()
    note_recorded([(device, ["map_id"])], by)
    return device


def step(
    device: Device, day: date, participant: Participant | None, kind: StepKind, source: str, reason: str, by: Acting
) -> ProviderPeriod:
    """Return a step that is known from now on, by the clock of the database."""
    return ProviderPeriod(
        device=device,
        valid_from=day,
        participant=participant,
        kind=kind,
        via=by.origin.via,
        recorded_by=by.user,
        organisation=by.organisation,
        recorded_for=code_of(device, by),
        source=source,
        reason=reason,
    )


def code_of(device: Device, by: Acting) -> str:
    """Return the code of the participant on whose behalf `by` records; `DCC` for the DCC itself."""
    return "DCC" if by.role == Role.DCC else device.supplier.code
