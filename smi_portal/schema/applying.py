"""Brings functions, policies, triggers and rights of a database up to date with this version, while it is in use.

Functions are replaced each time, which waits for no one and restores the settings that they declare. A policy or
trigger is recreated only if its statement has changed, because that locks its table. Anything that is no longer in a
file is dropped. All of this is one transaction, so that no one sees only half of it.
"""

import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from django.db import Error, OperationalError, connections, transaction
from django.db.backends.utils import CursorWrapper
from psycopg import sql
from psycopg.errors import DeadlockDetected, QueryCanceled

from smi_portal.schema import generated, grants
from smi_portal.schema.source import Definition, SqlKind, Thing

PATIENCE = 60.0  # seconds, for all tries
PAUSE = 1.0  # between two tries, so that requests can continue
# For all locks of one try together. Shorter than `deadlock_timeout` (1 s): if a request and `migrate` wait for one
# another, `migrate` gives up before the server ends the request.
LOCKING = "500ms"

OUR_FUNCTIONS = f"""
SELECT p.oid::regprocedure::text, p.xmin::text || p.ctid::text
FROM pg_proc AS p
WHERE p.pronamespace = 'public'::regnamespace AND pg_get_userbyid(p.proowner) = current_user
    AND NOT p.proname LIKE ANY ({generated.NAMES})
"""  # noqa: S608  (constants of this program)
# The comment on a policy or trigger holds the digest of the statement that created it.
ON_TABLES = f"""
WITH ours AS (SELECT oid, relname, relrowsecurity, relforcerowsecurity FROM pg_class
              WHERE relnamespace = 'public'::regnamespace)
SELECT 'trigger', t.tgname, relname, CASE t.tgenabled WHEN 'O' THEN obj_description(t.oid, 'pg_trigger') END
FROM pg_trigger AS t JOIN ours ON ours.oid = t.tgrelid
WHERE NOT t.tgisinternal AND NOT t.tgname LIKE ANY ({generated.NAMES})
UNION ALL
SELECT 'policy', p.polname, relname, obj_description(p.oid, 'pg_policy')
FROM pg_policy AS p JOIN ours ON ours.oid = p.polrelid
UNION ALL
SELECT 'row security', '', relname, CASE WHEN relrowsecurity AND relforcerowsecurity THEN '' ELSE 'by half' END
FROM ours WHERE relrowsecurity OR relforcerowsecurity
"""  # noqa: S608  (constants of this program)
DROPS = {
    SqlKind.TRIGGER: "DROP TRIGGER {name} ON {table}",
    SqlKind.POLICY: "DROP POLICY {name} ON {table}",
    SqlKind.ROW_SECURITY: "ALTER TABLE {table} DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY",
}
NOTES = {
    SqlKind.TRIGGER: "COMMENT ON TRIGGER {name} ON {table} IS {digest}",
    SqlKind.POLICY: "COMMENT ON POLICY {name} ON {table} IS {digest}",
}


class TablesInUse(Exception):
    """Requests are using the tables."""


class FileRefused(Exception):
    """The database does not accept a definition."""


class Changes(NamedTuple):
    """The changes still to make: the policies and triggers to drop and to create, with their tables."""

    dropped: list[Thing]
    made: list[Definition]
    generated: set[str]

    @property
    def tables(self) -> set[str]:
        return {thing.table for thing in self.dropped} | {made.thing.table for made in self.made} | self.generated


def bring_up_to_date(using: str, definitions: Sequence[Definition]) -> None:
    """Apply the definitions, and try again while requests use the tables; raise TablesInUse in the end."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return apply(using, definitions)
        except TablesInUse:
            if time.monotonic() > end:
                raise
            time.sleep(PAUSE)


def apply(using: str, definitions: Sequence[Definition], *, anew: bool = False) -> None:
    """Apply the definitions; with `anew`, recreate those that seem to be up to date as well.

    Raises TablesInUse if a table is in use.
    """
    functions = [definition for definition in definitions if definition.thing.kind == SqlKind.FUNCTION]
    others = [definition for definition in definitions if definition.thing.kind != SqlKind.FUNCTION]
    others += grants.policies_of_owner(definitions)
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        changes = _changes(cursor, using, others, anew)
        _lock(cursor, changes.tables)
        generated.install(using)
        _drop(cursor, changes.dropped)
        _replace_functions(cursor, functions)
        _make(cursor, changes.made)
        _check_bodies(cursor, functions)
        generated.settle_functions(cursor)
        grants.grant_to_login(cursor)


def _changes(cursor: CursorWrapper, using: str, wanted: Sequence[Definition], anew: bool) -> Changes:
    cursor.execute(ON_TABLES)
    found = {Thing(SqlKind(kind), name, table): digest for kind, name, table, digest in cursor.fetchall()}
    kept = {made.thing for made in wanted if found.get(made.thing) == made.digest and not anew}
    return Changes(
        dropped=[thing for thing in found if thing not in kept],
        made=[made for made in wanted if made.thing not in kept],
        generated=generated.tables_to_change(using),
    )


def _lock(cursor: CursorWrapper, tables: set[str]) -> None:
    """Lock all tables before anything is changed, so that nothing has to wait later."""
    if not tables:
        return
    cursor.execute(f"SET LOCAL statement_timeout = '{LOCKING}'")
    try:
        names = sql.SQL(", ").join(map(sql.Identifier, sorted(tables)))
        cursor.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(names))
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled | DeadlockDetected):
            raise TablesInUse from error
        raise
    cursor.execute("SET LOCAL statement_timeout TO DEFAULT")


def _drop(cursor: CursorWrapper, things: Iterable[Thing]) -> None:
    for thing in things:
        names = {"name": sql.Identifier(thing.name or thing.table), "table": sql.Identifier(thing.table)}
        cursor.execute(sql.SQL(DROPS[thing.kind]).format(**names))


def _replace_functions(cursor: CursorWrapper, definitions: Iterable[Definition]) -> None:
    """Replace functions, and drop those that were not replaced: they are in no file.

    Their bodies are checked later (`_check_bodies`), because they can name what a later file creates.
    """
    former = _functions(cursor)
    cursor.execute("SET LOCAL check_function_bodies = off")
    for definition in definitions:
        _run(cursor, definition.text, definition.file)
    for signature, _ in former.items() & _functions(cursor).items():
        _run(cursor, f"DROP FUNCTION {signature}", f"{signature}, which no file defines")


def _check_bodies(cursor: CursorWrapper, definitions: Iterable[Definition]) -> None:
    """PostgreSQL checks a body when it creates the function; now there is everything that a body can name."""
    cursor.execute("SET LOCAL check_function_bodies = on")
    for definition in definitions:
        _run(cursor, definition.text, definition.file)


def _functions(cursor: CursorWrapper) -> dict[str, str]:
    """Return, for each signature, a value that changes when the function is replaced."""
    cursor.execute(OUR_FUNCTIONS)
    return dict(cursor.fetchall())


def _make(cursor: CursorWrapper, definitions: Iterable[Definition]) -> None:
    for definition in definitions:
        _run(cursor, definition.text, definition.file)
        kind, name, table = definition.thing
        if note := NOTES.get(kind):
            names = {"name": sql.Identifier(name), "table": sql.Identifier(table), "digest": definition.digest}
            cursor.execute(sql.SQL(note).format(**names))


def _run(cursor: CursorWrapper, statement: str, source: str) -> None:
    try:
        cursor.execute(statement)
    except Error as error:
        raise FileRefused(f"{source}: {error}") from error
