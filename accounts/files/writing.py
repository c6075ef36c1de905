"""CSV files that are written while they are sent."""

import csv
import io
from collections.abc import Iterable, Iterator

CHUNK_ROWS = 500
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # with which a cell begins that a spreadsheet would compute


def in_chunks(header: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> Iterator[bytes]:
    """The lines of a file, some hundreds at a time: of `rows` no more are held."""
    lines = Lines()
    lines.add(header)
    for number, row in enumerate(rows, start=1):
        lines.add(row)
        if number % CHUNK_ROWS == 0:
            yield lines.take()
    yield lines.take()


class Lines:
    """CSV lines that wait to be sent."""

    def __init__(self) -> None:
        self._text = io.StringIO(newline="")
        self._writer = csv.writer(self._text, lineterminator="\r\n")

    def add(self, cells: tuple[object, ...]) -> None:
        self._writer.writerow(cells)

    def take(self) -> bytes:
        taken = self._text.getvalue().encode()
        self._text.seek(0)
        self._text.truncate()
        return taken


def guarded(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text
