"""What each role reads and writes where nothing in Python narrows it: the rows that the database lets through."""

from dataclasses import dataclass
from datetime import date

import pytest
from django.db import DatabaseError, ProgrammingError, connection
from django.utils import timezone

from accounts.acting import Acting, scope
from accounts.models import BindingEvent, MembershipEvent, OrganisationEvent
from accounts.roles import Job, Role
from inventory.models import Device, DeviceEvent, ProviderPeriod, ReportRun, StepKind, SupplyPeriod
from tests.factories import bind, listed, make_device, make_hub, make_organisation, provided_by, supplied_by

pytestmark = pytest.mark.usefixtures("operator")

MOVED, SOLD = date(2025, 3, 1), date(2025, 6, 1)
REFUSED = "row-level security"
OUT_OF_SCOPE = "A device is not in the scope of the acting organisation"


@dataclass
class World:
    """Devices by a word, and somebody who acts for each organisation."""

    devices: dict[str, Device]
    who: dict[str, Acting]

    def words(self, keys: set[int]) -> set[str]:
        return {word for word, device in self.devices.items() if device.pk in keys}


@pytest.fixture
def world(supplier, rival, asset_provider, rival_provider, dcc, acting) -> World:
    unbound = make_organisation("Zulu Metering", Role.MAP)
    former = make_organisation("Zenobia Metering", Role.MAP)
    bind(former, listed("ZOLD"), valid_to=date(2025, 12, 31))
    devices = {
        "own": make_device("ZEPH", "ZMAP"),
        "mixed": make_device("ZEPH", "ZMAB"),
        "foreign": make_device("ZODI", "ZMAB"),
        "hub": make_hub("ZODI"),
        "sold": make_device("ZEPH", "ZMAP"),
        "unbound": make_device("ZIRC", "ZULU"),
        "of a former code": make_device("ZIRC", "ZOLD"),
    }
    supplied_by(devices["sold"], "ZODI", MOVED)
    provided_by(devices["sold"], "ZMAB", SOLD)
    who = {
        "supplier": acting(supplier, Job.ADMINISTRATOR),
        "rival": acting(rival),
        "asset provider": acting(asset_provider),
        "rival provider": acting(rival_provider),
        "without a code": acting(unbound),
        "with a former code": acting(former),
        "dcc viewer": acting(dcc, Job.VIEWER),
    }
    for someone in who.values():
        organisation = someone.organisation
        ReportRun.objects.create(report="map-portfolio", organisation=organisation, as_of=timezone.localdate())
    return World(devices, who)


EVERYTHING = {"own", "mixed", "foreign", "hub", "sold", "unbound", "of a former code"}
SEEN = {
    "supplier": {"own", "mixed"},
    "rival": {"foreign", "hub", "sold"},
    "asset provider": {"own"},
    "rival provider": {"mixed", "foreign", "sold"},
    "without a code": set(),
    "with a former code": set(),
    "dcc viewer": EVERYTHING,
}
WRITTEN = SEEN | {"asset provider": set(), "rival provider": set()}
# What holds on the organisation's own days, or was recorded on one: it keeps that of the device it has lost.
STEPS = {
    "supplier": {("own", "ZMAP"), ("mixed", "ZMAB"), ("sold", "ZMAP")},
    "rival": {("foreign", "ZMAB"), ("sold", "ZMAP"), ("sold", "ZMAB")},
    "asset provider": {("own", "ZMAP"), ("sold", "ZMAP")},
    "rival provider": {("mixed", "ZMAB"), ("foreign", "ZMAB"), ("sold", "ZMAB")},
    "without a code": set(),
    "with a former code": {("of a former code", "ZOLD")},
}
SUPPLIES = {
    "supplier": {("own", "ZEPH"), ("mixed", "ZEPH"), ("sold", "ZEPH")},
    "rival": {("foreign", "ZODI"), ("hub", "ZODI"), ("sold", "ZODI")},
    "asset provider": {("own", "ZEPH"), ("sold", "ZEPH"), ("sold", "ZODI")},
    "rival provider": {("mixed", "ZEPH"), ("foreign", "ZODI"), ("sold", "ZODI"), ("sold", "ZEPH")},  # recorded today
    "without a code": set(),
    "with a former code": {("of a former code", "ZIRC")},
}


def ask(statement: str, *given: object) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        return cursor.fetchall()


# Reading


@pytest.mark.parametrize("who", SEEN)
def test_all_devices_are_those_in_scope(world, who):
    with scope(world.who[who]):
        by_orm = set(Device.objects.values_list("pk", flat=True))
        by_sql = {key for (key,) in ask("SELECT id FROM inventory_device")}
        counted = Device.objects.count()

    assert world.words(by_orm) == SEEN[who]
    assert by_sql == by_orm
    assert counted == len(by_orm)


@pytest.mark.parametrize("who", SEEN)
def test_all_histories_are_of_devices_in_scope(world, who):
    with scope(world.who[who]):
        by_orm = set(DeviceEvent.objects.values_list("pgh_obj", flat=True))
        by_sql = {key for (key,) in ask("SELECT id FROM inventory_deviceevent")}

    assert world.words(by_orm) == SEEN[who]
    assert by_sql == by_orm


@pytest.mark.parametrize(("model", "expected"), [(ProviderPeriod, STEPS), (SupplyPeriod, SUPPLIES)])
@pytest.mark.parametrize("who", STEPS)
def test_all_steps_are_those_of_the_days_in_scope(world, who, model, expected):
    names = {device.pk: word for word, device in world.devices.items()}
    with scope(world.who[who]):
        steps = set(model.objects.values_list("device", "participant__code"))

    assert {(names[device], code) for device, code in steps} == expected[who]


def test_dcc_reads_every_step(world):
    with scope(world.who["dcc viewer"]):
        assert world.words(set(ProviderPeriod.objects.values_list("device", flat=True))) == EVERYTHING - {"hub"}
        assert SupplyPeriod.objects.count() == len(EVERYTHING) + 1


@pytest.mark.parametrize("who", SEEN)
def test_all_report_runs_are_the_own_organisations_and_nobody_reads_others(world, who):
    with scope(world.who[who]):
        organisations = list(ReportRun.objects.values_list("organisation", flat=True))

    assert organisations == [world.who[who].organisation.pk]


@pytest.mark.parametrize("who", [who for who in SEEN if who != "dcc viewer"])
def test_history_of_members_codes_and_organisations_is_the_own_organisations(world, who):
    own = world.who[who].organisation.pk

    with scope(world.who[who]):
        found = {
            *MembershipEvent.objects.values_list("organisation", flat=True),
            *BindingEvent.objects.values_list("organisation", flat=True),
            *OrganisationEvent.objects.values_list("pgh_obj", flat=True),
        }

    assert found == {own}


def test_code_bound_from_a_day_to_come_gives_nothing_yet(world, acting):
    later = make_organisation(role=Role.MAP)
    bind(later, listed("ZULU"), valid_from=date(2099, 1, 1))

    with scope(acting(later)):
        assert not Device.objects.exists()
        assert not ProviderPeriod.objects.exists()
        assert not DeviceEvent.objects.exists()


# Writing


@pytest.mark.parametrize("who", SEEN)
def test_writing_all_devices_writes_those_in_scope_and_a_map_none(world, who):
    with scope(world.who[who]):
        Device.objects.update(version=77)
        ask("UPDATE inventory_device SET version = 78 WHERE version = 77 RETURNING id")

    written = set(Device.objects.filter(version=78).values_list("pk", flat=True))
    assert world.words(written) == WRITTEN[who]
    assert not Device.objects.filter(version=77).exists()


@pytest.mark.parametrize(
    ("who", "word"),
    [("supplier", "foreign"), ("supplier", "sold"), ("asset provider", "own"), ("without a code", "unbound")],
)
def test_device_out_of_reach_cannot_be_saved(world, who, word):
    device = world.devices[word]

    with scope(world.who[who]):
        assert Device.objects.filter(pk=device.pk).update(msn="Z1") == 0
    with pytest.raises(DatabaseError, match="did not affect any rows"), scope(world.who[who]):
        device.save(update_fields=["version"])


@pytest.mark.parametrize("word", ["foreign", "sold", "unbound"])
def test_supplier_records_no_step_for_a_device_of_another(world, word):
    with pytest.raises(ProgrammingError, match=OUT_OF_SCOPE), scope(world.who["supplier"]):
        provided_by(world.devices[word], "ZMAP", SOLD)

    assert world.devices[word].providerperiods.filter(participant__code="ZMAP", valid_from=SOLD).count() == 0


@pytest.mark.parametrize("who", ["asset provider", "rival provider", "without a code", "with a former code"])
def test_map_records_no_step_at_all(world, who):
    for device in world.devices.values():
        with pytest.raises(ProgrammingError, match=OUT_OF_SCOPE), scope(world.who[who]):
            provided_by(device, None, SOLD, kind=StepKind.ENDED)


@pytest.mark.parametrize("who", SEEN)
def test_nobody_but_the_operator_changes_the_supplier(world, who):
    with pytest.raises(ProgrammingError, match="Only a load records the responsible supplier"), scope(world.who[who]):
        supplied_by(world.devices["own"], "ZODI", SOLD)


@pytest.mark.parametrize("who", SEEN)
def test_nobody_but_the_operator_adds_a_device(world, who):
    with pytest.raises(ProgrammingError, match=REFUSED), scope(world.who[who]):
        make_device("ZEPH", None)


@pytest.mark.parametrize("who", SEEN)
def test_report_runs_of_others_are_neither_changed_nor_made(world, who):
    own = world.who[who].organisation
    other = next(one.organisation for one in world.who.values() if one.organisation != own)

    with scope(world.who[who]):
        assert ReportRun.objects.update(rows=7) == 1
    with pytest.raises(ProgrammingError, match=REFUSED), scope(world.who[who]):
        ReportRun.objects.create(report="map-portfolio", organisation=other, as_of=timezone.localdate())
    with pytest.raises(ProgrammingError, match=REFUSED), scope(world.who[who]):
        ReportRun.objects.update(organisation=other)
