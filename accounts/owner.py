"""Calls functions of the tables' owner, which alone write what gives rights: the portal's login cannot."""

from collections.abc import Sequence

from django.db import connection


def ask_owner(function: str, *given: str | int | bool | Sequence | None) -> object:
    """Call a function of `accounts/sql/rights.sql`, which notes it in the audit trail; return its answer."""
    with connection.cursor() as cursor:
        cursor.callproc(function, given)
        return cursor.fetchone()[0]
