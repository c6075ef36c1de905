"""Recomputing the audit trail: where a chain breaks, which rows were altered or are missing, which values erased."""

import json
from bisect import bisect_left
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import QuerySet

from accounts.audit import evidence
from accounts.audit.chains import FIELDS, Chain, End, digest, ends_of
from accounts.models import Organisation
from accounts.models.audit import AuditCut, AuditHead, AuditRoot, AuditRow, Retention
from accounts.operator import system_scope

MOST = 100  # of findings of one sort, of which each is told
BATCH = 5_000
# From the moment at which a row is written to its commit, before which it cannot be sealed.
LONGEST_TRANSACTION = timedelta(hours=6)
CLOCK_GOES_BACK = timedelta(minutes=evidence.CLOCK_MINUTES)
SEALED = """
SELECT s.row_id, s.position, s.hash, s.organisation_id, s.organisation_position, s.organisation_hash, {fields}
FROM accounts_auditseal AS s LEFT JOIN accounts_auditrow AS r ON r.id = s.row_id
WHERE s.retention = %s AND {which} ORDER BY {order}
"""


@dataclass
class Findings:
    """What a verification found; of breaks and changed values the first 100 in words, and how many in all.

    `without_row`: numbers that were given out after the last row; `expired_at`: the least age of what has expired, in
    days; `roots`: where each noted root that is still right stands.
    """

    sealed: int = 0
    unsealed: int = 0
    without_row: int = 0
    expired: int = 0
    expired_at: int | None = None
    breaks: list[str] = field(default_factory=list)
    broken: int = 0
    changed: list[str] = field(default_factory=list)
    roots: dict[str, str] = field(default_factory=dict)

    def broke(self, sentence: str) -> None:
        self.broken += 1
        if len(self.breaks) < MOST:
            self.breaks.append(sentence)


class Moments:
    """When a chain had come how far, by the ends of its sealings and its daily roots."""

    def __init__(self, marks: Collection[tuple[int, datetime]]) -> None:
        marks = sorted(marks)
        self.positions = [position for position, _ in marks]
        self.moments = [at for _, at in marks]

    def contradict(self, position: int, at: datetime) -> str:
        """Why a row at this position cannot be of this moment; empty if it can."""
        place = bisect_left(self.positions, position)
        if place and at < (sealed := self.moments[place - 1]) - LONGEST_TRANSACTION:
            return f"it is dated {at:%-d %B %Y %H:%M} UTC, and was sealed after {sealed:%-d %B %Y %H:%M}"
        if place < len(self.moments) and at > (sealed := self.moments[place]) + CLOCK_GOES_BACK:
            return f"it is dated {at:%-d %B %Y %H:%M} UTC, and was sealed before {sealed:%-d %B %Y %H:%M}"
        return ""


class Verification:
    """One walk along the chains of an organisation, or along the overall ones and with them everybody's."""

    def __init__(self, organisation: Organisation | None, roots: Collection[str]) -> None:
        self.organisation, self.noted = organisation, {root.strip().lower() for root in roots}
        self.findings = Findings()
        self.ends = ends_of(self._own(AuditCut.objects.all()))

    def run(self) -> Findings:
        for chain, end in self.ends.items():
            self.findings.expired = max(self.findings.expired, end.position)
            self._compare_roots(chain, end.position, end.hash)
        for retention in Retention:
            self._walk(retention)
        self._look_at_evidence()
        self._look_at_what_is_told()
        self.findings.unsealed = self._own(AuditRow.objects.all()).unsealed().count()
        return self.findings

    def _own(self, rows: QuerySet) -> QuerySet:
        return rows.filter(organisation_id=self.organisation.pk) if self.organisation else rows

    def _walk(self, retention: Retention) -> None:
        moments = self._moments(retention)
        for row_id, position, hashed, organisation, own_position, own_hash, *row in self._sealed(retention):
            content = digest(tuple(row)) if row[0] is not None else None
            sound = True
            if self.organisation is None:
                sound = self._follow(Chain(None, retention), position, hashed, content, row_id)
            if organisation and sound:
                sound = self._follow(Chain(organisation, retention), own_position, own_hash, content, row_id)
            elif organisation:  # told already
                self.ends[Chain(organisation, retention)] = End(own_position, bytes(own_hash))
            if sound and (why := moments.contradict(own_position if self.organisation else position, row[1])):
                self.findings.broke(f"row {row_id}: {why}.")
            self.findings.sealed += 1

    def _moments(self, retention: Retention) -> Moments:
        """Of the chain that is walked along."""
        whose = {"organisation_id": self.organisation and self.organisation.pk, "retention": retention}
        marks = (model.objects.filter(**whose).values_list("position", "at") for model in (AuditHead, AuditRoot))
        return Moments([mark for found in marks for mark in found])

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
            self._compare_roots(chain, position, hashed)
            return True
        return False

    def _compare_roots(self, chain: Chain, position: int, hashed: bytes) -> None:
        if self.noted and (root := bytes(hashed).hex()) in self.noted:
            self.findings.roots[root] = f"position {position} of {chain}"

    def _look_at_evidence(self) -> None:
        for item in evidence.BREAKS:
            for found in self._select(item.statement, item.alias):
                self.findings.broke(item.sentence.format(**found))

    def _look_at_what_is_told(self) -> None:
        for found in self._select(evidence.KEPT_APART, "r"):
            if len(self.findings.changed) < MOST:
                self.findings.changed.append("row {row_id}, {name}: {how}".format(**found))
        for found in self._select(evidence.EXPIRED_AT, "c"):
            self.findings.expired_at = found["days"]
        for found in self._select(evidence.WITHOUT_ROW, "q"):
            self.findings.without_row = found["number"]

    def _select(self, statement: str, alias: str) -> Iterator[dict[str, object]]:
        """What is found, by column; `chain` names the chain of an organisation and retention."""
        overall = "false" if self.organisation else "true"
        with connection.chunked_cursor() as cursor:
            cursor.execute(statement.format(which=self._which(alias), overall=overall))
            for row in _in_batches(cursor):
                found = dict(zip((column.name for column in cursor.description), row, strict=True))
                if "retention" in found:
                    found["chain"] = Chain(found["organisation_id"], Retention(found["retention"]))
                yield found

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


def verify_audit(*, organisation: Organisation | None = None, roots: Collection[str] = ()) -> Findings:
    """Recompute the trail, or an organisation's, as it stands at one moment; `roots` are daily roots to look for."""
    with one_moment(), system_scope("verify the audit trail", audited=False):
        return Verification(organisation, roots).run()


@contextmanager
def one_moment() -> Iterator[None]:
    """All statements see the same; inside another transaction (a test's), that one's isolation counts."""
    outermost = not connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        if outermost:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield
