"""The list of all MAPs and suppliers as files bring it: read, with every error of every row at once.

Two forms: a folder of market domain data (MDD; electricity only) and a CSV of our own, which gas needs.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import NamedTuple

from accounts.dates import NotADate, parse_date
from accounts.errors import is_invisible, quote
from accounts.files.opening import ZIP, BrokenFile, begins_with, opened_zip
from accounts.files.reading import (
    CANNOT_BE_READ,
    LARGEST,
    TOO_LARGE,
    Columns,
    CsvRow,
    RowProblem,
    read_table,
)
from accounts.models import Fuel, Participant
from accounts.roles import Role

COLUMNS = ("code", "fuel", "role", "name", "effective_from", "effective_to", "kind")
MDD_NAMES = "Market_Participant.csv"
MDD_ROLES = "Market_Participant_Role.csv"
MDD_FILE = re.compile(r"Market_Participant(_Role)?(?:_([0-9]{1,6}))?\.csv", re.IGNORECASE)  # with a version, or without
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
    """What the files hold: sound entries, problems, remarks on the files, and the fuels and roles they cover."""

    entries: list[ListEntry] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    covers: set[tuple[str, str]] = field(default_factory=set)


def read_participants(paths: Iterable[Path]) -> ListRead:
    """Every entry in the MDD folders, zip files and CSV files at `paths`, and every problem; raises nothing."""
    read = ListRead()
    for path in paths:
        try:
            _read(path, read)
        except BrokenFile as broken:
            read.problems.append(RowProblem(str(path), broken.line, str(broken)))
        except OSError as error:
            read.problems.append(RowProblem(str(path), 0, CANNOT_BE_READ.format(error.strerror)))
    return read


def _read(path: Path, read: ListRead) -> None:
    if path.is_dir():
        _read_mdd(path, read)
    elif _mdd_version(path.name):
        sentence = "This is one of the two files of market domain data. Give the folder that holds both."
        read.problems.append(RowProblem(str(path), 0, sentence))
    elif path.is_file() and begins_with(path, ZIP) and (found := _mdd_in(path)):
        _read_zip(path, found, read)
    else:
        _read_csv(path, read)


def _mdd_in(path: Path) -> list[str]:
    with opened_zip(path) as packed:
        return [name for name in packed.namelist() if _mdd_version(PurePosixPath(name).name)]


def _read_zip(path: Path, found: list[str], read: ListRead) -> None:
    """Read the two files of market domain data in a zip file, and name them as they are there."""
    unpacked = ListRead()
    with TemporaryDirectory() as folder:
        with opened_zip(path) as packed:
            for name in found:
                if packed.getinfo(name).file_size > LARGEST:
                    raise BrokenFile(TOO_LARGE)
                (Path(folder) / PurePosixPath(name).name).write_bytes(packed.read(name))
        _read_mdd(Path(folder), unpacked)
    read.entries += [replace(entry, file=entry.file.replace(folder, str(path))) for entry in unpacked.entries]
    read.problems += [found._replace(file=found.file.replace(folder, str(path))) for found in unpacked.problems]
    read.remarks += [remark.replace(folder, str(path)) for remark in unpacked.remarks]
    read.covers |= unpacked.covers


def _mdd_version(name: str) -> tuple[str, int] | None:
    """Return which file of market domain data this is and its version, 0 without one; None for another file."""
    found = MDD_FILE.fullmatch(name)
    return (MDD_ROLES if found[1] else MDD_NAMES, int(found[2] or 0)) if found else None


def _mdd_files(folder: Path, remarks: list[str]) -> tuple[Path, Path]:
    """Return the two files, of several versions the newest; where their versions differ, remark on it."""
    newest: dict[str, tuple[int, Path]] = {}
    for path in sorted(folder.iterdir()):
        if known := _mdd_version(path.name):
            name, version = known
            newest[name] = max(newest.get(name, (-1, path)), (version, path))
    (names_version, names), (roles_version, roles) = (
        newest.get(name, (0, folder / name)) for name in (MDD_NAMES, MDD_ROLES)
    )
    if names_version != roles_version:
        remarks.append(f"{names.name} and {roles.name} are of different versions. Check that they belong together.")
    return names, roles


def _read_mdd(folder: Path, read: ListRead) -> None:
    names_file, roles_file = _mdd_files(folder, read.remarks)
    names = _mdd_names(names_file, read)
    columns = Columns((MDD_ID, MDD_ROLE, MDD_FROM, MDD_TO), exact=False)
    rows = read_table(roles_file, columns, read.problems, read.remarks)
    relevant = [row for row in rows if row.cells[MDD_ROLE] in ROLE_OF_MDD]
    if rows and not relevant:
        sentence = "No row has role 8 (MAP) or X (supplier)."
        read.problems.append(RowProblem(str(roles_file), 0, sentence))
    read.entries += filter(None, [_mdd_entry(row, names) for row in relevant])
    read.covers |= {(Fuel.ELECTRICITY, role) for role in ROLE_OF_MDD.values()}


def _mdd_names(path: Path, read: ListRead) -> Mapping[str, CsvRow]:
    """The row that names each participant; none at all only if that is a problem already."""
    names: dict[str, CsvRow] = {}
    for row in read_table(path, Columns((MDD_ID, MDD_NAME), exact=False), read.problems, read.remarks):
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
    entries = [_csv_entry(row) for row in read_table(path, Columns(COLUMNS), read.problems, read.remarks)]
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
    if not text:
        raise ValueError("Enter a date, for example 23/11/2026.")
    try:
        return parse_date(text)
    except NotADate as error:
        raise ValueError(f"{quote(text)} is not a date. {error}") from error


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
