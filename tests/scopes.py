"""Scopes that tests enter by name: the operator's, to prepare and to check, and none, as between two requests."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from django.db import connection
from psycopg.pq import TransactionStatus

BECOME = "SELECT set_config('portal.operator', %s, false)"
# The former value is read first: the columns of a SELECT are computed from left to right.
EXCHANGE = "SELECT coalesce(current_setting('portal.operator', true), ''), set_config('portal.operator', %s, false)"
IN_FORCE = """
SELECT coalesce(current_setting('portal.organisation', true), ''),
       coalesce(current_setting('portal.operator', true), '')
"""


def _asked(statement: str, *values: str) -> tuple:
    """Past Django, so that it counts as no query."""
    connection.ensure_connection()
    return connection.connection.execute(statement, values).fetchone()


def become_operator(reason: str = "tests") -> None:
    """For the rest of the test, outside the scopes it enters; with no reason, for nobody."""
    _asked(BECOME, reason)


@contextmanager
def as_operator(reason: str = "tests") -> Iterator[None]:
    """For a block, or a function that it decorates; afterwards it is as before."""
    former, _ = _asked(EXCHANGE, reason)
    try:
        yield
    finally:
        if connection.connection and connection.connection.info.transaction_status != TransactionStatus.INERROR:
            become_operator(former)


@contextmanager
def as_operator_unless_in_scope() -> Iterator[None]:
    """For what makes rows: within the scope of an organisation they are made as it may make them."""
    with nullcontext() if any(_asked(IN_FORCE)) else as_operator():
        yield


@contextmanager
def as_nobody() -> Iterator[None]:
    """Leave the scope, so that code inside has to enter its own. A connection that is not open yet has no scope."""
    if connection.connection is None:
        yield
    else:
        with as_operator(""):
            yield
