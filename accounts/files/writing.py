"""The only writer of CSV files from Python rows (RFC 4180, UTF-8), used while they are sent; reports use COPY."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

CHUNK_ROWS = 500
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would compute a cell that begins with one of these


def in_chunks(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[bytes]:
    """Yield the lines of a file, a few hundred at a time, holding no more of `rows`. No text is left as a formula."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header)
    for number, row in enumerate(rows, start=1):
        writer.writerow([guarded(cell) if isinstance(cell, str) else cell for cell in row])
        if number % CHUNK_ROWS == 0:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()


def guarded(text: str) -> str:
    """Return the text in a form that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text
