"""The verbs of the inventory: who may write what, in one transaction each."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from django.db import connection, transaction
from django.utils import timezone

from accounts.acting import Acting, noting
from accounts.audit import record_of_devices
from accounts.audit.models import Kind as Act
from accounts.errors import NotAllowed, Problem, Stale
from accounts.models import Participant
from accounts.roles import Role
from inventory.models import Device, Kind, ProviderPeriod
from inventory.recording import Assessment, Entry, Recording, all_maps, assess

EARLIER = "An earlier period of the MAP ID begins after that day. Give a later day."
LATER = "A later period of the MAP ID is recorded already. Give its day or a later one."
NOT_THERE = Problem("There is no such device in your scope.", "not_found", "device_id")
CHANGED = Problem("It has been changed since you read it. Read it again.", "stale", "version")
TWICE = Problem("This device stands in the batch more than once.", "repeated", "device_id")
SET_MSN = """
UPDATE inventory_device AS d SET msn = given.msn FROM unnest(%s::bigint[], %s::text[]) AS given (id, msn)
WHERE d.id = given.id
"""


@dataclass(frozen=True)
class Work:
    """A device held for update, what is asked for it, and what that would do; `part` of a batch."""

    device: Device
    recording: Recording
    assessment: Assessment
    part: str = ""


@transaction.atomic
def record_items(*, device_id: str, recording: Recording, expected_version: int, by: Acting) -> Device:
    """Record or replace MAP ID and MSN of one device.

    Raises Device.DoesNotExist when it is not (or no longer) in the scope of `by`, Stale when its version is not
    `expected_version`, NotAllowed with all that the rules refuse.
    """
    device = _locked(device_id, expected_version, by)
    assessment = assess(device, recording, by)
    if assessment.problems:
        raise NotAllowed.because(assessment.problems)
    (changed,) = _record([Work(device, recording, assessment)], by)
    return changed


@transaction.atomic
def record_batch(*, entries: Sequence[Entry], by: Acting) -> list[Device]:
    """The same for many devices, in their order: all of them, or none.

    Raises NotAllowed with every problem; the items begin with the number of the entry, such as `3/map_id`.
    """
    names = [entry.device_id for entry in entries]
    visible = Device.objects.visible_to(by).with_parties().order_by("pk").select_for_update(of=("self",))
    held = {device.device_id: device for device in visible.filter(device_id__in=names)}
    maps, times = all_maps(), Counter(names)
    works, problems = [], []
    for number, entry in enumerate(entries):
        device = held.get(entry.device_id)
        found = [*_unfit(device, entry, twice=times[entry.device_id] > 1), *entry.recording.refused]
        if device is not None and TWICE not in found:
            recording = replace(entry.recording, refused=tuple(found))
            works.append(Work(device, recording, assess(device, recording, by, maps), str(number)))
            found = works[-1].assessment.problems
        problems += [problem.of_part(str(number)) for problem in found]
    if problems:
        raise NotAllowed.because(problems)
    return _record(works, by)


def _unfit(device: Device | None, entry: Entry, *, twice: bool) -> list[Problem]:
    """What is wrong with the device or the version that an entry names, as far as they could be read."""
    if entry.device_id is None:
        return []
    if twice or device is None:
        return [TWICE if twice else NOT_THERE]
    return [CHANGED] if entry.expected_version not in (None, device.version) else []


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
    return _add_steps(device, [_step(device, day, None, kind, source, reason, by)], by)


@transaction.atomic
def take_back_step(*, device_id: str, valid_from: date, reason: str, expected_version: int, by: Acting) -> Device:
    """Cancel the step of the MAP ID that is to begin on a day to come. Raises like `record_items`."""
    device = _locked(device_id, expected_version, by)
    step = device.providerperiods.known_now().to_come().filter(valid_from=valid_from).first()
    if step is None:
        raise NotAllowed("No change of the MAP ID is to begin on that day.")
    return _add_steps(device, [_step(device, valid_from, step.participant, Kind.CANCELLED, "", reason, by)], by)


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


def _record(works: list[Work], by: Acting) -> list[Device]:
    """Writes as sets: one statement for all that has the same words."""
    msns, steps = defaultdict(list), defaultdict(list)
    for work in works:
        if work.assessment.msn:
            msns[_words(work, by, recorded=work.device.msn)].append((work.device.pk, work.assessment.msn))
        if work.assessment.participant:
            steps[_words(work, by, recorded=work.device.asset_provider)] += _steps_of(work, by)
    for words, values in msns.items():
        with noting(**dict(words)), connection.cursor() as cursor:
            cursor.execute(SET_MSN, [list(column) for column in zip(*values, strict=True)])
    for words, group in steps.items():
        with noting(**dict(words)):
            ProviderPeriod.objects.bulk_create(group)
    changed = Device.objects.with_parties().in_bulk([work.device.pk for work in works])
    _refuse_hidden(works, changed)
    _audit([(changed[work.device.pk], work.assessment.items) for work in works], by)
    return [changed[work.device.pk] for work in works]


def _words(work: Work, by: Acting, *, recorded: object) -> tuple[tuple[str, str], ...]:
    """What history keeps of a write of an item that had been `recorded`, or had not."""
    kind = (work.recording.kind or Kind.CORRECTION) if recorded else Kind.FIRST
    said = {"kind": kind, "source": work.recording.source, "reason": work.recording.reason}
    return tuple((said | {"code": _code(work.device, by)}).items())


def _steps_of(work: Work, by: Acting) -> list[ProviderPeriod]:
    """One step; and where a correction moves the day, the step at the former day is taken back."""
    device, given, day = work.device, work.recording, work.assessment.map_from
    kind = given.kind if device.asset_provider else Kind.FIRST
    steps = [_step(device, day, work.assessment.participant, kind, given.source, given.reason, by)]
    if kind == Kind.CORRECTION and day != device.map_from:
        former = (device.map_from, device.asset_provider, Kind.CANCELLED)
        steps.insert(0, _step(device, *former, given.source, given.reason, by))
    return steps


def _refuse_hidden(works: list[Work], changed: dict[int, Device]) -> None:
    """A step that another one hides today would be recorded and not hold."""
    problems = []
    for work in works:
        now, asked = changed[work.device.pk], work.assessment
        if asked.participant is None or asked.map_from > timezone.localdate():
            continue
        if (now.asset_provider_id, now.map_from) != (asked.participant.pk, asked.map_from):
            sentence = EARLIER if work.device.asset_provider else LATER
            problems.append(Problem(sentence, "hidden", "map_from").of_part(work.part))
    if problems:
        raise NotAllowed.because(problems)


def _audit(changed: list[tuple[Device, list[str]]], by: Acting) -> None:
    """The audit trail names each device, its version now and the items, never a value."""
    rows = [(device.device_id, device.version, {"items": items}) for device, items in changed]
    record_of_devices(Act.ITEMS_RECORDED, rows, by=by)


def _add_steps(device: Device, steps: list[ProviderPeriod], by: Acting) -> Device:
    """Triggers close what the steps replace and write today's on the device; history has the words too."""
    last = steps[-1]
    with noting(kind=last.kind, source=last.source, reason=last.reason, code=last.recorded_for):
        ProviderPeriod.objects.bulk_create(steps)
    device.refresh_from_db()
    _audit([(device, ["map_id"])], by)
    return device


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
