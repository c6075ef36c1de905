"""Loading devices from a CSV: checked and applied as sets in the database, whole or not at all."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from accounts.acting import explaining
from accounts.files.reading import BrokenFile, Columns, CsvRecord, open_csv, read_records
from inventory.models import USUAL_STATUS_MOVES
from inventory.rules.loading import RULES, TEXTS, Rule
from inventory.statements import statements

SQL = Path(__file__).parent / "sql"
REQUIRED_HEADER = TEXTS[:17]
OPTIONAL_HEADER = TEXTS[17:]
COLUMNS = Columns(REQUIRED_HEADER, OPTIONAL_HEADER, in_order=True)
BLOCK_ROWS = 500  # sent to the database at once
# With the start of the value in the file.
PROBLEMS = """
    SELECT p.line, p.item, left(to_jsonb(s) ->> p.item, 24), p.sentence
    FROM problem AS p JOIN staging AS s ON s.line = p.line ORDER BY p.line, p.item, p.sentence
"""
# Every known device, held until the load is applied; returns those whose version has changed since the comparison. The
# condition is outside the materialized part: inside it, only the rows that fulfil it would be held, which are none.
CHANGED_MEANWHILE = """
    WITH held AS MATERIALIZED (
        SELECT i.line, d.version <> i.known_version AS stale
        FROM incoming AS i JOIN inventory_device AS d ON d.id = i.known_id ORDER BY d.id FOR NO KEY UPDATE OF d
    )
    SELECT line FROM held WHERE stale ORDER BY line
"""


class LoadRefused(Exception):
    """The file breaks rules, so nothing has been changed; `problems` are sentences, in the order of lines."""

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

    Raises LoadRefused with all problems of the file, OSError if it cannot be read.
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
    """Send each row of the file to `staging` with its line; refuse the file if one cannot be read."""
    problems: list[str] = []
    try:
        with open_csv(path) as file:
            header, records = read_records(file, COLUMNS)
            with cursor.copy(f"COPY staging (line, {', '.join(header)}) FROM STDIN (NULL '')") as target:
                lines = _copied(records, problems)
                while block := "".join(islice(lines, BLOCK_ROWS)):
                    target.write(block)
    except BrokenFile as broken:
        problems.append(_on_line(broken.line, str(broken)))
    if problems:
        raise LoadRefused(problems)


def _copied(records: Iterable[CsvRecord], problems: list[str]) -> Iterator[str]:
    """Yield the valid records as text for COPY: no value holds a tab or line break, so only backslashes are escaped."""
    for line, cells, problem in records:
        if problem:
            problems.append(_on_line(line, problem))
        else:
            values = "\t".join(cells).replace("\\", "\\\\")
            yield f"{line}\t{values}\n"


def _on_line(line: int, sentence: str) -> str:
    return f"Line {line}: {sentence}" if line else sentence


def _refuse_problems(cursor: CursorWrapper) -> None:
    given = {"map_id_from": settings.MAP_ID_FROM or None, "today": timezone.localdate()}
    for rule in RULES:
        cursor.execute(_check(rule), given)
    cursor.execute(PROBLEMS)
    problems = [f"Line {line}, {item}{_quoted(given)}: {sentence}" for line, item, given, sentence in cursor]
    if problems:
        raise LoadRefused(problems)


def _check(rule: Rule) -> str:
    """Return a statement that notes every row that breaks `rule`."""
    sentence = rule.sentence.replace("'", "''")
    wrong = rule.wrong if "%(" in rule.wrong else rule.wrong.replace("%", "%%")
    return (  # rules are constants of `rules.loading`; statements contain nothing from the file
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
    """Hold the known devices; refuse the load if one has changed since it was compared."""
    cursor.execute(CHANGED_MEANWHILE)
    if stale := [line for (line,) in cursor]:
        again = "The device was changed while this load ran. Load the file again."
        raise LoadRefused([_on_line(line, again) for line in stale])
