"""Writes what was assessed, for one device or many, in sets: one statement for all entries with the same words."""

from collections import defaultdict
from dataclasses import dataclass

from django.db import connection

from accounts import clock
from accounts.acting import Acting, explaining
from accounts.errors import NotAllowed, Problem
from inventory.models import Device, StepKind
from inventory.recording.steps import MapStep, code_of, write_steps
from inventory.rules.recording import Assessment, Recording
from inventory.trail.notes import note_recorded

EARLIER = "An earlier period of the MAP ID begins after this date. Enter a later date."
LATER = "A later period of the MAP ID is already recorded. Enter the date on which it begins, or a later one."
SET_MSN = """
UPDATE inventory_device AS d SET msn = given.msn FROM unnest(%s::bigint[], %s::text[]) AS given (id, msn)
WHERE d.id = given.id
"""


@dataclass(frozen=True)
class Work:
    """A device held for update, the recording asked for, and its assessment; `part` names its place in a batch."""

    device: Device
    recording: Recording
    assessment: Assessment
    part: str = ""


def write(works: list[Work], by: Acting) -> list[Device]:
    """Write in sets: one statement for all entries with the same words."""
    msns, steps = defaultdict(list), defaultdict(list)
    for work in works:
        if work.assessment.msn:
            msns[_words(work, by, recorded=work.device.msn)].append((work.device.pk, work.assessment.msn))
        if work.assessment.participant:
            steps[_words(work, by, recorded=work.device.asset_provider)] += _steps_of(work)
    for words, values in msns.items():
        with explaining(**dict(words)), connection.cursor() as cursor:
            cursor.execute(SET_MSN, [list(column) for column in zip(*values, strict=True)])
    for words, group in steps.items():
        with explaining(**dict(words)):
            write_steps(group)
    changed = Device.objects.with_parties().in_bulk([work.device.pk for work in works])
    _refuse_hidden(works, changed)
    note_recorded([(changed[work.device.pk], work.assessment.items) for work in works], by)
    return [changed[work.device.pk] for work in works]


def _words(work: Work, by: Acting, *, recorded: object) -> tuple[tuple[str, str], ...]:
    """Return the words that history keeps about a write; they depend on whether the item was `recorded` before."""
    kind = (work.recording.kind or StepKind.CORRECTION) if recorded else StepKind.FIRST
    said = {"kind": kind, "source": work.recording.source, "reason": work.recording.reason}
    return tuple((said | {"code": code_of(work.device, by)}).items())


def _steps_of(work: Work) -> list[MapStep]:
    """Return the step; if a correction moves the date, also one that cancels the step at the former date."""
    device, day = work.device, work.assessment.map_from
    kind = work.recording.kind if device.asset_provider else StepKind.FIRST
    steps = [MapStep.of(device, day, work.assessment.participant, kind)]
    if kind == StepKind.CORRECTION and day != device.map_from:
        steps.append(MapStep.of(device, device.map_from, device.asset_provider, StepKind.CANCELLED))
    return steps


def _refuse_hidden(works: list[Work], changed: dict[int, Device]) -> None:
    """Refuse a step that would be recorded without effect today, because another one hides it."""
    problems = []
    for work in works:
        now, asked = changed[work.device.pk], work.assessment
        if asked.participant is None or asked.map_from > clock.today():
            continue
        if (now.asset_provider_id, now.map_from) != (asked.participant.pk, asked.map_from):
            sentence = EARLIER if work.device.asset_provider else LATER
            problems.append(Problem(sentence, "hidden", "map_from").of_part(work.part))
    if problems:
        raise NotAllowed.because(problems)
