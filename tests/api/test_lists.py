"""The public lists and the rights by the API."""

import pytest

from accounts.roles import GRANTS, Job, Permission, Role, allows
from inventory.data_items import ITEMS
from tests.api.sending import refused
from tests.conftest import System
from tests.factories import make_participant, make_token

API = "/api/v1/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def system(supplier, asset_provider, rival) -> System:
    return System(make_token(supplier, Job.EDITOR))


def test_participants_are_those_of_the_page(system):
    make_participant("ZDUM", kind="dummy", name="Customer owned")

    entries = system.get(f"{API}participants/").json()["results"]

    assert [entry["code"] for entry in entries] == ["ZDUM", "ZMAP", "ZMG", "ZEPH", "ZODI", "ZPG"]
    assert entries[0] == {
        "code": "ZDUM", "name": "Customer owned", "role": "map", "fuel": "E", "effective_from": "2010-01-01",
        "effective_to": None, "kind": "dummy",
    }  # fmt: skip


@pytest.mark.parametrize(("name", "codes"), [("zenith", ["ZMAP", "ZMG"]), ("zodi", ["ZODI"]), ("nobody", [])])
def test_participants_are_found_by_name_or_code(system, name, codes):
    entries = system.get(f"{API}participants/", {"name": name}).json()["results"]

    assert [entry["code"] for entry in entries] == codes


def test_participants_come_as_csv_safe_to_open(system):
    make_participant("ZBAD", name="=cmd()")

    lines = system.get(f"{API}participants/", headers={"Accept": "text/csv"}).text.splitlines()

    assert lines[0] == "code,name,role,fuel,effective_from,effective_to,kind"
    assert lines[1] == "ZBAD,'=cmd(),map,E,2010-01-01,,live"


def test_name_that_is_too_long_is_refused(system):
    assert refused(system.get(f"{API}participants/", {"name": "x" * 61})) == {"name": "max_length"}


def test_data_items_are_the_table(system):
    items = {item["name"]: item for item in system.get(f"{API}data-items/").json()["results"]}

    assert list(items) == [item.name for item in ITEMS]
    assert (items["map_id"]["search"], items["map_id"]["sortable"]) == (None, False)
    assert items["mpxn"]["seen_by"] == ["dcc", "map", "supplier"]
    assert items["map_id"]["reports"] == ["device-list", "map-portfolio"]


@pytest.mark.parametrize("job", [Job.VIEWER, Job.EDITOR])
def test_rights_are_the_table_and_one_s_own(supplier, job):
    told = System(make_token(supplier, job)).get(f"{API}rights/").json()

    assert told["own"] == {
        "organisation": "Zephyr Energy", "role": "supplier", "job": job,
        "permissions": sorted(GRANTS[Role.SUPPLIER][job]),
    }  # fmt: skip
    granted = {right["name"]: right["granted"] for right in told["permissions"]}
    assert granted == {
        p.value: {role.value: [j.value for j in Job if allows(role, j, p)] for role in Role} for p in Permission
    }


@pytest.mark.parametrize("path", ["participants", "data-items", "rights", "reports", "schema"])
def test_unknown_parameter_is_refused(system, path):
    assert refused(system.get(f"{API}{path}/", {"map_id": "ZMAP"})) == {"map_id": "unknown_parameter"}


def test_description_is_open_to_all(client):
    answer = client.get(f"{API}schema/")

    assert answer.status_code == 200
    assert answer.json()["openapi"] == "3.1.0"
