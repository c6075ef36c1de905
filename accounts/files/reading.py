"""The only reader of CSV files: it turns bytes into records, one at a time, each with its line and its problem."""

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TextIO, TypeVar

from accounts.errors import quote

LARGEST = 10 * 1024 * 1024  # bytes of a file that is read whole
MOST_ROWS = 100_000
LONGEST_ROW = 100_000  # characters, in any file
NAMED = 10  # the most columns that a sentence names
_ODD = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # "surrogateescape" turns other bytes into the last range
_ODD_IN_WORDS = {"\0": "a NUL character", "\n": "a line break", "\r": "a line break", "\t": "a tab"}
EMPTY = "The file is empty. It needs a header and at least one row."
NOT_UTF8 = "This row is not UTF-8. Save the file as “CSV UTF-8”."

QUOTES = "The quotation marks do not match. Close each one; inside a value, write it twice."

T = TypeVar("T")


class BrokenFile(Exception):
    """Nothing more can be read from the file. Line 0 stands for the whole file."""

    def __init__(self, sentence: str, line: int = 0) -> None:
        super().__init__(sentence)
        self.line = line


class CsvRecord(NamedTuple):
    """One record of a file, with the line on which it begins, and a sentence if something is wrong."""

    line: int
    cells: list[str]
    problem: str = ""


@dataclass(frozen=True)
class Columns:
    """The columns of a header: all `required` ones and, if `exact`, no others than the `optional` ones.

    They can be in any order, or only in this one if `in_order`.
    """

    required: Sequence[str]
    optional: Sequence[str] = ()
    exact: bool = True
    in_order: bool = False

    def problems_of(self, header: Sequence[str]) -> Iterator[str]:
        known = [*self.required, *self.optional]
        if missing := [column for column in self.required if column not in header]:
            yield f"The header is missing {_named(missing)}. Add {_them(missing)}."
        if twice := [column for column in known if header.count(column) > 1]:
            yield f"The header has {_named(twice)} more than once. Keep each only once."
        if self.exact and (others := [column for column in header if column not in known]):
            yield f"The header has columns that are not expected: {_named(others)}. Remove {_them(others)}."
        given = [name for name in known if name in header]
        if self.in_order and [name for name in header if name in known] != given:
            yield f"Put the columns in this order: {', '.join(given)}."


def _named(columns: list[str]) -> str:
    more = len(columns) - NAMED
    return ", ".join(map(quote, columns[:NAMED])) + (f" and {more} more" if more > 0 else "")


def _them(columns: list[str]) -> str:
    return "it" if len(columns) == 1 else "them"


def open_csv(path: Path) -> TextIO:
    """Open the file for `read_records`: bytes that are not UTF-8 are marked, so that their line can be refused."""
    return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")


def read_records(file: TextIO, columns: Columns) -> tuple[list[str], Iterator[CsvRecord]]:
    """Return the header of `file` and each record below it; empty records are left out.

    Only one record is held in memory. Raises BrokenFile, also during reading, when no more can be read.
    """
    records = _records(file)
    header = next(records, CsvRecord(0, [], EMPTY))
    if problem := header.problem or " ".join(columns.problems_of(header.cells)):
        raise BrokenFile(problem, header.line)
    return header.cells, _below(header, records)


def _below(header: CsvRecord, records: Iterator[CsvRecord]) -> Iterator[CsvRecord]:
    width, record = len(header.cells), None
    for record in records:
        if record.problem or len(record.cells) == width:
            yield record
        else:
            yield record._replace(problem=_wrong_width(len(record.cells), width))
    if record is None:
        raise BrokenFile("There are no rows below the header. Add at least one.", header.line)


def _wrong_width(found: int, width: int) -> str:
    values = "1 value" if found == 1 else f"{found} values"
    cause = "a missing comma" if found < width else "an extra comma"
    return f"This row has {values}; the header has {width} columns. Look for {cause}."


def _records(file: TextIO) -> Iterator[CsvRecord]:
    lines = _Lines(file)
    reader = csv.reader(lines, strict=True)
    while True:
        line = lines.begin_row()
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error:
            yield CsvRecord(line, [], QUOTES)
        else:
            if text := "".join(cells):
                yield CsvRecord(line, cells, _odd_character(text))


class _Lines:
    """The lines of a file, for a reader that joins the lines of one row."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._line = self._first = self._length = 0

    def begin_row(self) -> int:
        """Return the number of the line on which the next row begins."""
        self._first, self._length = self._line + 1, 0
        return self._first

    def __iter__(self) -> Iterator[str]:
        while line := self._file.readline(LONGEST_ROW + 1):
            self._line += 1
            self._length += len(line)
            if self._length > LONGEST_ROW:
                sentence = f"A row has more than {LONGEST_ROW:,} characters. Is a quotation mark missing?"
                raise BrokenFile(sentence, self._first)
            yield line


def _odd_character(text: str) -> str:
    """Say what is wrong with the characters of a row, if anything."""
    if not (odd := _ODD.search(text)):
        return ""
    if any("\ud800" <= char <= "\udfff" for char in text):
        return NOT_UTF8
    return f"A value contains {_ODD_IN_WORDS.get(odd[0], 'a control character')}. Remove it."


# Files that are read whole


class RowProblem(NamedTuple):
    """A problem and its place; str() is a sentence for the user. Line 0 stands for the whole file."""

    file: str
    line: int
    sentence: str

    def __str__(self) -> str:
        return f"{self.file}{f', line {self.line}' if self.line else ''}: {self.sentence}"


@dataclass(frozen=True)
class CsvRow:
    """One row; its problems are added to those of all files."""

    file: str
    line: int
    cells: dict[str, str]
    problems: list[RowProblem]

    def read(self, column: str, parse: Callable[[str], T]) -> T | None:
        """Return the cell as parsed by `parse`; None if that raises ValueError, whose sentence becomes a problem."""
        try:
            return parse(self.cells[column])
        except ValueError as error:
            self.refuse(f"{column}: {error}")
            return None

    def refuse(self, sentence: str) -> None:
        self.problems.append(RowProblem(self.file, self.line, sentence))


def read_table(path: Path, columns: Columns, problems: list[RowProblem]) -> list[CsvRow]:
    """Return the valid rows of the CSV file at `path`, within limits; each other row becomes a problem."""
    try:
        with _opened(path) as file:
            header, records = read_records(file, columns)
            return list(_sound(records, header, str(path), problems))
    except BrokenFile as error:
        problems.append(RowProblem(str(path), error.line, str(error)))
        return []


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    try:
        if not path.is_file():
            raise BrokenFile("The file does not exist. Check its path.")
        if path.stat().st_size > LARGEST:
            raise BrokenFile(f"The file is larger than {LARGEST // 1024**2} MiB. Split it.")
        with open_csv(path) as file:
            yield file
    except OSError as error:
        raise BrokenFile(f"The file cannot be read: {error.strerror}.") from error


def _sound(records: Iterator[CsvRecord], header: list[str], file: str, problems: list[RowProblem]) -> Iterator[CsvRow]:
    for count, (line, cells, problem) in enumerate(records, start=1):
        if count > MOST_ROWS:
            raise BrokenFile(f"The file has more than {MOST_ROWS:,} rows. Split it.", line)
        if problem:
            problems.append(RowProblem(file, line, problem))
        else:
            yield CsvRow(file, line, dict(zip(header, cells, strict=True)), problems)
