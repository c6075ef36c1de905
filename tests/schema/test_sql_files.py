"""Functions, policies and triggers of the database are those of the files, and none is open to everybody."""

import re
from collections import Counter

import pytest
from django.db import connections, transaction

from smi_portal.schema import applying, source
from tests.schema.catalog import definitions, differences

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])
PATHS = [path for folder in source.FOLDERS for path in sorted(folder.glob("*.sql"))]
DRIFTS = {
    "CREATE OR REPLACE FUNCTION acting_operator() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS 'SELECT true'":
        "function acting_operator()",
    "CREATE FUNCTION stray() RETURNS int LANGUAGE sql AS 'SELECT 1'": "function stray()",
    "ALTER FUNCTION adopt_due_steps() SECURITY INVOKER": "function adopt_due_steps()",
    "GRANT EXECUTE ON FUNCTION adopt_due_steps() TO PUBLIC": "function adopt_due_steps()",
    "ALTER FUNCTION acting_role() RESET search_path": "function acting_role()",
    "CREATE POLICY all_of_it ON inventory_device USING (true)": "policy all_of_it of inventory_device",
    "DROP POLICY read ON inventory_device": "policy read of inventory_device",
    "ALTER TABLE inventory_device DISABLE TRIGGER next_version": "trigger next_version of inventory_device",
    "DROP TRIGGER append_only ON accounts_auditrow": "trigger append_only of accounts_auditrow",
    "ALTER TABLE accounts_auditrow NO FORCE ROW LEVEL SECURITY": "row security of accounts_auditrow",
}  # fmt: skip


def test_database_holds_what_the_files_say_and_nothing_else():
    assert differences() == set()


@pytest.mark.parametrize("statement", DRIFTS)
def test_what_was_changed_by_hand_is_told(statement):
    with transaction.atomic(using="owner"):
        connections["owner"].cursor().execute(statement)
        told = differences()
        transaction.set_rollback(True, using="owner")

    assert told == {DRIFTS[statement]}


@pytest.mark.parametrize("path", PATHS, ids=lambda path: f"{path.parts[-3]}/{path.name}")
def test_file_says_first_what_it_promises_and_holds_nothing_but_definitions(path):
    text = path.read_text()

    assert re.match(r"-- .+\.\n\n", text)
    assert re.sub(r"^--.*\n", "", source.STATEMENT.sub("", text), flags=re.MULTILINE).strip() == ""


def test_each_thing_is_defined_once():
    assert [thing for thing, number in Counter(made.thing for made in source.read()).items() if number > 1] == []


TRIGGER = "CREATE TRIGGER next_version BEFORE UPDATE ON inventory_device FOR EACH ROW EXECUTE FUNCTION f();"


@pytest.mark.parametrize(
    ("text", "sentence"),
    {
        "DELETE FROM inventory_device;": "contains a statement that is not",
        TRIGGER.removesuffix(";"): "not a whole statement",
        f"  {TRIGGER}": "not a whole statement",
        TRIGGER.lower(): "not a whole statement",
        f"{TRIGGER}\n\n{TRIGGER}": "a second time",
        "-- \xe9": "is not UTF-8",
    }.items(),
)
def test_what_is_not_one_whole_definition_is_refused(tmp_path, text, sentence):
    """It would be passed over, and what it should define would be dropped."""
    folder = tmp_path / "inventory" / "sql"
    folder.mkdir(parents=True)
    (folder / "wrong.sql").write_text(f"-- Wrong.\n\n{text}\n", encoding="latin-1")

    with pytest.raises(source.NoDefinition, match=rf"inventory/sql/wrong\.sql .*{sentence}"):
        source.read([folder])


def test_function_whose_body_is_wrong_is_refused():
    body = "CREATE OR REPLACE FUNCTION broken() RETURNS int LANGUAGE sql AS $$ SELEC 1 $$;"
    broken = source.Definition(source.Thing(source.SqlKind.FUNCTION, "broken", ""), body, "inventory/sql/broken.sql")

    with pytest.raises(applying.FileRefused, match=r"inventory/sql/broken\.sql: syntax error"):
        applying.apply("owner", [*source.read(), broken])


def test_rights_that_were_granted_by_hand_are_revoked():
    login = connections["default"].settings_dict["USER"]
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute(f"GRANT TRUNCATE, TRIGGER ON inventory_device TO {login}")
        cursor.execute(f"GRANT CREATE ON SCHEMA public TO {login}")
        applying.apply("owner", source.read())
        cursor.execute(
            "SELECT has_table_privilege(%(login)s, 'inventory_device', 'TRUNCATE'),"
            " has_table_privilege(%(login)s, 'inventory_device', 'TRIGGER'),"
            " has_schema_privilege(%(login)s, 'public', 'CREATE')",
            {"login": login},
        )
        held = cursor.fetchone()
        transaction.set_rollback(True, using="owner")

    assert held == (False, False, False)


def test_what_stands_in_no_file_any_more_is_dropped():
    read = [made for made in source.read() if made.file not in ("inventory/sql/as_of.sql", "inventory/sql/version.sql")]

    with transaction.atomic(using="owner"):
        before = definitions()
        applying.apply("owner", read)
        after = definitions()
        transaction.set_rollback(True, using="owner")

    assert before.keys() - after.keys() == {
        "function device_as_of(date,timestamp with time zone,bigint)",
        "function device_next_version()",
        "trigger next_version of inventory_device",
    }
    assert not after.keys() - before.keys()


# What functions may be relied on for


def functions(condition: str) -> set[str]:
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT proname FROM pg_proc AS p WHERE pronamespace = 'public'::regnamespace"
            f" AND proname NOT LIKE 'procrastinate%%' AND {condition}"
        )
        return {name for (name,) in cursor.fetchall()}


def test_functions_pin_their_search_path_but_those_that_name_nothing_of_ours():
    unpinned = functions("NOT coalesce('search_path=public, pg_temp' = ANY (proconfig), false)")

    assert unpinned == {
        "uk_day", "portal_now", "acting_organisation", "acting_operator", "acting_words", "reading_within",
        "bare", "day_of", "staged_items_differ", "staged_supplier_differs",
    }  # fmt: skip
    for name in unpinned:
        assert not re.search("accounts_|inventory_|acting_|public", body_of(name))


def body_of(function: str) -> str:
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = %s", [function])
        (body,) = cursor.fetchone()
    return body


def test_nobody_but_owner_and_login_calls_a_function_and_the_login_none_of_a_trigger():
    assert functions("has_function_privilege('public', p.oid, 'EXECUTE')") == set()
    assert functions("prorettype = 'trigger'::regtype AND has_function_privilege('smi', p.oid, 'EXECUTE')") == set()
    assert (
        functions("prorettype <> 'trigger'::regtype AND NOT has_function_privilege('smi', p.oid, 'EXECUTE')") == set()
    )


def test_functions_that_narrow_rows_themselves_have_the_rights_of_the_owner():
    """Only then does `portal.within` lift the policies."""
    assert functions("prosrc LIKE '%%reading_within(%%' AND NOT prosecdef") == set()


def test_function_made_later_is_not_open_to_everybody():
    with transaction.atomic(using="owner"):
        connections["owner"].cursor().execute("CREATE FUNCTION later() RETURNS int LANGUAGE sql AS 'SELECT 1'")
        opened = functions("proname = 'later' AND has_function_privilege('public', p.oid, 'EXECUTE')")
        transaction.set_rollback(True, using="owner")

    assert opened == set()
