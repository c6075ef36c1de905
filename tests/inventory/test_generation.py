"""The made-up inventory: always the same, as many as asked for, plausible, and within every rule."""

import csv
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import IntegrityError, connection, transaction
from django.db.models import Count, F, Q

from accounts.errors import NotAllowed
from accounts.models import Participant
from accounts.roles import Role
from inventory.demo.generation import generate_devices
from inventory.identifiers import parse_device_id, parse_mpan, parse_mprn, parse_msn
from inventory.loads.devices import OPTIONAL_HEADER, REQUIRED_HEADER, DeviceLoad, load_devices
from inventory.loads.statistics import count_values
from inventory.models import Device, DeviceEvent, ProviderPeriod, SupplyPeriod
from tests.as_owner import as_owner
from tests.factories import make_participant

TODAY = date(2026, 6, 1)
SUPPLIERS = ("ZEPH", "ZEST", "ZONE", "ZIRC", "ZPG", "ZSG", "ZIG")
PROVIDERS = ("ZMAP", "ZODM", "ZAMB", "ZULU", "ZMG", "ZOM")
METER = Q(device_type__in=("ESME", "GSME"))
SMETS2_METER = METER & Q(smets_generation=2)
TO_COME = Q(status__in=("Pending", "Whitelisted"))
DIGEST = """
SELECT md5(string_agg(made::text, ';' ORDER BY made.device_id)) FROM (
    SELECT
        device.device_id, device.device_type, smets_generation, smets_version, manufacturer, model, firmware,
        esme_variant, status, status_from, unusual_status_move, mpxn, installed_on, commissioned_on,
        decommissioned_on, hub_device_id, supplier.code AS supplier, supplier_from, previous.code AS previous,
        previous_supplier_to, msn, provider.code AS provider, map_from, map_recorded_at, map_recorded_for, version
    FROM inventory_device AS device
    LEFT JOIN accounts_participant AS supplier ON supplier.id = supplier_id
    LEFT JOIN accounts_participant AS previous ON previous.id = previous_supplier_id
    LEFT JOIN accounts_participant AS provider ON provider.id = asset_provider_id
) AS made
"""

# Devices whose columns are not what their steps say.
OTHERS_THAN_THEIR_STEPS = """
WITH supply AS (
    SELECT
        device_id, participant_id, valid_from,
        lag(participant_id) OVER (PARTITION BY device_id ORDER BY valid_from) AS before,
        lead(participant_id) OVER (PARTITION BY device_id ORDER BY valid_from) IS NULL AS is_last
    FROM inventory_supplyperiod WHERE upper_inf(known) AND NOT ahead
)
SELECT count(*)
FROM inventory_device AS d
LEFT JOIN supply AS s ON s.device_id = d.id AND s.is_last
LEFT JOIN inventory_providerperiod AS p ON p.device_id = d.id AND upper_inf(p.known) AND NOT p.ahead
WHERE (
    d.supplier_id, d.supplier_from, d.previous_supplier_id, d.previous_supplier_to,
    d.asset_provider_id, d.map_from, d.map_recorded_at, d.map_recorded_for
) IS DISTINCT FROM (
    s.participant_id, s.valid_from, s.before, CASE WHEN s.before IS NOT NULL THEN s.valid_from - 1 END,
    p.participant_id, p.valid_from, lower(p.known), coalesce(p.recorded_for, '')
)
"""

# So that the planner's statistics, which the owner counts, can see them.
COMMITTED = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("operator")]


def list_parties(suppliers: tuple[str, ...] = SUPPLIERS, providers: tuple[str, ...] = PROVIDERS) -> None:
    for code in suppliers:
        make_participant(code, role=Role.SUPPLIER)
    for code in providers:
        make_participant(code)


@pytest.fixture
def market() -> None:
    """Seven suppliers and six MAPs in force, and some that must not, or not always, be taken."""
    list_parties()
    make_participant("ZNEW", role=Role.SUPPLIER, effective_from=date(2024, 1, 1))
    make_participant("ZNOW", effective_from=date(2025, 1, 1))
    make_participant("ZOLD", effective_to=date(2023, 12, 31))
    make_participant("ZGON", role=Role.SUPPLIER, effective_to=date(2023, 12, 31))
    make_participant("ZLAT", effective_from=TODAY + timedelta(days=1))
    make_participant("ZCUS", kind="dummy")
    make_participant("ZTES", kind="test")


@pytest.fixture
def devices(market):
    """Some 4,000 of them."""
    make(4_000)
    return Device.objects.all()


def make(count: int, *, seed: int = 1, **options: object) -> int:
    return generate_devices(count=count, seed=seed, today=TODAY, **options)


def digest() -> str:
    return answer(DIGEST)


def answer(query: str) -> object:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()[0]


@contextmanager
def undone() -> Iterator[None]:
    """Afterwards it has not happened."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def refusal(count: int = 10, **options: object) -> str:
    """The sentence of a refusal, after which nothing has changed."""
    before = Device.objects.count()
    with pytest.raises(NotAllowed) as refused:
        make(count, **options)
    assert Device.objects.count() == before
    return str(refused.value)


def share(devices, part: Q, of: Q) -> float:
    counts = devices.aggregate(part=Count("pk", filter=of & part), whole=Count("pk", filter=of))
    return counts["part"] / counts["whole"]


# How many, and which


@pytest.mark.parametrize("count", [0, 1, 199, 200, 201, 1_234])
def test_as_many_are_made_as_asked_for(market, count):
    assert make(count) == count
    assert Device.objects.count() == count


def test_same_seed_makes_the_same_devices_whatever_the_rows_of_the_list_are():
    made = []
    for suppliers, providers in ((SUPPLIERS, PROVIDERS), (SUPPLIERS[::-1], PROVIDERS[::-1])):
        with undone():
            list_parties(suppliers, providers)
            make(1_000)
            made.append(digest())

    assert made[0] == made[1]


def test_devices_are_the_same_on_every_version_of_postgresql():
    list_parties()

    make(1_000)

    assert digest() == "e723504e6dd381a44c6c935ac6ac3a11"


def test_a_smaller_inventory_is_the_start_of_a_larger_one(market):
    with undone():
        make(500)
        some = set(Device.objects.values_list("device_id", "msn", "asset_provider__code"))
    make(900)

    assert some < set(Device.objects.values_list("device_id", "msn", "asset_provider__code"))


def test_statements_of_some_blocks_each_join_up(market, monkeypatch):
    with undone():
        make(1_000)
        at_once = digest()
    monkeypatch.setattr("inventory.demo.generation.BLOCKS_AT_ONCE", 2)

    make(1_000)

    assert digest() == at_once


def test_another_seed_adds_other_devices(market):
    make(1_000, seed=1)
    make(1_000, seed=2)

    assert Device.objects.count() == 2_000
    assert Device.objects.exclude(mpxn="").values("mpxn").distinct().count() == Device.objects.exclude(mpxn="").count()


def test_same_seed_again_is_refused(market):
    make(300)

    assert refusal(600) == "The inventory holds devices made with seed 1 already. Take another seed."


def test_another_broken_rule_is_an_error_and_no_refusal(market, monkeypatch):
    monkeypatch.setattr("inventory.demo.generation.INSERT", "INSERT INTO inventory_device DEFAULT VALUES")

    with pytest.raises(IntegrityError), transaction.atomic():
        make(10)


def test_devices_come_beside_those_that_are_there(devices):
    assert make(10, seed=2) == 10
    assert Device.objects.count() == 4_010


def test_progress_is_told(market):
    told = []

    make(300, tell=told.append)

    assert told == ["Dividing the market …", "300 of 300 devices made.", "Checking their links …"]


def test_settings_of_the_connection_are_as_before(market):
    with connection.cursor() as cursor:
        before = [cursor.execute(f"SHOW {name}").fetchone() for name in ("work_mem", "jit", "enable_seqscan")]
        make(300)
        after = [cursor.execute(f"SHOW {name}").fetchone() for name in ("work_mem", "jit", "enable_seqscan")]

    assert after == before


@pytest.mark.parametrize("count", [-1, 100_000_001])
def test_odd_count_is_refused(market, count):
    assert refusal(count) == "From 0 to 100,000,000 devices can be made at once."


@pytest.mark.parametrize("today", [date(2018, 12, 31), date(2100, 1, 1)])
def test_odd_day_is_refused(market, today):
    with pytest.raises(NotAllowed, match="as of a day from 2019-01-01 to 2099-12-31"):
        generate_devices(count=1, seed=1, today=today)


@pytest.mark.parametrize("today", [date(2019, 1, 1), date(2099, 12, 31)])
def test_first_and_last_day_serve(market, today):
    assert generate_devices(count=1_000, seed=1, today=today) == 1_000
    assert not Device.objects.filter(Q(status_from__gt=today) | Q(supplier_from__gt=today)).exists()


@pytest.mark.parametrize("seed", [0, -5, 10**40])
def test_any_number_is_a_seed(market, seed):
    assert make(250, seed=seed) == 250


# What they are


def test_types_are_mixed_as_in_homes(devices):
    types = Counter(devices.values_list("device_type", flat=True))

    assert types == {
        "ESME": 1_200,
        "CHF": 1_080,
        "GSME": 800,
        "GPF": 520,
        "PPMID": 320,
        **dict.fromkeys(("HCALCS", "SAPC", "IHD", "CAD"), 20),
    }


def test_every_device_of_a_home_hangs_on_its_hub(devices):
    hubs = devices.filter(device_type="CHF")
    alone = devices.filter(hub_device_id="").exclude(device_type="CHF")

    assert not devices.exclude(hub_device_id="").exclude(hub_device_id__in=hubs.values("device_id")).exists()
    assert not hubs.exclude(hub_device_id="").exists()
    assert set(alone.values_list("device_type", "status")) == {("ESME", "Pending"), ("ESME", "Whitelisted")}


def test_every_hub_has_its_meters(devices):
    hubs = devices.filter(device_type="CHF").values_list("device_id", flat=True)
    meters = Counter(devices.filter(fuel="E").values_list("hub_device_id", flat=True))

    assert {meters[hub] for hub in hubs} == {1, 2}


def test_most_are_commissioned_and_every_usual_status_occurs(devices):
    statuses = Counter(devices.values_list("status", flat=True))

    assert statuses["Commissioned"] > 0.85 * 4_000
    assert statuses.keys() >= {
        *("Pending", "Whitelisted", "InstalledNotCommissioned", "Suspended", "Decommissioned", "Withdrawn", "Recovery")
    }


def test_only_some_are_still_to_come_and_they_are_not_installed(devices):
    coming = devices.filter(TO_COME)

    assert 0 < coming.count() < 200
    assert not coming.exclude(mpxn="", installed_on=None, commissioned_on=None, decommissioned_on=None).exists()
    assert not devices.exclude(TO_COME).filter(installed_on=None).exclude(device_type__in=("IHD", "CAD")).exists()


def test_installed_meters_have_an_mpxn_and_nothing_else_has(devices):
    assert not devices.filter(METER, mpxn="").exclude(TO_COME).exists()
    assert not devices.exclude(METER).exclude(mpxn="").exists()


def test_days_follow_each_other(devices):
    wrong = (
        Q(installed_on__gt=F("commissioned_on"))
        | Q(commissioned_on__gt=F("decommissioned_on"))
        | Q(installed_on__gt=F("status_from"))
        | Q(status="Decommissioned", decommissioned_on=None)
        | Q(status="Commissioned", commissioned_on=None)
        | Q(smets_generation=1, installed_on__gte=date(2019, 1, 1))
        | Q(smets_generation=2, installed_on__lt=date(2018, 11, 1))
    )

    assert not devices.filter(wrong).exists()


def test_no_day_lies_ahead_and_none_before_2016(devices):
    for name in ("status_from", "installed_on", "commissioned_on", "decommissioned_on", "supplier_from", "map_from"):
        assert not devices.exclude(**{name: None}).exclude(**{f"{name}__range": (date(2016, 1, 1), TODAY)}).exists()
    assert not devices.filter(map_recorded_at__gt=datetime.combine(TODAY, time.min, UTC)).exists()


def test_identifiers_are_canonical_and_made_up(devices):
    for device in devices:
        assert parse_device_id(device.device_id) == device.device_id
        assert device.device_id.startswith("00-DB-12-")
        assert not device.msn or parse_msn(device.msn, fuel=device.fuel) == device.msn
        assert device.manufacturer.startswith("ZT")


def test_mpans_are_of_test_distributors_with_a_right_check_digit(devices):
    mpans = list(devices.filter(device_type="ESME").exclude(mpxn="").values_list("mpxn", flat=True))

    assert all(parse_mpan(mpan) == mpan and mpan[:2] in ("97", "98", "99") for mpan in mpans)
    assert len(set(mpans)) == len(mpans) > 1_000


def test_mprns_are_well_formed_and_unique(devices):
    mprns = list(devices.filter(device_type="GSME").exclude(mpxn="").values_list("mpxn", flat=True))

    assert all(parse_mprn(mprn) == mprn and len(mprn) == 10 for mprn in mprns)
    assert len(set(mprns)) == len(mprns) > 700


# Whose they are


@pytest.fixture
def many(market):
    """20,000, for shares of a few in a thousand."""
    make(20_000, favour=("ZEST", "ZOM", "ZMAP"))
    return Device.objects.all()


def test_shares_are_as_promised(many):
    assert 0.13 < share(many, Q(smets_generation=1), METER) < 0.17
    assert 0.03 < share(many, Q(asset_provider=None), SMETS2_METER) < 0.05
    assert 0.01 < share(many, Q(msn=""), SMETS2_METER) < 0.03
    assert 0.06 < share(many, Q(previous_supplier__isnull=False), METER) < 0.10
    assert 0 < share(many, Q(unusual_status_move=True), Q()) < 0.01


def test_about_one_meter_in_a_thousand_shares_its_msn(many):
    shared = many.exclude(msn_key="").values("manufacturer", "msn_key").annotate(n=Count("pk")).filter(n__gt=1)

    assert {pair["n"] for pair in shared} == {2}
    assert 2 <= len(shared) <= 12


def test_market_is_uneven_and_led_by_those_favoured(many):
    electricity = many.filter(device_type="ESME")
    suppliers = Counter(electricity.values_list("supplier__code", flat=True)).most_common()
    providers = Counter(
        many.filter(device_type="ESME", asset_provider__isnull=False).values_list("asset_provider__code", flat=True)
    )
    gas = Counter(
        many.filter(device_type="GSME", asset_provider__isnull=False).values_list("asset_provider__code", flat=True)
    )

    assert suppliers[0][0] == "ZEST"
    assert suppliers[0][1] > 1.3 * suppliers[-1][1]
    assert providers.most_common(1)[0][0] == "ZMAP"
    assert gas.most_common(1)[0][0] == "ZOM"


def test_every_live_party_of_a_long_list_has_some_devices():
    codes = [f"Z{number:03d}" for number in range(180)]
    make_many(codes, Role.SUPPLIER)
    make_many(codes[:70], Role.MAP)

    make(20_000)

    largest = Counter(Device.objects.values_list("supplier__code", flat=True)).most_common(1)[0][1]
    assert Device.objects.values("supplier").distinct().count() == 180
    assert Device.objects.exclude(asset_provider=None).values("asset_provider").distinct().count() == 70
    assert 0.10 < largest / 20_000 < 0.22


@as_owner()
def make_many(codes: list[str], role: Role) -> None:
    Participant.objects.bulk_create(
        Participant(code=code, fuel="E", role=role, name=code, effective_from=date(2010, 1, 1)) for code in codes
    )


def test_parties_are_live_of_the_right_fuel_and_in_force_from_the_first_day(many):
    for device in many.select_related("supplier", "asset_provider", "previous_supplier").iterator():
        supplier, provider, previous = device.supplier, device.asset_provider, device.previous_supplier
        assert supplier.role == Role.SUPPLIER
        assert supplier.kind == "live"
        assert supplier.in_force(device.supplier_from)
        assert supplier.in_force(TODAY)
        assert supplier.fuel == (device.fuel or "E")
        assert provider is None or (provider.role, provider.kind, provider.fuel) == (Role.MAP, "live", device.fuel)
        assert provider is None or provider.in_force(device.map_from)
        assert previous is None or (previous.pk != supplier.pk and previous.in_force(device.previous_supplier_to))


def test_only_smets2_meters_have_a_map_id_and_only_meters_a_previous_supplier(devices):
    assert not devices.exclude(asset_provider=None).exclude(SMETS2_METER).exists()
    assert not devices.exclude(previous_supplier=None).exclude(METER).exists()


def test_previous_supplier_ends_the_day_before_the_next_begins(devices):
    moved = devices.exclude(previous_supplier=None)

    assert moved.exists()
    assert all(d.previous_supplier_to == d.supplier_from - timedelta(days=1) for d in moved)
    assert not moved.filter(previous_supplier_to__lt=F("installed_on")).exists()


def test_a_few_have_a_map_id_that_has_ended(many):
    ended = many.filter(asset_provider__code="ZOLD")

    assert 10 < ended.count() < 100
    assert not ended.filter(map_from__gt=date(2023, 12, 31)).exists()


def test_provenance_names_the_supplier_of_that_time(devices):
    for device in devices.exclude(asset_provider=None).select_related("supplier", "previous_supplier"):
        assert device.map_recorded_for == (device.previous_supplier or device.supplier).code


def test_history_of_each_device_begins_with_how_it_was_made(devices):
    made = {"via": "load", "source": "made up, seed 1"}

    assert DeviceEvent.objects.filter(pgh_label="insert", pgh_context=made).count() == 4_000
    assert DeviceEvent.objects.values("pgh_obj").distinct().count() == DeviceEvent.objects.count() == 4_000


@COMMITTED
def test_devices_have_the_steps_that_their_columns_say(devices):
    count_values()
    moved, provided = devices.exclude(previous_supplier=None), devices.exclude(asset_provider=None)

    assert answer(OTHERS_THAN_THEIR_STEPS) == 0
    assert SupplyPeriod.objects.count() == SupplyPeriod.objects.known_now().count() == 4_000 + moved.count()
    assert ProviderPeriod.objects.count() == ProviderPeriod.objects.known_now().count() == provided.count()
    assert {*SupplyPeriod.objects.values_list("source", flat=True)} == {"made up, seed 1"}


@pytest.mark.parametrize("gas", [(), ("ZPG",), ("ZMG",)])
def test_without_suppliers_and_maps_for_gas_there_is_electricity_only(gas):
    list_parties(("ZEPH", *(code for code in gas if code == "ZPG")), ("ZMAP", *(c for c in gas if c == "ZMG")))

    assert make(500) == Device.objects.count() == 500
    assert not Device.objects.filter(device_type__in=("GSME", "GPF")).exists()
    assert set(Device.objects.values_list("supplier__code", flat=True)) == {"ZEPH"}


def test_without_suppliers_of_electricity_there_is_gas_only():
    list_parties(("ZPG",), ("ZMG", "ZMAP"))

    assert make(500) == Device.objects.count() == 500
    assert not Device.objects.filter(device_type="ESME").exists()
    assert Device.objects.filter(device_type="GSME", asset_provider__code="ZMG").exists()
    assert set(Device.objects.values_list("supplier__code", flat=True)) == {"ZPG"}


def test_without_maps_for_electricity_no_map_id_is_recorded():
    list_parties(("ZEPH",), ())

    make(500)

    assert Device.objects.filter(device_type="ESME").exists()
    assert not Device.objects.exclude(asset_provider=None).exists()


@pytest.mark.parametrize("fields", [{"kind": "test"}, {"effective_to": date(2020, 1, 1)}])
def test_without_a_live_supplier_it_is_refused(fields):
    make_participant("ZEPH", role=Role.SUPPLIER, **fields)
    make_participant("ZMAP")

    assert refusal().startswith("The list of participants holds no live supplier in force on 2026-06-01.")


# The loader takes them


@pytest.fixture
def as_file(tmp_path) -> Callable[[], Path]:
    """`as_file()`: all devices as a device CSV, with MAP IDs as they are."""

    def write() -> Path:
        path = tmp_path / "made-up.csv"
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([*REQUIRED_HEADER, *OPTIONAL_HEADER])
            writer.writerows(Device.objects.values_list(*map(column, (*REQUIRED_HEADER, *OPTIONAL_HEADER))))
        return path

    return write


def column(name: str) -> str:
    paths = {"map_id": "asset_provider__code", "supplier_id": "supplier__code", "hub_id": "hub_device_id"}
    return paths.get(name, name)


def test_devices_pass_every_rule_of_a_load_as_new_ones(market, as_file):
    with undone():
        make(2_000)
        path = as_file()

    assert load_devices(path) == DeviceLoad(created=2_000, changed=0, unchanged=0)


@COMMITTED
def test_devices_pass_every_rule_of_a_load_as_known_ones(market, as_file):
    make(2_000)
    count_values()

    assert load_devices(as_file()) == DeviceLoad(created=0, changed=0, unchanged=2_000)


# The command


@pytest.mark.django_db(databases=["default", "owner"])
def test_command_makes_devices_and_says_how_long_it_took(market):
    out = StringIO()

    call_command("generate_devices", "--count", "300", "--seed", "7", "--today", "2026-06-01", stdout=out)

    *progress, result = out.getvalue().splitlines()
    assert "300 of 300 devices made." in progress
    assert result.startswith("300 devices made in ")
    assert DeviceEvent.objects.filter(pgh_context__source="made up, seed 7").count() == Device.objects.count() == 300


@pytest.mark.django_db(databases=["default", "owner"])
def test_command_takes_today_if_no_day_is_given(market):
    call_command("generate_devices", "--count", "10", "--seed", "7", stdout=StringIO())

    assert Device.objects.count() == 10


def test_command_fails_with_the_sentence_of_the_refusal():
    with pytest.raises(CommandError, match="holds no live supplier"):
        call_command("generate_devices", "--count", "10", "--seed", "7")


@pytest.mark.parametrize("day", ["6/31/2026", "2026-02-30", "today"])
def test_command_refuses_what_is_no_day(day):
    with pytest.raises(CommandError, match="Enter a real date"):
        call_command("generate_devices", "--count", "10", "--seed", "7", "--today", day)
