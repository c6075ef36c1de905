"""Brings functions, policies, triggers and rights of a database to those of this version, while it is in use.

Policies and triggers are dropped and made again by the files. Functions are replaced, so that whoever calls one at that
moment finds it; one that stands in no file any more is dropped. One transaction: nobody sees a half of it.
"""

import time
from collections.abc import Sequence

from django.db import Error, OperationalError, connections, transaction
from django.db.backends.utils import CursorWrapper
from psycopg.errors import DeadlockDetected, QueryCanceled

from smi_portal.schema import generated, grants
from smi_portal.schema.files import SqlFile

PATIENCE = 60.0  # seconds, for all tries
PAUSE = 1.0  # between two tries, for requests to go on
# For all locks of a try together. Shorter than `deadlock_timeout` (1 s): where a request and this wait for one another,
# this gives up before the server ends the request.
LOCKING = "500ms"

IN_PUBLIC = "c.relnamespace = 'public'::regnamespace"
OUR_FUNCTIONS = f"""
SELECT p.oid::regprocedure::text, p.xmin::text || p.ctid::text
FROM pg_proc AS p
WHERE p.pronamespace = 'public'::regnamespace AND pg_get_userbyid(p.proowner) = current_user
    AND NOT p.proname LIKE ANY ({generated.NAMES})
"""  # noqa: S608  (constants of this program)
DROPS = f"""
SELECT format('DROP POLICY %I ON %s', p.polname, p.polrelid::regclass)
FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid WHERE {IN_PUBLIC}
UNION ALL
SELECT format('DROP TRIGGER %I ON %s', t.tgname, t.tgrelid::regclass)
FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
WHERE {IN_PUBLIC} AND NOT t.tgisinternal AND NOT t.tgname LIKE ANY ({generated.NAMES})
UNION ALL
SELECT format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY', c.oid::regclass)
FROM pg_class AS c WHERE {IN_PUBLIC} AND (c.relrowsecurity OR c.relforcerowsecurity)
"""  # noqa: S608  (constants of this program)


class InUse(Exception):
    """The tables were not free."""


class Refused(Exception):
    """The database does not take a file."""


def bring_up_to_date(using: str, files: Sequence[SqlFile]) -> bool:
    """Gives whether anything of the files or of pgtrigger's was not in force yet; rights are given in any case."""
    if not _are_in_force(using, files):
        _apply_patiently(using, files)
        return True
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        _give_rights(cursor)
    return False


def apply(using: str, files: Sequence[SqlFile]) -> None:
    """Raises InUse where the tables are not free at once."""
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        _lock_tables(cursor)
        generated.install(using)
        former = _functions(cursor)
        _drop_policies_and_triggers(cursor)
        _make(cursor, files)
        _drop_functions(cursor, left=former.items() & _functions(cursor).items())
        grants.let_owner_pass(cursor)
        _give_rights(cursor)
        _note_digests(cursor, files)


def _are_in_force(using: str, files: Sequence[SqlFile]) -> bool:
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT file, digest FROM portal_sql")
        noted = set(cursor.fetchall())
    return noted == {(file.name, file.digest) for file in files} and generated.are_installed(using)


def _apply_patiently(using: str, files: Sequence[SqlFile]) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return apply(using, files)
        except InUse:
            if time.monotonic() > end:
                raise
            time.sleep(PAUSE)


def _lock_tables(cursor: CursorWrapper) -> None:
    """All of them before anything is changed: later there is nothing to wait for."""
    cursor.execute(f"SET LOCAL statement_timeout = '{LOCKING}'")
    try:
        cursor.execute(f"LOCK TABLE {', '.join(grants.own_tables())} IN ACCESS EXCLUSIVE MODE")
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled | DeadlockDetected):
            raise InUse from error
        raise
    cursor.execute("SET LOCAL statement_timeout TO DEFAULT")


def _functions(cursor: CursorWrapper) -> dict[str, str]:
    """Signature → which writing of it this is."""
    cursor.execute(OUR_FUNCTIONS)
    return dict(cursor.fetchall())


def _drop_policies_and_triggers(cursor: CursorWrapper) -> None:
    cursor.execute(DROPS)
    for (statement,) in cursor.fetchall():
        cursor.execute(statement)


def _make(cursor: CursorWrapper, files: Sequence[SqlFile]) -> None:
    """Bodies of functions are not checked: they may name what a later file makes."""
    cursor.execute("SET LOCAL check_function_bodies = off")
    for file in files:
        try:
            cursor.execute(file.text)
        except Error as error:
            raise Refused(f"{file.name}: {error}") from error


def _drop_functions(cursor: CursorWrapper, left: set[tuple[str, str]]) -> None:
    for signature, _ in left:
        cursor.execute(f"DROP FUNCTION {signature}")


def _give_rights(cursor: CursorWrapper) -> None:
    """Replacing a function may have taken from it what is said here."""
    generated.settle_functions(cursor)
    grants.grant_to_login(cursor)


def _note_digests(cursor: CursorWrapper, files: Sequence[SqlFile]) -> None:
    cursor.execute("DELETE FROM portal_sql")
    noted = [(file.name, file.digest) for file in files]
    cursor.executemany("INSERT INTO portal_sql (file, digest) VALUES (%s, %s)", noted)
