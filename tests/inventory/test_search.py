"""The search in the header of every page: Device ID, MSN and MPxN in any form, and never a MAP ID."""

import csv
import re
from datetime import date
from typing import NamedTuple

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.html import escape

from accounts.models import Participant
from accounts.models.audit import AuditRow
from accounts.roles import Job, Role
from inventory.demo.setup import PARTICIPANTS
from inventory.models import Device
from tests.conftest import Browser
from tests.factories import make_device, make_hub, make_participant, supplied_by

DEVICE, METER = "00-DB-12-34-56-78-90-A0", {"mpxn": "9910000001006", "msn": "Z21E 10447"}


def found(response) -> list[str]:
    return re.findall(r"/devices/(00-[0-9A-F-]{20})/\"", response.content.decode())


@pytest.fixture
def visitor(supplier, asset_provider, sign_in) -> Browser:
    return sign_in(supplier, Job.VIEWER)


@pytest.fixture
def meter(visitor) -> Device:
    make_device("ZEPH", device_id="00-DB-13-34-56-78-90-A0", mpxn="9910000002000", msn="Z21E 10448")
    return make_device("ZEPH", device_id=DEVICE, **METER)


# What is found


@pytest.mark.parametrize(
    "typed",
    [
        DEVICE, "00db1234567890a0", " 00:DB:12:34:56:78:90:A0 ", "00 DB 12 34 56 78 90 A0", "00DB12", "00-db-12-34-5",
        "Device ID: 00-DB-12-34-56-78-90-A0", '="00DB1234567890A0"',
        "Z21E 10447", "z21e10447", " Z21 E10447 ", "MSN: Z21E10447", "\u2018Z21E 10447\u2019",
        "9910000001006", "99 1000 0001 006", "'9910000001006", "9910000001006\t",
    ],
)  # fmt: skip
def test_single_device_opens_at_an_address_that_holds_its_device_id_alone(visitor, meter, typed):
    answer = visitor.get("/search/", {"q": typed})

    assert (answer.status_code, answer.url) == (302, f"/devices/{DEVICE}/")
    assert visitor.get(answer.url).status_code == 200


def test_several_devices_are_listed_with_what_they_were_found_by(visitor, meter):
    twin = make_device("ZEPH", msn="Z21E10447")

    answer = visitor.get("/search/", {"q": "z21e 10447"})

    page = answer.content.decode()
    assert found(answer) == sorted([DEVICE, twin.device_id])
    assert "2 devices found for z21e 10447 – " in page
    assert page.count('<td class="smi-nowrap">MSN</td>') == 2


def test_number_is_looked_for_as_each_identifier_that_it_can_be(visitor):
    """Six to ten digits are an MPRN, an MSN and the beginning of a Device ID; a device is found once."""
    made = [
        make_device("ZEPH", device_id="12-34-56-78-90-00-00-01", msn="12345678", mpxn=""),
        make_device("ZPG", "ZMG", device_type="GSME", mpxn="12345678", msn="G4A00000000001"),
        make_device("ZEPH", msn="1234 5678", mpxn=""),
    ]

    answer = visitor.get("/search/", {"q": "12345678"})

    assert re.findall(r"/devices/([0-9A-F-]{23})/\"", answer.content.decode()) == sorted(d.device_id for d in made)
    assert '<td class="smi-nowrap">Device ID, MSN</td>' in answer.content.decode()


def test_more_than_fifty_are_paged(visitor):
    made = sorted(make_device("ZEPH" if n % 2 else "ZPG", None, msn="Z77").device_id for n in range(51))
    first = visitor.get("/search/", {"q": "Z 77"})
    onward = re.search(r'href="(\?q=Z\+77&amp;after=[^"]+)"', first.content.decode())[1].replace("&amp;", "&")

    second = visitor.get(f"/search/{onward}")

    assert found(first) == made[:50]
    assert (second.status_code, found(second)) == (200, made[50:])
    assert "51 devices found for Z 77" in second.content.decode()


def test_hub_is_found_by_its_device_id(visitor):
    hub = make_hub("ZEPH")

    assert visitor.get("/search/", {"q": hub.device_id.lower()}).url == f"/devices/{hub.device_id}/"


def test_nothing_beyond_the_own_scope_is_found(visitor, rival):
    make_participant("ZMAB")
    make_device("ZODI", "ZMAB", device_id=DEVICE, **METER)

    for typed in (DEVICE, "00DB12", *METER.values()):
        answer = visitor.get("/search/", {"q": typed})
        assert answer.status_code == 200
        assert "No matching devices" in answer.content.decode()


def test_device_of_the_past_leads_to_its_history(operator, visitor, meter, rival):
    supplied_by(meter, "ZODI", date(2025, 1, 1))

    assert visitor.get("/search/", {"q": DEVICE.lower()}).url == f"/devices/{DEVICE}/history/"
    for typed in ("00DB12", *METER.values()):
        assert visitor.get("/search/", {"q": typed}).status_code == 200, typed


def test_map_finds_no_mpxn_where_it_is_withheld(settings, meter, sign_in, asset_provider):
    settings.MAP_SEES_MPXN = False
    browser = sign_in(asset_provider)

    assert "No matching devices" in browser.get("/search/", {"q": METER["mpxn"]}).content.decode()
    assert browser.get("/search/", {"q": METER["msn"]}).status_code == 302


@pytest.mark.parametrize("typed", ["", "  "])
def test_nothing_typed_explains_what_can_be_searched_for(visitor, typed):
    page = visitor.get("/search/", {"q": typed}).content.decode()

    assert "<title>Find a device – " in page
    assert "No results" not in page


@pytest.mark.parametrize(
    ("typed", "says"),
    [("9910000001007", "check digit"), ("Z\u0410P 123", "Cyrillic"), ("9.91E+12", "spreadsheet"), ("%%%", "O and 0")],
)
def test_nothing_found_explains_a_likely_slip(visitor, typed, says):
    answer = visitor.get("/search/", {"q": typed})

    assert answer.status_code == 200
    assert says in answer.content.decode()


@pytest.mark.parametrize("typed", ["<script>alert(1)</script>", '" autofocus onfocus="', "{{ 7|add:7 }}", "\u202eZ1"])
def test_odd_text_is_repeated_as_text(visitor, typed):
    page = visitor.get("/search/", {"q": typed}).content.decode()

    assert f"No results for {escape(typed)} – " in page
    assert "<script>alert" not in page
    assert 'onfocus="' not in page


def test_long_text_is_repeated_in_part(visitor):
    page = visitor.get("/search/", {"q": "x" * 1_000}).content.decode()

    assert f"No results for {'x' * 40} – " in page
    assert "x" * 41 not in page.replace("next=/search/%3Fq%3D" + "x" * 1_000, "")


# Limits and the audit trail


def test_search_that_finds_nothing_counts_as_a_look_up(settings, visitor, meter):
    settings.LOOK_UPS_IN_VAIN = 2

    typed = ("Z99", "Z21E10447", "!", "Z98", "Z21E10447")
    statuses = [visitor.get("/search/", {"q": text}).status_code for text in typed]

    assert statuses == [200, 302, 200, 429, 429]


def test_search_is_noted_without_its_text_and_an_mpxn_apart(operator, visitor, meter):
    visitor.get("/search/", {"q": "Z21E 10447"})
    visitor.get("/search/", {"q": METER["mpxn"]})

    rows = AuditRow.objects.filter(kind="search").order_by("pk")
    assert [row.details["keys"] for row in rows] == [["q"], ["q"]]
    assert "Z21E" not in str([row.details for row in rows])
    assert METER["mpxn"] not in str([row.details for row in rows])


def test_head_is_answered_and_not_noted(operator, visitor, meter):
    assert visitor.head("/search/", {"q": "Z21E 10447"}).status_code == 302
    assert not AuditRow.objects.filter(kind="search").exists()


def test_search_costs_as_many_queries_for_fifty_as_for_two(visitor):
    def cost(number: int) -> int:
        for _ in range(number):
            make_device("ZEPH", msn="Z77")
        with CaptureQueriesContext(connection) as captured:
            assert visitor.get("/search/", {"q": "Z77"}).status_code == 200
        return len(captured)

    assert cost(2) == cost(48)


# The box


@pytest.mark.parametrize("role", Role)
def test_box_is_in_the_header_of_every_page_of_a_member(supplier, asset_provider, dcc, sign_in, role):
    browser = sign_in({Role.SUPPLIER: supplier, Role.MAP: asset_provider, Role.DCC: dcc}[role])

    for path in ("/", "/devices/", "/search/", "/help/", "/nowhere/", "/accounts/security/", "/who-may-do-what/"):
        assert browser.get(path).content.decode().count('action="/search/"') == 1, path


def test_box_is_not_there_for_anyone_else(client, db):
    for path in ("/help/", "/accounts/login/", "/nowhere/"):
        assert "/search/" not in client.get(path).content.decode(), path


# It never knows a MAP ID


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    page: str
    statements: list[str]


IN_PAGE = r"(value|data-seconds)=\"[^\"]*\"|next=[^\"]*"  # the box, tokens and time; where to sign in again
IN_SQL = r"[0-9a-f]{8}-[0-9a-f-]{27}|\"s[0-9_x]+\"|'\d{4}-\d\d-\d\d[^']*'"  # request ids, savepoints, moments


def answer_to(browser: Browser, text: str) -> Answer:
    """The answer byte for byte and every statement behind it, but for the text itself."""
    with CaptureQueriesContext(connection) as captured:
        answer = browser.get("/search/", {"q": text})
    shown = re.compile(rf"(No results for (?:<span class=\"smi-id\">)?){re.escape(text.strip())}")
    page = re.sub(IN_PAGE, "", shown.sub(r"\1TEXT", answer.content.decode()))
    quoted = f"'{text.strip().upper()}'"
    statements = [re.sub(IN_SQL, "", query["sql"]).replace(quoted, "TEXT") for query in captured]
    headers = {name: value for name, value in answer.headers.items() if name != "X-Request-ID"}
    return Answer(answer.status_code, headers, page, statements)


@pytest.fixture
def codes(supplier, asset_provider, dcc) -> list[str]:
    """Every code of the list, each MAP with a device of the supplier."""
    with PARTICIPANTS.open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        if not Participant.objects.filter(code=row["code"], role=row["role"]).exists():
            make_participant(row["code"], role=row["role"], name=row["name"])
    for row in rows:
        if row["role"] == Role.MAP:
            kind = {"device_type": "GSME"} if row["fuel"] == "G" else {}
            make_device("ZPG" if kind else "ZEPH", row["code"], **kind)
    return sorted({row["code"] for row in rows})


@pytest.mark.parametrize("role", Role)
def test_no_search_by_map_id(codes, supplier, asset_provider, dcc, sign_in, role):
    """Each code of the list gets the answer of a word that is no code, by the same statements."""
    browser = sign_in({Role.SUPPLIER: supplier, Role.MAP: asset_provider, Role.DCC: dcc}[role])
    answer_to(browser, "QQQQ")  # what a first request of the day also does
    unknown = {3: answer_to(browser, "QQQ"), 4: answer_to(browser, "QQQQ")}

    answers = {code: answer_to(browser, code) for code in codes}

    assert len(codes) == 30
    assert unknown[4].status == 200
    assert "No results for TEXT" in unknown[4].page
    assert any("msn_key" in statement and "TEXT" in statement for statement in unknown[4].statements)
    for code, answer in answers.items():
        assert answer == unknown[len(code)], code
        assert answer_to(browser, f" {code.lower()} ").page == answer.page


def test_word_that_is_a_map_id_is_found_where_it_is_an_msn(codes, visitor):
    """As every other word: the MSN is what is compared, whatever MAP the device has."""
    device = make_device("ZEPH", "ZMAP", msn="ZMAZ")

    assert visitor.get("/search/", {"q": "ZMAZ"}).url == f"/devices/{device.device_id}/"
