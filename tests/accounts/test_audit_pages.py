"""The pages and the file of the audit trail: whose rows, in which words, filtered and by 50."""

import csv
import io
import json
import re
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.acting import Acting, Origin
from accounts.audit import note
from accounts.audit.kinds import AuditKind
from accounts.files.writing import guarded
from accounts.models import Organisation
from accounts.models.audit import AuditRow
from accounts.roles import Job
from inventory.models import DeviceReading
from inventory.trail.kinds import DeviceAuditKind
from smi_portal.oversight.names import Names
from smi_portal.oversight.words import WORDS, act_of
from tests.accounts.audit_help import linked, seal_audit, take_roots, write_rows
from tests.conftest import Browser
from tests.factories import make_device, make_membership, make_token, make_user

AUDIT, FILE, READERS = "/audit/", "/audit/download/", "/audit/readers/"

pytestmark = pytest.mark.django_db
sealing = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


@pytest.fixture
def ada(supplier) -> Browser:
    return Browser(make_membership(supplier, Job.ADMINISTRATOR, make_user("Ada Pemberton")))


@pytest.fixture
def overseer(dcc) -> Browser:
    return Browser(make_membership(dcc, Job.ADMINISTRATOR, make_user("Dilip Hartley")))


def rows_of(answer) -> list[int]:
    return [row.pk for row, *_ in answer.context["rows"]]


def lines_of(answer) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(b"".join(answer).decode())))


# Whose rows


def test_administrator_sees_what_people_of_the_organisation_did_in_plain_words(ada, supplier):
    device = make_device("ZEPH")
    ada.get(f"/devices/{device.device_id}/")
    ada.get("/devices/", {"mpxn": "9910000001006", "smi_status": "Commissioned"})

    html = ada.get(AUDIT).text

    assert "Ada Pemberton" in html
    assert f"looked at device {linked(device)}" in html
    assert "searched for devices by MPxN and SMI Status" in html
    assert "9910000001006" not in html


def test_other_organisations_rows_are_for_the_dcc_only(operator, ada, overseer, supplier, rival):
    (own,), (foreign,) = write_rows(1, supplier), write_rows(1, rival)

    assert foreign not in rows_of(ada.get(AUDIT))
    assert own in rows_of(ada.get(AUDIT))
    assert {own, foreign} <= set(rows_of(overseer.get(AUDIT)))
    assert "Zodiac Power" in overseer.get(AUDIT).text


@pytest.mark.parametrize("path", [AUDIT, FILE, READERS])
@pytest.mark.parametrize("job", [Job.VIEWER, Job.EDITOR])
def test_others_than_administrators_are_refused(sign_in, supplier, path, job):
    assert sign_in(supplier, job).get(path).status_code == 403


@pytest.mark.parametrize("path", [AUDIT, FILE, READERS])
def test_trail_is_only_read(ada, path):
    assert ada.submit(path).status_code == 405


@pytest.mark.parametrize("path", [AUDIT, FILE, READERS])
def test_unknown_parameter_is_named_and_refused(ada, path):
    answer = ada.get(path, {"organisation": "1"})

    assert answer.status_code == 400
    assert "organisation" in answer.text


def test_menu_leads_administrators_to_the_trail(ada, sign_in, supplier):
    assert 'href="/audit/"' in ada.get("/help/").text
    assert 'href="/audit/"' not in sign_in(supplier, Job.EDITOR).get("/help/").text


# Filters


def test_rows_are_filtered_by_person(operator, ada, supplier, acting):
    other = acting(supplier)
    seen = note(DeviceAuditKind.DEVICE_READ, by=other, device_id="00-DB-12-34-56-78-90-A0")

    assert rows_of(ada.get(AUDIT, {"person": other.user.pk})) == [seen]


def test_rows_are_filtered_by_kind(operator, ada, supplier):
    ours = write_rows(2, supplier, DeviceAuditKind.SEARCH)
    write_rows(1, supplier)

    assert rows_of(ada.get(AUDIT, {"kind": "search"})) == ours[::-1]


def test_rows_are_filtered_by_days_written_day_first(operator, ada, supplier):
    today, tomorrow = timezone.localdate(), timezone.localdate() + timedelta(days=1)
    (row,) = write_rows(1, supplier)

    assert row in rows_of(ada.get(AUDIT, {"from_day": f"{today:%d/%m/%Y}", "to_day": f"{today:%Y-%m-%d}"}))
    assert rows_of(ada.get(AUDIT, {"from_day": f"{tomorrow:%d/%m/%Y}"})) == []
    assert "No results. Remove a filter" in ada.get(AUDIT, {"from_day": f"{tomorrow:%d/%m/%Y}"}).text


def test_dates_the_wrong_way_round_are_an_error_with_a_cure(ada):
    given = {"from_day": "02/11/2026", "to_day": "01/11/2026"}

    assert "Enter 2 November 2026 or a later date" in ada.get(AUDIT, given).text
    assert [ada.get(path, given).status_code for path in (AUDIT, f"{AUDIT}download/")] == [400, 400]


@pytest.mark.parametrize("given", [{"person": "x"}, {"kind": "x"}, {"from_day": "31/02/2026"}, {"to_day": "soon"}])
def test_bad_filter_is_refused_with_its_field(ada, given):
    page = ada.get(AUDIT, given)

    assert page.status_code == ada.get(FILE, given).status_code == 400
    assert "Nothing has been searched" in page.text
    assert 'id="audit-heading"' not in page.text


def test_people_to_choose_from_are_members_of_the_own_organisation(ada, overseer, rival):
    make_membership(rival, user=make_user("Rhys Calloway"))

    assert "Rhys Calloway" not in ada.get(AUDIT).text
    assert "Rhys Calloway" in overseer.get(AUDIT).text


def test_person_of_another_organisation_is_no_choice(ada, rival):
    stranger = make_membership(rival).user

    assert ada.get(AUDIT, {"person": stranger.pk}).status_code == 400


# Pages


def link(answer, direction: str) -> str:
    found = re.search(rf'href="(\?[^"]*{direction}=[\w:%-]+)"', answer.text)
    return found[1].replace("&amp;", "&") if found else ""


def test_rows_come_by_fifty_newest_first_forward_and_back(operator, ada, supplier):
    rows = write_rows(120, supplier, DeviceAuditKind.SEARCH)[::-1]
    first = ada.get(AUDIT, {"kind": "search"})

    second = ada.get(AUDIT + link(first, "after"))
    third = ada.get(AUDIT + link(second, "after"))
    back = ada.get(AUDIT + link(third, "before"))

    assert rows_of(first) + rows_of(second) + rows_of(third) == rows
    assert rows_of(back) == rows_of(second)
    assert link(first, "before") == link(third, "after") == ""


def test_fifty_rows_cost_as_many_queries_as_two(operator, ada, supplier, django_assert_max_num_queries):
    write_rows(60, supplier)

    with django_assert_max_num_queries(17):
        ada.get(AUDIT)


@pytest.mark.parametrize("query", ["after=x", "after=1", "before=a:b:c", "after=1&before=2", "after=%00"])
@pytest.mark.parametrize("path", [AUDIT, READERS])
def test_damaged_page_address_is_refused(ada, path, query):
    assert ada.get(f"{path}?{query}").status_code == 400


# Proof


@sealing
def test_page_shows_the_roots_of_the_own_chains_and_what_is_not_sealed(operator, ada, overseer, supplier, rival):
    write_rows(3, supplier)
    write_rows(4, rival)
    take_roots()
    write_rows(2, supplier)

    own, overall = ada.get(AUDIT), overseer.get(AUDIT)

    assert [root.organisation_id for root in own.context["roots"]] == [supplier.pk]
    assert [root.organisation_id for root in overall.context["roots"]] == [None]
    assert own.context["roots"][0].hex in own.text
    assert "2 rows are not yet sealed" in own.text


@sealing
def test_rows_are_numbered_within_the_chain_of_the_reader(operator, ada, overseer, supplier, rival):
    """The id of a row counts the acts of all: the gaps between an organisation's would tell what the others do."""
    for _ in range(3):
        write_rows(2, rival)
        write_rows(1, supplier)
    (change,) = write_rows(1, supplier, AuditKind.VALUE_CORRECTED)
    seal_audit()
    reads = {"kind": "device_read"}

    numbers = ["4", "3", "2"]  # 1 is the sign-in

    assert re.findall(r">Reads and sign-ins (\d+)<", ada.get(AUDIT, reads).text) == numbers
    assert [line["row"] for line in lines_of(ada.get(FILE, reads)) if line["chain"] == "short"] == numbers
    assert ">Changes 1<" in ada.get(AUDIT, {"kind": "value_corrected"}).text
    assert f">{change}<" in overseer.get(AUDIT, {"kind": "value_corrected"}).text
    write_rows(1, supplier)
    assert "Not sealed yet" in ada.get(AUDIT, reads).text
    assert lines_of(ada.get(FILE, reads))[0]["row"] == ""


@sealing
def test_page_without_a_root_says_when_there_will_be_one(operator, ada):
    seal_audit()

    html = ada.get(AUDIT).text

    assert "There is no daily root yet" in html
    assert "0 rows are not yet sealed" in html


def test_page_says_what_it_does_not_cover_and_how_long_rows_are_kept(ada, settings):
    settings.AUDIT_KEEP_SHORT_DAYS = 400

    html = ada.get(AUDIT).text

    assert "The trail does not cover work done directly on the database" in html
    assert "kept for 400 days" in html


# The file


def test_file_holds_what_the_page_finds_all_of_it(operator, overseer, supplier):
    rows = write_rows(120, supplier, DeviceAuditKind.SEARCH)[::-1]
    write_rows(1, supplier)

    lines = lines_of(overseer.get(FILE, {"kind": "search"}))

    assert [int(line["row"]) for line in lines] == rows
    assert {line["organisation"] for line in lines} == {"Zephyr Energy"}
    assert set(AuditRow.objects.values_list("hashes__mpxn", flat=True)) > {
        re.search("[0-9a-f]{64}", lines[0]["hashes"])[0]
    }


def test_file_comes_in_pieces(operator, ada, supplier):
    write_rows(501, supplier)

    pieces = list(ada.get(FILE))

    assert len(pieces) == 2
    assert b"".join(pieces).count(b"\r\n") == 1 + AuditRow.objects.count()


def test_file_holds_no_row_of_another_organisation(operator, ada, rival):
    write_rows(3, rival)

    assert {line["organisation"] for line in lines_of(ada.get(FILE))} == {"Zephyr Energy"}


def test_file_is_itself_recorded(operator, ada):
    b"".join(ada.get(FILE, {"kind": "search"}))

    assert (AuditRow.objects.first().kind, AuditRow.objects.first().details) == ("audit_downloaded", {"keys": ["kind"]})


def test_link_to_the_file_carries_filters_and_membership(operator, ada, supplier):
    write_rows(1, supplier)

    html = ada.get(AUDIT, {"kind": "device_read"}).text

    assert f'href="/audit/download/?kind=device_read&amp;acting={ada.membership.pk}"' in html


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_names_are_no_formulas(operator, supplier, name):
    browser = Browser(make_membership(supplier, Job.ADMINISTRATOR, make_user(name)))

    assert lines_of(browser.get(FILE))[0]["name"] == f"'{name}"
    assert guarded("Ada") == "Ada"


def test_number_of_a_person_or_token_of_the_dcc_is_in_no_file_of_others(operator, ada, overseer, supplier, dcc):
    by_person = Acting.under(overseer.membership)
    by_system = Acting.by_token(make_token(dcc), Origin("api"))
    for by in (by_person, by_system):
        note(AuditKind.CODE_BOUND, by=by, about=supplier)

    def told(browser: Browser) -> list[tuple[str, str, dict]]:
        lines = [line for line in lines_of(browser.get(FILE)) if line["kind"] == "code_bound"]
        return [(line["person"], line["name"], json.loads(line["details"])) for line in lines]

    assert told(ada) == 2 * [("", "The DCC", {"by_dcc": True})]
    assert {(person, details.get("token")) for person, _, details in told(overseer)} == {
        (str(by_person.user.pk), None),
        ("", by_system.token_id),
    }


# Words


@pytest.mark.parametrize("kind", AuditKind)
def test_every_kind_has_words_even_where_details_are_missing(operator, supplier, kind):
    row = AuditRow(kind=kind, organisation_id=supplier.pk, person_id=999, via="page", details={})

    words = act_of(row, Names())

    assert words
    assert "{" not in words


def test_words_know_kinds_that_exist():
    assert set(WORDS) <= set(AuditKind)


def test_who_acted_is_said_where_it_was_nobody():
    names = Names()

    assert names.who(AuditRow(via="page", kind="failed_log_in")) == "Someone not signed in"
    assert names.who(AuditRow(via="command", kind="expired")) == "The operator"
    assert names.who(AuditRow(person_id=7, kind="search")) == "Person 7"


# Who read your devices


def note_reading(subject: Organisation, how: str, reader: Organisation | None) -> None:
    day = timezone.localdate()
    DeviceReading.objects.create(day=day, reader_id=reader and reader.pk, subject_id=subject.pk, how=how)


def test_readers_are_named_by_day_without_a_number(operator, ada, supplier, asset_provider, rival):
    note_reading(supplier, "page", asset_provider)
    note_reading(rival, "list", asset_provider)

    html = ada.get(READERS).text

    assert "Zenith Meter Assets" in html
    assert "Pages of single devices" in html
    assert "Lists in which" not in html


def test_portfolio_reports_are_shown_without_the_map(ada, supplier, asset_provider):
    make_device("ZEPH", "ZMAP")
    b"".join(Browser(make_membership(asset_provider)).get("/reports/map-portfolio/download/"))

    html = ada.get(READERS).text

    assert "A MAP</td>" in html
    assert "MAP portfolio reports that included at least one" in html
    assert "Zenith Meter Assets" not in html


def test_dcc_sees_whose_devices_were_read(operator, overseer, supplier, rival, asset_provider):
    note_reading(supplier, "page", asset_provider)
    note_reading(rival, "list", asset_provider)

    html = overseer.get(READERS).text

    assert "Zephyr Energy" in html
    assert "Zodiac Power" in html


def test_map_that_may_not_see_suppliers_is_not_told_which_one_read(
    operator, sign_in, asset_provider, supplier, settings
):
    settings.MAP_SEES_SUPPLIER = False
    note_reading(asset_provider, "list", supplier)

    html = sign_in(asset_provider, Job.ADMINISTRATOR).get(READERS).text

    assert "A supplier or the DCC" in html
    assert "Zephyr Energy" not in html


def test_page_of_readers_says_when_there_are_none(ada):
    assert "No other organisation has read your devices yet" in ada.get(READERS).text


@pytest.mark.parametrize("name", ["from_day", "to_day"])
@pytest.mark.parametrize("path", ["/audit/", "/audit/download/"])
def test_date_that_no_calendar_goes_on_from_is_refused(sign_in, supplier, path, name):
    admin = sign_in(supplier, Job.ADMINISTRATOR)

    assert admin.get(path, {name: "9999-12-31"}).status_code == 400
