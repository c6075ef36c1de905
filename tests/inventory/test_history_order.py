"""Steps that one act recorded are told by their dates: what held before stands before, whatever was recorded when."""

from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.roles import Role
from inventory.history.device_history import DeviceHistory
from inventory.history.timeline import SUPPLIER, HistoryEntry, timeline
from inventory.models import Device, StepKind
from tests.factories import make_device, make_participant, provided_by, supplied_by

CODES = ("ZMAP", "ZMAB")
FIRST = date(2024, 3, 1)


def entries_of(device: Device, dcc, acting, party=SUPPLIER) -> list[HistoryEntry]:
    entries = timeline(DeviceHistory(device.pk, acting(dcc)))
    return [entry for entry in entries if any(d.item in (party.item, party.from_item) for d in entry.differences)]


def told(entry: HistoryEntry) -> list[tuple[object, object]]:
    return [(difference.old, difference.new) for difference in entry.differences]


@pytest.fixture
def switched(operator, supplier, rival, asset_provider, dcc) -> Device:
    """Loaded at ZEPH with its previous supplier: two steps in one load."""
    make_participant("ZWAS", role=Role.SUPPLIER)
    return make_device(
        "ZEPH",
        "ZMAP",
        supplier_from=date(2025, 2, 1),
        previous_supplier=make_participant("ZONE", role=Role.SUPPLIER),
        previous_supplier_to=date(2025, 1, 31),
        installed_on=FIRST,
    )


def test_two_steps_of_one_load_are_told_by_their_dates(switched, dcc, acting):
    later, first = entries_of(switched, dcc, acting)

    assert told(first) == [(None, "ZONE"), (None, FIRST)]
    assert told(later) == [("ZONE", "ZEPH"), (FIRST, date(2025, 2, 1))]
    assert first.author.kind == StepKind.FIRST
    assert later.title == "Change of responsible supplier from 1 February 2025 recorded"


def test_page_tells_the_later_step_first(switched, supplier, sign_in):
    page = " ".join(sign_in(supplier).get(f"/devices/{switched.device_id}/history/").content.decode().split())

    change = page.index("Change of responsible supplier from 1 February 2025 recorded")
    assert change < page.index("Responsible supplier recorded", change)


def test_back_dated_step_follows_the_one_that_held_before_its_date(switched, dcc, acting):
    supplied_by(switched, "ZODI", date(2025, 1, 1))

    assert told(entries_of(switched, dcc, acting)[0]) == [("ZONE", "ZODI"), (FIRST, date(2025, 1, 1))]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 400), st.sampled_from(CODES), st.sampled_from([StepKind.CHANGE, StepKind.CORRECTION])),
        max_size=5,
    )
)
def test_before_is_what_was_known_to_hold_on_the_date(
    operator, supplier, asset_provider, rival_provider, dcc, acting, steps
):
    """Whatever the order of dates: each recording is told with the step that stood before it on its date."""
    device = make_device("ZEPH", "ZMAP", map_from=FIRST)
    standing, expected = {FIRST: "ZMAP"}, [(None, "ZMAP", None, FIRST)]
    for days, code, kind in steps:
        day = FIRST + timedelta(days=days)
        since = max(known for known in standing if known <= day)
        expected.append((standing[since], code, since, day))
        provided_by(device, code, day, kind=kind)
        standing[day] = code

    found = []
    for entry in reversed(timeline(DeviceHistory(device.pk, acting(dcc)))):
        by_item = {difference.item.name: (difference.old, difference.new) for difference in entry.differences}
        if "map_id" in by_item or "map_from" in by_item:
            found.append(by_item)

    assert found == [
        {name: pair for name, pair in (("map_id", (old, new)), ("map_from", (since, day))) if pair[0] != pair[1]}
        for old, new, since, day in expected
        if old != new or since != day
    ]
