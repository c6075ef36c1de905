"""Scopes that tests enter by name: the operator's, to prepare and to check, and none, as between two requests."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from psycopg.pq import TransactionStatus


def become_operator(reason: str = "tests") -> None:
    """For the rest of the test, outside the scopes it enters; with no reason, for nobody."""
    connection.ensure_connection()
    connection.connection.execute("SELECT set_config('portal.operator', %s, false)", [reason])  # counts as no query


@contextmanager
def as_operator(reason: str = "tests") -> Iterator[None]:
    """For a block, or a function that it decorates; afterwards it is as before."""
    connection.ensure_connection()
    former = connection.connection.execute("SELECT current_setting('portal.operator', true)").fetchone()[0]
    become_operator(reason)
    try:
        yield
    finally:
        if connection.connection and connection.connection.info.transaction_status != TransactionStatus.INERROR:
            become_operator(former or "")


@contextmanager
def as_nobody() -> Iterator[None]:
    """Leave the scope, so that code inside has to enter its own. A connection that is not open yet has no scope."""
    if connection.connection is None:
        yield
    else:
        with as_operator(""):
            yield
