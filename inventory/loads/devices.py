"""Loading devices from a CSV: checked and applied as sets in the database, whole or not at all.

A load stages and checks its rows in separate tables, while people continue to record. Then it locks the devices of the
file, compares those that have changed in the meantime again, and applies all rows.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from django.db import OperationalError, connection, transaction
from django.db.backends.utils import CursorWrapper
from psycopg.errors import DeadlockDetected, LockNotAvailable

from accounts.acting import explaining
from accounts.audit import note
from accounts.dates import parse_date
from accounts.files.opening import BrokenFile, open_csv
from accounts.files.reading import Columns, CsvFile, read_records
from accounts.models import Fuel
from accounts.operator import system_scope
from inventory.identifiers import parse_device_id, parse_mpxn, parse_msn
from inventory.loads.staging import stage_rows, staging
from inventory.models import USUAL_STATUS_MOVES, StagedDevice, StagedFile, StagedRow
from inventory.pasted import SHORTENED, is_shortened
from inventory.rules.check import explain, settled
from inventory.rules.loading import DAYS, TEXTS
from inventory.rules.rule import Rule, broken
from inventory.rules.table import OF_FILES
from inventory.statements import statements
from inventory.trail.kinds import DeviceAuditKind

SQL = Path(__file__).parent / "sql"
REQUIRED_HEADER = TEXTS[:17]
OPTIONAL_HEADER = TEXTS[17:]
COLUMNS = Columns(REQUIRED_HEADER, OPTIONAL_HEADER)
REASON = "load_devices"
LOCK = 5_174_310_802  # PostgreSQL's advisory lock for the one load that applies its rows
# A load that cannot lock a device in this time releases all others, so that nobody waits long, and tries again.
PATIENCE, TRIES = "10s", 12
OVERTAKEN = "Another load has created or changed this device meanwhile. Load the file again."
IN_USE = "Devices in this file are being changed at the moment. Load the file again later."
# The lines that break rules, and the numbers of those rules
CHECK = """
    WITH staging AS NOT MATERIALIZED (SELECT line, {cells} FROM inventory_stagedrow WHERE file_id = %(file)s),
        incoming AS NOT MATERIALIZED (
            SELECT
                d.*,
                CASE
                    WHEN d.map_id ~ CASE d.fuel WHEN 'E' THEN '^[0-9A-Z]{{4}}$' WHEN 'G' THEN '^[0-9A-Z]{{3}}$' END
                        AND (%(map_id_from)s::date IS NULL OR d.installed_on >= %(map_id_from)s::date)
                    THEN d.map_day
                END AS list_day,
                EXISTS (
                    SELECT FROM accounts_participant AS p
                    WHERE p.role = 'map' AND p.fuel = d.fuel AND p.code = d.map_id
                ) AS is_listed,
                (
                    SELECT p.kind FROM accounts_participant AS p
                    WHERE p.role = 'map' AND p.fuel = d.fuel AND p.code = d.map_id
                        AND d.map_day BETWEEN p.effective_from AND coalesce(p.effective_to, 'infinity')
                    LIMIT 1
                ) AS provider_kind
            FROM inventory_stageddevice AS d WHERE d.file_id = %(file)s
        )
    SELECT line, broken
    FROM (
        SELECT i.line, {rules} AS broken
        FROM incoming AS i JOIN staging AS s ON s.line = i.line
        WHERE %(lines)s::integer[] IS NULL OR i.line = ANY (%(lines)s)
    ) AS checked
    WHERE broken <> '{{}}'
"""
CELLS = ", ".join(f"cells[{number}] AS {item}" for number, item in enumerate(TEXTS, start=1))


class LoadRefused(Exception):
    """The file breaks rules, so nothing has been changed; `problems` are sentences, in the order of lines."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class DeviceLoad:
    """How many devices a load created, changed and left unchanged; `remark` says what is unusual about the file."""

    created: int
    changed: int
    unchanged: int
    remark: str = ""

    @property
    def known(self) -> int:
        return self.changed + self.unchanged


def load_devices(path: Path, *, dry_run: bool = False) -> DeviceLoad:
    """Load the device CSV at `path` as the operator; with `dry_run`, only say what would happen.

    Raises LoadRefused with all problems of the file, OSError if it cannot be read.
    """
    with staging() as file:
        with system_scope(REASON, audited=False), connection.cursor() as cursor:
            remark = _stage(file, path)
            _compare(cursor, file)
            _refuse_problems(cursor, file)
        return replace(_apply_in_time(file, path, dry_run), remark=remark)


def _stage(file: StagedFile, path: Path) -> str:
    """Stage each row of the file, and return the remark on it; refuse the file if a row cannot be read."""
    problems: list[str] = []
    remark = ""
    try:
        with open_csv(path) as source:
            table = read_records(source, COLUMNS)
            stage_rows(file, _rows(table, problems))
            remark = table.remark
    except BrokenFile as broken:
        problems.append(_on_line(broken.line, str(broken)))
    if problems:
        raise LoadRefused(problems)
    return remark


def _rows(table: CsvFile, problems: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield the valid records, each with a cell for every item, which is empty where the header lacks it."""
    header = table.header
    places = [(header.index(item) if item in header else len(header), READERS.get(item, str)) for item in TEXTS]
    for line, cells, problem in table.records:
        if problem:
            problems.append(_on_line(line, problem))
        else:
            given = [*cells, ""]
            yield line, [given[place] and read(given[place]) for place, read in places]


def _as_it_stands(parse: Callable[[str], object]) -> Callable[[str], str]:
    """Return a reader of cells that gives what `parse` makes of one, or the cell for the rules to refuse."""

    @lru_cache(maxsize=10_000)  # dates, hubs and suppliers come again and again
    def read(cell: str) -> str:
        try:
            return str(parse(cell))
        except ValueError:
            return cell

    return read


READERS = dict.fromkeys(DAYS, _as_it_stands(parse_date)) | {
    "device_id": _as_it_stands(parse_device_id),
    "hub_id": _as_it_stands(parse_device_id),
    "mpxn": _as_it_stands(parse_mpxn),
    "msn": _as_it_stands(parse_msn),
}


def _on_line(line: int, sentence: str) -> str:
    return f"Line {line}: {sentence}" if line else sentence


def _compare(cursor: CursorWrapper, file: StagedFile, lines: list[int] | None = None) -> None:
    """Bring all rows, or those on `lines`, into canonical form, beside what is recorded of their devices now."""
    forget, normalise = statements(SQL / "normalise.sql")
    given = {"file": file.pk, "lines": lines}
    if lines:
        cursor.execute(forget, given)
    cursor.execute(normalise, given)


def _refuse_problems(cursor: CursorWrapper, file: StagedFile, lines: list[int] | None = None) -> None:
    given = {"file": file.pk, "lines": lines}
    given |= settled()
    cursor.execute("SET LOCAL enable_nestloop = off")  # it joins two rows of each line; statistics seem to say few
    cursor.execute(CHECK.format(cells=CELLS, rules=broken(OF_FILES)), given)
    found = [(line, OF_FILES[number]) for line, numbers in cursor for number in numbers]
    cursor.execute("SET LOCAL enable_nestloop TO DEFAULT")
    if found:
        raise LoadRefused(_sentences(file, sorted(found, key=lambda one: (one[0], one[1].item, one[1].sentence))))


def _sentences(file: StagedFile, found: Sequence[tuple[int, Rule]]) -> list[str]:
    """Say on which line what is wrong, with the start of the value in the file."""
    lines = {line for line, _ in found}
    rows = dict(StagedRow.objects.filter(file=file, line__in=lines).values_list("line", "cells"))
    staged = StagedDevice.objects.filter(file=file, line__in=lines).values("line", "map_id", "fuel", "map_day")
    values = {row["line"]: row | {"fuel_name": Fuel(row["fuel"]).label if row["fuel"] else ""} for row in staged}
    return [
        _on_cell(line, rule, rows[line][TEXTS.index(rule.item)] or "", explain(rule, values[line]))
        for line, rule in found
    ]


def _on_cell(line: int, rule: Rule, given: str, sentence: str) -> str:
    quoted = f" “{given[:24]}”" if given else ""
    return f"Line {line}, {rule.item}{quoted}: {SHORTENED if is_shortened(given) else sentence}"


def _apply_in_time(file: StagedFile, path: Path, dry_run: bool) -> DeviceLoad:
    """Apply the rows; if others hold devices of the file, release all and try again. Raises LoadRefused in the end."""
    for _ in range(TRIES):
        try:
            with system_scope(REASON, batch=file.pk):
                outcome = _apply(file, path, dry_run)
                if not dry_run:
                    note(DeviceAuditKind.DEVICES_LOADED, by=None, personal={"file": path.name})
                return outcome
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable | DeadlockDetected):
                raise
    raise LoadRefused([IN_USE])


def _apply(file: StagedFile, path: Path, dry_run: bool) -> DeviceLoad:
    usual = [f"{before}>{after}" for before, moves in USUAL_STATUS_MOVES.items() for after in moves]
    given = {"file": file.pk, "usual_moves": usual}
    mark, items, suppliers, create = statements(SQL / "apply.sql")
    with explaining(via="load", source=f"device load {path.name}"[:120]), connection.cursor() as cursor:
        known = _hold(cursor, file)
        cursor.execute(mark, given)
        changed = cursor.rowcount
        cursor.execute(items, given)
        cursor.execute(suppliers, given)
        cursor.execute(create, given)
        created = cursor.rowcount
        transaction.set_rollback(dry_run)
    return DeviceLoad(created, changed, known - changed)


def _hold(cursor: CursorWrapper, file: StagedFile) -> int:
    """Lock the known devices and return how many; compare and check those changed in the meantime again."""
    created_meanwhile, hold, count = statements(SQL / "hold.sql")
    given = {"file": file.pk}
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    cursor.execute("SELECT set_config('lock_timeout', %s, true)", [PATIENCE])
    cursor.execute(created_meanwhile, given)
    overtaken = [line for (line,) in cursor]
    cursor.execute(hold, given)
    changed = cursor.fetchall()
    if overtaken := overtaken + [line for line, by_a_load in changed if by_a_load]:
        raise LoadRefused([_on_line(line, OVERTAKEN) for line in sorted(overtaken)])
    if changed:
        lines = [line for line, _ in changed]
        _compare(cursor, file, lines)
        _refuse_problems(cursor, file, lines)
    cursor.execute(count, given)
    return cursor.fetchone()[0]
