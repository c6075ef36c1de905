"""What the portal's login can do with SQL of its own, as by psql: the tables in `docs/operations.md`.

The login can say that it acts for anyone, so each attempt is made as the operator, who reads and writes the most.
`pytest tests/test_login_limits.py -s -k guide` prints the tables.
"""

import re
from collections.abc import Iterator

import psycopg
import pytest
from django.conf import settings
from psycopg import errors, sql

from tests.login import Login, has_effect
from tests.login_attempts import CAN, CANNOT
from tests.server import database_url

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])
GUIDE = settings.BASE_DIR / "docs/operations.md"


def shown(rows: list[str]) -> list[str]:
    print("\n".join(rows))  # noqa: T201  (it is for `pytest -s`)
    return rows


@pytest.mark.parametrize("attempt", CANNOT, ids=lambda attempt: attempt.words)
def test_login_cannot(psql, attempt):
    assert not has_effect(attempt, psql)


@pytest.mark.parametrize("attempt", CAN, ids=lambda attempt: attempt.words)
def test_login_can(psql, attempt):
    """Said in the guide, so that nobody relies on the contrary."""
    assert has_effect(attempt, psql)


def test_guide_says_what_the_login_can_and_cannot_do():
    rows = [f"| {attempt.words} | {can} |" for can, attempts in (("no", CANNOT), ("yes", CAN)) for attempt in attempts]

    assert re.findall(r"^\| .* \| (?:no|yes) \|$", GUIDE.read_text(), re.MULTILINE) == shown(rows)


# Tables


VERBS = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
HELD = """
SELECT c.relname, concat_ws(', ', VARIADIC array_agg(CASE
    WHEN has_table_privilege('smi', c.oid, verb) THEN verb
    WHEN verb = 'UPDATE' THEN (
        SELECT nullif('UPDATE of ' || string_agg(attname, ', ' ORDER BY attname), 'UPDATE of ')
        FROM pg_attribute
        WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
            AND has_column_privilege('smi', attrelid, attnum, 'UPDATE')
    )
END ORDER BY place)) AS held
FROM pg_class AS c CROSS JOIN unnest(%s::text[]) WITH ORDINALITY AS v (verb, place)
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
GROUP BY c.relname ORDER BY c.relname COLLATE "C"
"""


def rights_on_tables(login: Login) -> dict[str, list[str]]:
    """Of each set of rights the tables, but for the audit trail's, which have tests of their own."""
    tables: dict[str, list[str]] = {}
    for table, held in login.connection.execute(HELD, [list(VERBS)]).fetchall():
        if not table.startswith("accounts_audit"):
            tables.setdefault(held, []).append(f"`{table}`")
    return tables


def test_guide_says_which_rights_the_login_has_on_which_tables(psql):
    of_libraries = (
        "`account_",
        "`auth_",
        "`django_content",
        "`mfa_",
        "`pghistory_",
        "`portal_",
        "`procrastinate_",
        "`social",
    )
    tables = rights_on_tables(psql)
    others = [table for table in tables["SELECT, INSERT, UPDATE, DELETE"] if not table.startswith(of_libraries)]
    tables["SELECT, INSERT, UPDATE, DELETE"] = [*others, "tables of libraries"]
    rows = [f"| {held} | {', '.join(names)} |" for held, names in sorted(tables.items())]

    assert re.findall(r"^\| SELECT.* \|$", GUIDE.read_text(), re.MULTILINE) == shown(rows)


# Functions


def functions(connection: psycopg.Connection, condition: str) -> list[str]:
    statement = f"""
        SELECT oid::regproc::text FROM pg_proc AS p
        WHERE pronamespace = 'public'::regnamespace AND prosecdef AND {condition} ORDER BY 1
    """
    return [name for (name,) in connection.execute(statement).fetchall()]


def test_guide_names_the_functions_that_run_with_the_rights_of_the_owner(psql):
    called = functions(psql.connection, "has_function_privilege('smi', p.oid, 'EXECUTE')")
    sentence = f"Functions with the owner's rights that it can call: {', '.join(f'`{name}`' for name in called)}."

    assert shown([sentence])[0] in " ".join(GUIDE.read_text().split())


@pytest.fixture
def owner(psql) -> Iterator[psycopg.Connection]:
    """The owner of the tables; what it does is undone."""
    with psycopg.connect(database_url("owner")) as connection:
        yield connection
        connection.rollback()


def test_function_of_a_trigger_with_the_owners_rights_serves_its_own_table_alone(owner):
    names = functions(owner, "prorettype = 'trigger'::regtype AND proname NOT LIKE 'procrastinate%'")
    owner.execute("CREATE TEMPORARY TABLE made (a int)")

    assert len(names) == 11
    for name in names:
        owner.execute(f"CREATE OR REPLACE TRIGGER made AFTER INSERT ON made EXECUTE FUNCTION {name}()")
        with pytest.raises(errors.InsufficientPrivilege), owner.transaction():
            owner.execute("INSERT INTO made VALUES (1)")


def test_login_attaches_no_function_even_if_it_can_create_temporary_tables(psql):
    """The one guard without the other."""
    name = psql.connection.info.dbname
    every = """
        SELECT oid::regproc::text FROM pg_proc
        WHERE prorettype = 'trigger'::regtype AND pronamespace = 'public'::regnamespace
    """
    names = [function for (function,) in psql.connection.execute(every).fetchall()]
    grant = sql.SQL("{} TEMPORARY ON DATABASE {} {} smi")
    with psycopg.connect(database_url("owner"), autocommit=True) as owner:
        owner.execute(grant.format(sql.SQL("GRANT"), sql.Identifier(name), sql.SQL("TO")))
        try:
            psql.one("CREATE TEMPORARY TABLE made (a int)")
            for function in names:
                with pytest.raises(errors.InsufficientPrivilege), psql.connection.transaction():
                    psql.one(f"CREATE TRIGGER made AFTER INSERT ON made EXECUTE FUNCTION {function}()")
        finally:
            owner.execute(grant.format(sql.SQL("REVOKE"), sql.Identifier(name), sql.SQL("FROM")))
