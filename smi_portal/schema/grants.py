"""What the portal's login may do with what the owner made, and that nobody else may do anything.

The login owns nothing, so it can neither switch off a trigger nor change a table. It deletes no row of ours, answers of
the API that are kept for a day excepted: nothing in the inventory, and nobody's account, is ever deleted. Nor does it
change what is only added to (tables with a trigger `append_only`). Functions of triggers are not its to call.
"""

from collections.abc import Sequence

from django.apps import apps
from django.conf import settings
from django.db.backends.utils import CursorWrapper
from psycopg import sql

from smi_portal.schema.source import OWN_APPS, Definition, SqlKind, Thing

FLEETING = "accounts_keptanswer"  # of which rows go after a day
APPEND_ONLY = "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'append_only'"
OF_OWNER = "CREATE POLICY owner ON {table} TO CURRENT_USER USING (true);"
FUNCTIONS = """
SELECT oid::regprocedure::text, prorettype = 'trigger'::regtype FROM pg_proc
WHERE pronamespace = 'public'::regnamespace AND pg_get_userbyid(proowner) = current_user
"""


def own_tables() -> list[str]:
    return sorted(model._meta.db_table for app in OWN_APPS for model in apps.get_app_config(app).get_models())


def grant_to_login(cursor: CursorWrapper) -> None:
    """Where login and owner are one role, for tests, there is nothing to grant."""
    _withdraw_functions_from_public(cursor)
    if is_owner_alone():
        return
    _grant_tables(cursor)
    _grant_functions(cursor)


def policies_of_owner(definitions: Sequence[Definition]) -> list[Definition]:
    """Forced row security holds for the owner too: it reads and dumps whole tables by a policy of its own."""
    if is_owner_alone():
        return []
    tables = [made.thing.table for made in definitions if made.thing.kind == SqlKind.ROW_SECURITY]
    return [
        Definition(Thing(SqlKind.POLICY, "owner", table), OF_OWNER.format(table=table), __name__) for table in tables
    ]


def is_owner_alone() -> bool:
    return settings.DATABASES["default"]["USER"] == settings.DATABASES["owner"]["USER"]


def _withdraw_functions_from_public(cursor: CursorWrapper) -> None:
    """Of functions to come as well: by default PostgreSQL lets everybody call every function."""
    cursor.execute("ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC")
    cursor.execute(FUNCTIONS)
    for signature, _ in cursor.fetchall():
        cursor.execute(f"REVOKE EXECUTE ON FUNCTION {signature} FROM PUBLIC")


def _grant_tables(cursor: CursorWrapper) -> None:
    _grant(cursor, "GRANT USAGE ON SCHEMA public TO {login}")
    _grant(cursor, "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {login}")
    _grant(cursor, "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {login}")
    _grant(cursor, "REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {login}")
    for table in set(own_tables()) - {FLEETING}:
        _grant(cursor, f"REVOKE DELETE ON {table} FROM {{login}}")
    cursor.execute(APPEND_ONLY)
    for (table,) in cursor.fetchall():
        _grant(cursor, f"REVOKE UPDATE, DELETE ON {table} FROM {{login}}")


def _grant_functions(cursor: CursorWrapper) -> None:
    cursor.execute(FUNCTIONS)
    for signature, is_of_trigger in cursor.fetchall():
        verb, whom = ("REVOKE", "FROM") if is_of_trigger else ("GRANT", "TO")
        _grant(cursor, f"{verb} EXECUTE ON FUNCTION {signature} {whom} {{login}}")


def _grant(cursor: CursorWrapper, statement: str) -> None:
    login = sql.Identifier(settings.DATABASES["default"]["USER"])
    cursor.execute(sql.SQL(statement).format(login=login))
