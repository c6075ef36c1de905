"""Sealing the audit trail: rows are chained once they are committed, so that writing them waits for nobody.

An altered, removed or inserted row no longer fits the hashes that follow it. A chain runs over all rows and one over
each organisation's; within each, one for every retention, so that it can expire at its front.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import islice

from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.models import QuerySet
from django.utils import timezone

from accounts.audit.chains import FIELDS, Chain, End, digest
from accounts.audit.kinds import retention_of
from accounts.models.audit import AuditHead, AuditRoot, AuditRow
from accounts.operator import system_scope

LOCK = 5_174_310_801  # of PostgreSQL's advisory locks: who holds it seals, or cuts, the chains
BATCH = 5_000
INSERT = """
INSERT INTO accounts_auditseal
    (row_id, retention, position, hash, organisation_id, organisation_position, organisation_hash)
SELECT * FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::bytea[], %s::bigint[], %s::bigint[], %s::bytea[])
"""
# The end of each chain; a loose index scan would be quicker than needed, once a day.
ROOTS = """
INSERT INTO accounts_auditroot (at, day, organisation_id, retention, position, hash)
SELECT DISTINCT ON (organisation_id, retention) now(), %s, organisation_id, retention, position, hash
FROM accounts_audithead ORDER BY organisation_id, retention, position DESC
"""
Seal = tuple[int, str, int, bytes, int | None, int | None, bytes | None]


def seal_audit() -> int | None:
    """Chain the rows that are committed and not sealed yet, by id; how many. None while somebody else does."""
    with system_scope("seal the audit trail", via="task", audited=False), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        return _seal(AuditRow.objects.recent(), cursor) if cursor.fetchone()[0] else None


def take_roots() -> int:
    """Note where each chain stands, once after each UK day, with every row sealed before; how many chains."""
    yesterday = timezone.localdate() - timedelta(days=1)
    with system_scope("take the daily root", via="task", audited=False), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        _seal(AuditRow.objects.all(), cursor)
        if AuditRoot.objects.filter(day=yesterday).exists():
            return 0
        cursor.execute(ROOTS, [yesterday])
        return cursor.rowcount


def _seal(rows: QuerySet, cursor: CursorWrapper) -> int:
    """Chain the rows among these that have no seal; in batches, so that memory does not grow with them."""
    ends: dict[Chain, End] = {}
    count = 0
    unsealed = rows.unsealed().order_by("pk").values_list(*FIELDS).iterator(chunk_size=BATCH)
    for batch in _batches(unsealed):
        cursor.execute(INSERT, [list(column) for column in zip(*(_sealed(row, ends) for row in batch), strict=True)])
        count += len(batch)
    AuditHead.objects.bulk_create(
        AuditHead(
            organisation_id=chain.organisation_id, retention=chain.retention, position=end.position, hash=end.hash
        )
        for chain, end in ends.items()
    )
    return count


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
    heads = AuditHead.objects.filter(organisation_id=chain.organisation_id, retention=chain.retention)
    last = heads.order_by("-position").first()
    return End(last.position, bytes(last.hash)) if last else End.beginning(chain)
