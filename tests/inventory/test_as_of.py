"""The inventory as it was on a day, as it was known at a moment."""

from datetime import date, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone
from django.utils.timezone import make_aware
from hypothesis import given
from hypothesis import strategies as st

from accounts.acting import Acting, scope
from accounts.models import Binding
from inventory.models import Device, DeviceEvent, ProviderPeriod, StepKind
from inventory.reports.map_portfolio import portfolio
from tests.as_owner import overwrite
from tests.factories import INSTALLED, bind, listed, make_device, provided_by, supplied_by
from tests.inventory.test_story import recorded_at

pytestmark = pytest.mark.usefixtures("operator")

SOLD = date(2025, 6, 1)
COLUMNS = [field.attname for field in Device._meta.concrete_fields]


def as_of(day: date, known_at: datetime | None = None) -> dict[str, object]:
    """Codes of MAP and supplier of the one device there is."""
    device = Device.objects.as_of(day, known_at).with_parties().get()
    return {"map": device.asset_provider and device.asset_provider.code, "supplier": device.supplier.code}


def moment() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


def live() -> list[tuple]:
    return list(Device.objects.order_by("pk").values_list(*COLUMNS))


def test_function_gives_the_columns_of_the_table_in_their_order(db):
    """A migration that adds a column to the device must recreate the function."""
    make_device()

    assert list(Device.objects.as_of(timezone.localdate()).order_by("pk").values_list(*COLUMNS)) == live()


def test_each_day_has_its_parties(db):
    device = make_device("ZEPH", "ZMAP")
    provided_by(device, "ZMAB", SOLD)
    supplied_by(device, "ZODI", date(2025, 1, 1))

    assert as_of(INSTALLED) == {"map": "ZMAP", "supplier": "ZEPH"}
    assert as_of(date(2025, 1, 1)) == {"map": "ZMAP", "supplier": "ZODI"}
    assert as_of(SOLD - timedelta(days=1))["map"] == "ZMAP"
    assert as_of(SOLD)["map"] == "ZMAB"


def test_before_its_first_day_there_is_no_device(db):
    make_device("ZEPH", "ZMAP")

    assert not Device.objects.as_of(INSTALLED - timedelta(days=1)).exists()


def test_late_correction_changes_what_is_known_now_and_not_what_was_known(db):
    device = make_device("ZEPH", "ZMAP")
    then = moment()
    provided_by(device, "ZMAB", INSTALLED, kind=StepKind.CORRECTION)

    assert as_of(INSTALLED)["map"] == "ZMAB"
    assert as_of(INSTALLED, then)["map"] == "ZMAP"


def test_change_of_supplier_back_dated_and_reversed(db):
    device = make_device("ZEPH", "ZMAP")
    at_first = moment()
    supplied_by(device, "ZODI", date(2025, 1, 1))
    meanwhile = moment()
    supplied_by(device, "ZODI", date(2025, 1, 1), kind=StepKind.CANCELLED)

    day = date(2025, 2, 1)
    assert [as_of(day, known)["supplier"] for known in (at_first, meanwhile, None)] == ["ZEPH", "ZODI", "ZEPH"]
    device.refresh_from_db()
    assert (device.supplier.code, device.supplier_from, device.previous_supplier) == ("ZEPH", INSTALLED, None)


def test_step_to_come_changes_nothing_before_its_day(db):
    device = make_device("ZEPH", "ZMAP")
    tomorrow = timezone.localdate() + timedelta(days=1)
    provided_by(device, "ZMAB", tomorrow)

    device.refresh_from_db()
    assert device.asset_provider.code == "ZMAP"
    assert as_of(timezone.localdate())["map"] == "ZMAP"
    assert as_of(tomorrow)["map"] == "ZMAB"


def test_step_taken_back_is_as_if_it_had_never_been(db):
    device = make_device("ZEPH", "ZMAP")
    provided_by(device, "ZMAB", SOLD)
    provided_by(device, "ZMAB", SOLD, kind=StepKind.CANCELLED)

    assert as_of(SOLD)["map"] == "ZMAP"
    device.refresh_from_db()
    assert (device.asset_provider.code, device.map_from) == ("ZMAP", INSTALLED)


def test_blanked_meter_has_no_map_from_that_day(db):
    device = make_device("ZEPH", "ZMAP")
    provided_by(device, None, SOLD, kind=StepKind.ENDED)

    assert [as_of(day)["map"] for day in (SOLD - timedelta(days=1), SOLD)] == ["ZMAP", None]


@pytest.mark.parametrize(("before", "day"), [("2026-03-28T23:59", "2026-03-28"), ("2026-03-29T00:30", "2026-03-29")])
def test_uk_day_in_the_night_the_clocks_go_forward(db, before, day):
    assert uk_day(make_aware(datetime.fromisoformat(before))) == date.fromisoformat(day)


def test_uk_day_in_summer_begins_at_23_utc(db):
    summer = datetime.fromisoformat("2026-06-30T23:30+00:00")

    assert uk_day(summer) == date(2026, 7, 1)
    assert uk_day(summer - timedelta(hours=1)) == date(2026, 6, 30)


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_hour_that_comes_twice_in_autumn_keeps_its_order():
    """Two corrections an hour apart, both at 01:30 on the clock of the wall."""
    device = make_device("ZEPH", "ZMAP", map_recorded_at=datetime.fromisoformat("2025-10-25T12:00+00:00"))
    first, second = (datetime.fromisoformat(f"2025-10-26T0{hour}:30+00:00") for hour in (0, 1))
    for fold, code in enumerate(["ZMAB", "ZMAC"]):
        with recorded_at(2025, 10, 26, 1, 30, fold=fold):
            provided_by(device, code, INSTALLED, kind=StepKind.CORRECTION)

    known = [provider_known_at(device, first - timedelta(minutes=1)), provider_known_at(device, first)]
    assert [*known, provider_known_at(device, second)] == ["ZMAP", "ZMAB", "ZMAC"]


def provider_known_at(device: Device, known_at: datetime) -> str:
    return device.providerperiods.get(known__contains=known_at).participant.code


def uk_day(moment: datetime) -> date:
    with connection.cursor() as cursor:
        cursor.execute("SELECT uk_day(%s)", [moment])
        return cursor.fetchone()[0]


# Scope follows the day


def test_report_as_of_a_day_holds_the_meters_sold_since(asset_provider, rival_provider, supplier, acting):
    sold, kept = make_device("ZEPH", "ZMAP"), make_device("ZEPH", "ZMAP")
    provided_by(sold, "ZMAB", SOLD)
    seller, buyer = acting(asset_provider), acting(rival_provider)

    assert reported(seller, date(2025, 3, 31)) == {sold.device_id, kept.device_id}
    assert reported(seller, timezone.localdate()) == {kept.device_id}
    assert reported(buyer, date(2025, 3, 31)) == set()
    assert reported(buyer, SOLD) == {sold.device_id}


def reported(by: Acting, day: date) -> set[str]:
    with scope(by):
        return set(portfolio(by, day).values_list("device_id", flat=True))


def test_binding_of_the_day_counts(asset_provider, rival_provider, supplier, acting):
    """A code that was handed over: each organisation has the devices of its own days."""
    device = make_device("ZEPH", "ZMAP")
    overwrite(Binding.objects.filter(code="ZMAP"), valid_to=date(2025, 12, 31))
    bind(rival_provider, listed("ZMAP"), valid_from=date(2026, 1, 1))

    assert reported(acting(asset_provider), date(2025, 12, 31)) == {device.device_id}
    assert reported(acting(asset_provider), date(2026, 1, 1)) == set()
    assert reported(acting(rival_provider), date(2025, 12, 31)) == set()
    assert reported(acting(rival_provider), date(2026, 1, 1)) == {device.device_id}


def test_seller_does_not_learn_what_was_recorded_after_the_sale(asset_provider, supplier, acting):
    device = make_device("ZEPH", "ZMAP", msn="Z1")
    provided_by(device, "ZMAB", SOLD)
    Device.objects.filter(pk=device.pk).update(msn="Z2", status="Decommissioned")
    seller = acting(asset_provider)

    with scope(seller):
        then = Device.objects.as_of(date(2025, 3, 31)).get()

    assert (then.msn, then.status) == ("Z1", "Commissioned")


def test_day_to_come_is_for_nobody_but_the_dcc(asset_provider, supplier, dcc, acting):
    make_device("ZEPH", "ZMAP")
    tomorrow = timezone.localdate() + timedelta(days=1)

    for organisation, found in ((asset_provider, False), (supplier, False), (dcc, True)):
        with scope(acting(organisation)):
            assert Device.objects.as_of(tomorrow).exists() is found


def test_without_scoping_in_python_the_function_keeps_to_the_scope(asset_provider, rival_provider, supplier, acting):
    own, other = make_device("ZEPH", "ZMAP"), make_device("ZEPH", "ZMAB")

    with scope(acting(asset_provider)):
        assert [device.pk for device in Device.objects.as_of(timezone.localdate())] == [own.pk]
        assert not Device.objects.as_of(timezone.localdate(), device=other.pk).exists()


# Today's step stands on the device


STEPS = st.lists(
    st.tuples(
        st.integers(-400, 30),
        st.sampled_from(["ZMAP", "ZMAB", None]),
        st.sampled_from([StepKind.CHANGE, StepKind.CORRECTION, StepKind.CANCELLED]),
    ),
    max_size=8,
)


@given(steps=STEPS, supplies=STEPS)
def test_as_of_now_is_the_live_table_whatever_was_recorded(db, steps, supplies):
    device = make_device("ZEPH", "ZMAP")
    today = timezone.localdate()
    for days, code, kind in steps:
        provided_by(device, code, today + timedelta(days=days), kind=kind)
    for days, code, kind in supplies:
        if today + timedelta(days=days) != INSTALLED:
            supplied_by(
                device, {"ZMAP": "ZEPH", "ZMAB": "ZODI", None: "ZIRC"}[code], today + timedelta(days=days), kind=kind
            )

    assert list(Device.objects.as_of(today).order_by("pk").values_list(*COLUMNS)) == live()
    assert list(Device.objects.as_of(today, moment()).order_by("pk").values_list(*COLUMNS)) == live()


@given(steps=STEPS)
def test_one_step_a_day_is_known_at_any_moment(db, steps):
    device = make_device("ZEPH", "ZMAP")
    for days, code, kind in steps:
        provided_by(device, code, timezone.localdate() + timedelta(days=days), kind=kind)

    standing = ProviderPeriod.objects.filter(device=device)
    for step in standing:
        at_its_moment = standing.filter(valid_from=step.valid_from, known__contains=step.known.lower)
        assert at_its_moment.count() == 1


def test_every_write_moves_the_version_or_the_history(db):
    device = make_device("ZEPH", "ZMAP")

    provided_by(device, "ZMAB", SOLD)
    Device.objects.filter(pk=device.pk).update(msn="Z9")

    assert list(DeviceEvent.objects.filter(pgh_obj=device).order_by("pgh_id").values_list("version", "msn")) == [
        (1, device.msn),
        (2, device.msn),
        (3, "Z9"),
    ]
