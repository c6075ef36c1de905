"""Reports by the API: the catalogue, the files, and the runs with their manifests."""

import gzip
import hashlib
import json

import pytest

from accounts.files import places
from accounts.models.audit import AuditRow
from accounts.roles import Job
from inventory.data_items import MAP_PORTFOLIO
from inventory.models import ReportRun
from inventory.reports.catalogue import CATALOGUE
from tests.api.sending import refused
from tests.conftest import System
from tests.factories import make_device, make_token

REPORTS, RUNS = "/api/v1/reports/", "/api/v1/reports/runs/"
PORTFOLIO, DEVICES = f"{REPORTS}map-portfolio/download/", f"{REPORTS}device-list/download/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def provider(supplier, asset_provider, rival, rival_provider) -> System:
    make_device("ZEPH", "ZMAP")
    make_device("ZODI", "ZMAB")
    return System(make_token(asset_provider))


@pytest.fixture
def system(provider, supplier) -> System:
    return System(make_token(supplier))


def path_of(url: str) -> str:
    return url.removeprefix("http://testserver")


def link_of(answer) -> str:
    url, _, rel = answer.headers["Link"].partition("; ")
    assert rel == 'rel="describedby"'
    return path_of(url.strip("<>"))


def test_catalogue_has_what_one_may_download(provider, system, dcc):
    names = [
        {report["name"]: path_of(report["download"]) for report in who.get(REPORTS).json()["results"]}
        for who in (provider, system, System(make_token(dcc)))
    ]

    assert names == [{"map-portfolio": PORTFOLIO}, {"device-list": DEVICES}, {"device-list": DEVICES}]


def test_catalogue_tells_the_columns_of_the_file(provider):
    (report,) = provider.get(REPORTS).json()["results"]

    header = b"".join(provider.get(path_of(report["download"]))).decode().splitlines()[0]

    assert header.split(",") == report["columns"] == CATALOGUE[MAP_PORTFOLIO].header
    assert path_of(report["runs"]) == RUNS


def test_portfolio_is_the_page_s_file_with_a_manifest(provider, asset_provider, sign_in):
    answer = provider.get(PORTFOLIO)
    content = b"".join(answer)
    of_page = b"".join(sign_in(asset_provider).get("/reports/map-portfolio/download/"))

    manifest = provider.get(link_of(answer)).json()

    assert content == of_page
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="map-portfolio_zenith')
    assert (manifest["rows"], manifest["bytes"], manifest["outcome"]) == (1, len(content), "complete")
    assert manifest["sha256"] == hashlib.sha256(content).hexdigest()
    assert manifest["codes"] == ["ZMAP", "ZMG"]


def test_packed_file_is_verified_unpacked(provider):
    answer = provider.get(PORTFOLIO, headers={"Accept-Encoding": "gzip"})

    content = gzip.decompress(b"".join(answer))

    assert provider.get(link_of(answer)).json()["sha256"] == hashlib.sha256(content).hexdigest()


def test_portfolio_of_the_past_is_had_by_its_day(provider):
    answer = provider.get(PORTFOLIO, {"as_of": "2024-05-01"})

    lines = b"".join(answer).decode().splitlines()

    assert lines[1].startswith("2024-05-01,ZMAP,")
    assert provider.get(link_of(answer)).json()["as_of"] == "2024-05-01"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"as_of": "soon"}, {"as_of": "invalid"}),
        ({"known_on": "2024-05-01"}, {"as_of": "invalid"}),
        ({"format": "csv"}, {"format": "unknown_parameter"}),
        ({"map_id": "ZMAB"}, {"map_id": "unknown_parameter"}),
        ({"as_of": ""}, {"as_of": "empty"}),
    ],
)
def test_parameters_of_the_portfolio_are_taken_strictly(operator, provider, query, expected):
    assert refused(provider.get(PORTFOLIO, query)) == expected
    assert not ReportRun.objects.exists()


@pytest.mark.parametrize("accept", ["*/*", "text/csv", "application/json", "text/csv, application/json;q=0.5"])
def test_file_is_csv_to_whoever_asks(provider, accept):
    answer = provider.get(PORTFOLIO, headers={"Accept": accept})

    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"


def test_head_begins_nothing(operator, provider):
    answer = provider.head(PORTFOLIO)

    assert answer.status_code == 200
    assert "Link" not in answer.headers
    assert not ReportRun.objects.exists()


def test_full_house_is_told_as_a_problem(provider, monkeypatch):
    monkeypatch.setattr(places, "OF_ONE_SUBJECT", 0)

    answer = provider.get(PORTFOLIO, headers={"Accept": "text/csv"})

    assert refused(answer, 503) == {}
    assert answer.headers["Retry-After"] == "30"
    assert answer.json()["type"].endswith("#busy")


def test_device_list_is_the_page_s_file_of_what_was_searched(operator, system, supplier, sign_in):
    wanted = make_device("ZEPH", msn="Z21E 10447")

    content = b"".join(system.get(DEVICES, {"msn": "z21e10447"}))

    assert content == b"".join(sign_in(supplier).get("/devices/download/", {"msn": "z21e10447"}))
    assert content.count(b"\r\n") == 2
    assert wanted.device_id.encode() in content
    row = AuditRow.objects.filter(kind="list_downloaded").earliest("pk")
    assert (row.via, row.details["keys"]) == ("api", ["msn"])


@pytest.mark.parametrize("parameter", ["map_id", "page_size", "cursor", "acting", "format"])
def test_device_list_takes_its_filters_alone(system, parameter):
    assert refused(system.get(DEVICES, {parameter: "1"})) == {parameter: "unknown_parameter"}


def test_each_report_is_for_its_role(provider, system):
    assert [provider.get(DEVICES).status_code, system.get(PORTFOLIO).status_code] == [403, 403]
    assert [system.get(path).status_code for path in (RUNS, f"{RUNS}{'0' * 8}-0000-4000-8000-{'0' * 12}/")] == [403] * 2


def test_runs_are_the_own_organisation_s_newest_first(operator, provider, asset_provider, rival_provider):
    for _ in range(2):
        b"".join(provider.get(PORTFOLIO))
    foreign = System(make_token(rival_provider))
    b"".join(foreign.get(PORTFOLIO))

    runs = provider.get(RUNS).json()["results"]

    assert [run["id"] for run in runs] == [
        str(run.pk) for run in ReportRun.objects.filter(organisation=asset_provider).order_by("-started_at")
    ]
    assert provider.get(f"{RUNS}{runs[0]['id']}/").json() == runs[0]
    manifest = provider.get(path_of(runs[0]["manifest"])).json()
    assert (manifest["run"], manifest["sha256"]) == (runs[0]["id"], runs[0]["sha256"])


@pytest.mark.parametrize("more", ["", "manifest/"])
def test_foreign_and_unknown_run_get_the_same_answer(operator, provider, rival_provider, more):
    foreign = ReportRun.objects.create(organisation=rival_provider, report="map-portfolio", as_of="2026-01-01")

    answers = [provider.get(f"{RUNS}{pk}/{more}") for pk in (foreign.pk, "00000000-0000-4000-8000-000000000000")]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert len({json.dumps(answer.json() | {"reference": ""}) for answer in answers}) == 1


def test_person_downloads_by_session_as_on_the_page(operator, asset_provider, provider, sign_in):
    browser = sign_in(asset_provider, Job.VIEWER)

    b"".join(browser.get(PORTFOLIO))

    assert ReportRun.objects.get().requested_by == browser.membership.user
