"""A device's history in plain words: what held from when to when, and who recorded what."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from accounts.roles import Role
from inventory.data_items import ITEMS, DataItem, Shown
from inventory.history.record import FOREVER, OTHER, DeviceRecord, Period, Recorder
from inventory.models import DeviceEvent, Kind, Status
from inventory.wording import in_words

NONE, NOT_SHOWN = "none", "not shown"


@dataclass(frozen=True)
class Party:
    """Which of the two parties periods are about, in words; `role` has it as its own."""

    item: str
    noun: str
    other: str
    from_item: str
    role: Role


MAP_ID = Party("MAP ID", "MAP ID", "another MAP", "MAP ID applies from", Role.MAP)
SUPPLIER = Party("Responsible supplier", "responsible supplier", "another supplier", "Supplier from", Role.SUPPLIER)


@dataclass(frozen=True)
class Held:
    """What held from a day to another, both included; `until` None while it lasts."""

    item: str
    code: str
    name: str
    since: date
    until: date | None


@dataclass(frozen=True)
class Difference:
    """One item before and after a recording."""

    label: str
    before: str
    after: str


@dataclass(frozen=True)
class Entry:
    """One recording."""

    title: str
    recorder: Recorder
    differences: list[Difference]

    @property
    def note(self) -> str:
        """What kind of recording it is, from what and why, as far as it is shown."""
        by = self.recorder
        kind = Kind(by.kind).label if by.kind in Kind.values else "By a load" if by.via == "load" else ""
        words = ", ".join(word for word in (kind, by.source and f"from {by.source}") if word)
        return f"{words}. Reason: {by.reason}" if by.reason else words


def held(record: DeviceRecord) -> list[Held]:
    """What held on the viewer's days, by valid time: as known now, whenever it was recorded."""
    return [
        *_pieces(record, MAP_ID, record.providers),
        *(_pieces(record, SUPPLIER, record.suppliers) if _sees(record, "supplier_id") else []),
    ]


def _pieces(record: DeviceRecord, party: Party, periods: list[Period]) -> Iterator[Held]:
    standing = sorted((p for p in periods if p.stands), key=lambda period: period.valid_from)
    ends = [later.valid_from for later in standing[1:]] + [FOREVER]
    for period, end in zip(standing, ends, strict=False):
        for lower, upper in record.windows if period.party != OTHER else []:
            since, before = max(period.valid_from, lower), min(end, upper)
            if since < before:
                until = None if before == FOREVER else before - timedelta(days=1)
                yield Held(party.item, period.party or "", period.name, since, until)


def timeline(record: DeviceRecord) -> list[Entry]:
    """Recordings made on the viewer's days, and the one that gave it the device; newest first."""
    entries = [*_of_periods(record, MAP_ID, record.providers), *_of_events(record)]
    if _sees(record, "supplier_id"):
        entries += _of_periods(record, SUPPLIER, record.suppliers)
    shown = [Entry(entry.title, record.shown(entry.recorder), entry.differences) for entry in entries]
    return sorted(shown, key=lambda entry: entry.recorder.at, reverse=True)


def _of_periods(record: DeviceRecord, party: Party, periods: list[Period]) -> Iterator[Entry]:
    for at, together in groupby(periods, key=lambda period: period.recorder.at):
        recorded = list(together)
        gave_it = record.acting.role == party.role and any(p.stands and p.party not in (None, OTHER) for p in recorded)
        if not (gave_it or record.is_own(at)):
            continue
        new = next((period for period in recorded if period.kind != Kind.CANCELLED), recorded[0])
        old = next((period for period in recorded if period is not new), None) or _replaced(periods, new, at)
        yield Entry(_title(party, new), new.recorder, _difference(party, old, new))


def _replaced(periods: list[Period], new: Period, at: datetime) -> Period | None:
    """The step that held on the day of `new` as known just before it was recorded."""
    known = [p for p in periods if p.recorder.at < at and (p.known_until is None or p.known_until >= at)]
    before = [p for p in known if p.valid_from <= new.valid_from and p.kind != Kind.CANCELLED]
    return max(before, key=lambda period: period.valid_from, default=None)


def _title(party: Party, new: Period) -> str:
    day = in_words(new.valid_from)
    whom = f"to {party.other} " if new.party == OTHER else f"of {party.noun} "
    if new.kind == Kind.CANCELLED:
        return f"Change {whom}from {day} taken back"
    if new.kind == Kind.CHANGE:
        return f"Change {whom}from {day} recorded"
    if new.party is None:
        return f"{party.item} blanked from {day}"
    return f"{party.item} {'corrected' if new.kind == Kind.CORRECTION else 'recorded'}"


def _difference(party: Party, old: Period | None, new: Period) -> list[Difference]:
    if new.kind == Kind.CANCELLED:
        return [Difference(party.item, _party(party, new), "as before"), Difference(party.from_item, _day(new), "none")]
    hidden = NONE if new.kind == Kind.FIRST else NOT_SHOWN
    before, since = (_party(party, old), _day(old)) if old else (hidden, hidden)
    pairs = [(party.item, before, _party(party, new)), (party.from_item, since, _day(new))]
    return [Difference(*pair) for pair in pairs if pair[1] != pair[2]]


def _party(party: Party, period: Period) -> str:
    return party.other if period.party == OTHER else period.party or NONE


def _day(period: Period) -> str:
    return str(in_words(period.valid_from))


def _of_events(record: DeviceRecord) -> Iterator[Entry]:
    """Each write that changed an item the viewer sees; what it got the device with is no entry of its own."""
    items = [i for i in ITEMS if i.visible_to(record.acting.role) and i.fields and hasattr(DeviceEvent, i.fields[0])]
    before: DeviceEvent | None = None
    for event in record.events:
        differences = [found for item in items if (found := _item_difference(item, before, event))]
        recorder = record.recorder_of(event)
        if differences and (before or event.pgh_label == "insert") and record.is_own(event.pgh_created_at):
            yield Entry(_event_title(differences, before, recorder), recorder, differences)
        before = event


def _item_difference(item: DataItem, before: DeviceEvent | None, after: DeviceEvent) -> Difference | None:
    values = [_value(item, event) for event in (before, after)]
    return Difference(item.label, *values) if values[0] != values[1] else None


def _value(item: DataItem, event: DeviceEvent | None) -> str:
    value = getattr(event, item.fields[0]) if event else None
    if value in (None, ""):
        return NONE
    return Status(value).label if item.shown is Shown.STATUS else str(in_words(value))


def _event_title(differences: list[Difference], before: DeviceEvent | None, recorder: Recorder) -> str:
    if before is None:
        return "Notified to the inventory"
    if len(differences) > 1:
        return "Items changed"
    words = {Kind.FIRST: "recorded", Kind.CORRECTION: "corrected"}
    return f"{differences[0].label} {words.get(recorder.kind, 'changed')}"


def _sees(record: DeviceRecord, item: str) -> bool:
    return next(i for i in ITEMS if i.name == item).visible_to(record.acting.role)
