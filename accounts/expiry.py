"""Removing rows whose time is over, few at a time."""

from datetime import datetime

from django.db import connection
from psycopg import sql

from accounts.operator import system_scope

STEP = 5_000
REMOVE = """
DELETE FROM {table} WHERE ctid = ANY (ARRAY (
    SELECT ctid FROM {table} WHERE {column} < %s LIMIT %s FOR UPDATE SKIP LOCKED
))
"""


def remove_older(table: str, column: str, moment: datetime) -> int:
    """Remove the rows of `table` whose `column` is before `moment`; how many.

    Each step is a transaction of its own, so that none holds many rows. A row that is in use stays until next time.
    """
    removed = step = _remove(table, column, moment)
    while step == STEP:
        step = _remove(table, column, moment)
        removed += step
    return removed


def _remove(table: str, column: str, moment: datetime) -> int:
    statement = sql.SQL(REMOVE).format(table=sql.Identifier(table), column=sql.Identifier(column))
    with system_scope("what is kept no longer", via="task", audited=False), connection.cursor() as cursor:
        cursor.execute(statement, [moment, STEP])
        return cursor.rowcount
