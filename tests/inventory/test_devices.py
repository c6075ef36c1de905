"""Finding devices, one device's page, worklists, and the file of what a search found."""

import csv
import re
from datetime import date, timedelta

import pytest
from django.utils import timezone

from accounts.acting import Acting, scope
from accounts.models import Participant
from accounts.roles import Job, Role
from inventory.recording.record import record_items
from inventory.rules.recording import Recording
from tests.as_owner import overwrite
from tests.factories import INSTALLED, make_device, make_hub, make_membership, make_participant, make_user, provided_by

TODAY = timezone.localdate()


def found(response) -> list[str]:
    return re.findall(r"/devices/(00-[0-9A-F-]{20})/\"", response.content.decode())


@pytest.fixture
def visitor(supplier, asset_provider, sign_in):
    return sign_in(supplier, Job.VIEWER)


# Search


@pytest.mark.parametrize(
    "typed",
    ["00-DB-12-34-56-78-90-A0", "00db1234567890a0", " 00:DB:12:34:56:78:90:A0 ", "00DB12", "00-db-12-34-5"],
)
def test_device_id_is_found_in_full_or_by_its_beginning(visitor, typed):
    make_device("ZEPH", device_id="00-DB-12-34-56-78-90-A0")
    make_device("ZEPH", device_id="00-DB-13-34-56-78-90-A0")

    assert found(visitor.get("/devices/", {"device_id": typed})) == ["00-DB-12-34-56-78-90-A0"]


def test_beginning_of_fewer_than_six_digits_is_refused(visitor):
    assert visitor.get("/devices/", {"device_id": "00DB1"}).status_code == 400


def test_mpxn_is_found_in_full_only(visitor):
    device = make_device("ZEPH", mpxn="9910000001006")

    assert found(visitor.get("/devices/", {"mpxn": "99 1000 0001 006"})) == [device.device_id]
    assert visitor.get("/devices/", {"mpxn": "991000000"}).status_code == 200
    assert found(visitor.get("/devices/", {"mpxn": "991000000"})) == []


@pytest.mark.parametrize("typed", ["Z21E 10447", "z21e10447", " Z21 E10447 "])
def test_msn_is_found_whatever_its_spaces(visitor, typed):
    device = make_device("ZEPH", msn="Z21E 10447")
    make_device("ZEPH", msn="Z21E 10448")

    assert found(visitor.get("/devices/", {"msn": typed})) == [device.device_id]


def test_filters_narrow_together(visitor):
    device = make_device("ZEPH", status="Suspended", installed_on=date(2024, 5, 1))
    make_device("ZEPH", status="Suspended", installed_on=date(2024, 6, 1))
    make_device("ZEPH", installed_on=date(2024, 5, 1))
    make_hub("ZEPH", status="Suspended", installed_on=date(2024, 5, 1))
    search = {"device_type": "ESME", "smi_status": "Suspended"}
    days = {"installed_from": "01/05/2024", "installed_to": "31 May 2024"}

    assert found(visitor.get("/devices/", search | days)) == [device.device_id]


@pytest.mark.parametrize(
    ("parameter", "value", "says"),
    [
        ("device_id", "ZZ", "Device ID"),
        ("mpxn", "9910000001007", "check digit"),
        ("device_type", "METER", "METER"),
        ("smi_status", "commissioned", "commissioned"),
        ("installed_from", "31/02/2024", "day first"),
        ("msn", "Z\u0410P", "Cyrillic"),
    ],
)
def test_wrong_value_is_explained_and_nothing_is_searched(visitor, parameter, value, says):
    make_device("ZEPH")

    response = visitor.get("/devices/", {parameter: value})

    page = response.content.decode()
    assert response.status_code == 400
    assert says in page
    assert "Nothing has been searched" in page
    assert found(response) == []


REVERSED = {"installed_from": "2024-06-01", "installed_to": "31/05/2024"}


@pytest.mark.parametrize("path", ["/devices/", "/devices/download/"])
def test_dates_the_wrong_way_round_are_an_error_with_a_cure(visitor, path):
    make_device("ZEPH")

    answer = visitor.get(path, REVERSED)

    assert answer.status_code == 400
    assert "Enter 1 June 2024 or a later date, or exchange the two dates." in answer.content.decode()
    assert visitor.get("/devices/", {"installed_from": "2024-06-01", "installed_to": "1/6/2024"}).status_code == 200


def test_parameter_given_twice_is_refused(visitor):
    assert visitor.get("/devices/?msn=Z1&msn=Z2").status_code == 400


def test_empty_result_says_what_to_do(visitor):
    page = visitor.get("/devices/", {"msn": "Z77", "device_type": "GSME"}).content.decode()

    assert "No device found" in page
    assert "nameplate" in page
    assert "search without “Device type: " in page
    assert "ZEPH" in page


def test_applied_filters_are_links_that_remove_themselves(visitor):
    make_device("ZEPH", msn="Z77")

    page = visitor.get("/devices/", {"msn": "Z77", "device_type": "ESME"}).content.decode()

    assert 'href="?device_type=ESME"' in page
    assert 'href="?msn=Z77"' in page


@pytest.mark.parametrize(
    ("search", "title"),
    [
        ({}, "2 devices – Devices"),
        ({"msn": "z17e 36066"}, "1 device with MSN Z17E 36066 – Devices"),
        ({"msn": "Z1"}, "No devices with MSN Z1 – Devices"),
        ({"device_type": "ESME", "installed_from": "1/5/2020"},
         "2 devices with Device type ESME, installed from 1 May 2020 – Devices"),
        ({"installed_to": "1/5/2030"}, "2 devices, installed to 1 May 2030 – Devices"),
        ({"msn": "\u2013"}, "Error: Devices"),
    ],
)  # fmt: skip
def test_title_says_count_and_filters(visitor, search, title):
    make_device("ZEPH", msn="Z17E 36066")
    make_device("ZEPH")

    assert f"<title>{title} – Zephyr Energy – SMI portal</title>" in visitor.get("/devices/", search).content.decode()


# List


def test_list_pages_forward_and_back(visitor):
    made = sorted(make_device("ZEPH" if n % 2 else "ZPG", None).device_id for n in range(60))
    first = visitor.get("/devices/")
    after = re.search(r'href="(\?after=[^"]+)"', first.content.decode())[1]
    second = visitor.get(f"/devices/{after}")
    before = re.search(r'href="(\?before=[^"]+)"', second.content.decode())[1]

    assert found(first) == made[:50]
    assert found(second) == made[50:]
    assert found(visitor.get(f"/devices/{before}")) == made[:50]


@pytest.mark.parametrize("path", ["/devices/", "/search/?q=00DB12", "/devices/to-do/msn/"])
def test_names_stand_beside_codes_in_lists(visitor, path):
    make_device("ZEPH", "ZMAP", msn="")
    make_device("ZEPH", None, msn="")

    page = visitor.get(path).content.decode()

    assert '<span class="smi-id">ZMAP</span> Zenith Meter Assets</td>' in page
    assert page.count('<span class="smi-id">ZEPH</span> Zephyr Energy</td>') == 2


LISTS = ("/devices/", "/devices/to-do/msn/", "/devices/to-do/duplicate-msn/", "/reports/map-portfolio/", "/")


@pytest.mark.parametrize("role", Role)
def test_fifty_rows_cost_as_many_queries_as_two(supplier, asset_provider, dcc, sign_in, role):
    organisation = {Role.SUPPLIER: supplier, Role.MAP: asset_provider, Role.DCC: dcc}[role]
    visitor = sign_in(organisation)

    def make(count: int) -> None:
        for _ in range(count):
            make_device("ZEPH", msn="")
            make_device("ZEPH", msn="Z1")
            visitor.get("/reports/map-portfolio/download/")

    make(2)
    few = {path: queries_of(visitor, path) for path in LISTS}
    make(48)

    assert {path: queries_of(visitor, path) for path in LISTS} == few
    assert max(few.values()) <= 20


def queries_of(visitor, path: str) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        visitor.get(path)
    return len(captured)


def test_more_than_a_thousand_is_not_counted(visitor, monkeypatch):
    monkeypatch.setattr("accounts.files.paging.MANY", 3)
    for _ in range(4):
        make_device("ZEPH")

    assert "More than 1,000 devices" in visitor.get("/devices/").content.decode()


# One device


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
@pytest.mark.parametrize("who", ["supplier", "rival_provider", "dcc"])
def test_device_page_asks_as_much_whatever_its_history(
    operator, supplier, asset_provider, rival_provider, dcc, sign_in, acting, request, who
):
    """All that PostgreSQL is asked, with the request's own transaction and its part."""
    device = make_device("ZEPH", "ZMAB")
    visitor = sign_in(request.getfixturevalue(who), Job.VIEWER)
    path = f"/devices/{device.device_id}/"
    visitor.get(path)
    few = queries_of(visitor, path)
    editor = acting(supplier)
    for number, day in enumerate((TODAY - timedelta(days=3), TODAY + timedelta(days=7), TODAY + timedelta(days=9))):
        provided_by(device, "ZMAB", day)
        with scope(editor):
            device.refresh_from_db()
            recording = Recording(msn=f"Z{number}", kind="correction", source="photo", reason="wrong")
            record_items(device_id=device.device_id, recording=recording, expected_version=device.version, by=editor)

    assert queries_of(visitor, path) == few <= 16


def test_device_page_shows_every_item_with_its_provenance(visitor):
    device = make_device("ZEPH", "ZMAP", mpxn="9910000001006", msn="Z21E 10447")

    page = visitor.get(f"/devices/{device.device_id}/").content.decode()

    for value in (device.device_id, "ZMAP", "Zenith Meter Assets", "Z21E 10447", "9910000001006", "SMETS2"):
        assert value in page
    assert "DCC, " in page
    assert "by a load" in page  # the file is the DCC's own affair
    assert "1 March 2024" in page


def test_device_id_is_accepted_in_any_form(visitor):
    device = make_device("ZEPH")

    assert visitor.get(f"/devices/{device.device_id.replace('-', '').lower()}/").status_code == 200
    assert visitor.get("/devices/nonsense/").status_code == 404


def test_names_are_shown_to_the_own_organisation_and_the_dcc_only(operator, supplier, asset_provider, dcc, sign_in):
    device = make_device("ZEPH", "ZMAP", msn="")
    priya = Acting.under(make_membership(supplier, Job.EDITOR, make_user("Priya Shah")))
    recording = Recording(msn="Z1", source="nameplate photo")
    with scope(priya):
        record_items(device_id=device.device_id, recording=recording, expected_version=1, by=priya)
    path = f"/devices/{device.device_id}/"

    assert "Priya Shah" in sign_in(supplier).get(path).content.decode()
    assert "Priya Shah" in sign_in(dcc).get(path).content.decode()
    assert "Priya Shah" not in sign_in(asset_provider).get(path).content.decode()


def test_duplicate_is_named_only_within_the_own_scope(supplier, rival, dcc, sign_in):
    device = make_device("ZEPH", None, msn="Z1")
    twin = make_device("ZODI", None, msn="Z1")
    path = f"/devices/{device.device_id}/"

    assert twin.device_id not in sign_in(supplier).get(path).content.decode()
    assert twin.device_id in sign_in(dcc).get(path).content.decode()


def test_hub_of_another_supplier_is_named_but_not_linked(visitor, rival):
    hub = make_hub("ZODI")
    device = make_device("ZEPH", hub_device_id=hub.device_id)

    page = visitor.get(f"/devices/{device.device_id}/").content.decode()

    assert hub.device_id in page
    assert f"/devices/{hub.device_id}/" not in page


@pytest.mark.parametrize(
    ("setting", "hidden"),
    [
        ("MAP_SEES_MPXN", "9910000001006"),
        ("MAP_SEES_SUPPLIER", ">ZEPH<"),
        ("MAP_SEES_PREVIOUS_SUPPLIER", "ZWAS"),
    ],
)
def test_item_withheld_from_maps_is_on_none_of_their_pages(
    supplier, asset_provider, sign_in, settings, setting, hidden
):
    previous = {"previous_supplier": make_participant("ZWAS", role=Role.SUPPLIER), "previous_supplier_to": INSTALLED}
    device = make_device("ZEPH", "ZMAP", mpxn="9910000001006", map_recorded_for="", **previous)
    visitor = sign_in(asset_provider)
    paths = ["/devices/", f"/devices/{device.device_id}/"]
    shown = [hidden in visitor.get(path).content.decode() for path in paths]
    setattr(settings, setting, False)

    assert any(shown)
    assert not any(hidden in visitor.get(path).content.decode() for path in paths)


def test_withheld_item_is_no_parameter_either(supplier, asset_provider, sign_in, settings):
    settings.MAP_SEES_MPXN = False

    assert sign_in(asset_provider).get("/devices/?mpxn=9910000001006").status_code == 400
    assert sign_in(supplier).get("/devices/?mpxn=9910000001006").status_code == 200


def test_page_says_who_corrects_what(supplier, asset_provider, sign_in):
    device = make_device("ZEPH")
    path = f"/devices/{device.device_id}/"

    assert "by service request" in sign_in(supplier, Job.EDITOR).get(path).content.decode()
    assert "Editors and Administrators can do this" in sign_in(supplier, Job.VIEWER).get(path).content.decode()


def test_controls_are_shown_to_those_who_may_use_them(supplier, asset_provider, sign_in):
    device = make_device("ZEPH")
    path = f"/devices/{device.device_id}/"

    assert "/edit/" not in sign_in(supplier, Job.VIEWER).get(path).content.decode()
    assert "/blank-map-id/" not in sign_in(supplier, Job.EDITOR).get(path).content.decode()
    assert "/blank-map-id/" in sign_in(supplier, Job.ADMINISTRATOR).get(path).content.decode()
    assert "/edit/" not in sign_in(asset_provider, Job.ADMINISTRATOR).get(path).content.decode()


# Worklists and dashboard


def test_worklist_of_the_map_id_is_one_list_and_names_no_code(visitor):
    missing = make_device("ZEPH", None)
    ended = make_device("ZEPH", "ZOLD", asset_provider=make_participant("ZOLD", effective_to=TODAY - timedelta(days=1)))
    make_device("ZEPH", "ZMAP")

    response = visitor.get("/devices/to-do/map-id/")

    assert found(response) == sorted([missing.device_id, ended.device_id])
    assert "MAP ID missing or no longer valid" in visitor.get("/").content.decode()


@pytest.mark.parametrize("path", ["/", "/devices/to-do/map-id/"])
def test_end_of_a_code_shows_the_dcc_no_number_of_its_meters(operator, dcc, sign_in, path):
    make_device("ZEPH", None)
    code = make_participant("ZOLD")
    for _ in range(3):
        make_device("ZEPH", "ZOLD", asset_provider=code)
    reader = sign_in(dcc)
    before = numbers_on(reader.get(path))
    assert "1" in before

    overwrite(Participant.objects.filter(code="ZOLD"), effective_to=TODAY - timedelta(days=1))

    assert numbers_on(reader.get(path)) == before
    assert "not counted" in reader.get(path).content.decode()


def numbers_on(answer) -> list[str]:
    return re.findall(r">\s*([\d,]+)(?= devices?\s*<|\s*</td>)", answer.content.decode())


def test_unknown_worklist_is_not_found(visitor):
    assert visitor.get("/devices/to-do/map-id-of-zmap/").status_code == 404


def test_map_has_no_worklist_of_missing_map_ids(asset_provider, sign_in):
    assert sign_in(asset_provider).get("/devices/to-do/map-id/").status_code == 404


# File


def rows_of(response) -> list[dict[str, str]]:
    return list(csv.DictReader(b"".join(response.streaming_content).decode().splitlines()))


def test_file_holds_what_the_search_found_by_device_id(visitor, rival):
    gas = make_device("ZPG", None, device_type="GSME", msn="G4Z1")
    make_device("ZEPH", "ZMAP")
    make_device("ZODI", None)

    everything = rows_of(visitor.get("/devices/download/"))
    some = rows_of(visitor.get("/devices/download/", {"device_type": "GSME"}))

    assert len(everything) == 2
    assert [row["device_id"] for row in everything] == sorted(row["device_id"] for row in everything)
    assert [(row["device_id"], row["msn"]) for row in some] == [(gas.device_id, "G4Z1")]


def test_file_refuses_what_the_page_refuses(visitor):
    for search in ({"msn": "%"}, {"after": "x"}, {"map_id": "ZMAP"}):
        assert visitor.get("/devices/download/", search).status_code == 400


def test_page_and_file_are_not_kept_by_browsers(visitor):
    for path in ("/devices/", "/devices/download/"):
        assert "no-store" in visitor.get(path).headers["Cache-Control"]
