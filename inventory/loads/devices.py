"""Loading devices from a CSV: checked and applied as sets in the database, whole or not at all."""

import codecs
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import psycopg
from django.conf import settings
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from accounts.acting import explaining
from inventory.models import USUAL_STATUS_MOVES
from inventory.rules.loading import RULES, TEXTS, Rule
from inventory.statements import statements

SQL = Path(__file__).parent / "sql"
REQUIRED_HEADER = TEXTS[:17]
OPTIONAL_HEADER = TEXTS[17:]
BLOCK = 1 << 16
# With the value as the file has it, cut short.
PROBLEMS = """
    SELECT p.line, p.item, left(to_jsonb(s) ->> p.item, 24), p.sentence
    FROM problem AS p JOIN staging AS s ON s.id = p.line - 1 ORDER BY p.line, p.item, p.sentence
"""
# Every known device, held until it is applied; told are those at another version than this load compared with. The
# condition stands outside of what is materialized: within, only rows that fulfil it would be held, thus none.
CHANGED_MEANWHILE = """
    WITH held AS MATERIALIZED (
        SELECT i.line, d.version <> i.known_version AS stale
        FROM incoming AS i JOIN inventory_device AS d ON d.id = i.known_id ORDER BY d.id FOR NO KEY UPDATE OF d
    )
    SELECT line FROM held WHERE stale ORDER BY line
"""


class LoadRefused(Exception):
    """The file breaks rules, so nothing has been changed; `problems` are sentences, in order of lines."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class DeviceLoad:
    """How many devices a load created, changed and found as they were."""

    created: int
    changed: int
    unchanged: int


def load_devices(path: Path, *, dry_run: bool = False) -> DeviceLoad:
    """Load the device CSV at `path`; with `dry_run`, only say what would happen.

    Raises LoadRefused with all that is wrong, OSError when the file cannot be read.
    """
    source = f"device load {path.name}"[:120]
    with explaining(via="load", source=source), connection.cursor() as cursor:
        cursor.execute(_sql("stage"))
        _stage(cursor, path)
        cursor.execute(_sql("normalise"))
        _refuse_problems(cursor)
        _refuse_changed_meanwhile(cursor)
        outcome = _apply(cursor, source)
        transaction.set_rollback(dry_run)
    return outcome


def _sql(step: str) -> str:
    return (SQL / f"{step}.sql").read_text()


def _stage(cursor: CursorWrapper, path: Path) -> None:
    """COPY the file as it is into `staging`; a file COPY cannot read is looked through line by line."""
    with path.open("rb") as file:
        columns = _header(file)
        copy = f"COPY staging ({', '.join(columns)}) FROM STDIN (FORMAT csv, NULL '')"
        try:
            with cursor.copy(copy) as target:
                for block in _utf8(file):
                    target.write(block)
        except psycopg.errors.DataError as error:
            raise LoadRefused(_broken_lines(path, len(columns)) or [str(error.diag.message_primary)]) from error
    cursor.execute("SELECT count(*), bool_or(staging::text ~ '[\\r\\n]') FROM staging")
    rows, line_breaks = cursor.fetchone()
    if not rows:
        raise LoadRefused(["The file has a header and no devices."])
    if line_breaks:
        raise LoadRefused(_broken_lines(path, len(columns)))


def _header(file: BinaryIO) -> list[str]:
    """The columns of the file, which stand as the contract says; leaves `file` at its first device."""
    line = file.readline(BLOCK).removeprefix(codecs.BOM_UTF8)
    if not line.strip():
        raise LoadRefused(["The file is empty."])
    try:
        found = [name.strip().strip('"') for name in line.decode().strip().split(",")]
    except UnicodeDecodeError:
        raise LoadRefused(["Line 1: the file is not UTF-8."]) from None
    optional = [name for name in OPTIONAL_HEADER if name in found]
    if found != [*REQUIRED_HEADER, *optional]:
        raise LoadRefused(_header_problems(found))
    return found


def _header_problems(found: list[str]) -> list[str]:
    missing = [f"Line 1: the column {name} is missing." for name in REQUIRED_HEADER if name not in found]
    unknown = [f"Line 1: there is no column {name[:40]}." for name in found if name not in TEXTS]
    order = f"Line 1: the columns stand in this order: {','.join(REQUIRED_HEADER)}; then {','.join(OPTIONAL_HEADER)}."
    return [*missing, *unknown, order]


def _utf8(file: BinaryIO) -> Iterator[bytes]:
    """The rest of the file in blocks, as long as it is UTF-8 without NUL."""
    decoder, line = codecs.getincrementaldecoder("utf-8")(), 2
    for block in chain(iter(lambda: file.read(BLOCK), b""), [b""]):
        try:
            decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            line += error.object[: error.start].count(b"\n")
            raise LoadRefused([f"Line {line}: the file is not UTF-8."]) from None
        if b"\0" in block:
            line += block[: block.index(b"\0")].count(b"\n")
            raise LoadRefused([f"Line {line}: the file holds a NUL character. Is it a text file?"])
        line += block.count(b"\n")
        yield block


def _broken_lines(path: Path, columns: int) -> list[str]:
    """Every line that has not `columns` values, or a value with a line break."""
    problems = []
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.reader(file)
        try:
            begins = 1
            for row in rows:
                if len(row) != columns:
                    problems.append(f"Line {begins}: it has {len(row)} values, the header has {columns}.")
                elif rows.line_num > begins:
                    problems.append(f"Line {begins}: a value holds a line break. Is a quotation mark missing?")
                begins = rows.line_num + 1
        except csv.Error as error:
            problems.append(f"Line {rows.line_num}: it cannot be read as CSV ({error}).")
    return problems


def _refuse_problems(cursor: CursorWrapper) -> None:
    given = {"map_id_from": settings.MAP_ID_FROM or None, "today": timezone.localdate()}
    for rule in RULES:
        cursor.execute(_check(rule), given)
    cursor.execute(PROBLEMS)
    problems = [f"Line {line}, {item}{_quoted(given)}: {sentence}" for line, item, given, sentence in cursor]
    if problems:
        raise LoadRefused(problems)


def _check(rule: Rule) -> str:
    """One statement that notes every row breaking `rule`."""
    sentence = rule.sentence.replace("'", "''")
    wrong = rule.wrong if "%(" in rule.wrong else rule.wrong.replace("%", "%%")
    return (  # rules are constants of `loading_rules`; nothing of the file is put into a statement
        f"INSERT INTO problem SELECT i.line, '{rule.item}', '{sentence}' FROM incoming AS i WHERE {wrong}"  # noqa: S608
    )


def _quoted(given: str | None) -> str:
    return f" “{given}”" if given else ""


def _apply(cursor: CursorWrapper, source: str) -> DeviceLoad:
    usual = [f"{before}>{after}" for before, moves in USUAL_STATUS_MOVES.items() for after in moves]
    wanted, items, suppliers = statements(SQL / "apply.sql")
    cursor.execute("SELECT count(*) FILTER (WHERE known_id IS NOT NULL) FROM incoming")
    known = cursor.fetchone()[0]
    cursor.execute(wanted)
    changed = cursor.rowcount
    cursor.execute(items, {"usual_moves": usual})
    cursor.execute(suppliers, {"source": source})
    cursor.execute(_sql("create"))
    return DeviceLoad(cursor.rowcount, changed, known - changed)


def _refuse_changed_meanwhile(cursor: CursorWrapper) -> None:
    """Hold the known devices; refuse those that somebody changed since this load compared them."""
    cursor.execute(CHANGED_MEANWHILE)
    if stale := [line for (line,) in cursor]:
        again = "The device was changed while this load ran. Load the file again."
        raise LoadRefused([f"Line {line}: {again}" for line in stale])
