"""History of a device and how it was on a day: clipped to whose it was, under the names and codes of files."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from accounts.roles import Job, Role
from inventory.data_items import ITEMS
from inventory.models import Device
from tests.api.sending import address, patch, refused
from tests.conftest import System
from tests.factories import INSTALLED, make_device, make_token, provided_by, supplied_by

MOVED, SOLD = date(2025, 3, 1), date(2025, 6, 1)

pytestmark = pytest.mark.django_db


@pytest.fixture
def systems(supplier, rival, asset_provider, rival_provider, dcc) -> dict[str, System]:
    who = {"supplier": supplier, "rival": rival, "MAP": asset_provider, "rival MAP": rival_provider, "DCC": dcc}
    return {name: System(make_token(organisation, Job.EDITOR)) for name, organisation in who.items()}


@pytest.fixture
def device(systems) -> Device:
    """Supplied by Zephyr, then Zodiac; provided by Zenith, then Zambezi."""
    device = make_device("ZEPH", "ZMAP")
    supplied_by(device, "ZODI", MOVED)
    provided_by(device, "ZMAB", SOLD)
    return device


def history(system: System, device: object) -> dict:
    answer = system.get(address(device, "history"))
    assert answer.status_code == 200, answer.content
    return answer.json()


def as_of(system: System, device: object, day: date | str, **more: str):
    return system.get(address(device, "as-of"), {"as_of": str(day)} | more)


# History


def test_each_party_is_told_its_own_days(systems, device):
    held = {
        who: [(h["item"], h["code"], h["since"], h["until"]) for h in history(system, device)["held"]]
        for who, system in systems.items()
    }

    assert held["DCC"] == [
        ("map_id", "ZMAP", "2024-03-01", "2025-05-31"),
        ("map_id", "ZMAB", "2025-06-01", None),
        ("supplier_id", "ZEPH", "2024-03-01", "2025-02-28"),
        ("supplier_id", "ZODI", "2025-03-01", None),
    ]
    assert held["MAP"] == [
        ("map_id", "ZMAP", "2024-03-01", "2025-05-31"),
        ("supplier_id", "ZEPH", "2024-03-01", "2025-02-28"),
        ("supplier_id", "ZODI", "2025-03-01", "2025-05-31"),
    ]
    assert ("map_id", "ZMAB", "2025-06-01", None) not in held["supplier"]


def test_past_party_is_told_that_it_is_past(systems, device):
    assert {who: history(system, device)["current"] for who, system in systems.items()} == {
        "supplier": False, "rival": True, "MAP": False, "rival MAP": True, "DCC": True,
    }  # fmt: skip


def test_recording_is_told_with_codes_days_and_null(systems):
    device = make_device("ZEPH", None, msn="")
    patch(systems["supplier"], device, msn="Z1", map_id="ZMAP", source="photo")

    entry = next(e for e in history(systems["supplier"], device)["entries"] if e["title"] == "MAP ID recorded")

    assert entry["changes"] == [
        {"item": "map_id", "before": None, "after": "ZMAP"},
        {"item": "map_from", "before": None, "after": INSTALLED.isoformat()},
    ]
    assert (entry["by"], entry["person"], entry["kind"], entry["via"]) == ("ZEPH", None, "first", "api")
    assert (entry["source"], entry["reason"]) == ("photo", None)
    assert entry["at"].endswith("Z")


def test_other_organisations_see_neither_source_nor_person(systems, supplier, sign_in):
    device = make_device("ZEPH", "ZMAP", msn="")
    patch(sign_in(supplier, Job.EDITOR), device, msn="Z1", source="photo", reason="because")

    entries = {who: history(systems[who], device)["entries"][0] for who in ("supplier", "MAP", "DCC")}

    assert entries["supplier"]["person"] == entries["DCC"]["person"] is not None
    assert [entries["MAP"][name] for name in ("person", "source", "reason")] == [None] * 3
    assert entries["MAP"]["changes"] == entries["DCC"]["changes"] == [{"item": "msn", "before": None, "after": "Z1"}]


def test_another_map_is_never_named(systems, device):
    own, other = (systems[who].get(address(device, "history")).text for who in ("MAP", "rival MAP"))

    assert ("ZMAP" in own, "ZMAB" in own) == (True, False)
    assert ("ZMAB" in other, "ZMAP" in other) == (True, False)


@pytest.mark.parametrize("path", ["history", "as-of"])
def test_foreign_and_unknown_get_the_same_answer(systems, path):
    foreign = make_device("ZIRC", "ZULU")

    answers = [systems["MAP"].get(address(d, path), {"as_of": "2024-05-01"} if path == "as-of" else {})
               for d in (foreign, "00-DB-12-FF-FF-FF-FF-FF", "nonsense")]  # fmt: skip

    assert [answer.status_code for answer in answers] == [404] * 3
    assert len({str(answer.json() | {"reference": ""}) for answer in answers}) == 1


# As of a day


def test_device_is_told_as_it_was_on_the_day(systems, device):
    now, then = (as_of(systems["DCC"], device, day).json() for day in (SOLD, MOVED - timedelta(days=1)))

    assert (now["as_of"], now["known_on"]) == ("2025-06-01", None)
    assert (now["device"]["map_id"], now["device"]["supplier_id"]) == ("ZMAB", "ZODI")
    assert (then["device"]["map_id"], then["device"]["supplier_id"]) == ("ZMAP", "ZEPH")
    assert not {"version", "quality_flags"} & now["device"].keys()


def test_day_on_which_it_was_another_s_is_not_found(systems, device):
    day = MOVED - timedelta(days=1)

    assert {who: as_of(system, device, day).status_code for who, system in systems.items()} == {
        "supplier": 200, "rival": 404, "MAP": 200, "rival MAP": 404, "DCC": 200,
    }  # fmt: skip


def test_as_known_on_a_day(systems, device):
    yesterday = timezone.localdate() - timedelta(days=1)

    answer = as_of(systems["DCC"], device, "2025-06-01", known_on=yesterday.isoformat())

    assert answer.status_code == 400  # nothing had been recorded by then
    assert "The inventory remembers from " in answer.content.decode()


@pytest.mark.parametrize("role", [Role.SUPPLIER, Role.MAP])
def test_each_role_is_given_the_items_it_sees(systems, role):
    device = make_device("ZEPH", "ZMAP")
    who = {"supplier": "supplier", "map": "MAP"}[role]

    told = as_of(systems[who], device, "2024-05-01").json()["device"]

    items = {i.name for i in ITEMS if role in i.seen_by and i.name not in ("as_of", "quality_flags")}
    assert told.keys() == items


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, {"as_of": "required"}),
        ({"as_of": "soon"}, {"as_of": "invalid"}),
        ({"as_of": "1999-12-31"}, {"as_of": "invalid"}),
        ({"as_of": "2999-01-01"}, {"as_of": "invalid"}),
        ({"as_of": "2024-05-01", "known_on": "x"}, {"known_on": "invalid"}),
        ({"as_of": "2024-05-01", "known_on": ""}, {"known_on": "empty"}),
        ({"as_of": "2024-05-01", "map_id": "ZMAP"}, {"map_id": "unknown_parameter"}),
    ],
)
def test_days_are_taken_strictly(systems, device, query, expected):
    assert refused(systems["DCC"].get(address(device, "as-of"), query)) == expected
