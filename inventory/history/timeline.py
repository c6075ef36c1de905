"""A device's history in plain words: what held from when to when, and who recorded what."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import groupby

from accounts.roles import Role
from inventory.data_items import BY_NAME, ITEMS, DataItem, Shown
from inventory.history.device_history import FOREVER, OTHER, Author, DeviceHistory, Period
from inventory.models import DeviceEvent, Status, StepKind
from inventory.wording import in_words

NONE = "none"


class Unnamed(StrEnum):
    """What stands in place of a value; no value looks like it."""

    NOT_SHOWN = "not shown"
    AS_BEFORE = "as before"
    ANOTHER_MAP = "another MAP"
    ANOTHER_SUPPLIER = "another supplier"


@dataclass(frozen=True)
class Party:
    """Which of the two parties periods are about; `role` has it as its own."""

    item: DataItem
    noun: str
    other: Unnamed
    from_item: DataItem
    role: Role


MAP_ID = Party(BY_NAME["map_id"], "MAP ID", Unnamed.ANOTHER_MAP, BY_NAME["map_from"], Role.MAP)
SUPPLIER = Party(
    BY_NAME["supplier_id"],
    "responsible supplier",
    Unnamed.ANOTHER_SUPPLIER,
    BY_NAME["supplier_from"],
    Role.SUPPLIER,
)


@dataclass(frozen=True)
class Held:
    """What held from a day to another, both included; `until` None while it lasts."""

    item: DataItem
    code: str
    name: str
    since: date
    until: date | None


@dataclass(frozen=True)
class Difference:
    """One item before and after a recording: codes and days, None for nothing, or why there is no value."""

    item: DataItem
    old: object
    new: object

    @property
    def before(self) -> str:
        return self._in_words(self.old)

    @property
    def after(self) -> str:
        return self._in_words(self.new)

    def _in_words(self, value: object) -> str:
        if value is None:
            return NONE
        return Status(value).label if self.item.shown is Shown.STATUS else str(in_words(value))


@dataclass(frozen=True)
class HistoryEntry:
    """One recording."""

    title: str
    author: Author
    differences: list[Difference]
    valid_from: date = date.min  # of a step

    @property
    def note(self) -> str:
        """What kind of recording it is, from what and why, as far as it is shown."""
        by = self.author
        kind = StepKind(by.kind).label if by.kind in StepKind.values else "By a load" if by.via == "load" else ""
        words = ", ".join(word for word in (kind, by.source and f"from {by.source}") if word)
        return f"{words}. Reason: {by.reason}" if by.reason else words


def held(history: DeviceHistory) -> list[Held]:
    """What held on the viewer's days, by valid time: as known now or, to a past party, when it lost the device."""
    return [
        *_pieces(history, MAP_ID, history.providers),
        *(_pieces(history, SUPPLIER, history.suppliers) if _sees(history, "supplier_id") else []),
    ]


def _pieces(history: DeviceHistory, party: Party, periods: list[Period]) -> Iterator[Held]:
    standing = sorted((p for p in periods if p.stands), key=lambda period: period.valid_from)
    ends = [later.valid_from for later in standing[1:]] + [FOREVER]
    for period, end in zip(standing, ends, strict=False):
        for lower, upper in history.windows if period.party != OTHER else []:
            since, before = max(period.valid_from, lower), min(end, upper)
            if since < before:
                until = None if before == FOREVER else before - timedelta(days=1)
                yield Held(party.item, period.party or "", period.name, since, until)


def timeline(history: DeviceHistory) -> list[HistoryEntry]:
    """Recordings made on the viewer's days, and the one that gave it the device; newest first.

    Of steps recorded in one act, the one from the latest date comes first.
    """
    entries = [*_of_periods(history, MAP_ID, history.providers), *_of_events(history)]
    if _sees(history, "supplier_id"):
        entries += _of_periods(history, SUPPLIER, history.suppliers)
    entries.sort(key=lambda entry: (entry.author.at, entry.valid_from), reverse=True)
    return [replace(entry, author=history.shown(entry.author)) for entry in entries]


def _of_periods(history: DeviceHistory, party: Party, periods: list[Period]) -> Iterator[HistoryEntry]:
    for at, together in groupby(periods, key=lambda period: period.author.at):
        recorded = list(together)
        gave_it = history.acting.role == party.role and any(p.stands and p.party not in (None, OTHER) for p in recorded)
        if not (gave_it or history.is_own(at)):
            continue
        for old, new in _changes(periods, recorded, at):
            yield HistoryEntry(_title(party, new), new.author, _difference(party, old, new), new.valid_from)


def _changes(periods: list[Period], recorded: list[Period], at: datetime) -> Iterator[tuple[Period | None, Period]]:
    """Each step that one act recorded, by valid date, with what held before: of the same act, or as known till then.

    A step that was moved to another date follows the one that was cancelled for it.
    """
    begun = [period for period in recorded if period.kind != StepKind.CANCELLED]
    moved = [period for period in recorded if period.kind == StepKind.CANCELLED]
    for place, new in enumerate(begun or moved):
        before = [period for period in (*begun[:place][-1:], _replaced(periods, new, at)) if period]
        nearest = max(before, key=lambda period: period.valid_from, default=None)
        yield (moved[0] if begun and moved and place == 0 else nearest), new


def _replaced(periods: list[Period], new: Period, at: datetime) -> Period | None:
    """The step that held on the day of `new` as known just before it was recorded."""
    known = [p for p in periods if p.author.at < at and (p.known_until is None or p.known_until >= at)]
    before = [p for p in known if p.valid_from <= new.valid_from and p.kind != StepKind.CANCELLED]
    return max(before, key=lambda period: period.valid_from, default=None)


def _title(party: Party, new: Period) -> str:
    day = in_words(new.valid_from)
    whom = f"to {party.other} " if new.party == OTHER else f"of {party.noun} "
    if new.kind == StepKind.CANCELLED:
        return f"Change {whom}from {day} cancelled"
    if new.kind == StepKind.CHANGE:
        return f"Change {whom}from {day} recorded"
    if new.party is None:
        return f"{party.item.label} removed from {day}"
    return f"{party.item.label} {'corrected' if new.kind == StepKind.CORRECTION else 'recorded'}"


def _difference(party: Party, old: Period | None, new: Period) -> list[Difference]:
    if new.kind == StepKind.CANCELLED:
        return [
            Difference(party.item, _party(party, new), Unnamed.AS_BEFORE),
            Difference(party.from_item, new.valid_from, None),
        ]
    hidden = None if new.kind == StepKind.FIRST else Unnamed.NOT_SHOWN
    before, since = (_party(party, old), old.valid_from) if old else (hidden, hidden)
    both = [Difference(party.item, before, _party(party, new)), Difference(party.from_item, since, new.valid_from)]
    return [difference for difference in both if difference.old != difference.new]


def _party(party: Party, period: Period) -> str | None:
    return party.other if period.party == OTHER else period.party


def _of_events(history: DeviceHistory) -> Iterator[HistoryEntry]:
    """Each write that changed an item the viewer sees; what it got the device with is no entry of its own."""
    items = [i for i in ITEMS if i.visible_to(history.acting.role) and i.fields and hasattr(DeviceEvent, i.fields[0])]
    before: DeviceEvent | None = None
    for event in history.events:
        differences = [found for item in items if (found := _item_difference(item, before, event))]
        author = history.author_of(event)
        if differences and (before or event.pgh_label == "insert") and history.is_own(event.pgh_created_at):
            yield HistoryEntry(_event_title(differences, before, author), author, differences)
        before = event


def _item_difference(item: DataItem, before: DeviceEvent | None, after: DeviceEvent) -> Difference | None:
    old, new = (_value(item, event) for event in (before, after))
    return Difference(item, old, new) if old != new else None


def _value(item: DataItem, event: DeviceEvent | None) -> object:
    value = getattr(event, item.fields[0]) if event else None
    return None if value == "" else value


def _event_title(differences: list[Difference], before: DeviceEvent | None, author: Author) -> str:
    if before is None:
        return "Notified to the inventory"
    if len(differences) > 1:
        return "Items changed"
    if differences[0].new is None:
        return f"{differences[0].item.label} removed"
    words = {StepKind.FIRST: "recorded", StepKind.CORRECTION: "corrected"}
    return f"{differences[0].item.label} {words.get(author.kind, 'changed')}"


def _sees(history: DeviceHistory, item: str) -> bool:
    return BY_NAME[item].visible_to(history.acting.role)
