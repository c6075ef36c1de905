"""Recomputing the audit trail: where a chain breaks, which rows were altered or are missing, which values erased."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import QuerySet

from accounts.audit.chains import FIELDS, Chain, End, digest, ends_of
from accounts.models import Organisation
from accounts.models.audit import AuditCut, AuditRow, Retention
from accounts.operator import system_scope

MOST = 100  # of findings of one sort, of which each is told
BATCH = 5_000
SEALED = """
SELECT s.row_id, s.position, s.hash, s.organisation_id, s.organisation_position, s.organisation_hash, {fields}
FROM accounts_auditseal AS s LEFT JOIN accounts_auditrow AS r ON r.id = s.row_id
WHERE s.retention = %s AND {which} ORDER BY {order}
"""
# Marks whose place in their chain no longer bears their hash; those before a cut have nothing left to compare with.
MARKS = """
SELECT m.organisation_id, m.retention, m.position FROM {table} AS m
WHERE m.position > 0 AND {which} AND NOT EXISTS (
    SELECT FROM accounts_auditcut AS c WHERE c.organisation_id IS NOT DISTINCT FROM m.organisation_id
        AND c.retention = m.retention AND c.position >= m.position AND (c.position > m.position OR c.hash = m.hash)
) AND NOT EXISTS (
    SELECT FROM accounts_auditseal AS s WHERE s.retention = m.retention AND (
        (m.organisation_id IS NULL AND s.position = m.position AND s.hash = m.hash)
        OR (s.organisation_id = m.organisation_id AND s.organisation_position = m.position
            AND s.organisation_hash = m.hash)
    )
) ORDER BY m.id
"""
# Cuts that no daily root stands for: only short-lived rows expire, and only up to a root.
CUTS = """
SELECT c.organisation_id, c.retention, c.position FROM accounts_auditcut AS c
WHERE {which} AND (c.retention <> 'short' OR NOT EXISTS (
    SELECT FROM accounts_auditroot AS r WHERE r.organisation_id IS NOT DISTINCT FROM c.organisation_id
        AND r.retention = c.retention AND r.position = c.position AND r.hash = c.hash
)) ORDER BY c.id
"""
# Values that are not what the row has hashes of, and hashes whose value is gone without a word.
VALUES = """
SELECT r.id, h.name FROM accounts_auditrow AS r CROSS JOIN LATERAL jsonb_each_text(r.hashes) AS h (name, hash)
LEFT JOIN accounts_auditvalue AS v ON v.row_id = r.id AND v.name = h.name
WHERE {which} AND r.hashes <> '{{}}' AND CASE
    WHEN v.erased_at IS NULL AND v.corrected_at IS NULL
        THEN encode(sha256(v.salt || convert_to(v.value, 'UTF8')), 'hex') IS DISTINCT FROM h.hash
    ELSE NOT EXISTS (
        SELECT FROM accounts_auditrow AS t WHERE t.id = v.told_in AND t.kind IN ('values_erased', 'value_corrected')
    )
END ORDER BY r.id, h.name
"""
UNKNOWN = """
SELECT r.id, r.name FROM (SELECT v.row_id AS id, v.name, v.organisation_id, a.hashes FROM accounts_auditvalue AS v
LEFT JOIN accounts_auditrow AS a ON a.id = v.row_id) AS r
WHERE {which} AND NOT coalesce(r.hashes ? r.name, false) ORDER BY r.id
"""
KEPT_APART = """
SELECT r.row_id, r.name, r.erased_at IS NOT NULL FROM accounts_auditvalue AS r
WHERE {which} AND (r.erased_at IS NOT NULL OR r.corrected_at IS NOT NULL) ORDER BY r.row_id, r.name
"""


@dataclass
class Findings:
    """What a verification found; of breaks and changed values the first 100 in words, and how many in all."""

    sealed: int = 0
    unsealed: int = 0
    expired: int = 0
    breaks: list[str] = field(default_factory=list)
    broken: int = 0
    changed: list[str] = field(default_factory=list)
    root: str = ""

    def broke(self, sentence: str) -> None:
        self.broken += 1
        if len(self.breaks) < MOST:
            self.breaks.append(sentence)


class Verification:
    """One walk along the chains of an organisation, or along the overall ones and with them everybody's."""

    def __init__(self, organisation: Organisation | None, root: str) -> None:
        self.organisation, self.noted = organisation, root.strip().lower()
        self.findings = Findings()
        self.ends = ends_of(self._own(AuditCut.objects.all()))

    def run(self) -> Findings:
        for chain, end in self.ends.items():
            self.findings.expired = max(self.findings.expired, end.position)
            self._compare_root(chain, end.position, end.hash)
        for retention in Retention:
            self._walk(retention)
        self._look_at_marks()
        self._look_at_values()
        self.findings.unsealed = self._own(AuditRow.objects.all()).unsealed().count()
        return self.findings

    def _own(self, rows: QuerySet) -> QuerySet:
        return rows.filter(organisation_id=self.organisation.pk) if self.organisation else rows

    def _walk(self, retention: Retention) -> None:
        for row_id, position, hashed, organisation, own_position, own_hash, *row in self._sealed(retention):
            content = digest(tuple(row)) if row[0] is not None else None
            sound = True
            if self.organisation is None:
                sound = self._follow(Chain(None, retention), position, hashed, content, row_id)
            if organisation and sound:
                self._follow(Chain(organisation, retention), own_position, own_hash, content, row_id)
            elif organisation:  # told already
                self.ends[Chain(organisation, retention)] = End(own_position, bytes(own_hash))
            self.findings.sealed += 1

    def _sealed(self, retention: Retention) -> Iterator[tuple]:
        """Seals with their rows, in the order of the chain; read with constant memory."""
        order = "s.organisation_position" if self.organisation else "s.position"
        fields = ", ".join(f"r.{name}" for name in FIELDS)
        statement = SEALED.format(fields=fields, order=order, which=self._which("s"))
        with connection.chunked_cursor() as cursor:
            cursor.execute(statement, [retention.value])
            yield from map(_with_json, _in_batches(cursor))

    def _follow(self, chain: Chain, position: int, hashed: bytes, content: bytes | None, row_id: int) -> bool:
        """Go one row along `chain`; says what does not fit, and goes on from what the seal says."""
        end = self.ends.get(chain) or End.beginning(chain)
        self.ends[chain] = End(position, bytes(hashed))
        where = f"row {row_id}, position {position} of {chain}"
        if position != end.position + 1:
            self.findings.broke(f"{where}: positions {end.position + 1} to {position - 1} before it are missing.")
        elif content is None:
            self.findings.broke(f"{where}: the row is missing.")
        elif end.link(content) != bytes(hashed):
            self.findings.broke(f"{where}: the row or its seal was altered.")
        else:
            self._compare_root(chain, position, hashed)
            return True
        return False

    def _compare_root(self, chain: Chain, position: int, hashed: bytes) -> None:
        if self.noted and bytes(hashed).hex() == self.noted:
            self.findings.root = f"position {position} of {chain}"

    def _look_at_marks(self) -> None:
        """Daily roots and the ends that sealings left behind: a removed end is missed by these alone."""
        for table, what in (("accounts_audithead", "a sealing"), ("accounts_auditroot", "a daily root")):
            for organisation, retention, position in self._select(MARKS, "m", table=table):
                chain = Chain(organisation, retention)
                self.findings.broke(f"{chain}: {what} reached position {position}, which is missing or another now.")

        for organisation, retention, position in self._select(CUTS, "c"):
            chain = Chain(organisation, retention)
            self.findings.broke(f"{chain}: it was cut after position {position}, where no daily root stands for it.")

    def _look_at_values(self) -> None:
        for row_id, name in self._select(VALUES, "r"):
            self.findings.broke(f"row {row_id}: its value {name} was altered or removed, and no row tells of it.")
        for row_id, name in self._select(UNKNOWN, "r"):
            self.findings.broke(f"row {row_id}: it never had a value {name}.")
        for row_id, name, erased in self._select(KEPT_APART, "r"):
            if len(self.findings.changed) < MOST:
                self.findings.changed.append(f"row {row_id}, {name}: {'erased' if erased else 'corrected'}")

    def _select(self, statement: str, alias: str, **words: str) -> Iterator[tuple]:
        with connection.chunked_cursor() as cursor:
            cursor.execute(statement.format(which=self._which(alias), **words))
            yield from _in_batches(cursor)

    def _which(self, alias: str) -> str:
        """A condition for the rows asked about; the id is a number."""
        return f"{alias}.organisation_id = {int(self.organisation.pk)}" if self.organisation else "true"


def _in_batches(cursor: CursorWrapper) -> Iterator[tuple]:
    for batch in iter(lambda: cursor.fetchmany(BATCH), []):
        yield from batch


def _with_json(row: tuple) -> tuple:
    """JSON comes as text from a plain cursor."""
    *values, details, hashes = row
    return (*values, json.loads(details or "null"), json.loads(hashes or "null"))


def verify_audit(*, organisation: Organisation | None = None, root: str = "") -> Findings:
    """Recompute the trail, or an organisation's, as it stands at one moment; `root` is a daily root to look for."""
    with one_moment(), system_scope("verify the audit trail", audited=False):
        return Verification(organisation, root).run()


@contextmanager
def one_moment() -> Iterator[None]:
    """All statements see the same; inside another transaction (a test's), that one's isolation counts."""
    outermost = not connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        if outermost:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield
