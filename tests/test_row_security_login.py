"""What plain SQL may do as the portal's own login, and what not even the owner of the tables may."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from accounts.models import Organisation
from inventory.models import Device, DeviceEvent, ProviderPeriod
from tests.factories import make_device, make_membership, provided_by, supplied_by
from tests.server import database_url

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])
HISTORY = [
    "accounts_bindingevent",
    "accounts_membershipevent",
    "accounts_organisationevent",
    "accounts_participantevent",
    "inventory_deviceevent",
]
PERIODS = ["inventory_providerperiod", "inventory_supplyperiod"]
CHANGES = ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {}"]
APPEND_ONLY = "{} of {} is refused: its rows are never changed or removed"
STEP = (
    "SELECT write_steps('provider', ARRAY[{device}], ARRAY['2025-06-01'::date], array_agg(id), ARRAY['change'])"
    " FROM accounts_participant WHERE code = 'ZMAP'"
)
SUPPLY = STEP.replace("provider", "supply").replace("ZMAP", "ZODI")
OUT_OF_SCOPE = "A device is not in the scope of the acting organisation"
DEVICE = (
    "INSERT INTO inventory_device"
    " (device_id, device_type, smets_version, manufacturer, model, firmware, esme_variant, status, status_from, mpxn,"
    " unusual_status_move, hub_device_id, supplier_id, supplier_from, msn, map_recorded_for, version)"
    " SELECT '00-DB-12-AA-AA-AA-AA-AA', 'CHF', '', '', '', '', '', 'Pending', '2025-01-01', '', false, '', min(id),"
    " '2025-01-01', '', '', 1 FROM accounts_participant WHERE code = 'ZEPH'"
)


@pytest.fixture
def login(device) -> Iterator[psycopg.Connection]:
    """A connection of its own, with no Django about it, as the portal connects."""
    with psycopg.connect(database_url(), autocommit=True) as connection:
        yield connection


@pytest.fixture
def device(supplier, rival, asset_provider, rival_provider, dcc) -> Device:
    make_membership(supplier)
    return make_device("ZEPH", "ZMAP")


@pytest.fixture
def owner(device) -> Iterator[psycopg.Connection]:
    """The owner of the tables, who migrates them."""
    with psycopg.connect(database_url("owner"), autocommit=True) as connection:
        yield connection


def act_for(connection: psycopg.Connection, organisation: Organisation) -> None:
    """As `accounts.acting` says it, for the rest of the session."""
    connection.execute("SELECT set_config('portal.organisation', %s, false)", [str(organisation.pk)])


def state(device: Device) -> tuple:
    device.refresh_from_db()
    events = DeviceEvent.objects.filter(pgh_obj=device).count()
    return device.msn, device.status, device.version, device.supplier_id, device.asset_provider_id, events


def refusal(connection: psycopg.Connection, statement: str) -> str:
    with pytest.raises(InsufficientPrivilege) as refused:
        connection.execute(statement)
    return str(refused.value).splitlines()[0]


def test_login_passes_no_policy_and_owns_nothing(login):
    attributes = "SELECT current_user, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user"

    assert login.execute(attributes).fetchone() == ("smi", False, False)
    assert login.execute("SELECT count(*) FROM pg_tables WHERE tableowner = current_user").fetchone() == (0,)
    assert login.execute("SELECT count(*) FROM pg_auth_members WHERE member = 'smi'::regrole").fetchone() == (0,)


def test_login_that_says_nothing_reads_and_writes_nothing(login, device):
    assert login.execute("SELECT count(*) FROM inventory_device").fetchone() == (0,)
    assert login.execute("UPDATE inventory_device SET msn = 'Z1'").rowcount == 0
    assert login.execute("SELECT count(*) FROM inventory_deviceevent").fetchone() == (0,)
    assert "row-level security" in refusal(login, DEVICE)


# History is only added to


def test_login_may_not_change_or_remove_history(login, dcc):
    """Not even acting for the DCC, which reads every row."""
    act_for(login, dcc)

    for table in HISTORY + PERIODS:
        for statement in CHANGES:
            assert refusal(login, statement.format(table)) == f"permission denied for table {table}"


@pytest.mark.parametrize("reason", ["", "a repair"])
def test_owner_is_stopped_by_the_trigger(owner, reason):
    owner.execute("SELECT set_config('portal.operator', %s, false)", [reason])

    for table in HISTORY:
        for statement in CHANGES:
            assert refusal(owner, statement.format(table)) == APPEND_ONLY.format(statement.split()[0], table)


def test_owner_is_stopped_from_changing_steps(owner):
    owner.execute("SET portal.operator = 'a repair'")

    for table in PERIODS:
        for change in ("reason = 'other'", "valid_from = '2020-01-01'", "known = tstzrange('2020-01-01', NULL)"):
            assert refusal(owner, f"UPDATE {table} SET {change}") == APPEND_ONLY.format("UPDATE", table)
        for statement in CHANGES[1:]:
            assert refusal(owner, statement.format(table)) == APPEND_ONLY.format(statement.split()[0], table)


def test_closed_step_is_not_closed_anew(owner, device):
    provided_by(device, "ZMAB")
    owner.execute("SET portal.operator = 'a repair'")

    close = "UPDATE inventory_providerperiod SET known = tstzrange(lower(known), now())"
    assert "is refused" in refusal(owner, f"{close} WHERE NOT upper_inf(known)")


def test_history_and_steps_are_written_by_the_owner_only(login, dcc):
    act_for(login, dcc)

    for table in HISTORY + PERIODS:
        assert refusal(login, f"INSERT INTO {table} DEFAULT VALUES") == f"permission denied for table {table}"


def test_login_deletes_no_device_and_switches_no_trigger_off(login, supplier):
    act_for(login, supplier)

    assert "permission denied" in refusal(login, "DELETE FROM inventory_device")
    assert "must be owner" in refusal(login, "ALTER TABLE inventory_device DISABLE TRIGGER ALL")
    assert "must be owner" in refusal(login, "ALTER TABLE inventory_device NO FORCE ROW LEVEL SECURITY")
    assert "permission denied" in refusal(login, "SET session_replication_role = replica")


# Whose devices


def test_suppliers_update_of_anothers_device_changes_no_row(operator, login, supplier):
    foreign = make_device("ZODI", "ZMAP")
    before = state(foreign)
    act_for(login, supplier)

    assert login.execute("UPDATE inventory_device SET msn = 'Z1' WHERE id = %s", [foreign.pk]).rowcount == 0
    assert state(foreign) == before


def test_suppliers_update_of_the_msn_of_its_own_device_is_one_row_with_history(operator, login, supplier, device):
    make_device("ZODI", "ZMAP")
    act_for(login, supplier)

    assert login.execute("UPDATE inventory_device SET msn = 'Z1'").rowcount == 1
    assert state(device)[::5] == ("Z1", 2)
    assert device.version == 2


def test_maps_update_of_its_own_device_changes_no_row(operator, login, asset_provider, device):
    before = state(device)
    act_for(login, asset_provider)

    assert login.execute("SELECT count(*) FROM inventory_device").fetchone() == (1,)
    assert login.execute("UPDATE inventory_device SET msn = 'Z1' WHERE id = %s", [device.pk]).rowcount == 0
    assert login.execute("UPDATE inventory_device SET msn = 'Z1'").rowcount == 0
    assert state(device) == before


OF_LOADS = {
    "device_id": "'00-DB-12-FF-FF-FF-FF-FF'", "device_type": "'GSME'", "smets_generation": "1", "smets_version": "'9'",
    "manufacturer": "'ZT11'", "model": "'FFFF'", "firmware": "'FFFF'", "esme_variant": "'ADE'",
    "status": "'Withdrawn'", "status_from": "'2025-01-01'", "unusual_status_move": "true", "mpxn": "'9910000001006'",
    "installed_on": "'2020-01-01'", "commissioned_on": "'2020-01-01'", "decommissioned_on": "'2020-01-01'",
    "hub_device_id": "'00-DB-12-FF-FF-FF-FF-FF'", "id": "99999999",
}  # fmt: skip
OF_STEPS = {
    "supplier_id": "(SELECT min(id) FROM accounts_participant WHERE code = 'ZODI')", "supplier_from": "'2020-01-01'",
    "previous_supplier_id": "supplier_id", "previous_supplier_to": "'2020-01-01'", "asset_provider_id": "NULL",
    "map_from": "'2020-01-01'", "map_recorded_at": "now()", "map_recorded_for": "'ZODI'",
}  # fmt: skip
OWN = {"msn", "version"}


def test_every_column_of_a_device_is_somebodys_to_write():
    columns = {field.attname for field in Device._meta.concrete_fields if not field.generated}

    assert columns == {*OF_LOADS, *OF_STEPS, *OWN}


@pytest.mark.parametrize("who", ["supplier", "dcc"])
def test_what_loads_notify_is_not_theirs_to_change(operator, login, device, request, who):
    before = state(device)
    act_for(login, request.getfixturevalue(who))

    for column, value in OF_LOADS.items():
        words = refusal(login, f"UPDATE inventory_device SET {column} = {value}")
        assert words == "Only a load changes this item of a device", column
    assert state(device) == before


@pytest.mark.parametrize("reason", ["", "a repair"])
def test_parties_follow_from_steps_whoever_writes(operator, login, supplier, device, reason):
    before = state(device)
    act_for(login, supplier)
    login.execute("SELECT set_config('portal.operator', %s, false)", [reason])

    for column, value in OF_STEPS.items():
        words = refusal(login, f"UPDATE inventory_device SET {column} = {value}")
        assert words.startswith("Record a step by write_steps"), column
    assert state(device) == before


# Steps and devices


def test_supplier_records_a_step_for_its_own_device(operator, login, supplier, device):
    act_for(login, supplier)

    login.execute(STEP.format(device=device.pk))

    assert [str(step.valid_from) for step in ProviderPeriod.objects.all()] == ["2024-03-01", "2025-06-01"]
    device.refresh_from_db()
    assert str(device.map_from) == "2025-06-01"


def test_supplier_records_no_step_for_the_device_of_another_or_of_nobody(operator, login, supplier, device):
    foreign = make_device("ZODI", "ZMAB")
    before = state(foreign), ProviderPeriod.objects.get(device=foreign).known
    act_for(login, supplier)

    assert refusal(login, STEP.format(device=foreign.pk)) == OUT_OF_SCOPE
    assert refusal(login, STEP.format(device=99999999)) == OUT_OF_SCOPE
    assert (state(foreign), ProviderPeriod.objects.get(device=foreign).known) == before


def test_past_supplier_records_no_step(login, supplier, device):
    supplied_by(device, "ZODI")
    act_for(login, supplier)

    assert refusal(login, STEP.format(device=device.pk)) == OUT_OF_SCOPE


def test_map_records_no_step_and_leaves_none_closed(operator, login, asset_provider, device):
    act_for(login, asset_provider)

    assert refusal(login, STEP.format(device=device.pk)) == OUT_OF_SCOPE
    assert ProviderPeriod.objects.get().known.upper is None


def test_only_the_operator_adds_devices_and_changes_suppliers(login, device, supplier, asset_provider, dcc):
    for organisation in (supplier, asset_provider, dcc):
        act_for(login, organisation)

        assert "row-level security" in refusal(login, DEVICE)
        assert refusal(login, SUPPLY.format(device=device.pk)) == "Only a load records the responsible supplier"


def test_operator_adds_devices_and_changes_suppliers(operator, login, device):
    login.execute("SET portal.operator = 'a load'")

    login.execute(DEVICE)
    login.execute(SUPPLY.format(device=device.pk))

    device.refresh_from_db()
    assert device.supplier.code == "ZODI"
    assert Device.objects.filter(device_id="00-DB-12-AA-AA-AA-AA-AA").exists()
