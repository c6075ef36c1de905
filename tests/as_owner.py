"""Test data that the portal's login cannot write itself, such as what gives rights: written as the tables' owner.

The owner's connection could not do it: it does not see what the test's transaction has written.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection, models
from django.db.backends.utils import CursorWrapper
from psycopg import ClientCursor

from smi_portal.schema.grants import RIGHTS

TABLES = [*RIGHTS, "accounts_user"]
OF_RIGHTS = tuple(f'{verb} "{table}"' for verb in ("INSERT INTO", "UPDATE") for table in TABLES)
TYPES = {"receives_roots": "boolean"}  # of columns that the database gives a value
# Only in the database of the tests, and in a schema of its own, which `migrate` does not look at.
FUNCTION = """
CREATE SCHEMA IF NOT EXISTS tests;
GRANT USAGE ON SCHEMA tests TO PUBLIC;
CREATE OR REPLACE FUNCTION tests.as_owner(statement text) RETURNS SETOF record
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    written bigint;
BEGIN
    IF statement ~ ' RETURNING ' THEN
        RETURN QUERY EXECUTE statement;
    ELSE
        EXECUTE statement;
        GET DIAGNOSTICS written = ROW_COUNT;
        RETURN QUERY SELECT generate_series(1, written)::bigint;
    END IF;
END
$$;
GRANT EXECUTE ON FUNCTION tests.as_owner TO PUBLIC
"""


@contextmanager
def as_owner() -> Iterator[None]:
    """In the block, or the function that it decorates, rows of these tables are written by their owner."""
    with connection.execute_wrapper(_through_owner):
        yield


def _through_owner(execute: Callable, statement: str, params: object, many: bool, context: dict) -> CursorWrapper:
    if not str(statement).startswith(OF_RIGHTS):
        return execute(statement, params, many, context)
    whole = ClientCursor(connection.connection).mogrify(statement, params)
    returned = re.findall(r'"\w+"\."(\w+)"', whole.partition(" RETURNING ")[2]) or ["number"]
    columns = ", ".join(f'"{name}" {TYPES.get(name, "bigint")}' for name in returned)
    return execute(f"SELECT * FROM tests.as_owner(%s) AS written ({columns})", [whole], many, context)


@as_owner()
def overwrite(what: models.Model | models.QuerySet | models.Manager, **values: object) -> None:
    """Give an object, or each of a set, these values."""
    if not isinstance(what, models.Model):
        what.update(**values)
        return
    for name, value in values.items():
        setattr(what, name, value)
    what.save(update_fields=list(values))
