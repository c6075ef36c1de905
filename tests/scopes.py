"""Scopes that tests enter by name: the operator's, to prepare and to check, and none, as between two requests."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from django.db import connection
from psycopg.pq import TransactionStatus


def become_operator(reason: str = "tests") -> None:
    """For the rest of the test, outside the scopes it enters; with no reason, for nobody."""
    connection.ensure_connection()
    connection.connection.execute("SELECT set_config('portal.operator', %s, false)", [reason])  # counts as no query


def said(setting: str) -> str:
    connection.ensure_connection()
    return connection.connection.execute("SELECT coalesce(current_setting(%s, true), '')", [setting]).fetchone()[0]


@contextmanager
def as_operator(reason: str = "tests") -> Iterator[None]:
    """For a block, or a function that it decorates; afterwards it is as before."""
    former = said("portal.operator")
    become_operator(reason)
    try:
        yield
    finally:
        if connection.connection and connection.connection.info.transaction_status != TransactionStatus.INERROR:
            become_operator(former)


@contextmanager
def as_operator_unless_in_scope() -> Iterator[None]:
    """For what makes rows: within the scope of an organisation they are made as it may make them."""
    with nullcontext() if said("portal.organisation") else as_operator():
        yield


@contextmanager
def as_nobody() -> Iterator[None]:
    """Leave the scope, so that code inside has to enter its own. A connection that is not open yet has no scope."""
    if connection.connection is None:
        yield
    else:
        with as_operator(""):
            yield
