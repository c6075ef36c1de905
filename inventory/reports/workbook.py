"""A CSV as an Excel workbook: texts as texts, dates as dates, and nothing that could become a formula."""

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from inventory.data_items import DataItem, Kind

LINES = 1_048_576  # of a sheet, with the header
CHUNK_BYTES = 64 * 1024
OPTIONS = {
    "constant_memory": True,  # a row at a time, in a temporary file
    "strings_to_numbers": False,
    "strings_to_formulas": False,
    "strings_to_urls": False,
}
Cell = Callable[[int, int, str], object]


class TooLong(ValueError):
    """There are more rows than a sheet has lines."""


def workbook_chunks(pieces: Iterator[bytes], columns: Sequence[DataItem], title: str) -> Iterator[bytes]:
    """Yield `pieces` of CSV, each of whole lines, as one workbook.

    Nothing of it can be sent before its last row is known: until then empty pieces say that the work goes on.
    """
    with closing(pieces), TemporaryDirectory(prefix="smi-workbook-") as folder:
        path = Path(folder) / "report.xlsx"
        with Workbook(path, OPTIONS | {"tmpdir": folder}) as book:
            sheet = book.add_worksheet(title)
            cells = [_cell(book, sheet, item.kind) for item in columns]
            _frame(book, sheet, columns)
            line = 0
            for piece in pieces:
                line = _write(sheet, cells, piece, line)
                yield b""
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk


def _frame(book: Workbook, sheet: Worksheet, columns: Sequence[DataItem]) -> None:
    """The header stays in view; what a person types into a column of texts is a text as well."""
    sheet.freeze_panes(1, 0)
    text = book.add_format({"num_format": "@"})
    for place, item in enumerate(columns):
        sheet.set_column(place, place, max(len(item.name) + 2, 14), None if item.kind is Kind.DATE else text)


def _cell(book: Workbook, sheet: Worksheet, kind: Kind) -> Cell:
    """How a cell of a column is written."""
    if kind is Kind.DATE:
        shown: Format = book.add_format({"num_format": "yyyy-mm-dd"})
        epoch = date(1899, 12, 30)
        return lambda line, place, value: sheet.write_number(
            line, place, (date.fromisoformat(value) - epoch).days, shown
        )
    if kind is Kind.NUMBER:
        return lambda line, place, value: sheet.write_number(line, place, int(value))
    text = book.add_format({"num_format": "@"})
    return lambda line, place, value: sheet.write_string(line, place, value, text)


def _write(sheet: Worksheet, cells: list[Cell], piece: bytes, line: int) -> int:
    """Write whole lines of CSV from `line` on; return the next one. The first is the header."""
    for values in csv.reader(piece.decode().removesuffix("\r\n").split("\r\n")):
        if line >= LINES:
            raise TooLong
        for place, value in enumerate(values):
            if value and line:
                cells[place](line, place, value)
            elif value:
                sheet.write_string(line, place, value)
        line += 1
    return line
