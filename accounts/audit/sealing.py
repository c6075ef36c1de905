"""Sealing the audit trail: rows are chained once they are committed, so that writing them waits for nobody.

An altered, removed or inserted row no longer fits the hashes that follow it. A chain runs over all rows and one over
each organisation's; within each, one for every retention, so that it can expire at its front.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice

from django.db import OperationalError, connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import QuerySet
from psycopg.errors import LockNotAvailable

from accounts.audit.chains import FIELDS, Chain, End, digest, ends_of
from accounts.audit.kinds import retention_of
from accounts.audit.telling import tell_of_roots
from accounts.models.audit import AuditHead, AuditRoot, AuditRow
from accounts.operator import system_scope

# Whoever holds this row seals, or cuts, the chains. The portal's login can lock no row that it cannot change.
LOCKABLE = "INSERT INTO accounts_audittally (retention, sealed) VALUES ('short', 0) ON CONFLICT DO NOTHING"
LOCK = "SELECT FROM accounts_audittally WHERE retention = 'short' FOR UPDATE"
BATCH = 5_000
INSERT = """
INSERT INTO accounts_auditseal
    (row_id, retention, position, hash, organisation_id, organisation_position, organisation_hash)
SELECT * FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::bytea[], %s::bigint[], %s::bigint[], %s::bytea[])
"""
HEADS = """
INSERT INTO accounts_audithead (at, organisation_id, retention, position, hash)
SELECT portal_moment(), * FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::bytea[])
"""
TALLY = """
INSERT INTO accounts_audittally AS t (retention, sealed) SELECT * FROM unnest(%s::text[], %s::bigint[])
ON CONFLICT (retention) DO UPDATE SET sealed = t.sealed + EXCLUDED.sealed
"""
# The end of each chain, for each date since its last root; for a new chain, since its first row. A loose index scan
# would be quicker than needed, once a day.
ROOTS = """
INSERT INTO accounts_auditroot (at, day, organisation_id, retention, position, hash)
SELECT portal_moment(), missing.day::date, ends.*
FROM (
    SELECT DISTINCT ON (organisation_id, retention) organisation_id, retention, position, hash
    FROM accounts_audithead ORDER BY organisation_id, retention, position DESC
) AS ends
CROSS JOIN LATERAL (
    SELECT max(r.day) + 1 AS day FROM accounts_auditroot AS r
    WHERE r.organisation_id IS NOT DISTINCT FROM ends.organisation_id AND r.retention = ends.retention
) AS next
CROSS JOIN LATERAL generate_series(
    coalesce(next.day, least(portal_today() - 1, (
        SELECT uk_day(r.at) FROM accounts_auditseal AS s JOIN accounts_auditrow AS r ON r.id = s.row_id
        WHERE ends.organisation_id IS NULL AND s.retention = ends.retention AND s.position = 1
    ), (
        SELECT uk_day(r.at) FROM accounts_auditseal AS s JOIN accounts_auditrow AS r ON r.id = s.row_id
        WHERE s.organisation_id = ends.organisation_id AND s.retention = ends.retention
            AND s.organisation_position = 1
    )))::timestamp,
    portal_today() - 1, interval '1 day'
) AS missing (day)
RETURNING id, organisation_id
"""
Seal = tuple[int, str, int, bytes, int | None, int | None, bytes | None]


def seal_audit() -> int | None:
    """Chain the rows that are committed and not sealed yet, by id; how many. None while somebody else does."""
    with system_scope("seal the audit trail", via="task", audited=False), connection.cursor() as cursor:
        return _seal(AuditRow.objects.recent(), cursor) if _is_free(cursor) else None


def lock(cursor: CursorWrapper, *, wait: bool = True) -> None:
    """Hold the chains until the end of the transaction; without `wait`, fail if somebody else does."""
    cursor.execute(LOCKABLE)
    cursor.execute(LOCK if wait else f"{LOCK} NOWAIT")


def _is_free(cursor: CursorWrapper) -> bool:
    """Whether nobody else held the chains, which are locked now."""
    try:
        with transaction.atomic():
            lock(cursor, wait=False)
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            return False
        raise
    return True


def take_roots() -> int:
    """Note where each chain stands, for each UK date that is over, with every row sealed before; how many roots.

    They are emailed to the DCC and to each organisation that asks for it. A date on which no keeper ran gets its root
    late, with the end of that later moment: none is left out.
    """
    with system_scope("take the daily root", via="task", audited=False), connection.cursor() as cursor:
        lock(cursor)
        _seal(AuditRow.objects.all(), cursor)
        cursor.execute(ROOTS)
        roots = cursor.fetchall()
        tell_of_roots(roots)
        return len(roots)


def _seal(rows: QuerySet, cursor: CursorWrapper) -> int:
    """Chain the rows among these that have no seal; in batches, so that memory does not grow with them."""
    ends: dict[Chain, End] = {}
    tally: Counter[str] = Counter()
    unsealed = rows.unsealed().order_by("pk").values_list(*FIELDS).iterator(chunk_size=BATCH)
    for batch in _batches(unsealed):
        seals = [_sealed(row, ends) for row in batch]
        cursor.execute(INSERT, _columns(seals))
        tally.update(retention for _, retention, *_ in seals)
    cursor.execute(HEADS, _columns([(*chain, end.position, end.hash) for chain, end in ends.items()], of=4))
    cursor.execute(TALLY, _columns(list(tally.items()), of=2))
    return tally.total()


def _columns(rows: list[tuple], of: int = 0) -> list[list]:
    return [list(column) for column in zip(*rows, strict=True)] or [[]] * of


def _batches(rows: Iterable[tuple]) -> Iterator[list[tuple]]:
    remaining = iter(rows)
    while batch := list(islice(remaining, BATCH)):
        yield batch


def _sealed(row: tuple, ends: dict[Chain, End]) -> Seal:
    """The next seal in the chains of `row`, whose `ends` move on."""
    number, _, kind, _, organisation, *_ = row
    retention, hashed = retention_of(kind).value, digest(row)
    overall = _advance(Chain(None, retention), hashed, ends)
    own = _advance(Chain(organisation, retention), hashed, ends) if organisation else (None, None)
    return number, retention, *overall, organisation, *own


def _advance(chain: Chain, hashed: bytes, ends: dict[Chain, End]) -> tuple[int, bytes]:
    end = ends.get(chain) or ends.setdefault(chain, end_of(chain))
    end.append(hashed)
    return end.position, end.hash


def end_of(chain: Chain) -> End:
    """Where the last sealing left `chain`. Not taken from the seals: a removed last one leaves a gap."""
    found = []
    for model in (AuditHead, AuditRoot):
        marks = model.objects.filter(organisation_id=chain.organisation_id, retention=chain.retention)
        found += marks.order_by("-position")[:1]
    return ends_of(found).get(chain) or End.beginning(chain)
