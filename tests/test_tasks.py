"""Work by the clock enters a scope of its own before it asks tables under row security, which would show it nothing.

Between two jobs a worker acts for nobody.
"""

from collections.abc import Callable

import pytest
from django.db import connection
from procrastinate.contrib.django import app

from inventory.models import StagedFile
from smi_portal.keeper import DUTIES, as_owner
from tests.scopes import as_nobody

SECURED = "SELECT relname FROM pg_class WHERE relforcerowsecurity"
WORK: dict[str, Callable[[], object]] = {
    name.rpartition(".")[2]: (lambda task=periodic.task: task.func(timestamp=0))
    for (name, _), periodic in app.periodic_registry.periodic_tasks.items()
    if not periodic.task.pass_context  # those look after jobs alone
}
KEPT: dict[str, Callable[[], object]] = {duty.act.__name__: duty.act for duty in DUTIES}


def asks_out_of_scope(work: Callable[[], object]) -> bool:
    """Whether a table under row security is asked before a scope is entered."""
    with connection.cursor() as cursor:
        cursor.execute(SECURED)
        secured = [table for (table,) in cursor.fetchall()]
    asked: list[str] = []

    def noted(execute, sql, params, many, context):
        asked.append(sql)
        return execute(sql, params, many, context)

    with as_nobody(), connection.execute_wrapper(noted):
        work()
    entered = next((n for n, sql in enumerate(asked) if "set_config('portal.operator'" in sql), len(asked))
    return any(table in sql for sql in asked[:entered] for table in secured)


@pytest.mark.parametrize("name", WORK)
def test_work_asks_secured_tables_within_a_scope_alone(db, name):
    assert not asks_out_of_scope(WORK[name])


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
@pytest.mark.parametrize("name", KEPT)
def test_duties_of_the_keeper_do_the_same(name):
    with as_owner():
        assert not asks_out_of_scope(KEPT[name])


def test_work_that_forgets_its_scope_is_seen(db):
    assert asks_out_of_scope(StagedFile.objects.count)
