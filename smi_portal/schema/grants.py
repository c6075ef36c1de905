"""The rights of the portal's login to the owner's tables and functions; no other role has any.

The login owns nothing, so it cannot switch off a trigger or change a table; it cannot create one either, not even a
temporary one. It cannot delete our rows, except those that are kept for a short time (`FLEETING`): nothing in the
inventory, and no account, is ever deleted. It cannot change rows of tables that are only added to (those with a trigger
`append_only`), or call the functions of triggers. It cannot even add steps, history or rows of the audit trail, or
write what gives rights (`RIGHTS`): functions and triggers of the owner do. Seals and marks of the trail are the
keeper's, who comes as the owner. `docs/operations.md` lists what remains, from a test.
"""

from collections.abc import Sequence

from django.apps import apps
from django.conf import settings
from django.db.backends.utils import CursorWrapper
from pghistory.models import Event
from psycopg import sql

from smi_portal.schema.source import OWN_APPS, Definition, SqlKind, Thing

# Sessions, downloads that run, answers of the API that are kept for a day, and rows of files until they are applied.
FLEETING = {"accounts_session", "accounts_runningdownload", "accounts_keptanswer"}
FLEETING |= {"inventory_stagedfile", "inventory_stagedrow", "inventory_stageddevice"}
STEPS = {"inventory_providerperiod", "inventory_supplyperiod"}
TRAIL = {"accounts_auditrow", "accounts_auditvalue"}
READ_ONLY = {"inventory_adoption"}
READ_ONLY |= {f"accounts_audit{mark}" for mark in ("seal", "head", "root", "cut", "tally")}
# Tables of rights, with the columns that the login can change: `accounts/sql/rights.sql` writes the others. A name
# gives no right: it is here because only a role that can change some column of a row can lock it.
RIGHTS = {
    "accounts_organisation": ["name"],
    "accounts_membership": ["confirmed_at", "confirmed_by_id", "warned_at"],
    "accounts_participant": ["name"],
    "accounts_binding": [],
}
OF_PERSON = ["email", "last_login", "must_enrol", "name", "password"]  # likewise; a new account gives no right
APPEND_ONLY = "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'append_only'"
OF_OWNER = "CREATE POLICY owner ON {table} TO CURRENT_USER USING (true);"
FUNCTIONS = """
SELECT oid::regprocedure::text, prorettype = 'trigger'::regtype FROM pg_proc
WHERE pronamespace = 'public'::regnamespace AND pg_get_userbyid(proowner) = current_user
"""


def own_tables() -> list[str]:
    return sorted(model._meta.db_table for app in OWN_APPS for model in apps.get_app_config(app).get_models())


def history_tables() -> set[str]:
    models = (model for app in OWN_APPS for model in apps.get_app_config(app).get_models())
    return {model._meta.db_table for model in models if issubclass(model, Event)}


def grant_to_login(cursor: CursorWrapper) -> None:
    """Grant the rights; if login and owner are the same role, as in tests, there is nothing to grant."""
    _withdraw_functions_from_public(cursor)
    if is_owner_alone():
        return
    _grant_tables(cursor)
    _grant_functions(cursor)


def policies_of_owner(definitions: Sequence[Definition]) -> list[Definition]:
    """Return policies that let the owner read and dump whole tables, because forced row security applies to it too."""
    if is_owner_alone():
        return []
    tables = [made.thing.table for made in definitions if made.thing.kind == SqlKind.ROW_SECURITY]
    return [
        Definition(Thing(SqlKind.POLICY, "owner", table), OF_OWNER.format(table=table), __name__) for table in tables
    ]


def is_owner_alone() -> bool:
    return settings.DATABASES["default"]["USER"] == settings.DATABASES["owner"]["USER"]


def _withdraw_functions_from_public(cursor: CursorWrapper) -> None:
    """Revoke the right to call functions, also future ones; by default PostgreSQL lets every role call them."""
    cursor.execute("ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC")
    cursor.execute(FUNCTIONS)
    for signature, _ in cursor.fetchall():
        cursor.execute(f"REVOKE EXECUTE ON FUNCTION {signature} FROM PUBLIC")


def _grant_tables(cursor: CursorWrapper) -> None:
    """Whatever else was granted by hand is revoked."""
    cursor.execute("SELECT current_database()")
    database = sql.Identifier(cursor.fetchone()[0])
    _grant(cursor, "REVOKE CREATE, TEMPORARY ON DATABASE {database} FROM PUBLIC, {login}", database=database)
    cursor.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    _grant(cursor, "REVOKE ALL ON SCHEMA public FROM {login}")
    _grant(cursor, "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {login}")
    _grant(cursor, "GRANT USAGE ON SCHEMA public TO {login}")
    _grant(cursor, "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {login}")
    _grant(cursor, "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {login}")
    _grant(cursor, "REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {login}")
    for table in set(own_tables()) - FLEETING:
        _grant(cursor, f"REVOKE DELETE ON {table} FROM {{login}}")
    for table in STEPS | TRAIL | history_tables() | RIGHTS.keys():
        _grant(cursor, f"REVOKE INSERT ON {table} FROM {{login}}")
    for table in READ_ONLY:
        _grant(cursor, f"REVOKE INSERT, UPDATE ON {table} FROM {{login}}")
    for table, columns in (RIGHTS | {"accounts_user": OF_PERSON}).items():
        _grant(cursor, f"REVOKE UPDATE ON {table} FROM {{login}}")
        if columns:
            _grant(cursor, f"GRANT UPDATE ({', '.join(columns)}) ON {table} TO {{login}}")
    # A number that no row uses would look like a row that is gone.
    _grant(cursor, "REVOKE USAGE ON SEQUENCE accounts_auditrow_id_seq FROM {login}")
    cursor.execute(APPEND_ONLY)
    for (table,) in cursor.fetchall():
        _grant(cursor, f"REVOKE UPDATE, DELETE ON {table} FROM {{login}}")


def _grant_functions(cursor: CursorWrapper) -> None:
    cursor.execute(FUNCTIONS)
    for signature, is_of_trigger in cursor.fetchall():
        verb, whom = ("REVOKE", "FROM") if is_of_trigger else ("GRANT", "TO")
        _grant(cursor, f"{verb} EXECUTE ON FUNCTION {signature} {whom} {{login}}")


def _grant(cursor: CursorWrapper, statement: str, **names: sql.Identifier) -> None:
    login = sql.Identifier(settings.DATABASES["default"]["USER"])
    cursor.execute(sql.SQL(statement).format(login=login, **names))
