"""The table of data items is complete, and what is built from it follows it."""

import pytest

from accounts.roles import Role
from inventory.data_items import DEVICE_LIST, INTERNAL_FIELDS, ITEMS, LIST_COLUMNS, MAP_PORTFOLIO, Search, listed_for
from inventory.devices.filters import CHOICES, IDENTIFIERS, PARAMETERS, DeviceFilter
from inventory.models import Device
from inventory.reports.catalogue import CATALOGUE

CONTRACT = (
    "as_of", "map_id", "map_from", "device_id", "device_type", "fuel", "msn", "manufacturer", "model", "firmware",
    "smets_generation", "smi_status", "status_from", "mpxn", "supplier_id", "supplier_from", "installed_on",
    "commissioned_on", "decommissioned_on", "map_recorded_by", "map_recorded_at", "quality_flags",
    "previous_supplier_id", "previous_supplier_to",
)  # fmt: skip


def test_every_field_of_a_device_has_a_data_item_or_is_internal():
    covered = {name for item in ITEMS for name in item.fields} | INTERNAL_FIELDS

    assert {field.name for field in Device._meta.concrete_fields} == covered


def test_names_are_unique():
    assert len({item.name for item in ITEMS}) == len(ITEMS)


def test_map_id_is_neither_searched_nor_sorted():
    item = next(item for item in ITEMS if item.name == "map_id")

    assert (item.search, item.sortable) == (None, False)
    assert not [name for name in DeviceFilter.base_filters if "map" in name or "provider" in name]


def test_filters_are_those_of_the_contract():
    assert set(DeviceFilter.base_filters) == set(PARAMETERS) == {
        "device_id", "mpxn", "msn", "device_type", "smi_status", "installed_from", "installed_to",
    }  # fmt: skip


def test_every_searchable_item_is_known_to_the_filters():
    kinds = {Search.EXACT: IDENTIFIERS, Search.PREFIX: IDENTIFIERS, Search.CHOICE: CHOICES}

    assert all(item.name in kinds[item.search] for item in ITEMS if item.search in kinds)


def test_only_the_device_id_orders_a_list():
    assert [item.name for item in ITEMS if item.sortable] == ["device_id"]


def test_report_has_the_columns_of_the_contract_in_order():
    assert tuple(CATALOGUE[MAP_PORTFOLIO].header) == CONTRACT


def test_device_list_file_begins_with_what_orders_it():
    header = CATALOGUE[DEVICE_LIST].header

    assert header[0] == "device_id"
    assert len(header) == len(set(header))


@pytest.mark.parametrize("role", Role)
def test_list_columns_are_items_the_role_sees(role):
    assert [item.name for item in listed_for(role)] == list(LIST_COLUMNS)


def test_every_item_has_words_for_its_page():
    assert all(item.label and item.help.endswith(".") for item in ITEMS)
