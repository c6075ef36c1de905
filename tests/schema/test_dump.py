"""A dump by the owner holds every row, though row security is forced."""

import pytest
from django.apps import apps
from django.db import connections, transaction

from smi_portal.schema.grants import own_tables
from tests.factories import make_device

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


def rows(cursor) -> dict[str, int]:
    counts = {}
    for table in own_tables():
        cursor.execute(f"SELECT count(*) FROM public.{table}")
        (counts[table],) = cursor.fetchone()
    return counts


def test_owner_reads_every_row_as_pg_dump_reads_it(operator, supplier, asset_provider):
    """Dump without a search path or a scope, as `pg_dump --enable-row-security` does."""
    make_device("ZEPH", "ZMAP")
    with transaction.atomic(using="owner"), connections["owner"].cursor() as owner:
        owner.execute("SET LOCAL search_path = ''")
        read = rows(owner)
    there = {model._meta.db_table: model.objects.count() for app in ("accounts", "inventory")
             for model in apps.get_app_config(app).get_models()}  # fmt: skip

    assert read == there
    assert read["inventory_device"] == read["inventory_deviceevent"] == 1


def test_login_reads_its_scope_with_no_search_path(supplier, asset_provider):
    make_device("ZEPH", "ZMAP")
    with transaction.atomic(), connections["default"].cursor() as login:
        login.execute("SELECT set_config('portal.operator', '', true), set_config('search_path', '', true)")
        assert rows(login)["inventory_device"] == 0
        login.execute("SELECT set_config('portal.organisation', %s, true)", [str(supplier.pk)])
        assert rows(login)["inventory_device"] == rows(login)["inventory_supplyperiod"] == 1
