"""Privacy inside the audit trail: personal values are erased or corrected beside their rows, and old rows expire.

The work of the tables' owner, since the portal's login may change nothing here; all of it stands in the trail itself.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connections, transaction
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from accounts.audit import note
from accounts.audit.kinds import AuditKind
from accounts.audit.sealing import lock
from accounts.errors import NotAllowed
from accounts.models import User

OWNER = "owner"
# Personal values of what the person did, and of what was done about their membership.
OF_PERSON = """
SELECT v.id FROM accounts_auditvalue AS v JOIN accounts_auditrow AS r ON r.id = v.row_id
WHERE v.erased_at IS NULL AND (r.person_id = %(person)s OR (r.details ->> 'member')::bigint = %(person)s)
"""
ERASE = """
UPDATE accounts_auditvalue SET value = NULL, salt = NULL, erased_at = now(), told_in = %s WHERE id = ANY (%s)
"""
CORRECT = """
UPDATE accounts_auditvalue SET value = %s, corrected_at = now(), told_in = %s
WHERE row_id = %s AND name = %s AND erased_at IS NULL
"""
# The trail keeps which value it is now, hashed with the salt of the first one: both are erased together.
CORRECTED = """
SELECT encode(sha256(salt || convert_to(%s, 'UTF8')), 'hex') FROM accounts_auditvalue
WHERE row_id = %s AND name = %s AND erased_at IS NULL
"""
# The latest daily root of each chain by which all rows under it are old enough, unless the chain is cut there already.
DUE = """
SELECT DISTINCT ON (r.organisation_id) r.organisation_id, r.retention, r.position, r.hash
FROM accounts_auditroot AS r
WHERE r.retention = 'short' AND r.at < portal_now() - make_interval(days => %(days)s)
    AND r.day < portal_today() - %(days)s AND NOT EXISTS (
    SELECT FROM accounts_auditcut AS c
    WHERE c.organisation_id IS NOT DISTINCT FROM r.organisation_id AND c.position >= r.position
)
ORDER BY r.organisation_id, r.position DESC
"""
CUT = """
INSERT INTO accounts_auditcut (at, told_in, organisation_id, retention, position, hash)
SELECT portal_moment(), %s, * FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::bytea[])
"""
EXPIRED = """
SELECT row_id FROM accounts_auditseal WHERE retention = 'short' AND position <= (
    SELECT max(position) FROM accounts_auditcut WHERE organisation_id IS NULL
)
"""
REMOVE_VALUES = f"DELETE FROM accounts_auditvalue WHERE row_id IN ({EXPIRED})"  # noqa: S608
REMOVE_ROWS = f"DELETE FROM accounts_auditrow WHERE id IN ({EXPIRED})"  # noqa: S608
REMOVE_SEALS = f"DELETE FROM accounts_auditseal WHERE row_id IN ({EXPIRED})"  # noqa: S608
# The head at the cut stays: an idle chain goes on from it.
REMOVE_HEADS = """
DELETE FROM accounts_audithead AS h USING accounts_auditcut AS c
WHERE h.retention = c.retention AND h.organisation_id IS NOT DISTINCT FROM c.organisation_id
    AND h.position < c.position
"""
# A daily root says more than the ends of sealings before it. Ends that no longer fit their seals stay, as evidence.
REMOVE_HEADS_BEFORE_ROOTS = """
DELETE FROM accounts_audithead AS h USING (
    SELECT organisation_id, retention, max(position) AS position FROM accounts_auditroot GROUP BY 1, 2
) AS r
WHERE h.retention = r.retention AND h.organisation_id IS NOT DISTINCT FROM r.organisation_id
    AND h.position < r.position
    AND EXISTS (
        SELECT FROM accounts_auditseal AS s WHERE s.retention = h.retention AND (
            (h.organisation_id IS NULL AND s.position = h.position AND s.hash = h.hash)
            OR (s.organisation_id = h.organisation_id AND s.organisation_position = h.position
                AND s.organisation_hash = h.hash)
        )
    )
"""


@contextmanager
def keeping(reason: str) -> Iterator[CursorWrapper]:
    """A transaction of the tables' owner that may change the audit trail, for `reason`; seals wait for it."""
    with transaction.atomic(using=OWNER), connections[OWNER].cursor() as cursor:
        cursor.execute(
            "SELECT set_config('portal.operator', %s, true), set_config('portal.keeping', %s, true)", [reason, reason]
        )
        lock(cursor)
        yield cursor


def person_of(*, person_id: int | None = None, email: str = "") -> User:
    """Return the person with this id or email address; raise NotAllowed if there is none."""
    found = User.objects.filter(**({"email": email.strip().lower()} if email else {"pk": person_id})).first()
    if found is None:
        raise NotAllowed("Person not found.")
    return found


def erase_values_of(person: User) -> int:
    """Erase, with their salts, the personal values that the audit trail holds of `person`; how many."""
    with keeping("erase personal values") as cursor:
        cursor.execute(OF_PERSON, {"person": person.pk})
        values = [value for (value,) in cursor]
        told_in = note(AuditKind.VALUES_ERASED, by=None, using=OWNER, member=person.pk)
        cursor.execute(ERASE, [told_in, values])
        return cursor.rowcount


def correct_value(*, row_id: int, name: str, value: str) -> None:
    """Replace one personal value of a row; its hash stays, and tells that it was another one."""
    with keeping("correct a personal value") as cursor:
        cursor.execute(CORRECTED, [value, row_id, name])
        if (found := cursor.fetchone()) is None:
            raise NotAllowed(f"Row {row_id} of the audit trail has no value named {name}.")
        told_in = note(AuditKind.VALUE_CORRECTED, by=None, using=OWNER, row=row_id, name=name, hash=found[0])
        cursor.execute(CORRECT, [value, told_in, row_id, name])


def expire_audit() -> int:
    """Remove the reads and sign-ins that are kept no longer; a daily root stands for them. How many rows.

    Also where sealings ended before the last daily root.
    """
    with keeping("remove expired rows") as cursor:
        cursor.execute(REMOVE_HEADS_BEFORE_ROOTS)
        days = settings.AUDIT_KEEP_SHORT_DAYS
        return 0 if days is None else _expire(cursor, days)


def expiry_limit() -> datetime | None:
    """Return the moment before which reads and sign-ins have expired; None if they are kept for ever."""
    days = settings.AUDIT_KEEP_SHORT_DAYS
    return None if days is None else timezone.now() - timedelta(days=days)


def _expire(cursor: CursorWrapper, days: int) -> int:
    cursor.execute(DUE, {"days": days})
    if not (due := cursor.fetchall()):
        return 0
    # Each cut is bound to this row, which says how old what it removes is.
    cuts = {str(organisation or "overall"): position for organisation, _, position, _ in due}
    told_in = note(AuditKind.EXPIRED, by=None, using=OWNER, via="task", days=days, cuts=cuts)
    cursor.execute(CUT, [told_in, *(list(column) for column in zip(*due, strict=True))])
    cursor.execute(REMOVE_VALUES)
    cursor.execute(REMOVE_ROWS)
    removed = cursor.rowcount
    cursor.execute(REMOVE_SEALS)
    cursor.execute(REMOVE_HEADS)
    return removed
