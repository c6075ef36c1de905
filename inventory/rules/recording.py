"""What someone asks to record, read and judged: MAP ID and MSN of one device or of many, by the table of rules."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from difflib import get_close_matches
from functools import partial

from django.utils.formats import date_format

from accounts import clock
from accounts.acting import Acting
from accounts.errors import Problem
from accounts.models import Fuel, Participant
from accounts.roles import Permission, Role
from inventory.identifiers import InvalidIdentifier, parse_map_id, parse_msn
from inventory.models import Device, StepKind
from inventory.rules.check import Finding, check
from inventory.rules.rule import Kind


@dataclass(frozen=True, kw_only=True)
class Recording:
    """What someone asks to record; an item that is None does not change."""

    msn: str | None = None
    map_id: str | None = None
    map_from: date | None = None
    kind: StepKind | None = None
    source: str = ""
    reason: str = ""
    confirmed: bool = True  # what is doubtful; pages ask by a page of its own
    refused: tuple[Problem, ...] = ()  # already, by its form; the rest is judged all the same


@dataclass(frozen=True)
class BatchEntry:
    """One device of a batch, as it was when its sender read it."""

    device_id: str | None  # None, like the version, where it could not be read
    recording: Recording
    expected_version: int | None


@dataclass(frozen=True)
class ItemChange:
    """One item before and after, for the page that asks to confirm."""

    label: str
    before: str
    after: str

    @property
    def replaces(self) -> bool:
        return bool(self.before)


@dataclass
class Assessment:
    """What a recording would do: `problems` stop it, `warnings` ask to confirm it."""

    changes: list[ItemChange] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    msn: str | None = None
    participant: Participant | None = None
    map_from: date | None = None
    refused: frozenset[str] = frozenset()

    def refuse(self, item: str, code: str, sentence: str, suggestion: str = "") -> None:
        """Add a problem with an item, unless it has been refused already."""
        if item not in self.refused:
            self.problems.append(Problem(sentence, code, item, suggestion))

    @property
    def items(self) -> list[str]:
        """The names of the items it would write."""
        return [name for name, new in (("msn", self.msn), ("map_id", self.participant)) if new]

    @property
    def needs_confirmation(self) -> bool:
        return bool(self.warnings) or any(change.replaces for change in self.changes)

    @property
    def replaces(self) -> bool:
        return any(change.replaces for change in self.changes)


def assess(device: Device, recording: Recording, by: Acting) -> Assessment:
    """Check `recording` against every rule and the list of all MAPs; all problems at once."""
    (assessment,) = assess_all([(device, recording)], by)
    return assessment


def assess_all(asked: Sequence[tuple[Device, Recording]], by: Acting) -> list[Assessment]:
    """Check many recordings, each of another device, by one statement."""
    read = [_read(device, recording, by) for device, recording in asked]
    found = check([row for row, _ in read]) if read else []
    return [
        _assessed(device, recording, finding, unread, by)
        for (device, recording), finding, (_, unread) in zip(asked, found, read, strict=True)
    ]


def _read(device: Device, recording: Recording, by: Acting) -> tuple[dict[str, object], list[Problem]]:
    """Return the row to check, and the problems with what could not be read of it."""
    recorded = device.asset_provider
    unread: list[Problem] = []
    msn, map_id = _touched(recording.msn, device.msn), _touched(recording.map_id, recorded)
    if msn and device.is_meter:
        msn = _identifier(msn, partial(parse_msn, fuel=device.fuel), "msn", unread)
    if map_id and device.takes_map_id:
        map_id = _identifier(map_id, partial(parse_map_id, fuel=device.fuel), "map_id", unread)
    row = {
        "fuel": device.fuel or None, "fuel_name": device.fuel_name, "generation": str(device.smets_generation or "1"),
        "installed_on": device.installed_on, "known_msn": device.msn,
        "known_map_id": recorded.code if recorded else None, "known_map_from": device.map_from,
        "msn": msn, "map_id": map_id, "map_from": recording.map_from, "kind": recording.kind,
        "source": recording.source.strip(), "reason": recording.reason.strip(),
        "is_unread": bool(unread or recording.refused), "by_dcc": by.role == Role.DCC,
    }  # fmt: skip
    return row, unread


def _touched(given: str | None, recorded: object) -> str | None:
    """Return what was given, or None for an item that stays as it is: left out, or empty as before."""
    return None if given is None or not (given.strip() or recorded) else given if given.strip() else ""


def _identifier(given: str, parse: Callable[[str], str], item: str, unread: list[Problem]) -> str | None:
    try:
        return parse(given)
    except InvalidIdentifier as invalid:
        unread.append(Problem(str(invalid), invalid.code, item, invalid.suggestion))
        return None


def _assessed(
    device: Device, recording: Recording, finding: Finding, unread: Sequence[Problem], by: Acting
) -> Assessment:
    result = Assessment(problems=list(recording.refused), refused=frozenset(p.item for p in recording.refused))
    result.participant, result.map_from = finding.participant, finding.participant and finding.map_day
    if finding.writes_msn:
        result.msn = str(finding.values["msn"])
    result.changes = _changes(device, result)
    for problem in sorted(_problems(device, recording, finding, unread), key=lambda one: one.item != "msn"):
        result.refuse(problem.item, problem.code, problem.sentence, problem.suggestion)
    result.warnings = [finding.sentence_of(rule) for rule in finding.broken if rule.kind == Kind.CONFIRMS]
    if not by.may(Permission.REPLACE_ITEM if result.replaces else Permission.RECORD_ITEM):
        result.refuse("", "not_allowed", "You do not have permission to do this.")
    for warning in () if recording.confirmed else result.warnings:
        result.refuse("confirm", "needs_confirmation", warning)
    if not result.changes and not result.problems:
        result.refuse("", "no_change", "You have not changed anything.")
    return result


def _problems(device: Device, recording: Recording, finding: Finding, unread: Sequence[Problem]) -> Iterator[Problem]:
    """Yield what refuses the recording; a MAP ID that is unknown comes with similar ones of the list."""
    for problem in unread:
        near = _similar(recording.map_id, device.fuel) if problem.item == "map_id" else problem.suggestion
        yield replace(problem, suggestion=near)
    for rule in finding.broken:
        if rule.kind == Kind.REFUSES:
            near = _similar(str(finding.values["map_id"]), device.fuel) if rule.code == "not_listed" else ""
            yield Problem(finding.sentence_of(rule), rule.code, rule.item, near)


def _changes(device: Device, result: Assessment) -> list[ItemChange]:
    changes = [ItemChange("MSN", device.msn, result.msn)] if result.msn else []
    if result.participant:
        before = device.asset_provider.code if device.asset_provider else ""
        if result.participant.code != before:
            changes.append(ItemChange("MAP ID", before, result.participant.code))
        if result.map_from != device.map_from:
            shown = _shown(device.map_from) if device.map_from else ""
            changes.append(ItemChange("MAP ID applies from", shown, _shown(result.map_from)))
    return changes


def _similar(typed: str, fuel: Fuel) -> str:
    """Return similar codes of the list of all MAPs, never codes found on devices."""
    listed = Participant.objects.filter(role=Role.MAP, fuel=fuel, kind=Participant.Kind.LIVE)
    today = clock.today()
    names = {entry.code: entry.name for entry in listed if entry.in_force(today)}
    near = get_close_matches(typed.strip().upper()[:8], names, n=3, cutoff=0.6)
    return ", ".join(f"{code} ({names[code]})" for code in near)


def _shown(day: date) -> str:
    return date_format(day, "DATE_FORMAT")
