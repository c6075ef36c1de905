"""Each report of the catalogue: who can have it, on the page and through the API, and what its file holds."""

import re

import pytest
from django.core.management import call_command
from django.urls import reverse

from accounts.models import Organisation
from accounts.roles import GRANTS, Job, Role, allows
from inventory.data_items import BY_NAME
from inventory.reports.catalogue import CATALOGUE, Report
from tests.conftest import System
from tests.factories import make_device, make_token

REPORTS = list(CATALOGUE.values())
HAVE = [(report, role) for report in REPORTS for role in Role if allows(role, Job.VIEWER, report.permission)]
HAVE_NOT = [(report, role) for report in REPORTS for role in Role if (report, role) not in HAVE]


@pytest.fixture
def of_role(supplier, asset_provider, dcc) -> dict[Role, Organisation]:
    make_device("ZEPH", "ZMAP", msn="Z21E 10447")
    make_device("ZEPH", None)
    return {Role.SUPPLIER: supplier, Role.MAP: asset_provider, Role.DCC: dcc}


def named(given: object) -> str:
    return given.name if isinstance(given, Report) else str(given)


def download_of(report: Report) -> str:
    return reverse(f"{report.name}-download")


def lines_of(answer) -> list[str]:
    assert answer.status_code == 200
    return b"".join(answer.streaming_content).decode().split("\r\n")


@pytest.mark.parametrize(("report", "role"), HAVE, ids=named)
def test_report_is_listed_for_who_has_it_and_leads_to_its_page(report, role, of_role, sign_in):
    visitor = sign_in(of_role[role], Job.VIEWER)

    page = visitor.get("/reports/").content.decode()

    assert f'href="/{report.path}">{report.title}</a>' in page
    assert report.holds in page
    assert reverse(report.name) == f"/{report.path}"
    assert visitor.get(f"/{report.path}").status_code == 200


@pytest.mark.parametrize(("report", "role"), HAVE_NOT, ids=named)
def test_report_is_neither_listed_nor_given_to_who_has_it_not(report, role, of_role, sign_in):
    visitor, system = sign_in(of_role[role], Job.ADMINISTRATOR), System(make_token(of_role[role]))

    page = visitor.get("/reports/")

    assert page.status_code == 200
    assert report.title not in page.content.decode()
    assert visitor.get(download_of(report)).status_code == 403
    assert system.get(reverse(f"api-{report.name}-download")).status_code == 403


@pytest.mark.parametrize("job", Job)
@pytest.mark.parametrize("role", Role)
def test_page_and_api_list_the_same(role, job, of_role, sign_in):
    visitor = sign_in(of_role[role], job)

    page = visitor.get("/reports/").content.decode()
    of_page = re.findall(r'<th scope="row"[^>]*><a [^>]*>([^<]*)</a>', page)

    assert of_page == [report["title"] for report in visitor.get("/api/v1/reports/").json()["results"]]
    assert of_page == [report.title for report in REPORTS if allows(role, job, report.permission)]


def test_who_has_no_report_is_told_so(of_role, sign_in, monkeypatch):
    monkeypatch.setitem(GRANTS[Role.DCC], Job.VIEWER, frozenset())
    visitor = sign_in(of_role[Role.DCC], Job.VIEWER)

    page = visitor.get("/reports/")

    assert page.status_code == 200
    assert "There are no reports for DCC yet." in page.content.decode()


@pytest.mark.parametrize("role", Role)
def test_menu_leads_every_member_to_the_reports(role, of_role, sign_in):
    page = sign_in(of_role[role], Job.VIEWER).get("/").content.decode()

    assert '<a class="govuk-service-navigation__link" href="/reports/"' in page


@pytest.mark.parametrize(("report", "role"), HAVE, ids=named)
def test_header_is_the_columns_and_the_same_by_page_and_api(report, role, of_role, sign_in):
    visitor = sign_in(of_role[role], Job.VIEWER)

    of_page, of_api = (lines_of(visitor.get(url)) for url in (download_of(report), _of_api(report)))

    assert of_page == of_api
    assert of_page[0].split(",") == [item.name for item in report.columns]
    assert len(of_page) > 2


def _of_api(report: Report) -> str:
    return reverse(f"api-{report.name}-download")


@pytest.mark.parametrize("report", REPORTS, ids=named)
def test_map_id_is_carried_where_the_data_items_say_so(report):
    of_maps = {name for name in BY_NAME if name.startswith("map_")}

    assert of_maps & set(report.header) == {name for name in of_maps if report.name in BY_NAME[name].reports}


@pytest.mark.parametrize("report", REPORTS, ids=named)
def test_report_is_never_ordered_by_a_map_id_but_a_maps_own(report):
    if report.roles != [Role.MAP]:
        assert report.ordered_by == ("device_id",)


@pytest.mark.parametrize(("report", "role"), HAVE, ids=named)
def test_manifest_is_named_where_runs_are_kept(report, role, of_role, sign_in):
    answer = sign_in(of_role[role], Job.VIEWER).get(download_of(report))
    lines_of(answer)

    assert ("Link" in answer.headers) is report.keeps_runs


@pytest.mark.parametrize("report", REPORTS, ids=named)
def test_no_parameter_chooses_by_the_map_id(report):
    assert not [name for name in report.question.parameters if "map" in name or "provider" in name]


# The command's options are the report's question


def test_command_writes_the_report_of_an_earlier_date(of_role, tmp_path):
    output = tmp_path / "report.csv"

    call_command("map_report", "--organisation=Zenith Meter Assets", f"--output={output}", "--as-of=2024-05-01")

    assert output.read_text().splitlines()[1].startswith("2024-05-01,ZMAP,")
