"""What can be recorded for a device: the rules for MAP ID and MSN, each with the sentence that the user reads."""

from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches

from django.conf import settings
from django.utils.formats import date_format

from accounts import clock
from accounts.acting import Acting
from accounts.errors import Problem
from accounts.models import Fuel, Participant
from accounts.roles import Permission, Role
from inventory.identifiers import InvalidIdentifier, parse_map_id, parse_msn
from inventory.models import Device, StepKind


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
    listed: dict[str, list[Participant]] = field(default_factory=dict)  # of all MAPs, those for the device's fuel
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


Maps = dict[str, dict[str, list[Participant]]]  # fuel → code → entries of the list


def all_maps() -> Maps:
    """Return the list of all MAPs, a few hundred entries, read at once."""
    maps: Maps = {fuel: {} for fuel in Fuel.values}
    for entry in Participant.objects.filter(role=Role.MAP):
        maps[entry.fuel].setdefault(entry.code, []).append(entry)
    return maps


def assess(device: Device, recording: Recording, by: Acting, maps: Maps | None = None) -> Assessment:
    """Check `recording` against every rule and the list of all MAPs; all problems at once."""
    result = Assessment(problems=list(recording.refused), refused=frozenset(p.item for p in recording.refused))
    if recording.map_id:
        result.listed = (all_maps() if maps is None else maps).get(device.fuel, {})
    _assess_msn(result, device, recording)
    _assess_map_id(result, device, recording)
    _assess_change(result, device, recording)
    _assess_reasons(result, recording, by)
    for warning in () if recording.confirmed else result.warnings:
        result.refuse("confirm", "needs_confirmation", warning)
    if not result.changes and not result.problems:
        result.refuse("", "no_change", "You have not changed anything.")
    return result


def _assess_msn(result: Assessment, device: Device, recording: Recording) -> None:
    if recording.msn is None or not (recording.msn.strip() or device.msn):
        return
    if not device.is_meter:
        return result.refuse("msn", "not_a_meter", "Only meters have an MSN.")
    if not recording.msn.strip():
        sentence = f"You cannot remove an MSN. Enter the correct one, or leave {device.msn}."
        return result.refuse("msn", "not_blanked", sentence)
    try:
        msn = parse_msn(recording.msn, fuel=device.fuel)
    except InvalidIdentifier as invalid:
        return result.refuse("msn", invalid.code, str(invalid), invalid.suggestion)
    if msn != device.msn:
        result.msn = msn
        result.changes.append(ItemChange("MSN", device.msn, msn))
    return None


def _assess_map_id(result: Assessment, device: Device, recording: Recording) -> None:
    recorded = device.asset_provider
    if recording.map_id is None or not (recording.map_id.strip() or recorded):
        return
    if not device.takes_map_id:
        return result.refuse("map_id", "not_smets2", "A MAP ID is recorded for SMETS2 meters only.")
    if not recording.map_id.strip():
        sentence = (
            f"To remove {recorded.code}, use “Remove the MAP ID”. To keep it, leave {recorded.code} in this field."
        )
        return result.refuse("map_id", "not_blanked", sentence)
    try:
        code = parse_map_id(recording.map_id, fuel=device.fuel)
    except InvalidIdentifier as invalid:
        return result.refuse("map_id", invalid.code, str(invalid), _similar(recording.map_id, result.listed))
    if recorded and recorded.code == code and recording.map_from in (None, device.map_from):
        return None
    if day := _checked_day(result, device, recording):
        _assess_code(result, device, code, day, recording)
    return None


def _checked_day(result: Assessment, device: Device, recording: Recording) -> date | None:
    """Return the date from which the MAP ID is to apply, if that is allowed; a doubtful date is a warning."""
    day = recording.map_from or (None if recording.kind == StepKind.CHANGE else device.map_from or device.installed_on)
    today = clock.today()
    if day is None:
        sentence = "Enter the date from which this MAP provides the meter, for example 23/11/2026."
        return result.refuse("map_from", "required", sentence)
    if day > today and recording.kind == StepKind.CORRECTION:
        sentence = f"{_shown(day)} is in the future. For a correction, enter today or an earlier date."
        return result.refuse("map_from", "in_future", sentence)
    if day > today:
        result.warnings.append(f"{_shown(day)} is in the future. Nothing changes until then.")
    if device.installed_on is None:
        result.warnings.append("No installation date is recorded for this meter. The device will be flagged.")
    elif day < device.installed_on:
        result.warnings.append(
            f"{_shown(day)} is before the meter was installed, on {_shown(device.installed_on)}. Is the year right? "
            "The device will be flagged."
        )
    return day


def _assess_code(result: Assessment, device: Device, code: str, day: date, recording: Recording) -> None:
    """Refuse `code` unless it is in force in the list of all MAPs, for this fuel, on that date."""
    if (refusal := _too_early(device)) is not None:
        return result.refuse("map_id", "installed_too_early", refusal)
    entries = result.listed.get(code, [])
    in_force = next((entry for entry in entries if entry.in_force(day)), None)
    if not entries:
        sentence = f"{code} is not in the list of all MAPs for {device.fuel_name}."
        return result.refuse("map_id", "not_listed", sentence, _similar(code, result.listed))
    if in_force is None:
        sentence = f"{code} was not in force in the list of all MAPs on {_shown(day)}."
        return result.refuse("map_from", "not_in_force", sentence)
    if in_force.kind == Participant.Kind.TEST:
        return result.refuse("map_id", "test_code", f"{code} is a test code. Enter the MAP ID of a real MAP.")
    if in_force.kind == Participant.Kind.DUMMY and not recording.reason.strip():
        sentence = f"{code} is only for meters that customers own. Enter why it is right for this meter."
        return result.refuse("reason", "required", sentence)
    result.participant, result.map_from = in_force, day
    _note_changes(result, device, code, day)
    return None


def _note_changes(result: Assessment, device: Device, code: str, day: date) -> None:
    before = device.asset_provider.code if device.asset_provider else ""
    if code != before:
        result.changes.append(ItemChange("MAP ID", before, code))
    if day != device.map_from:
        shown = _shown(device.map_from) if device.map_from else ""
        result.changes.append(ItemChange("MAP ID applies from", shown, _shown(day)))


def _too_early(device: Device) -> str | None:
    first = settings.MAP_ID_FROM and date.fromisoformat(settings.MAP_ID_FROM)
    if first and (device.installed_on is None or device.installed_on < first):
        return f"A MAP ID is recorded only for meters installed on or after {_shown(first)}."
    return None


def _assess_change(result: Assessment, device: Device, recording: Recording) -> None:
    """A replacement must say whether it is a correction or a change; a change of MAP needs a later date."""
    if not result.replaces:
        return
    if recording.kind is None:
        result.refuse("kind", "required", "Choose why you are changing this value.")
    if recording.kind != StepKind.CHANGE or (result.participant is None and result.problems):
        return
    if result.participant is None or result.participant.code == device.asset_provider.code:
        sentence = "The MAP ID stays the same, so this is a correction: choose “It was entered incorrectly”."
        result.refuse("kind", "map_id_stays", sentence)
    elif result.map_from <= device.map_from:
        began = f"{_shown(device.map_from)}, when {device.asset_provider.code} began"
        result.refuse("map_from", "not_after", f"Enter a date after {began}, for a change of MAP.")


def _assess_reasons(result: Assessment, recording: Recording, by: Acting) -> None:
    if result.replaces and not recording.source.strip():
        result.refuse("source", "required", "Enter where you got this value, for example nameplate photo, job 88213.")
    if by.role == Role.DCC and result.changes and not recording.reason.strip():
        result.refuse("reason", "required", "Enter why the DCC is recording this instead of the supplier.")
    if not by.may(Permission.REPLACE_ITEM if result.replaces else Permission.RECORD_ITEM):
        result.refuse("", "not_allowed", "You do not have permission to do this.")


def _similar(typed: str, listed: dict[str, list[Participant]]) -> str:
    """Return similar codes of the list of all MAPs, never codes found on devices."""
    today = clock.today()
    names = {
        code: entry.name
        for code, entries in listed.items()
        for entry in entries
        if entry.in_force(today) and entry.kind == Participant.Kind.LIVE
    }
    near = get_close_matches(typed.strip().upper()[:8], names, n=3, cutoff=0.6)
    return ", ".join(f"{code} ({names[code]})" for code in near)


def _shown(day: date) -> str:
    return date_format(day, "DATE_FORMAT")
