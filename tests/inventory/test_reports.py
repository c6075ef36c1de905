"""The MAP portfolio report: its rows, its bytes, its record and its manifest; for page and command."""

import csv
import gzip
import hashlib
import json
from datetime import date, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from accounts.files import places
from accounts.models import Organisation, RunningDownload
from accounts.roles import Job, Role
from inventory.data_items import MAP_PORTFOLIO
from inventory.models import ReportRun
from inventory.reports.catalogue import CATALOGUE, Asked
from inventory.reports.run import chunks_of, plan_run
from tests.conftest import Browser, end
from tests.factories import INSTALLED, bind, make_device, make_organisation, make_participant

PATH = "/reports/map-portfolio/download/"
REPORT = CATALOGUE[MAP_PORTFOLIO]
HEADER = REPORT.header


@pytest.fixture
def visitor(supplier, rival, asset_provider, rival_provider, sign_in):
    """Somebody of Zenith, among devices of Zenith, of a rival, and of nobody."""
    make_device("ZEPH", "ZMAP", mpxn="9910000001006", msn="Z21E 10447")
    make_device("ZPG", "ZMG", device_type="GSME", msn="G4Z486399530")
    make_device("ZODI", "ZMAP", status="InstalledNotCommissioned", commissioned_on=None)
    make_device("ZEPH", "ZMAB")
    make_device("ZEPH", None)
    return sign_in(asset_provider, Job.VIEWER)


def body(response) -> bytes:
    return b"".join(response.streaming_content)


def rows_of(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(data.decode().splitlines()))


def count_by_sql(organisation: Organisation) -> int:
    """Independent of the portal's own query vocabulary."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(*) FROM inventory_device d
               JOIN accounts_participant p ON p.id = d.asset_provider_id AND p.role = 'map'
               WHERE EXISTS (SELECT 1 FROM accounts_binding b
                             WHERE b.organisation_id = %s AND b.role = 'map' AND b.fuel = p.fuel AND b.code = p.code
                               AND b.valid_from <= current_date AND coalesce(b.valid_to >= current_date, true))""",
            [organisation.pk],
        )
        return cursor.fetchone()[0]


def test_report_holds_exactly_the_devices_of_the_organisations_map_ids(operator, visitor, asset_provider):
    rows = rows_of(body(visitor.get(PATH)))

    assert len(rows) == count_by_sql(asset_provider) == 3
    assert {row["map_id"] for row in rows} == {"ZMAP", "ZMG"}


def test_rows_are_ordered_by_map_id_and_device_id(visitor):
    rows = rows_of(body(visitor.get(PATH)))

    assert [(row["map_id"], row["device_id"]) for row in rows] == sorted((r["map_id"], r["device_id"]) for r in rows)


def test_values_are_written_as_the_contract_says(visitor):
    row = next(row for row in rows_of(body(visitor.get(PATH))) if row["msn"] == "Z21E 10447")

    assert row["as_of"] == timezone.localdate().isoformat()
    assert (row["fuel"], row["smets_generation"], row["smi_status"]) == ("E", "2", "Commissioned")
    assert (row["supplier_id"], row["map_recorded_by"]) == ("ZEPH", "ZEPH")
    assert (row["installed_on"], row["decommissioned_on"], row["quality_flags"]) == ("2024-03-01", "", "")
    assert datetime.strptime(row["map_recorded_at"], "%Y-%m-%dT%H:%M:%SZ")


def test_status_is_the_duis_word(visitor):
    assert "InstalledNotCommissioned" in {row["smi_status"] for row in rows_of(body(visitor.get(PATH)))}


def test_lines_end_as_rfc_4180_asks(visitor):
    data = body(visitor.get(PATH))

    assert data.count(b"\r\n") == data.count(b"\n") == 4
    assert data.split(b"\r\n")[0].decode().split(",") == HEADER


def test_map_with_no_code_gets_a_header_and_no_rows(sign_in):
    data = body(sign_in(make_organisation(role=Role.MAP)).get(PATH))

    assert data.decode() == ",".join(HEADER) + "\r\n"


def test_binding_that_has_ended_gives_no_rows(sign_in):
    organisation = make_organisation(role=Role.MAP)
    bind(organisation, make_participant("ZMAP"), valid_to=timezone.localdate() - timedelta(days=1))
    make_device("ZEPH", "ZMAP")

    assert rows_of(body(sign_in(organisation).get(PATH))) == []


def test_withheld_column_stays_and_is_empty(visitor, settings):
    settings.MAP_SEES_MPXN = settings.MAP_SEES_SUPPLIER = False

    rows = rows_of(body(visitor.get(PATH)))

    assert list(rows[0]) == HEADER
    assert {(row["mpxn"], row["supplier_id"], row["supplier_from"]) for row in rows} == {("", "", "")}


def test_previous_supplier_is_reported_with_its_last_day(supplier, asset_provider, rival, sign_in):
    previous = make_participant("ZWAS", role=Role.SUPPLIER)
    make_device("ZEPH", "ZMAP", previous_supplier=previous, previous_supplier_to=date(2025, 1, 31))

    row = rows_of(body(sign_in(asset_provider).get(PATH)))[0]

    assert (row["previous_supplier_id"], row["previous_supplier_to"]) == ("ZWAS", "2025-01-31")


def test_flags_are_joined_by_semicolons(supplier, asset_provider, sign_in):
    make_device("ZEPH", "ZMAP", msn="", map_from=INSTALLED - timedelta(days=1))

    row = rows_of(body(sign_in(asset_provider).get(PATH)))[0]

    assert row["quality_flags"] == "map_from_before_installed;no_msn"


# What is recorded of a run


def test_run_records_rows_bytes_and_hash(operator, visitor, asset_provider):
    data = body(visitor.get(PATH))

    run = ReportRun.objects.get()
    assert (run.rows, run.bytes, run.sha256) == (3, len(data), hashlib.sha256(data).hexdigest())
    assert (run.organisation, run.requested_by, run.outcome) == (asset_provider, visitor.membership.user, "complete")
    assert run.started_at <= run.known_at <= timezone.now()


def test_manifest_is_where_the_download_says_and_proves_the_file(visitor):
    response = visitor.get(PATH)
    data = body(response)
    link = response.headers["Link"]

    manifest = visitor.get(link[1 : link.index(">")]).json()

    assert link.endswith('/manifest/>; rel="describedby"')
    assert manifest["sha256"] == hashlib.sha256(data).hexdigest()
    assert (manifest["rows"], manifest["bytes"], manifest["outcome"]) == (3, len(data), "complete")
    assert manifest["organisation"] == "Zenith Meter Assets"
    assert manifest["statement"] == "As recorded by suppliers in the SMI; not proof of title."
    assert manifest["file_name"] in response.headers["Content-Disposition"]


def test_compressed_download_is_the_same_file(operator, visitor):
    plain = body(visitor.get(PATH))
    packed = visitor.get(PATH, headers={"Accept-Encoding": "gzip, deflate"})

    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(body(packed)) == plain
    assert len(set(ReportRun.objects.values_list("sha256", "bytes"))) == 1


@pytest.mark.parametrize(
    ("accepts", "packed"),
    [("gzip", True), ("br, gzip;q=0.5", True), ("gzip;q=0", False), ("gzip; q=0.0, br", False), ("", False)],
)
def test_compression_follows_what_the_client_accepts(visitor, accepts, packed):
    response = visitor.get(PATH, headers={"Accept-Encoding": accepts})

    assert ("Content-Encoding" in response.headers) is packed


def test_head_answers_headers_and_runs_nothing(operator, visitor):
    response = visitor.head(PATH)

    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "zenith-meter-assets" in response.headers["Content-Disposition"]
    assert "Content-Length" not in response.headers
    assert not ReportRun.objects.exists()


def test_report_that_is_closed_before_its_end_is_broken_off(operator, visitor, asset_provider, acting):
    who, asked = acting(asset_provider), Asked(timezone.localdate())
    chunks = chunks_of(plan_run(REPORT, asked, by=who), asked, who)
    next(chunks)
    chunks.close()

    run = ReportRun.objects.get()
    assert (run.outcome, run.rows, run.sha256) == (ReportRun.Outcome.BROKEN_OFF, None, "")


def test_run_without_outcome_shows_as_broken_off_after_an_hour(asset_provider):
    young = ReportRun(organisation=asset_provider, started_at=timezone.now() - timedelta(minutes=59))
    old = ReportRun(organisation=asset_provider, started_at=timezone.now() - timedelta(minutes=61))

    assert young.outcome_now == ReportRun.Outcome.RUNNING
    assert old.outcome_now == ReportRun.Outcome.BROKEN_OFF


def test_runs_are_shown_to_the_own_organisation_only(operator, visitor, rival_provider, dcc, sign_in):
    body(visitor.get(PATH))
    run = ReportRun.objects.get()

    assert run.sha256 in visitor.get("/reports/map-portfolio/").content.decode()
    assert run.sha256 not in sign_in(rival_provider).get("/reports/map-portfolio/").content.decode()
    assert sign_in(rival_provider).get(f"/reports/runs/{run.pk}/manifest/").status_code == 404
    assert sign_in(dcc).get(f"/reports/runs/{run.pk}/manifest/").status_code == 403


def test_other_formats_are_refused(visitor):
    assert visitor.get(PATH, {"format": "csv"}).status_code == 200
    refused = visitor.get(PATH, {"format": "pdf"})

    assert refused.status_code == 400
    assert "Choose csv or xlsx." in refused.content.decode()


# The manifest as a page


def test_manifest_is_a_page_to_a_browser_and_json_to_others(operator, visitor):
    body(visitor.get(PATH))
    path = f"/reports/runs/{ReportRun.objects.get().pk}/manifest/"

    page = visitor.get(path, headers={"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"})
    told = [visitor.get(path), visitor.get(path, headers={"Accept": "*/*"})]
    told.append(visitor.get(path, {"format": "json"}, headers={"Accept": "text/html"}))

    assert page.headers["Content-Type"].startswith("text/html")
    assert ReportRun.objects.get().sha256 in page.content.decode()
    assert {answer.json()["sha256"] for answer in told} == {ReportRun.objects.get().sha256}
    assert "Accept" in page.headers["Vary"]


def test_manifest_says_how_each_column_is_read(operator, visitor, settings):
    settings.MAP_SEES_MPXN = False
    body(visitor.get(PATH))
    told = visitor.get(f"/reports/runs/{ReportRun.objects.get().pk}/manifest/").json()["columns"]

    columns = {column["name"]: column for column in told}
    assert [column["name"] for column in told] == HEADER
    assert columns["msn"] == {"name": "msn", "type": "text", "empty": "No MSN is recorded."}
    assert columns["mpxn"]["empty"] == "Always empty: it is withheld from your role."
    assert {name for name, column in columns.items() if column["type"] == "date"} == {
        name for name in HEADER if name == "as_of" or name.endswith(("_from", "_on", "_to"))
    }


# From a link, without a sign-in


@pytest.mark.parametrize(
    ("link", "page"),
    [
        (f"{PATH}?format=csv", "/reports/map-portfolio/"),
        (f"{PATH}?as_of=2025-03-31&format=xlsx", "/reports/map-portfolio/?as_of=2025-03-31&format=xlsx"),
        ("/devices/download/?device_type=ESME&format=csv", "/devices/?device_type=ESME"),
    ],
)
def test_link_to_a_file_leads_by_way_of_sign_in_to_the_page_that_offers_it(db, client, link, page):
    answer = client.get(link)

    assert answer.status_code == 302
    assert parse_qs(urlsplit(answer.headers["Location"]).query)["next"] == [page]


def test_one_person_has_two_downloads_at_a_time(operator, visitor, asset_provider, sign_in, monkeypatch):
    """Wherever they are signed in."""
    monkeypatch.setattr(places, "OF_ONE_MACHINE", 8)
    monkeypatch.setattr(places, "OF_ONE_PROCESS", 8)
    tabs = [visitor, *(Browser(visitor.membership) for _ in range(3))]
    running = [tab.get(PATH) for tab in tabs[:2]]

    refused, of_another = tabs[2].get(PATH), sign_in(asset_provider).get(PATH)
    end(running.pop())
    accepted = tabs[3].get(PATH)

    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "30")
    assert "You already have 2 downloads running." in refused.content.decode()
    assert of_another.status_code == accepted.status_code == 200
    assert ReportRun.objects.count() == 4


@pytest.mark.parametrize("bound", ["OF_ONE_MACHINE", "OF_ONE_PROCESS"])
def test_pages_keep_their_share_of_machine_and_process(operator, visitor, asset_provider, sign_in, monkeypatch, bound):
    monkeypatch.setattr(places, bound, 1)
    running = visitor.get(PATH)
    other = sign_in(asset_provider)

    refused = other.get(PATH)
    body(running)  # to the end: then its place is free, whether the server has closed the answer or not
    accepted = other.get(PATH)

    assert "Too many downloads are running." in refused.content.decode()
    assert (refused.status_code, accepted.status_code) == (503, 200)


def test_other_machines_and_processes_have_places_of_their_own(operator, visitor, monkeypatch):
    monkeypatch.setattr(places, "OF_ONE_MACHINE", 2)
    monkeypatch.setattr(places, "OF_ONE_PROCESS", 1)
    here, process = places.socket.gethostname(), places.os.getpid()
    for host, number in ((here, process + 1), ("elsewhere", process), ("elsewhere", process + 1)):
        RunningDownload.objects.create(host=host, process=number, subject="person:0")

    assert visitor.get(PATH).status_code == 200


def test_place_of_a_killed_process_is_free_after_two_minutes(operator, visitor, monkeypatch):
    monkeypatch.setattr(places, "OF_ONE_MACHINE", 1)
    lost = RunningDownload.objects.create(host=places.socket.gethostname(), process=1, subject="person:0")

    while_it_may_live = visitor.get(PATH)
    RunningDownload.objects.update(seen_at=lost.seen_at - timedelta(seconds=RunningDownload.LOST_AFTER + 1))
    afterwards = visitor.get(PATH)

    assert (while_it_may_live.status_code, afterwards.status_code) == (503, 200)
    assert not RunningDownload.objects.filter(pk=lost.pk).exists()


def test_what_fails_before_the_first_byte_gives_its_place_back(operator, visitor, monkeypatch):
    """The request's transaction is undone, and the place with it."""
    monkeypatch.setattr(ReportRun, "save", lambda *_, **__: 1 / 0)
    for _ in range(10):
        with pytest.raises(ZeroDivisionError):
            visitor.get(PATH)

    assert not RunningDownload.objects.exists()


# The command


def test_command_writes_the_bytes_of_the_page_and_a_manifest(visitor, tmp_path, capsys):
    downloaded = body(visitor.get(PATH))
    output = tmp_path / "report.csv"

    call_command("map_report", organisation="zenith meter assets", output=output)

    manifest = json.loads((tmp_path / "report.csv.manifest.json").read_text())
    assert output.read_bytes() == downloaded
    assert manifest["sha256"] == hashlib.sha256(downloaded).hexdigest()
    assert "3 devices" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.csv", "report.csv.manifest.json"]


@pytest.mark.parametrize(("name", "says"), [("Zephyr Energy", "Only a MAP"), ("Nobody", "no organisation")])
def test_command_refuses_who_has_no_portfolio(visitor, tmp_path, name, says):
    with pytest.raises(CommandError, match=says):
        call_command("map_report", organisation=name, output=tmp_path / "report.csv")

    assert not list(tmp_path.iterdir())


def test_command_that_cannot_write_says_so(visitor, tmp_path):
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("map_report", organisation="Zenith Meter Assets", output=tmp_path / "none" / "report.csv")
