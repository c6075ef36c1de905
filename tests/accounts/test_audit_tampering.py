"""Which tampering with the audit trail `verify_audit` finds: a table, which the operator's guide shows as it is here.

Each attempt is that of somebody with the owner's role, who may switch off all triggers and policies, on a trail of
several days in which everything has happened.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import pytest
from django.conf import settings as django_settings
from django.db import connection, connections, transaction

from accounts.audit import note
from accounts.audit.keeping import correct_value, erase_values_of, expire_audit
from accounts.audit.kinds import AuditKind
from accounts.audit.sealing import seal_audit
from accounts.audit.verifying import verify_audit
from accounts.models.audit import AuditRoot
from accounts.operator import system_scope
from inventory.models import DeviceReading
from smi_portal.keeper import as_owner
from tests.accounts import audit_help
from tests.accounts.audit_help import TABLES, write_rows
from tests.factories import make_device, make_membership

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.usefixtures("operator", "first_numbers"),
]
GUIDE = Path(django_settings.BASE_DIR) / "docs/operations.md"
MOVED = "CREATE OR REPLACE FUNCTION portal_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$ {} $$"


class Found(StrEnum):
    YES = "found"
    SHOWN = "shown, for a person to judge"
    BY_ROOT = "only with a root that was noted before"
    NO = "not found"


class Tampering(NamedTuple):
    what: str
    found: Found
    statements: tuple[str, ...]


def sealed(place: str, of: str = "short") -> str:
    return f"(SELECT row_id FROM accounts_auditseal WHERE retention = '{of}' ORDER BY position {place} LIMIT 1)"


MIDDLE, LAST = sealed("OFFSET 4"), sealed("DESC")
SINCE = "(SELECT at FROM accounts_auditroot WHERE day = portal_today() - 2 AND organisation_id IS NULL LIMIT 1)"


def remove(rows: str) -> tuple[str, ...]:
    """Rows with their values; the seals stay."""
    return (
        f"CREATE TEMP TABLE gone ON COMMIT DROP AS {rows}",
        "DELETE FROM accounts_auditvalue WHERE row_id IN (SELECT id FROM gone)",
        "DELETE FROM accounts_auditrow WHERE id IN (SELECT id FROM gone)",
    )


SEALS = "DELETE FROM accounts_auditseal WHERE row_id IN (SELECT id FROM gone)"
TELLS = "kind IN ('expired', 'values_erased', 'value_corrected')"  # what would be missed is left, and sealed anew
ENDS = f"DELETE FROM accounts_audithead WHERE at >= {SINCE}"
ROOTS = "DELETE FROM accounts_auditroot WHERE day > portal_today() - 2"
# What the keeper does within its next minute and hour.
GO_ON = "the keeper goes on"
SET_BACK = """
UPDATE accounts_audittally AS t SET sealed = coalesce(
    (SELECT max(position) FROM accounts_auditseal AS s WHERE s.retention = t.retention), 0)
"""
ADD = (
    "INSERT INTO accounts_auditrow (id, at, kind, organisation_id, via, request_id, device_id, details, hashes)"
    " SELECT {id}, {at}, 'device_read', {organisation}, 'page', '', '', '{{}}', '{{}}'"
)
NOW = {"id": "nextval('accounts_auditrow_id_seq')", "at": "portal_now()", "organisation": "NULL"}
GAP = "(SELECT id FROM accounts_auditrow WHERE details ? 'gap' AND at {when}) + 1"
EARLY = "< portal_now() - interval '1 day'"
LATELY = "> portal_now() - interval '1 day'"
OF_ONE = "retention = 'short' AND organisation_id = (SELECT min(organisation_id) FROM accounts_auditseal)"
VALUE = "(SELECT min(id) FROM accounts_auditvalue WHERE value IS NOT NULL AND corrected_at IS NULL)"
HEADS = "SELECT DISTINCT ON (organisation_id) * FROM accounts_audithead WHERE retention = 'short'"
FORGED_ROOT = (
    "INSERT INTO accounts_auditroot (at, organisation_id, retention, position, hash, day)"
    " SELECT portal_now() - interval '800 days', organisation_id, retention, position, hash, portal_today() - 801"
    f" FROM ({HEADS} ORDER BY organisation_id, position DESC) AS h"
)
CUT = (
    "INSERT INTO accounts_auditcut (at, organisation_id, retention, position, hash, told_in)"
    " SELECT portal_now(), organisation_id, retention, position, hash, {told_in} FROM accounts_auditroot"
    " WHERE day = {day} AND retention = 'short'"
)
REMOVE_CUT = (
    *remove("SELECT row_id AS id FROM accounts_auditseal AS s WHERE retention = 'short' AND position <= ("
            "SELECT max(position) FROM accounts_auditcut WHERE organisation_id IS NULL)"),
    SEALS,
)  # fmt: skip
TELL = (
    "INSERT INTO accounts_auditrow (at, kind, via, request_id, device_id, details, hashes)"
    " SELECT portal_now(), 'expired', 'task', '', '', jsonb_build_object('days', {days}, 'cuts', ("
    "SELECT jsonb_object_agg(coalesce(organisation_id::text, 'overall'), position) FROM accounts_auditroot"
    " WHERE day = portal_today() - 2 AND retention = 'short')), '{{}}'"
)
TOLD = "(SELECT max(id) FROM accounts_auditrow WHERE kind = 'expired')"
EVERYTHING = tuple(
    f"DELETE FROM accounts_audit{table}" for table in ("value", "row", "seal", "head", "root", "cut", "tally")
)

TABLE = (
    Tampering("A row is altered: who, when, what, or for which organisation", Found.YES, (
        f"UPDATE accounts_auditrow SET person_id = 7 WHERE id = {MIDDLE}",
    )),
    Tampering("The contents of two rows are exchanged", Found.YES, (
        f"UPDATE accounts_auditrow AS r SET at = o.at, details = o.details, version = 1 FROM accounts_auditrow AS o"
        f" WHERE r.id = {MIDDLE} AND o.id = {sealed('OFFSET 5')}",
    )),
    Tampering("A seal is altered", Found.YES, (
        f"UPDATE accounts_auditseal SET hash = set_byte(hash, 31, 0) WHERE row_id = {MIDDLE}",
    )),
    Tampering("A row is removed, with or without its seal", Found.YES, (*remove(f"SELECT {MIDDLE} AS id"), SEALS)),
    Tampering("The last row is removed with its seal", Found.YES, (*remove(f"SELECT {LAST} AS id"), SEALS)),
    Tampering("All rows since the last root are removed, with seals and ends", Found.YES, (
        *remove("SELECT row_id AS id FROM accounts_auditseal AS s WHERE position > (SELECT max(position)"
                " FROM accounts_auditroot AS r WHERE r.organisation_id IS NULL AND r.retention = s.retention)"),
        SEALS,
        "DELETE FROM accounts_audithead AS h WHERE position > (SELECT max(position) FROM accounts_auditroot AS r"
        " WHERE r.organisation_id IS NOT DISTINCT FROM h.organisation_id AND r.retention = h.retention)",
        GO_ON,
    )),
    Tampering("All rows since a date are removed, with seals, ends and roots", Found.YES, (
        *remove(f"SELECT id FROM accounts_auditrow WHERE at > {SINCE}"), SEALS, ENDS, ROOTS, GO_ON,
    )),
    Tampering("Everything is removed", Found.YES, EVERYTHING),
    Tampering("A row is added under a number that the database has not given out", Found.YES, (
        ADD.format(id=-7, at="portal_now()", organisation="NULL"), GO_ON,
    )),
    Tampering("A row is added and dated back by more than six hours, whatever its number", Found.YES, (
        ADD.format(id=GAP.format(when=EARLY), organisation="NULL",
                   at=f"(SELECT at FROM accounts_auditrow WHERE details ? 'gap' AND at {EARLY})"), GO_ON,
    )),
    Tampering("A row is added whose time does not fit the rows beside it", Found.YES, (
        ADD.format(id="nextval('accounts_auditrow_id_seq')", at="portal_now() - interval '30 minutes'",
                   organisation="NULL"), GO_ON,
    )),
    Tampering("An organisation's last row is sealed as if it belonged to no organisation", Found.YES, (
        "UPDATE accounts_auditseal SET organisation_id = NULL, organisation_position = NULL, organisation_hash = NULL"
        f" WHERE row_id = (SELECT max(row_id) FROM accounts_auditseal WHERE {OF_ONE})",
        f"DELETE FROM accounts_audithead WHERE {OF_ONE}"
        f" AND position = (SELECT max(position) FROM accounts_audithead WHERE {OF_ONE})",
    )),
    Tampering("A personal value is altered, added or removed", Found.YES, (
        f"UPDATE accounts_auditvalue SET value = 'mallory', salt = 'x' WHERE id = {VALUE}",
    )),
    Tampering("A personal value is given to another organisation, whose people could read it", Found.YES, (
        "UPDATE accounts_auditvalue AS v SET organisation_id = o.id FROM accounts_organisation AS o"
        f" WHERE v.id = {VALUE} AND o.id = (SELECT max(id) FROM accounts_organisation)"
        " AND v.organisation_id IS DISTINCT FROM o.id",
    )),
    Tampering("A personal value is altered, and marked as corrected by a row about another value", Found.YES, (
        "UPDATE accounts_auditvalue SET value = 'mallory', corrected_at = now(),"
        f" told_in = (SELECT max(id) FROM accounts_auditrow WHERE kind = 'value_corrected') WHERE id = {VALUE}",
    )),
    Tampering("A corrected value is altered again", Found.YES, (
        "UPDATE accounts_auditvalue SET value = 'mallory' WHERE corrected_at IS NOT NULL",
    )),
    Tampering("All values are erased, and marked as erased by a row about one person", Found.YES, (
        "UPDATE accounts_auditvalue SET value = NULL, salt = NULL, erased_at = now(),"
        " told_in = (SELECT max(id) FROM accounts_auditrow WHERE kind = 'values_erased')",
    )),
    Tampering("A daily root is removed or altered", Found.YES, (
        "DELETE FROM accounts_auditroot WHERE day = portal_today() - 2 AND organisation_id IS NULL",
    )),
    Tampering("A daily root is forged", Found.YES, (FORGED_ROOT,)),
    Tampering("A chain is cut at a forged root, and all rows before it are removed", Found.YES, (
        FORGED_ROOT, CUT.format(told_in=TOLD, day="portal_today() - 801"), *REMOVE_CUT,
    )),
    Tampering("A chain is cut at a root, and no row tells of it", Found.YES, (
        CUT.format(told_in="NULL", day="portal_today() - 2"), *REMOVE_CUT,
    )),
    Tampering("A chain is cut earlier than the row that tells of it says", Found.YES, (
        TELL.format(days=730), CUT.format(told_in=TOLD, day="portal_today() - 2"), *REMOVE_CUT, GO_ON,
    )),
    Tampering("The end of a chain is forged", Found.YES, (
        "INSERT INTO accounts_audithead (at, retention, position, hash) VALUES (portal_now(), 'short', 1000000, 'x')",
        ADD.format(**NOW), GO_ON,
    )),
    Tampering("A chain is cut early, and a forged row says that rows are kept for fewer days", Found.SHOWN, (
        TELL.format(days=0), CUT.format(told_in=TOLD, day="portal_today() - 2"), *REMOVE_CUT, GO_ON,
    )),
    Tampering("The newest rows are removed before they are sealed", Found.SHOWN, (
        *remove("SELECT id FROM accounts_auditrow AS r WHERE NOT EXISTS ("
                "SELECT FROM accounts_auditseal AS s WHERE s.row_id = r.id)"),
    )),
    Tampering("All rows since a date are removed, and the number of sealed rows is set back", Found.BY_ROOT, (
        *remove(f"SELECT id FROM accounts_auditrow WHERE at > {SINCE} AND NOT {TELLS}"), SEALS,
        f"DELETE FROM accounts_auditseal WHERE row_id IN (SELECT id FROM accounts_auditrow WHERE {TELLS})",
        ENDS, ROOTS, SET_BACK, ADD.format(**NOW), GO_ON,
    )),
    Tampering("A row is altered, and all seals, ends, roots and cuts are recomputed", Found.BY_ROOT, (
        f"UPDATE accounts_auditrow SET person_id = 7 WHERE id = {MIDDLE}",
        "DELETE FROM accounts_auditrow WHERE kind = 'expired'", *EVERYTHING[2:], GO_ON,
    )),
    Tampering("A row is added within six hours, under a number that was rolled back, with a time that fits", Found.NO, (
        ADD.format(id=GAP.format(when=LATELY), organisation="NULL",
                   at=f"(SELECT at FROM accounts_auditrow WHERE details ? 'gap' AND at {LATELY})"), GO_ON,
    )),
    Tampering("A row is added, dated now, about something that did not happen", Found.NO, (
        ADD.format(**NOW), GO_ON,
    )),
    Tampering("The list of who read whose devices is altered", Found.NO, ("DELETE FROM inventory_devicereading",)),
    Tampering("The history of a device or a member is altered", Found.NO, (
        "UPDATE inventory_deviceevent SET msn = 'FORGED'",
    )),
)  # fmt: skip


@pytest.fixture
def at_past() -> Iterator[Callable[[timedelta], None]]:
    """`at_past(ago)`: the database's clock is so far back, and runs on."""

    def moved(ago: timedelta) -> None:
        with connections["owner"].cursor() as cursor:
            cursor.execute(MOVED.format(f"SELECT now() - interval '{ago.total_seconds():.0f} seconds'"))

    yield moved
    with connections["owner"].cursor() as cursor:
        cursor.execute(MOVED.format("SELECT now()"))


def leave_gap() -> None:
    """A row, and a number after it that is rolled back."""
    note(AuditKind.SYSTEM_SCOPE, by=None, gap=True)
    with transaction.atomic():
        write_rows(1)
        transaction.set_rollback(True)


@pytest.fixture
def noted(settings, at_past, supplier, rival, asset_provider) -> list[str]:
    """A trail of four days, of which the first has expired; yesterday's roots, which somebody noted."""
    settings.AUDIT_KEEP_SHORT_DAYS = 2
    member = make_membership(supplier).user
    make_device("ZEPH", "ZMAP")
    DeviceReading.objects.create(day="2026-01-01", reader_id=1, subject_id=supplier.pk, how="page")
    for days in (4, 3, 2, 1):
        at_past(timedelta(days=days))
        leave_gap()
        write_rows(3, supplier)
        write_rows(2, rival)
        (row,) = write_rows(1, supplier, AuditKind.JOB_CHANGED)
        note(AuditKind.MEMBER_ADDED, by=None, organisation=supplier, member=member.pk, personal={"email": member.email})
        audit_help.take_roots()
        write_rows(2, supplier)
        audit_help.seal_audit()
    correct_value(row_id=row, name="mpxn", value="9910000001105")
    erase_values_of(member)
    at_past(timedelta(hours=2))
    leave_gap()
    audit_help.seal_audit()
    at_past(timedelta(0))
    audit_help.take_roots()
    assert expire_audit() > 0
    write_rows(2, supplier)
    audit_help.seal_audit()
    write_rows(1, supplier)
    yesterday = AuditRoot.objects.latest("day").day
    return [root.hex for root in AuditRoot.objects.filter(day=yesterday)]


def attempt(tampering: Tampering, noted: list[str]) -> Found:
    """As the owner; afterwards it is undone."""
    with as_owner(), transaction.atomic(), system_scope("a test", audited=False), connection.cursor() as cursor:
        cursor.execute("SELECT last_value FROM accounts_auditrow_id_seq")
        (last,) = cursor.fetchone()
        for table in (*TABLES, "accounts_audittally", "inventory_deviceevent"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER, NO FORCE ROW LEVEL SECURITY")
        for statement in tampering.statements:
            if statement == GO_ON:
                seal_audit()
                audit_help.sealing.take_roots()
            else:
                cursor.execute(statement)
                assert cursor.rowcount > 0, statement
        found = judged(noted)
        cursor.execute(f"SELECT setval('accounts_auditrow_id_seq', {last})")
        transaction.set_rollback(True)
    return found


def judged(noted: list[str]) -> Found:
    findings = verify_audit(roots=noted)
    if findings.broken:
        return Found.YES
    if findings.expired_at == 0 or findings.without_row:
        return Found.SHOWN
    return Found.NO if findings.roots.keys() == set(noted) else Found.BY_ROOT


def test_trail_is_whole_before(noted):
    findings = verify_audit(roots=noted)

    assert (findings.breaks, findings.without_row, findings.expired_at) == ([], 0, 2)
    assert findings.roots.keys() == set(noted)


def test_each_tampering_is_found_as_the_table_says(noted):
    results = {tampering.what: attempt(tampering, noted) for tampering in TABLE}

    assert results == {tampering.what: tampering.found for tampering in TABLE}


def as_lines() -> list[str]:
    return [f"| {tampering.what} | {tampering.found} |" for tampering in TABLE]


def test_guide_shows_the_table():
    shown = [line for line in GUIDE.read_text().splitlines() if line.endswith(tuple(f"| {found} |" for found in Found))]

    assert shown == as_lines(), "\n".join(as_lines())
