"""Opening a CSV file as people have it: in UTF-8 or UTF-16, by itself or alone in a zip file."""

import codecs
import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

ZIP, OLD_EXCEL = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
WORKBOOK = "This is an Excel workbook. Open it and save it as “CSV UTF-8”."
DAMAGED = "The zip file is damaged or has a password. Unpack it yourself, then load what is in it."


class BrokenFile(Exception):
    """Nothing more can be read from the file. Line 0 stands for the whole file."""

    def __init__(self, sentence: str, line: int = 0) -> None:
        super().__init__(sentence)
        self.line = line


@contextmanager
def open_csv(path: Path) -> Iterator[TextIO]:
    """Open the file at `path`, or the only CSV in that zip file, as text. Raises BrokenFile, OSError.

    Bytes that are not of its encoding are marked, so that their line can be refused.
    """
    if begins_with(path, OLD_EXCEL):
        raise BrokenFile(WORKBOOK)
    if not begins_with(path, ZIP):
        with path.open("rb") as raw, _as_text(raw) as text:
            yield text
        return
    with opened_zip(path) as packed, packed.open(_only_csv(packed)) as raw, _as_text(raw) as text:
        yield text


def begins_with(path: Path, mark: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(mark)) == mark


@contextmanager
def opened_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open the zip file at `path`; raises BrokenFile, also during reading, where it is damaged or has a password."""
    try:
        with zipfile.ZipFile(path) as packed:
            if "[Content_Types].xml" in packed.namelist():
                raise BrokenFile(WORKBOOK)
            yield packed
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise BrokenFile(DAMAGED) from error


def _only_csv(packed: zipfile.ZipFile) -> zipfile.ZipInfo:
    found = [member for member in packed.infolist() if member.filename.lower().endswith(".csv")]
    if len(found) != 1:
        raise BrokenFile(f"The zip file holds {len(found) or 'no'} CSV files. Unpack it, then load the one you want.")
    return found[0]


def _as_text(raw: BinaryIO) -> TextIO:
    buffered = io.BufferedReader(raw)
    if buffered.peek(2)[:2] in UTF_16:
        return io.TextIOWrapper(buffered, "utf-16", errors="replace", newline="")
    return io.TextIOWrapper(buffered, "utf-8-sig", errors="surrogateescape", newline="")
