"""The list of all MAPs and suppliers as files bring it: read, with every error of every row at once.

Two forms: a folder of market domain data (MDD; electricity only) and a CSV of our own, which gas needs.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

from accounts.errors import is_invisible, quote
from accounts.files.reading import Columns, CsvRow, RowProblem, read_table
from accounts.models import Fuel, Participant
from accounts.roles import Role

COLUMNS = ("code", "fuel", "role", "name", "effective_from", "effective_to", "kind")
MDD_NAMES = "Market_Participant.csv"
MDD_ROLES = "Market_Participant_Role.csv"
MDD_ID, MDD_NAME = "Market Participant ID", "Market Participant Name"
MDD_ROLE, MDD_FROM, MDD_TO = (
    "Market Participant Role Code",
    "Effective From Date (MPR)",
    "Effective To Date (MPR)",
)
ROLE_OF_MDD = {"8": Role.MAP, "X": Role.SUPPLIER}

# MDD has no kind: what its own names say of these codes.
KNOWN_KINDS = {
    "CUST": Participant.Kind.DUMMY,
    "CIDA": Participant.Kind.TEST,
    "CIDB": Participant.Kind.TEST,
    "CIDC": Participant.Kind.TEST,
}
SOUNDS_UNREAL = re.compile("(?<![a-z])(test|dummy)(?![a-z])", re.IGNORECASE)

CODE_LENGTH = {Fuel.ELECTRICITY: 4, Fuel.GAS: 3}
LONGEST_NAME = 120
EARLIEST_YEAR = 1900
DATE_FORMS = {"[0-9]{2}/[0-9]{2}/[0-9]{4}": "%d/%m/%Y", "[0-9]{4}-[0-9]{2}-[0-9]{2}": "%Y-%m-%d"}


class BrokenList(Exception):
    """The files cannot be loaded; `problems` holds every reason, each a sentence with file and line."""

    def __init__(self, problems: Iterable[RowProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class Holder(NamedTuple):
    """Whose entries may not overlap."""

    fuel: str
    role: str
    code: str

    def __str__(self) -> str:
        return f"{self.fuel} {Role(self.role).label} {self.code}"


@dataclass(frozen=True)
class ListEntry:
    """One entry of the list, from a file or from the database (then without a place). Kind None: not said."""

    holder: Holder
    name: str
    effective_from: date
    effective_to: date | None
    kind: str | None
    file: str = ""
    line: int = 0

    @property
    def key(self) -> tuple[Holder, date]:
        """What makes two entries the same one."""
        return self.holder, self.effective_from

    @property
    def period(self) -> str:
        return f"from {self.effective_from}" + (f" to {self.effective_to}" if self.effective_to else "")

    def problem(self, sentence: str) -> RowProblem:
        return RowProblem(self.file, self.line, sentence)

    def __str__(self) -> str:
        return f"{self.holder} {self.name}, {self.period}"


@dataclass
class ListRead:
    """What the files hold: sound entries, problems, and the fuels and roles that they cover."""

    entries: list[ListEntry] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)
    covers: set[tuple[str, str]] = field(default_factory=set)


def read_participants(paths: Iterable[Path]) -> ListRead:
    """Every entry in the MDD folders and CSV files at `paths`, and every problem; raises nothing."""
    read = ListRead()
    for path in paths:
        if _is_folder(path):
            _read_mdd(path, read)
        else:
            _read_csv(path, read)
    return read


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # reading it as a file tells why
        return False


def _read_mdd(folder: Path, read: ListRead) -> None:
    names = _mdd_names(folder / MDD_NAMES, read.problems)
    rows = read_table(folder / MDD_ROLES, Columns((MDD_ID, MDD_ROLE, MDD_FROM, MDD_TO), exact=False), read.problems)
    relevant = [row for row in rows if row.cells[MDD_ROLE] in ROLE_OF_MDD]
    if rows and not relevant:
        sentence = "No row has role 8 (MAP) or X (supplier)."
        read.problems.append(RowProblem(str(folder / MDD_ROLES), 0, sentence))
    read.entries += filter(None, [_mdd_entry(row, names) for row in relevant])
    read.covers |= {(Fuel.ELECTRICITY, role) for role in ROLE_OF_MDD.values()}


def _mdd_names(path: Path, problems: list[RowProblem]) -> Mapping[str, CsvRow]:
    """The row that names each participant; none at all only if that is a problem already."""
    names: dict[str, CsvRow] = {}
    for row in read_table(path, Columns((MDD_ID, MDD_NAME), exact=False), problems):
        code = row.cells[MDD_ID].upper()
        if first := names.get(code):
            row.refuse(f"{quote(code)} has been named on line {first.line} already.")
        names.setdefault(code, row)
    return names


def _mdd_entry(row: CsvRow, names: Mapping[str, CsvRow]) -> ListEntry | None:
    code = row.read(MDD_ID, partial(parse_code, fuel=Fuel.ELECTRICITY))
    named = names.get(row.cells[MDD_ID].upper())
    name = named and named.read(MDD_NAME, parse_name)
    if names and not named:
        row.refuse(f"{quote(row.cells[MDD_ID])} has no name: no sound row of {MDD_NAMES} holds it.")
    days = _period(row, MDD_FROM, MDD_TO)
    if code is None or name is None or days is None:
        return None
    holder = Holder(Fuel.ELECTRICITY, ROLE_OF_MDD[row.cells[MDD_ROLE]], code)
    return ListEntry(holder, name, *days, None, row.file, row.line)


def _read_csv(path: Path, read: ListRead) -> None:
    entries = [_csv_entry(row) for row in read_table(path, Columns(COLUMNS), read.problems)]
    sound = [entry for entry in entries if entry]
    read.entries += sound
    read.covers |= {(entry.holder.fuel, entry.holder.role) for entry in sound}


def _csv_entry(row: CsvRow) -> ListEntry | None:
    fuel = row.read("fuel", parse_fuel)
    code = row.read("code", partial(parse_code, fuel=fuel))
    role = row.read("role", parse_role)
    name = row.read("name", parse_name)
    kind = row.read("kind", _parse_kind)
    days = _period(row, "effective_from", "effective_to")
    if None in (fuel, code, role, name, kind, days):
        return None
    return ListEntry(Holder(fuel, role, code), name, *days, kind or None, row.file, row.line)


def _period(row: CsvRow, start: str, end: str) -> tuple[date, date | None] | None:
    """First and last day, the last perhaps open; None, with the problem noted, where they are wrong."""
    first = row.read(start, parse_day)
    if not row.cells[end]:
        return first and (first, None)
    last = row.read(end, parse_day)
    if first is None or last is None:
        return None
    if last < first:
        row.refuse(f"The end, {last}, is before the start, {first}.")
        return None
    return first, last


def parse_code(text: str, fuel: Fuel | None) -> str:
    """A code in upper case, of the length of `fuel` if that is known; as all `parse_…`, may raise ValueError."""
    if odd := re.search("[^0-9A-Za-z]", text):
        name = unicodedata.name(odd[0], f"U+{ord(odd[0]):04X}")
        raise ValueError(f"{quote(text)} has {name} as character {odd.start() + 1}; a code has only A to Z and 0 to 9.")
    if fuel and len(text) != CODE_LENGTH[fuel]:
        noun = {Fuel.ELECTRICITY: "An electricity", Fuel.GAS: "A gas"}[fuel]
        raise ValueError(f"{quote(text)} has {len(text)} characters. {noun} code has {CODE_LENGTH[fuel]}.")
    return text.upper()


def parse_name(text: str) -> str:
    name = " ".join(text.split())
    if not name:
        raise ValueError("The name is empty.")
    if len(name) > LONGEST_NAME:
        raise ValueError(f"{quote(name)} has {len(name):,} characters. A name has at most {LONGEST_NAME}.")
    if hidden := next((char for char in name if is_invisible(char)), None):
        raise ValueError(f"{quote(name)} holds a character that cannot be seen (U+{ord(hidden):04X}).")
    return name


def parse_day(text: str) -> date:
    for form, directives in DATE_FORMS.items():
        if re.fullmatch(form, text):
            return _day(text, directives)
    raise ValueError(f"{quote(text)} is not a date. Write it as 31/12/2026 or 2026-12-31.")


def _day(text: str, directives: str) -> date:
    try:
        day = datetime.strptime(text, directives).date()
    except ValueError as error:
        raise ValueError(f"{quote(text)} is not a day of the calendar.") from error
    if day.year < EARLIEST_YEAR:
        raise ValueError(f"{quote(text)} is before {EARLIEST_YEAR}.")
    return day


def parse_fuel(text: str) -> Fuel:
    if text.upper() not in Fuel.values:
        raise ValueError(f"{quote(text)} is not a fuel. Write E for electricity or G for gas.")
    return Fuel(text.upper())


def parse_role(text: str) -> Role:
    if text.lower() not in ROLE_OF_MDD.values():
        raise ValueError(f"{quote(text)} is not a role. Write map or supplier.")
    return Role(text.lower())


def _parse_kind(text: str) -> str:
    """The kind, or nothing where the file does not say it."""
    if text and text.lower() not in Participant.Kind.values:
        raise ValueError(f"{quote(text)} is not a kind. Write live, dummy or test, or leave it empty.")
    return text.lower()
