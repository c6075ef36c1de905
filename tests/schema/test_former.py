"""Databases from before the migrations were squashed: the demo's is created again, any other is refused."""

from collections.abc import Iterator

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder

from smi_portal.schema import former
from tests.server import database_url

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


@pytest.fixture
def scratch() -> Iterator[str]:
    """Another database of the owner's, of the former shape."""
    name = connections["owner"].settings_dict["NAME"] + "_former"
    with connections["owner"].creation._nodb_cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name}")
        cursor.execute(f"CREATE DATABASE {name}")
    connections["scratch"] = connections["owner"].copy("scratch")
    connections["scratch"].settings_dict = connections["owner"].settings_dict | {"NAME": name}
    MigrationRecorder(connections["scratch"]).record_applied(*former.FORMER)
    yield "scratch"
    connections["scratch"].close()
    del connections["scratch"]
    with connections["owner"].creation._nodb_cursor() as cursor:
        cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def tables(alias: str) -> list[str]:
    with connections[alias].cursor() as cursor:
        return connections[alias].introspection.table_names(cursor)


@pytest.fixture
def former_row() -> Iterator[None]:
    """The test's own database looks like one of the former shape."""
    recorder = MigrationRecorder(connections["owner"])
    recorder.record_applied(*former.FORMER)
    yield
    recorder.record_unapplied(*former.FORMER)


def test_database_of_this_version_is_none():
    assert not former.is_former("owner")


def test_database_named_by_the_environment_is_refused_and_not_touched(former_row, settings):
    settings.DEMO, before = False, tables("owner")

    with pytest.raises(CommandError, match="Nothing has been changed"):
        call_command("migrate", verbosity=0)

    assert tables("owner") == before


def test_asking_drops_nothing(former_row, settings):
    settings.DEMO, before = True, tables("owner")

    with pytest.raises(CommandError):
        call_command("migrate", "--check", verbosity=0)

    assert tables("owner") == before


def test_first_migration_alone_of_the_former_shape_is_known(scratch):
    recorder = MigrationRecorder(connections[scratch])
    recorder.record_unapplied(*former.FORMER)
    recorder.record_applied(*former.INITIAL)

    assert former.is_former(scratch)


def test_demos_is_emptied(scratch):
    assert former.is_former(scratch)

    former.make_anew(scratch)

    assert tables(scratch) == []
    assert not former.is_former(scratch)


def test_demos_is_not_emptied_while_the_portal_is_connected(scratch):
    """As its login, of whose sessions the owner is shown little."""
    name = connections[scratch].settings_dict["NAME"]
    url = database_url().replace(connections["default"].settings_dict["NAME"], name)
    with psycopg.connect(url), pytest.raises(former.DemoInUse):
        former.make_anew(scratch)

    assert former.is_former(scratch)
