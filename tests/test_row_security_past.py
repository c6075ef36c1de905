"""What the database gives of a device to whom it belonged once: rows of its own days, and no others."""

from datetime import date

import pytest
from django.db import connection

from accounts.acting import Acting, scope
from accounts.roles import Job, Role
from inventory.models import Device, DeviceEvent, ProviderPeriod, StepKind, SupplyPeriod
from tests.as_owner import overwrite
from tests.factories import bind, listed, make_device, make_organisation, provided_by, supplied_by
from tests.inventory.test_story import recorded_at

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.usefixtures("operator"),
]


@pytest.fixture
def device(supplier, rival, asset_provider, rival_provider, dcc) -> Device:
    """Loaded, its MSN recorded, then another supplier, then sold, then its MSN corrected."""
    with recorded_at(2024, 3, 5, 9):
        device = make_device("ZEPH", "ZMAP", msn="")
    with recorded_at(2024, 5, 1, 9):
        Device.objects.update(msn="Z1")
    with recorded_at(2025, 2, 10, 9):
        supplied_by(device, "ZODI", date(2025, 3, 1))
    with recorded_at(2025, 3, 20, 9):
        provided_by(device, "ZMAB", date(2025, 4, 1), recorded_for="ZODI")
    with recorded_at(2025, 8, 8, 9):
        Device.objects.update(msn="Z2")
    return device


@pytest.fixture
def who(device, supplier, rival, asset_provider, rival_provider, dcc, acting) -> dict[str, Acting]:
    handed_over = make_organisation("Zenobia Metering", Role.MAP)
    overwrite(asset_provider.bindings.filter(code="ZMAP"), valid_to=date(2024, 3, 31))
    bind(handed_over, listed("ZMAP"), valid_from=date(2024, 4, 1), valid_to=date(2024, 12, 31))
    bind(asset_provider, listed("ZMAP"), valid_from=date(2025, 1, 1))
    return {
        "old supplier": acting(supplier, Job.ADMINISTRATOR),
        "new supplier": acting(rival),
        "old map": acting(asset_provider),
        "new map": acting(rival_provider),
        "map under the code in 2024": acting(handed_over),
        "stranger": acting(make_organisation("Zulu Metering", Role.MAP)),
        "dcc": acting(dcc, Job.VIEWER),
    }


ALL = ["2024-03-05", "2024-05-01", "2025-02-10", "2025-03-20", "2025-08-08"]
EVENTS = {
    "old supplier": ALL[:3],
    "new supplier": ALL[2:],  # the first is the state in which it got the device
    "old map": ALL[:4],
    "new map": ALL[3:],
    "map under the code in 2024": ALL[:2],
    "stranger": [],
    "dcc": ALL,
}
PROVIDERS = {
    "old supplier": ["ZMAP"],
    "new supplier": ["ZMAP", "ZMAB"],
    "old map": ["ZMAP"],
    "new map": ["ZMAB"],
    "map under the code in 2024": ["ZMAP"],
    "stranger": [],
    "dcc": ["ZMAP", "ZMAB"],
}
SUPPLIERS = {
    "old supplier": ["ZEPH"],
    "new supplier": ["ZODI"],
    "old map": ["ZEPH", "ZODI"],
    "new map": ["ZODI"],
    "map under the code in 2024": ["ZEPH"],
    "stranger": [],
    "dcc": ["ZEPH", "ZODI"],
}


def test_history_is_clipped_to_the_own_days(who):
    for word, acting in who.items():
        with scope(acting):
            moments = DeviceEvent.objects.order_by("pgh_id").values_list("pgh_created_at", flat=True)
            assert [f"{moment:%Y-%m-%d}" for moment in moments] == EVENTS[word], word


@pytest.mark.parametrize(("model", "expected"), [(ProviderPeriod, PROVIDERS), (SupplyPeriod, SUPPLIERS)])
def test_steps_are_those_that_held_on_the_own_days(who, model, expected):
    for word, acting in who.items():
        with scope(acting):
            codes = model.objects.order_by("valid_from").values_list("participant__code", flat=True)
            assert list(codes) == expected[word], word


def test_device_itself_is_for_todays_parties(who):
    for word, acting in who.items():
        with scope(acting):
            assert Device.objects.exists() is (word in ("new supplier", "new map", "dcc")), word


def test_what_is_recorded_later_reaches_no_former_party(who, device):
    with recorded_at(2025, 9, 9, 9):
        Device.objects.update(msn="Z3")
        provided_by(device, "ZULU", date(2025, 9, 1), recorded_for="ZODI")
        supplied_by(device, "ZIRC", date(2025, 9, 1))

    for word in ("old supplier", "old map", "map under the code in 2024"):
        with scope(who[word]):
            assert DeviceEvent.objects.count() == len(EVENTS[word]), word
            assert ProviderPeriod.objects.count() == len(PROVIDERS[word]), word
            assert SupplyPeriod.objects.count() == len(SUPPLIERS[word]), word


def test_map_that_never_was_has_no_days(who, acting):
    """Recorded by mistake and corrected: to the first it was never its meter, to the other all along."""
    other = make_device("ZEPH", "ZMAP")
    provided_by(other, "ZMAB", kind=StepKind.CORRECTION)

    with scope(who["old map"]):
        assert not ProviderPeriod.objects.filter(device=other).exists()
        assert not DeviceEvent.objects.filter(pgh_obj=other).exists()
        assert windows(other) == []
    with scope(who["new map"]):
        assert windows(other) == ["[2024-03-01,)"]


def test_map_that_sold_is_not_told_that_it_never_was(who, device):
    provided_by(device, "ZMAB", kind=StepKind.CORRECTION)

    with scope(who["old map"]):
        assert windows(device) == ["[2024-03-01,2024-04-01)", "[2025-01-01,2025-04-01)"]
        assert DeviceEvent.objects.count() == len(EVENTS["old map"])
        assert [step.participant.code for step in ProviderPeriod.objects.all()] == ["ZMAP"]
    with scope(who["new map"]):
        assert windows(device) == ["[2024-03-01,)"]


def windows(device: Device) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT own::text FROM unnest(acting_windows(%s)) AS own", [device.pk])
        return [own for (own,) in cursor.fetchall()]


def test_days_are_those_on_which_the_code_was_bound(who, device):
    with scope(who["map under the code in 2024"]):
        assert windows(device) == ["[2024-04-01,2025-01-01)"]


def test_device_that_comes_back_has_another_time(who, device):
    provided_by(device, "ZMAP", date(2026, 1, 1))

    with scope(who["old map"]):
        assert windows(device) == ["[2024-03-01,2024-04-01)", "[2025-01-01,2025-04-01)", "[2026-01-01,)"]
        moments = DeviceEvent.objects.order_by("pgh_id").values_list("pgh_created_at", flat=True)
        assert [f"{moment:%Y-%m-%d}" for moment in moments][:5] == [*ALL[:4], "2025-08-08"]


def test_former_supplier_is_not_told_the_map_id_recorded_after_it_lost_the_device(who, device):
    """Neither by a report of an earlier date nor among the steps that were true then."""
    with recorded_at(2025, 9, 9, 9):
        provided_by(device, "ZULU", kind=StepKind.CORRECTION, recorded_for="ZODI")

    with scope(who["old supplier"]):
        then = Device.objects.as_of(date(2025, 2, 1), device=device.pk).with_parties().get()
        assert (then.asset_provider.code, then.map_recorded_for) == ("ZMAP", "ZEPH")
        assert then.map_recorded_at.date() < date(2025, 3, 1)
        assert [step.participant.code for step in ProviderPeriod.objects.all()] == ["ZMAP"]
    with scope(who["new supplier"]):
        assert Device.objects.as_of(date(2025, 3, 2), device=device.pk).with_parties().get().map_recorded_for == "ZODI"


def test_former_map_is_not_told_the_supplier_recorded_after_it_lost_the_device(who, device):
    with recorded_at(2025, 9, 9, 9):
        supplied_by(device, "ZIRC", date(2025, 3, 10))

    with scope(who["old map"]):
        then = Device.objects.as_of(date(2025, 3, 31), device=device.pk).with_parties().get()
        assert (then.supplier.code, then.msn) == ("ZODI", "Z1")
        assert [step.participant.code for step in SupplyPeriod.objects.order_by("valid_from")] == ["ZEPH", "ZODI"]
