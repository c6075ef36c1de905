"""The only reader of CSV files: it turns bytes into records, one at a time, each with its line and its problem."""

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple, TextIO, TypeVar

from accounts.errors import quote
from accounts.files.opening import BrokenFile, open_csv

LARGEST = 10 * 1024 * 1024  # bytes of a file that is read whole
MOST_ROWS = 100_000
LONGEST_ROW = 100_000  # characters, in any file
NAMED = 10  # the most columns that a sentence names
# "surrogateescape" turns other bytes than UTF-8 into the range before the last; "replace", of UTF-16, into the last.
_ODD = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffd]")
_ODD_IN_WORDS = {"\0": "a NUL character", "\n": "a line break", "\r": "a line break", "\t": "a tab"}
NO_SUCH_FILE = "The file does not exist. Check its path."
TOO_LARGE = f"The file is larger than {LARGEST // 1024**2} MiB. Split it."
CANNOT_BE_READ = "The file cannot be read: {}."
EMPTY = "The file is empty. It needs a header and at least one row."
SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
_SEP_LINE = re.compile(r'"?sep=([^\w\s"]|\t)"?[,;|\s]*', re.IGNORECASE)
_BRACKETS = str.maketrans("{}[]", "()()")
NOT_UTF8 = "This row is not UTF-8. Save the file as “CSV UTF-8”."

QUOTES = "The quotation marks do not match. Close each one; inside a value, write it twice."

T = TypeVar("T")


class CsvRecord(NamedTuple):
    """One record of a file, with the line on which it begins, and a sentence if something is wrong."""

    line: int
    cells: list[str]
    problem: str = ""


class CsvFile(NamedTuple):
    """A file below its header, whose columns have the names we know; `remark` says what is unusual about its form."""

    header: list[str]
    records: Iterator[CsvRecord]
    remark: str = ""


@dataclass(frozen=True)
class Columns:
    """The columns of a header, in any order: all `required` ones and, if `exact`, no others than `optional` ones."""

    required: Sequence[str]
    optional: Sequence[str] = ()
    exact: bool = True

    @property
    def known(self) -> list[str]:
        return [*self.required, *self.optional]

    def named(self, cells: Sequence[str]) -> list[str]:
        """Return the header with each column we know by our name, however it is written."""
        names = {_key(column): column for column in self.known}
        return [names.get(_key(cell), cell) for cell in cells]

    def problems_of(self, header: Sequence[str]) -> Iterator[str]:
        missing = [column for column in self.required if column not in header]
        others = [column for column in header if column not in self.known]
        near = {column: other for column in missing if (other := _nearest(column, others))}
        for column, other in near.items():
            yield f"The header has {quote(other)}. Rename it to {quote(column)}, if that is what it holds."
        if missing := [column for column in missing if column not in near]:
            yield f"The header is missing {_named(missing)}. Add {_them(missing)}."
        if twice := [column for column in self.known if header.count(column) > 1]:
            yield f"The header has {_named(twice)} more than once. Keep each only once."
        others = [column for column in others if column not in near.values()]
        if self.exact and others:
            yield f"The header has columns that are not expected: {_named(others)}. Remove {_them(others)}."


def _key(name: str) -> str:
    """Return what a column is known by: case, spaces, hyphens and the kind of brackets do not matter."""
    return re.sub(r"[\s_-]+", "_", name.translate(_BRACKETS).strip("\ufeff \t")).strip("_").casefold()


def _nearest(column: str, others: Sequence[str]) -> str:
    keys = {_key(other): other for other in others}
    return next((keys[key] for key in get_close_matches(_key(column), keys, n=1, cutoff=0.75)), "")


def _named(columns: list[str]) -> str:
    more = len(columns) - NAMED
    return ", ".join(map(quote, columns[:NAMED])) + (f" and {more} more" if more > 0 else "")


def _them(columns: list[str]) -> str:
    return "it" if len(columns) == 1 else "them"


def read_records(file: TextIO, columns: Columns) -> CsvFile:
    """Return the header of `file` and each record below it; empty records are left out.

    Values are separated by what the header has between the names of `columns`, or as a line `sep=` above it says. Only
    one record is held in memory. Raises BrokenFile, also during reading, when no more can be read.
    """
    lines = _Lines(file)
    separator, said = _separator(lines, columns)
    records = _records(lines, separator)
    header = next(records, CsvRecord(0, [], EMPTY))
    names = columns.named(_without_empty_end(header.cells))
    if problem := header.problem or " ".join(columns.problems_of(names)):
        raise BrokenFile(problem, header.line)
    return CsvFile(names, _below(header.line, len(names), records, separator), _remark(file, separator, said))


def _separator(lines: "_Lines", columns: Columns) -> tuple[str, bool]:
    """Return what stands between values, and whether a line of the file says so, which is passed over."""
    first = lines.peek()
    if said := _SEP_LINE.fullmatch(first.strip()):
        lines.skip()
        return said[1], True
    known = {_key(column) for column in columns.known}
    return max(SEPARATORS, key=lambda separator: len(known & _keys_in(first, separator))), False


def _keys_in(line: str, separator: str) -> set[str]:
    return {_key(cell.strip('" \r\n')) for cell in line.split(separator)}


def _remark(file: TextIO, separator: str, said: bool) -> str:
    remarks = []
    if file.encoding == "utf-16":
        remarks.append("The file is in UTF-16.")
    if separator != "," or said:
        remarks.append(f"The values are separated by {SEPARATORS.get(separator, quote(separator))}s.")
    return " ".join(remarks)


def _without_empty_end(cells: list[str]) -> list[str]:
    """Return the cells up to the last one that is not empty: spreadsheets add columns of nothing."""
    end = next((number for number in range(len(cells), 0, -1) if cells[number - 1]), 0)
    return cells[:end]


def _below(header: int, width: int, records: Iterator[CsvRecord], separator: str) -> Iterator[CsvRecord]:
    record = None
    for record in records:
        cells = record.cells if len(record.cells) <= width or any(record.cells[width:]) else record.cells[:width]
        if record.problem or len(cells) == width:
            yield record._replace(cells=cells)
        else:
            yield record._replace(problem=_wrong_width(len(cells), width, separator))
    if record is None:
        raise BrokenFile("There are no rows below the header. Add at least one.", header)


def _wrong_width(found: int, width: int, separator: str) -> str:
    values = "1 value" if found == 1 else f"{found} values"
    cause = f"{'a missing' if found < width else 'an extra'} {SEPARATORS.get(separator, quote(separator))}"
    return f"This row has {values}; the header has {width} columns. Look for {cause}."


def _records(lines: "_Lines", separator: str) -> Iterator[CsvRecord]:
    reader = csv.reader(lines, delimiter=separator, strict=True)
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
        self._ahead = ""

    def peek(self) -> str:
        """Return the first line that is not blank; those before it are passed over."""
        while (line := self._file.readline(LONGEST_ROW + 1)) and not line.strip():
            self._line += 1
        self._ahead = line
        return line

    def skip(self) -> None:
        """Pass over the line that `peek` has returned."""
        self._line, self._ahead = self._line + 1, ""

    def begin_row(self) -> int:
        """Return the number of the line on which the next row begins."""
        self._first, self._length = self._line + 1, 0
        return self._first

    def __iter__(self) -> Iterator[str]:
        while line := self._ahead or self._file.readline(LONGEST_ROW + 1):
            self._ahead = ""
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
    if any("\ud800" <= char <= "\udfff" or char == "\ufffd" for char in text):
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


def read_table(path: Path, columns: Columns, problems: list[RowProblem], remarks: list[str]) -> list[CsvRow]:
    """Return the valid rows of the CSV file at `path`, within limits; each other row becomes a problem."""
    try:
        with _opened(path) as file:
            header, records, remark = read_records(file, columns)
            remarks += [f"{path}: {remark}"] if remark else []
            return list(_sound(records, header, str(path), problems))
    except BrokenFile as error:
        problems.append(RowProblem(str(path), error.line, str(error)))
        return []


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    try:
        if not path.is_file():
            raise BrokenFile(NO_SUCH_FILE)
        if path.stat().st_size > LARGEST:
            raise BrokenFile(TOO_LARGE)
        with open_csv(path) as file:
            yield file
    except OSError as error:
        raise BrokenFile(CANNOT_BE_READ.format(error.strerror)) from error


def _sound(records: Iterator[CsvRecord], header: list[str], file: str, problems: list[RowProblem]) -> Iterator[CsvRow]:
    for count, (line, cells, problem) in enumerate(records, start=1):
        if count > MOST_ROWS:
            raise BrokenFile(f"The file has more than {MOST_ROWS:,} rows. Split it.", line)
        if problem:
            problems.append(RowProblem(file, line, problem))
        else:
            yield CsvRow(file, line, dict(zip(header, cells, strict=True)), problems)
