"""A CSV file read whole, within bounds: rows by column name, and every problem with its line."""

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

from accounts.errors import quote

LARGEST = 10 * 1024 * 1024  # bytes
MOST_ROWS = 100_000
_BROKEN_BYTE = re.compile("[\ud800-\udfff]")  # what "surrogateescape" makes of a byte that is not UTF-8
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")

T = TypeVar("T")


class RowProblem(NamedTuple):
    """What is wrong where: str() is a sentence for the user. Line 0 is the file as such."""

    file: str
    line: int
    sentence: str

    def __str__(self) -> str:
        return f"{self.file}{f', line {self.line}' if self.line else ''}: {self.sentence}"


@dataclass(frozen=True)
class CsvRow:
    """One row; what is wrong with it goes to the problems of all files."""

    file: str
    line: int
    cells: dict[str, str]
    problems: list[RowProblem]

    def read(self, column: str, parse: Callable[[str], T]) -> T | None:
        """The cell as `parse` makes it; None, and a problem, where that raises ValueError with a sentence."""
        try:
            return parse(self.cells[column])
        except ValueError as error:
            self.refuse(f"{column}: {error}")
            return None

    def refuse(self, sentence: str) -> None:
        self.problems.append(RowProblem(self.file, self.line, sentence))


def read_table(path: Path, columns: Sequence[str], problems: list[RowProblem], *, exact: bool) -> list[CsvRow]:
    """The sound rows of the CSV file at `path`; every other one is a problem.

    The header must hold `columns`, in any order, and no others if `exact`. Wholly empty lines do not count.
    """
    try:
        records = _records(_text(path))
        line, header = _header(records, columns, exact=exact)
        rows = list(_rows(records, header, str(path), problems))
    except _BrokenFile as error:
        problems.append(RowProblem(str(path), error.line, str(error)))
        return []
    if not rows and not any(problem.file == str(path) for problem in problems):
        problems.append(RowProblem(str(path), line, "There is no row below the header."))
    return rows


class _BrokenFile(Exception):
    """Nothing more can be read from the file."""

    def __init__(self, sentence: str, line: int = 0) -> None:
        super().__init__(sentence)
        self.line = line


def _text(path: Path) -> str:
    """The text of the file; bytes that are not UTF-8 are kept as marks, to be refused with their line."""
    try:
        if not path.is_file():
            raise _BrokenFile("There is no such file.")
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise _BrokenFile(f"The file cannot be read: {error.strerror}.") from error
    if len(content) > LARGEST:
        raise _BrokenFile(f"The file is larger than {LARGEST // 1024**2} MiB.")
    return content.decode("utf-8-sig", errors="surrogateescape")


class _Record(NamedTuple):
    """One record of the file, with the line it begins on."""

    line: int
    cells: list[str]
    problem: str = ""


def _records(text: str) -> Iterator[_Record]:
    """Each record that is not empty."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            yield _Record(line, [], _csv_problem(error))
        else:
            if any(cells):
                yield _Record(line, cells, _character_problem(cells))


def _csv_problem(error: csv.Error) -> str:
    if "field limit" in str(error):
        return f"A field has more than {csv.field_size_limit():,} characters; is a quotation mark missing?"
    return "The quotation marks do not match."


def _character_problem(cells: list[str]) -> str:
    joined = "".join(cells)
    if _BROKEN_BYTE.search(joined):
        return "This is not UTF-8. Save the file as “CSV UTF-8”."
    if odd := _CONTROL.search(joined):
        what = {"\0": "a NUL byte", "\n": "a line break", "\r": "a line break", "\t": "a tab"}
        return f"A field holds {what.get(odd[0], 'a control character')}."
    return ""


def _header(records: Iterator[_Record], columns: Sequence[str], *, exact: bool) -> tuple[int, list[str]]:
    line, header, problem = next(records, _Record(0, [], "The file is empty."))
    if not problem:
        problem = " ".join(_header_problems(header, columns, exact=exact))
    if problem:
        raise _BrokenFile(problem, line)
    return line, header


def _header_problems(header: list[str], columns: Sequence[str], *, exact: bool) -> Iterator[str]:
    if missing := [column for column in columns if column not in header]:
        yield f"The header has no column {', '.join(map(quote, missing))}."
    if twice := [column for column in columns if header.count(column) > 1]:
        yield f"The header has column {', '.join(map(quote, twice))} more than once."
    if exact and (unknown := [column for column in header if column not in columns]):
        yield f"The header has the unknown column {', '.join(map(quote, unknown[:10]))}."


def _rows(records: Iterator[_Record], header: list[str], file: str, problems: list[RowProblem]) -> Iterator[CsvRow]:
    for count, (line, cells, problem) in enumerate(records, start=1):
        if count > MOST_ROWS:
            raise _BrokenFile(f"The file has more than {MOST_ROWS:,} rows.", line)
        if not problem and len(cells) != len(header):
            problem = f"The number of columns is {len(cells)} here and {len(header)} in the header."
        row = CsvRow(file, line, dict(zip(header, cells, strict=False)), problems)
        if problem:
            row.refuse(problem)
        else:
            yield row
