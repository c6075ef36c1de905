"""What the portal's login may do with the tables that the owner made.

The login owns nothing, so it can neither switch off a trigger nor change a table. It deletes no row of ours, answers of
the API that are kept for a day excepted: nothing in the inventory, and nobody's account, is ever deleted. Nor does it
change what is only added to (tables with a trigger `append_only`).
"""

import pgtrigger
from django.apps import AppConfig, apps
from django.conf import settings
from django.db import connections
from psycopg import sql

OWN_APPS = ("accounts", "inventory")
FLEETING = "accounts_keptanswer"  # of which rows go after a day


def grant_to_login(sender: AppConfig, using: str, **kwargs: object) -> None:
    """After each migration by the owner: rights on every table for the login (signal `post_migrate`)."""
    login = settings.DATABASES["default"]["USER"]
    if login == settings.DATABASES[using]["USER"]:
        return
    tables = {model._meta.db_table for app in OWN_APPS for model in apps.get_app_config(app).get_models()}
    ours = sorted(tables - {FLEETING})
    statements = [
        sql.SQL("GRANT USAGE ON SCHEMA public TO {login}"),
        sql.SQL("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {login}"),
        sql.SQL("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {login}"),
        sql.SQL("REVOKE DELETE ON {ours} FROM {login}"),
        sql.SQL("REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {login}"),
    ]
    names = {"login": sql.Identifier(login), "ours": sql.SQL(", ").join(map(sql.Identifier, ours))}
    with connections[using].cursor() as cursor:
        for statement in statements:
            cursor.execute(statement.format(**names))
        cursor.execute("SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'append_only'")
        for (table,) in cursor.fetchall():
            revoke = sql.SQL("REVOKE UPDATE, DELETE ON {table} FROM {login}")
            cursor.execute(revoke.format(table=sql.Identifier(table), **names))


def join_history_by_hash(sender: AppConfig, using: str, **kwargs: object) -> None:
    """Let the triggers of history join rows before and after by hash, however few they are (signal `post_migrate`).

    A session plans them once: by the loop that is best for one row, 100,000 rows take hours (tried).
    """
    if settings.DATABASES[using]["USER"] != settings.DATABASES["owner"]["USER"]:
        return  # a test's flush says that it migrated, too
    pgtrigger.install(database=using)
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT p.proname FROM pg_trigger AS t JOIN pg_proc AS p ON p.oid = t.tgfoid"
            " WHERE t.tgname LIKE 'pgtrigger_update_%' AND pg_get_userbyid(p.proowner) = current_user"
        )
        for (function,) in cursor.fetchall():
            alter = sql.SQL("ALTER FUNCTION {function}() SET enable_nestloop = off")
            cursor.execute(alter.format(function=sql.Identifier(function)))
