"""Databases from before the migrations were squashed; none holds anything that must be kept."""

from django.db import connections, transaction
from django.db.migrations.recorder import MigrationRecorder

INITIAL, FORMER = ("accounts", "0001_initial"), ("accounts", "0002_scope")
A_TABLE = "accounts_auditrow"  # of those that the former first migration did not create
# PostgreSQL shows only this much of other roles' sessions; those of the server itself have no role.
OTHERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND usesysid IS NOT NULL AND pid <> pg_backend_pid()
"""


class DemoInUse(Exception):
    """Another session is using the database."""


def is_former(using: str) -> bool:
    """Also of a database whose first migration alone was applied, as both shapes give that the same name."""
    applied = MigrationRecorder(connections[using]).applied_migrations()
    return FORMER in applied or (INITIAL in applied and A_TABLE not in connections[using].introspection.table_names())


def make_anew(using: str) -> None:
    """Drop everything in the database, unless another session is connected; never drop only half of it."""
    for connection in connections.all(initialized_only=True):
        if connection.alias != using:
            connection.close()
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        cursor.execute(OTHERS)
        if cursor.fetchone() != (0,):
            raise DemoInUse
        cursor.execute("SET LOCAL lock_timeout = '3s'")
        cursor.execute("DROP SCHEMA public CASCADE")
        cursor.execute("CREATE SCHEMA public")
