"""Bringing the list of all MAPs and suppliers up to date: compare, refuse what cannot be, write in one go."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import NamedTuple

from django.db import transaction

from accounts.files.reading import RowProblem
from accounts.models import Participant
from accounts.owner import ask_owner
from accounts.participants.reading import (
    KNOWN_KINDS,
    SOUNDS_UNREAL,
    BrokenList,
    Holder,
    ListEntry,
    ListRead,
    read_participants,
)
from accounts.roles import Role

Held = dict[tuple[Holder, date], ListEntry]
COLUMNS = 7  # of an entry


class EntryChange(NamedTuple):
    """An entry as the list holds it and as the files have it."""

    before: ListEntry
    after: ListEntry

    def __str__(self) -> str:
        return f"{self.after.holder} {self.after.name}, {self.after.period}"


class Section(NamedTuple):
    """One kind of finding; what is `done` a dry run would do."""

    what: str
    lines: list[str]
    done: bool = True

    def heading(self, *, dry_run: bool) -> str:
        return f"{len(self.lines):,} {'would be ' if dry_run and self.done else ''}{self.what}"


@dataclass(frozen=True)
class ListLoad:
    """What a load did or, as a dry run, would do; worded alike but for “would be”."""

    dry_run: bool
    listed: int
    added: list[ListEntry]
    changed: list[EntryChange]
    missing: list[ListEntry]
    undecided: list[ListEntry]
    remarks: list[str]

    @property
    def ended(self) -> list[EntryChange]:
        return [c for c in self.changed if c.after.effective_to and not c.before.effective_to]

    @property
    def end_changed(self) -> list[EntryChange]:
        moved = [c for c in self.changed if c.before.effective_to != c.after.effective_to]
        return [change for change in moved if change.before.effective_to]

    @property
    def renamed(self) -> list[EntryChange]:
        return [c for c in self.changed if c.before.name != c.after.name]

    @property
    def kind_changed(self) -> list[EntryChange]:
        return [c for c in self.changed if c.before.kind != c.after.kind]

    def sections(self) -> list[Section]:
        """What there is to tell, each with its lines."""
        roles = Counter(Role(entry.holder.role).label for entry in self.added)
        by_role = ", ".join(f"{count:,} {role}" for role, count in sorted(roles.items()))
        sections = [
            Section(f"added ({by_role})", [str(e) for e in self.added]),
            Section("ended", [str(c) for c in self.ended]),
            Section("given another end", [f"{c} (was {c.before.period})" for c in self.end_changed]),
            Section("renamed", [f"{c} (was {c.before.name})" for c in self.renamed]),
            Section("given another kind", [f"{c}: {c.after.kind} (was {c.before.kind})" for c in self.kind_changed]),
            Section("missing from the files, left as they are", [str(e) for e in self.missing], done=False),
            Section(
                "named like a test or dummy but kept live: to decide, load the entry as CSV with its kind",
                [str(e) for e in self.undecided],
                done=False,
            ),
        ]
        return [section for section in sections if section.lines]

    def details(self) -> list[str]:
        """Every finding, by section."""
        lines = list(self.remarks)
        for section in self.sections():
            lines += [f"{section.heading(dry_run=self.dry_run)}:", *(f"  {line}" for line in section.lines)]
        return lines

    def summary(self) -> str:
        """The result on one line."""
        parts = [section.heading(dry_run=self.dry_run) for section in self.sections()]
        if not self.added and not self.changed:
            would_be = "would be " if self.dry_run else ""
            all_of_it = f"all {self.listed:,} entries" if self.listed > 1 else "the one entry"
            parts.insert(0, f"nothing {would_be}changed, the list holds {all_of_it} already")
        return f"Participants: {'; '.join(parts)}."


@transaction.atomic
def load_participants(paths: Iterable[Path], *, dry_run: bool = False) -> ListLoad:
    """Add, end, rename and re-kind participants as the files at `paths` say, all as one load; delete none.

    Raises BrokenList with every problem of every file; then, as in a dry run, nothing is changed.
    """
    paths = list(paths)
    read = read_participants(paths)
    if not dry_run:
        lock_list()
    held = {entry.key: entry for entry in map(_entry, Participant.objects.order_by("effective_from"))}
    if problems := [*read.problems, *_duplicates(read.entries), *_overlaps(read.entries, held)]:
        raise BrokenList(sorted(dict.fromkeys(problems)))
    outcome = _compare(read, held, dry_run=dry_run)
    if not dry_run:
        _write([*outcome.added, *(change.after for change in outcome.changed)], paths)
    return outcome


def lock_list() -> None:
    """Let nobody else change the list of participants until the transaction ends; reading goes on."""
    ask_owner("lock_participants")


def _entry(row: Participant) -> ListEntry:
    holder = Holder(row.fuel, row.role, row.code)
    return ListEntry(holder, row.name, row.effective_from, row.effective_to, row.kind)


def _duplicates(entries: list[ListEntry]) -> Iterator[RowProblem]:
    """Entries of the files that are the same one, by code, role and first day."""
    first: Held = {}
    for entry in entries:
        earlier = first.setdefault(entry.key, entry)
        if earlier is not entry:
            place = f"line {earlier.line} of {earlier.file}"
            yield entry.problem(f"{entry.holder} from {entry.effective_from} stands on {place} already.")


def _overlaps(entries: list[ListEntry], held: Held) -> Iterator[RowProblem]:
    """Periods of one code that would overlap once the files' entries stand in the list."""
    periods: dict[Holder, list[ListEntry]] = defaultdict(list)
    for entry in (held | {entry.key: entry for entry in reversed(entries)}).values():
        periods[entry.holder].append(entry)
    for holder in dict.fromkeys(entry.holder for entry in entries):
        yield from _overlaps_of_one(sorted(periods[holder], key=lambda entry: entry.effective_from))


def _overlaps_of_one(entries: list[ListEntry]) -> Iterator[RowProblem]:
    longest, *others = entries
    for entry in others:
        end = longest.effective_to
        if (end is None or end >= entry.effective_from) and (entry.file or longest.file):
            yield _overlap(longest, entry)
        if end is not None and (entry.effective_to is None or entry.effective_to > end):
            longest = entry


def _overlap(one: ListEntry, other: ListEntry) -> RowProblem:
    """Told of the later row, or of the only one that is from a file."""
    if one.file and (not other.file or (one.file, one.line) > (other.file, other.line)):
        one, other = other, one
    if one.file:
        where = f"that on line {one.line} of {one.file}, {one.period}"
    else:
        where = f"an entry in the list, {one.period}, which the files do not end"
    return other.problem(f"{other.holder} {other.period} overlaps {where}.")


def _compare(read: ListRead, held: Held, *, dry_run: bool) -> ListLoad:
    settled = [_settled(entry, held.get(entry.key)) for entry in read.entries]
    both = [EntryChange(held[entry.key], entry) for entry in settled if entry.key in held]
    return ListLoad(
        dry_run=dry_run,
        listed=len(settled),
        added=[entry for entry in settled if entry.key not in held],
        changed=[change for change in both if _facts(change.before) != _facts(change.after)],
        missing=_missing(read, held),
        remarks=read.remarks,
        undecided=[after for entry, after in zip(read.entries, settled, strict=True) if _is_undecided(entry, after)],
    )


def _settled(entry: ListEntry, held: ListEntry | None) -> ListEntry:
    """With a kind: what the file says, else what the list has, else what is known of the code."""
    known = held.kind if held else KNOWN_KINDS.get(entry.holder.code, Participant.Kind.LIVE)
    return replace(entry, kind=entry.kind or known)


def _facts(entry: ListEntry) -> tuple[object, ...]:
    return entry.name, entry.effective_to, entry.kind


def _missing(read: ListRead, held: Held) -> list[ListEntry]:
    """The latest entry of each code that the list holds and the files, which cover its fuel and role, do not."""
    latest = {entry.holder: entry for entry in held.values()}
    listed = {entry.holder for entry in read.entries}
    absent = [entry for holder, entry in latest.items() if holder not in listed]
    covered = [entry for entry in absent if (entry.holder.fuel, entry.holder.role) in read.covers]
    return sorted(covered, key=lambda entry: entry.holder)


def _is_undecided(read: ListEntry, settled: ListEntry) -> bool:
    """Whether its name says test or dummy, and no file has said that it is live."""
    return read.kind is None and settled.kind == Participant.Kind.LIVE and bool(SOUNDS_UNREAL.search(settled.name))


def _write(entries: list[ListEntry], paths: Iterable[Path]) -> None:
    rows = [(*entry.holder, entry.name, entry.effective_from, entry.effective_to, entry.kind) for entry in entries]
    columns = [list(column) for column in zip(*rows, strict=True)] or [[]] * COLUMNS
    ask_owner("write_participants", *columns, ", ".join(path.name for path in paths))
