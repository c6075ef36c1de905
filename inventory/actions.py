"""The verbs of the inventory: who may write what, in one transaction each."""

from datetime import date

from django.db import connection, transaction
from django.utils import timezone

from accounts.acting import Acting, noting
from accounts.audit import record
from accounts.audit.models import Kind as Act
from accounts.errors import NotAllowed, Stale
from accounts.models import Participant
from accounts.roles import Role
from inventory.models import Device, Kind, ProviderPeriod
from inventory.recording import Assessment, Recording, assess

EARLIER = "An earlier period of the MAP ID begins after that day. Give a later day."
LATER = "A later period of the MAP ID is recorded already. Give its day or a later one."


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
    items = [name for name, new in (("msn", assessment.msn), ("map_id", assessment.participant)) if new]
    return _audited(device, by, *items)


@transaction.atomic
def blank_map_id(
    *, device_id: str, kind: Kind, reason: str, day: date | None, source: str, expected_version: int, by: Acting
) -> Device:
    """Take the MAP ID of one device away, for `reason`: ENDED from `day` on, or as a CORRECTION from its beginning.

    Raises like `record_items`.
    """
    device = _locked(device_id, expected_version, by)
    if device.asset_provider is None:
        raise NotAllowed("No MAP ID is recorded for this device.")
    if kind == Kind.CORRECTION:
        day = device.map_from
    if day is None:
        raise NotAllowed("Give the first day on which no MAP provides the meter, such as 23/11/2026.", "day")
    if day < device.map_from:
        raise NotAllowed("The day is before the MAP ID began to apply. If it was never right, say so.", "day")
    _add_steps(device, [_step(device, day, None, kind, source, reason, by)])
    return _audited(device, by, "map_id")


@transaction.atomic
def take_back_step(*, device_id: str, valid_from: date, reason: str, expected_version: int, by: Acting) -> Device:
    """Cancel the step of the MAP ID that is to begin on a day to come. Raises like `record_items`."""
    device = _locked(device_id, expected_version, by)
    step = device.providerperiods.known_now().to_come().filter(valid_from=valid_from).first()
    if step is None:
        raise NotAllowed("No change of the MAP ID is to begin on that day.")
    _add_steps(device, [_step(device, valid_from, step.participant, Kind.CANCELLED, "", reason, by)])
    return _audited(device, by, "map_id")


def adopt_due_steps() -> int:
    """Let the steps that have begun since they were recorded stand on their devices; how many devices changed.

    The operator's: runs shortly after each UK midnight, and does nothing a second time.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT adopt_provider_steps(due_steps('inventory_providerperiod'), true)")
        (providers,) = cursor.fetchone()
        cursor.execute("SELECT adopt_supply_steps(due_steps('inventory_supplyperiod'), true)")
        (suppliers,) = cursor.fetchone()
    return providers + suppliers


def _locked(device_id: str, expected_version: int, by: Acting) -> Device:
    """The device for update, in the scope of `by`; out of scope comes before stale."""
    visible = Device.objects.visible_to(by).with_parties().select_for_update(of=("self",))
    device = visible.get(device_id=device_id)
    if device.version != expected_version:
        raise Stale
    return device


def _audited(device: Device, by: Acting, *items: str) -> Device:
    """The device as it is now; the audit trail names it, the items and its version, never a value."""
    device.refresh_from_db()
    record(Act.ITEMS_RECORDED, by=by, device_id=device.device_id, version=device.version, items=items)
    return device


def _write_msn(device: Device, msn: str, recording: Recording, by: Acting) -> None:
    kind = (recording.kind or Kind.CORRECTION) if device.msn else Kind.FIRST
    with noting(kind=kind, source=recording.source, reason=recording.reason, code=_code(device, by)):
        device.msn = msn
        device.save(update_fields=["msn"])


def _write_map_id(device: Device, assessment: Assessment, recording: Recording, by: Acting) -> None:
    """One step; and where a correction moves the day, the step at the former day is taken back."""
    kind = recording.kind if device.asset_provider else Kind.FIRST
    words = (kind, recording.source, recording.reason, by)
    steps = [_step(device, assessment.map_from, assessment.participant, *words)]
    if kind == Kind.CORRECTION and assessment.map_from != device.map_from:
        moved = (Kind.CANCELLED, recording.source, recording.reason, by)
        steps.insert(0, _step(device, device.map_from, device.asset_provider, *moved))
    _add_steps(device, steps)
    _refuse_hidden(device, assessment)


def _add_steps(device: Device, steps: list[ProviderPeriod]) -> None:
    """Triggers close what the steps replace and write today's on the device; history has the words too."""
    last = steps[-1]
    with noting(kind=last.kind, source=last.source, reason=last.reason, code=last.recorded_for):
        ProviderPeriod.objects.bulk_create(steps)


def _refuse_hidden(device: Device, assessment: Assessment) -> None:
    """A step that another one hides today would be recorded and not hold."""
    if assessment.map_from > timezone.localdate():
        return
    today = Device.objects.only("asset_provider", "map_from").get(pk=device.pk)
    if (today.asset_provider_id, today.map_from) != (assessment.participant.pk, assessment.map_from):
        raise NotAllowed(EARLIER if device.asset_provider else LATER, "map_from")


def _step(
    device: Device, day: date, participant: Participant | None, kind: Kind, source: str, reason: str, by: Acting
) -> ProviderPeriod:
    """A step whose `known` the database begins now."""
    return ProviderPeriod(
        device=device,
        valid_from=day,
        participant=participant,
        kind=kind,
        via=by.origin.via,
        recorded_by=by.user,
        organisation=by.organisation,
        recorded_for=_code(device, by),
        source=source,
        reason=reason,
    )


def _code(device: Device, by: Acting) -> str:
    return "DCC" if by.role == Role.DCC else device.supplier.code
