"""Twelve changes to one device, as old and new MAP, old and new supplier and the DCC are told them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta

import pytest
from django.db import connections, transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timezone import make_aware

from accounts.acting import Acting, explaining, scope
from accounts.models import Membership
from accounts.roles import Job, Role
from inventory.history.device_history import DeviceHistory
from inventory.history.timeline import held, timeline
from inventory.models import Device, StepKind
from inventory.recording.record import record_items
from inventory.rules.recording import Recording
from tests.conftest import Browser
from tests.factories import (
    bind,
    make_device,
    make_membership,
    make_organisation,
    make_participant,
    make_user,
    supplied_by,
)

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.usefixtures("operator"),
]
STEPS = ("inventory_providerperiod", "inventory_supplyperiod")
TO_COME = timezone.localdate() + timedelta(days=30)


@contextmanager
def recorded_at(*moment: int, fold: int = 0) -> Iterator[None]:
    """What is recorded inside is dated back to this UK moment, by the owner, past the triggers that forbid it."""
    began = timezone.now()
    yield
    then = make_aware(datetime(*moment, fold=fold))
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute("ALTER TABLE inventory_deviceevent DISABLE TRIGGER append_only, NO FORCE ROW LEVEL SECURITY")
        cursor.execute("UPDATE inventory_deviceevent SET pgh_created_at = %s WHERE pgh_created_at > %s", [then, began])
        cursor.execute("ALTER TABLE inventory_deviceevent ENABLE TRIGGER append_only, FORCE ROW LEVEL SECURITY")
        for table in STEPS:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER append_only_but_known, NO FORCE ROW LEVEL SECURITY")
            cursor.execute(
                f"UPDATE {table} SET known = tstzrange(least(lower(known), %s), CASE WHEN upper(known) > %s THEN %s "
                "ELSE upper(known) END), ahead = valid_from > uk_day(least(lower(known), %s))"
                " WHERE lower(known) > %s OR upper(known) > %s",
                [then, began, then, then, began, began],
            )
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER append_only_but_known, FORCE ROW LEVEL SECURITY")


class Cast:
    """The organisations of the story, and somebody who acts for each."""

    def __init__(self) -> None:
        self.old_supplier = self._act("Zephyr Energy", Role.SUPPLIER, "ZEPH", "Priya Shah")
        self.new_supplier = self._act("Zodiac Power", Role.SUPPLIER, "ZODI", "Rhys Calloway")
        self.old_map = self._act("Zenith Meter Assets", Role.MAP, "ZMAP", "Maya Sutcliffe")
        self.new_map = self._act("Zambezi Metering", Role.MAP, "ZMAB", "Rosa Templeton")
        self.near_supplier = self._act("Zircon Energy", Role.SUPPLIER, "ZIRC", "Nobody Much")
        self.dcc = Acting.under(make_membership(make_organisation("DCC", Role.DCC), Job.VIEWER))

    def _act(self, name: str, role: Role, code: str, person: str) -> Acting:
        organisation = make_organisation(name, role)
        bind(organisation, make_participant(code, role=role, name=name))
        return Acting.under(make_membership(organisation, Job.EDITOR, make_user(person)))


def record(device: Device, by: Acting, **given: object) -> None:
    version = Device.objects.values_list("version", flat=True).get(pk=device.pk)
    with scope(by):
        record_items(device_id=device.device_id, recording=Recording(**given), expected_version=version, by=by)


def load(device: Device, **items: object) -> None:
    with explaining(via="load", source="device load night.csv"):
        Device.objects.filter(pk=device.pk).update(**items)


@pytest.fixture
def cast() -> Cast:
    return Cast()


@pytest.fixture
def device(cast) -> Device:
    """Loaded, recorded, corrected twice, suspended and back, to another supplier, sold, nearly lost again, …"""
    with recorded_at(2024, 3, 5, 9):
        day = date(2024, 3, 1)
        device = make_device("ZEPH", "ZMAP", msn="", installed_on=day, supplier_from=day, map_from=day)
    with recorded_at(2024, 4, 2, 10):
        record(device, cast.old_supplier, msn="Z1O 1", source="nameplate photo")
    with recorded_at(2024, 4, 3, 11):
        record(device, cast.old_supplier, msn="Z10 1", kind=StepKind.CORRECTION, source="second photo", reason="O is 0")
    with recorded_at(2024, 5, 6, 12):
        given = {"map_id": "ZMAP", "map_from": date(2024, 3, 4), "kind": StepKind.CORRECTION, "source": "contract"}
        record(device, cast.old_supplier, **given)
    with recorded_at(2024, 7, 1, 1):
        load(device, status="Suspended")
    with recorded_at(2024, 7, 9, 1):
        load(device, status="Commissioned")
    with recorded_at(2025, 2, 10, 1):
        supplied_by(device, "ZODI", date(2025, 3, 1), source="registrations.csv")
    with recorded_at(2025, 3, 20, 15):
        given = {"map_id": "ZMAB", "map_from": date(2025, 4, 1), "kind": StepKind.CHANGE, "source": "deed of sale"}
        record(device, cast.new_supplier, **given)
    with recorded_at(2025, 4, 15, 1):
        supplied_by(device, "ZIRC", date(2025, 4, 10), source="registrations.csv")
    with recorded_at(2025, 5, 2, 1):
        supplied_by(device, "ZIRC", date(2025, 4, 10), kind=StepKind.CANCELLED, source="registrations.csv")
    with recorded_at(2025, 8, 8, 8):
        record(device, cast.new_supplier, msn="Z10 2", kind=StepKind.CORRECTION, source="visit")
    given = {"map_id": "ZMAP", "map_from": TO_COME, "kind": StepKind.CHANGE, "source": "letter of intent"}
    record(device, cast.new_supplier, **given)
    return device


def told(device: Device, viewer: Acting) -> tuple[list[str], list[str]]:
    """What held and who recorded what, a line each, as the page shows it."""
    with scope(viewer):
        history = DeviceHistory(device.pk, viewer)
        periods = [f"{h.item.label} {h.code}: {h.since} to {h.until or '…'}" for h in held(history)]
        recordings = []
        for entry in timeline(history):
            by = ", ".join(word for word in (entry.author.person, entry.author.code) if word)
            changes = "; ".join(f"{d.item.label} {d.before} → {d.after}" for d in entry.differences[:2])
            day = timezone.localtime(entry.author.at)
            recordings.append(f"{day:%Y-%m-%d} {by}: {entry.title} | {changes} | {entry.note}")
    return periods, recordings


LOADED = [
    "2024-03-05 ZEPH: MAP ID recorded | MAP ID none → ZMAP; MAP ID applies from none → 1 March 2024 | First recording",
    "2024-03-05 DCC: Responsible supplier recorded | Responsible supplier none → ZEPH; "
    "Supplier from none → 1 March 2024 | First recording",
    "2024-03-05 DCC: Notified to the inventory | Device ID none → {id}; Device type none → ESME | By a load",
]
STATUS = [
    "2024-07-09 DCC: SMI Status changed | SMI Status Suspended → Commissioned | By a load",
    "2024-07-01 DCC: SMI Status changed | SMI Status Commissioned → Suspended | By a load",
]
BEGINNING = [
    "2024-05-06 ZEPH: MAP ID corrected | MAP ID applies from 1 March 2024 → 4 March 2024 | "
    "Correction of an incorrect entry",
    "2024-04-03 ZEPH: MSN corrected | MSN Z1O 1 → Z10 1 | Correction of an incorrect entry",
    "2024-04-02 ZEPH: MSN recorded | MSN none → Z1O 1 | First recording",
]
SUPPLIER_CHANGE = (
    "2025-02-10 DCC: Change of responsible supplier from 1 March 2025 recorded | Responsible supplier {before} → ZODI; "
    "Supplier from {since} → 1 March 2025 | Change from a date"
)
SWITCH_AND_BACK = [
    "2025-05-02 DCC: Change of responsible supplier from 10 April 2025 cancelled | Responsible supplier ZIRC → as "
    "before; Supplier from 10 April 2025 → none | Cancelled",
    "2025-04-15 DCC: Change of responsible supplier from 10 April 2025 recorded | Responsible supplier ZODI → ZIRC; "
    "Supplier from 1 March 2025 → 10 April 2025 | Change from a date",
]
TODAY, BEGINS = f"{timezone.localdate():%Y-%m-%d}", date_format(TO_COME, "DATE_FORMAT")


def lines(device: Device, *given: str) -> list[str]:
    return [line.replace("{id}", device.device_id) for line in given]


def test_old_map_is_told_of_its_days_and_that_another_follows(device, cast):
    periods, recordings = told(device, cast.old_map)

    assert periods == [
        "MAP ID ZMAP: 2024-03-04 to 2025-03-31",
        "Responsible supplier ZEPH: 2024-03-04 to 2025-02-28",
        "Responsible supplier ZODI: 2025-03-01 to 2025-03-31",
    ]
    assert recordings == lines(
        device,
        "2025-03-20 ZODI: Change to another MAP from 1 April 2025 recorded | MAP ID ZMAP → another MAP; "
        "MAP ID applies from 4 March 2024 → 1 April 2025 | Change from a date",
        SUPPLIER_CHANGE.format(before="ZEPH", since="1 March 2024"),
        *STATUS,
        *BEGINNING,
        *LOADED,
    )


def test_new_map_is_told_from_the_recording_that_gave_it_the_meter(device, cast):
    periods, recordings = told(device, cast.new_map)

    assert periods == [
        f"MAP ID ZMAB: 2025-04-01 to {TO_COME - timedelta(days=1)}",
        f"Responsible supplier ZODI: 2025-04-01 to {TO_COME - timedelta(days=1)}",
    ]
    assert recordings == [
        f"{TODAY} ZODI: Change to another MAP from {BEGINS} recorded | MAP ID ZMAB → another MAP; "
        f"MAP ID applies from 1 April 2025 → {BEGINS} | Change from a date",
        "2025-08-08 ZODI: MSN corrected | MSN Z10 1 → Z10 2 | Correction of an incorrect entry",
        *SWITCH_AND_BACK,
        "2025-03-20 ZODI: Change of MAP ID from 1 April 2025 recorded | MAP ID not shown → ZMAB; "
        "MAP ID applies from not shown → 1 April 2025 | Change from a date",
    ]


def test_old_supplier_is_told_its_own_work_and_nothing_after_its_last_day(device, cast):
    periods, recordings = told(device, cast.old_supplier)

    assert periods == [
        "MAP ID ZMAP: 2024-03-04 to 2025-02-28",
        "Responsible supplier ZEPH: 2024-03-01 to 2025-02-28",
    ]
    assert recordings == lines(
        device,
        "2025-02-10 DCC: Change to another supplier from 1 March 2025 recorded | Responsible supplier ZEPH → another "
        "supplier; Supplier from 1 March 2024 → 1 March 2025 | Change from a date",
        *STATUS,
        "2024-05-06 Priya Shah, ZEPH: MAP ID corrected | MAP ID applies from 1 March 2024 → 4 March 2024 | "
        "Correction of an incorrect entry, from contract",
        "2024-04-03 Priya Shah, ZEPH: MSN corrected | MSN Z1O 1 → Z10 1 | "
        "Correction of an incorrect entry, from second photo. Reason: O is 0",
        "2024-04-02 Priya Shah, ZEPH: MSN recorded | MSN none → Z1O 1 | First recording, from nameplate photo",
        *LOADED,
    )


def test_new_supplier_is_told_all_since_it_got_the_meter_and_what_is_to_come(device, cast):
    periods, recordings = told(device, cast.new_supplier)

    assert periods == [
        "MAP ID ZMAP: 2025-03-01 to 2025-03-31",
        f"MAP ID ZMAB: 2025-04-01 to {TO_COME - timedelta(days=1)}",
        f"MAP ID ZMAP: {TO_COME} to …",
        "Responsible supplier ZODI: 2025-03-01 to …",
    ]
    assert recordings == [
        *WORK_SINCE_2025,
        "2025-05-02 DCC: Change to another supplier from 10 April 2025 cancelled | Responsible supplier another "
        "supplier → as before; Supplier from 10 April 2025 → none | Cancelled",
        "2025-04-15 DCC: Change to another supplier from 10 April 2025 recorded | Responsible supplier ZODI → another "
        "supplier; Supplier from 1 March 2025 → 10 April 2025 | Change from a date",
        SOLD,
        SUPPLIER_CHANGE.format(before="not shown", since="not shown"),
    ]


def test_dcc_is_told_everything(device, cast):
    periods, recordings = told(device, cast.dcc)

    assert periods == [
        "MAP ID ZMAP: 2024-03-04 to 2025-03-31",
        f"MAP ID ZMAB: 2025-04-01 to {TO_COME - timedelta(days=1)}",
        f"MAP ID ZMAP: {TO_COME} to …",
        "Responsible supplier ZEPH: 2024-03-01 to 2025-02-28",
        "Responsible supplier ZODI: 2025-03-01 to …",
    ]
    assert recordings == lines(
        device,
        *WORK_SINCE_2025,
        *(f"{line}, from registrations.csv" for line in SWITCH_AND_BACK),
        SOLD,
        SUPPLIER_CHANGE.format(before="ZEPH", since="1 March 2024") + ", from registrations.csv",
        *(f"{line}, from device load night.csv" for line in STATUS),
        "2024-05-06 Priya Shah, ZEPH: MAP ID corrected | MAP ID applies from 1 March 2024 → 4 March 2024 | "
        "Correction of an incorrect entry, from contract",
        "2024-04-03 Priya Shah, ZEPH: MSN corrected | MSN Z1O 1 → Z10 1 | "
        "Correction of an incorrect entry, from second photo. Reason: O is 0",
        "2024-04-02 Priya Shah, ZEPH: MSN recorded | MSN none → Z1O 1 | First recording, from nameplate photo",
        *(f"{line}, from device load test.csv" for line in LOADED),
    )


WORK_SINCE_2025 = [
    f"{TODAY} Rhys Calloway, ZODI: Change of MAP ID from {BEGINS} recorded | MAP ID ZMAB → ZMAP; "
    f"MAP ID applies from 1 April 2025 → {BEGINS} | Change from a date, from letter of intent",
    "2025-08-08 Rhys Calloway, ZODI: MSN corrected | MSN Z10 1 → Z10 2 | Correction of an incorrect entry, from visit",
]
SOLD = (
    "2025-03-20 Rhys Calloway, ZODI: Change of MAP ID from 1 April 2025 recorded | MAP ID ZMAP → ZMAB; "
    "MAP ID applies from 4 March 2024 → 1 April 2025 | Change from a date, from deed of sale"
)


def test_each_sees_its_own_page_and_the_near_supplier_none(device, cast):
    path = f"/devices/{device.device_id}/history/"
    parties = dict.fromkeys(("old_map", "new_map", "old_supplier", "new_supplier", "dcc"), 200)
    expected = parties | {"near_supplier": 404}

    for who, status in expected.items():
        assert Browser(membership_of(getattr(cast, who))).get(path).status_code == status, who


@pytest.mark.parametrize("who", ["old_map", "old_supplier"])
def test_past_party_finds_nothing_else_of_the_device(device, cast, who):
    visitor = Browser(membership_of(getattr(cast, who)))
    page = visitor.get(f"/devices/{device.device_id}/history/").content.decode()

    assert f"You had this device until {'31 March' if who == 'old_map' else '28 February'} 2025" in page
    assert visitor.get(f"/devices/{device.device_id}/").status_code == 404
    assert device.device_id not in visitor.get("/devices/").content.decode()


@pytest.mark.parametrize(("who", "hidden"), [
    ("old_map", ["ZMAB", "ZIRC", "Z10 2", "Priya Shah", "contract", "O is 0"]),
    ("new_map", ["ZMAP", "ZEPH", "Priya Shah", "Rhys Calloway", "deed of sale"]),
    ("old_supplier", ["ZODI", "ZMAB", "ZIRC", "Z10 2", "registrations.csv", "night.csv"]),
    ("new_supplier", ["ZEPH", "ZIRC", "Priya Shah", "nameplate photo", "registrations.csv"]),
])  # fmt: skip
def test_page_holds_nothing_of_the_others(device, cast, who, hidden):
    path = f"/devices/{device.device_id}/history/"

    page = Browser(membership_of(getattr(cast, who))).get(path).content.decode()

    assert [word for word in hidden if word in page] == []


def test_provenance_of_older_values_reads_before_your_time(device, cast):
    page = Browser(membership_of(cast.new_map)).get(f"/devices/{device.device_id}/").content.decode()

    assert "recorded before your time" in page  # the items of the load
    assert "ZODI, 8 August 2025" in page  # the MSN
    assert "ZODI, 20 March 2025" in page  # the MAP ID: the recording that gave it the meter


def membership_of(acting: Acting) -> Membership:
    return Membership.objects.get(pk=acting.membership_id)
