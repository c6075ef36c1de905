"""Reports from the command line, at the portal as it is really served: whole and proven, or no file at all."""

import hashlib
import io
import json
from datetime import date
from pathlib import Path

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts.roles import Job, Role
from inventory.data_items import MAP_PORTFOLIO
from inventory.demo.generation import generate_devices
from inventory.models import ReportRun
from inventory.reports.catalogue import CATALOGUE
from tests.client.slow_line import slow_line
from tests.factories import make_device, make_participant, provided_by
from tests.inventory.test_kills import kill_all, workers_of
from tests.server import running

MANY = 42_000  # devices, of which 15,000 in a report of 3.1 MB: more than the buffers between server and client hold

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


@pytest.fixture
def smi(smi_of, asset_provider, rival_provider):
    """As a viewer of Zenith Meter Assets."""
    return smi_of(asset_provider, Job.VIEWER)


def left():
    return sorted(path.name for path in Path.cwd().iterdir())


def test_report_is_the_file_that_the_portals_own_command_writes_and_what_its_manifest_says(smi, tmp_path):
    for _ in range(200):
        make_device("ZEPH", "ZMAP")

    ended = smi("report", "download", "map-portfolio")
    file = Path(f"map-portfolio_zenith-meter-assets_{timezone.localdate()}.csv")
    data, manifest = file.read_bytes(), json.loads(Path(f"{file}.manifest.json").read_text())
    call_command("map_report", organisation="Zenith Meter Assets", output=tmp_path / "own.csv", stdout=io.StringIO())
    runs = [json.loads(line) for line in smi("report", "runs", "--json").out.splitlines()]
    shown = smi("report", "runs", "--limit", "1").out.splitlines()

    assert ended[:2] == (0, f"{file}: as its manifest says.\n")
    assert ended.err.startswith(f"{len(data):,} bytes, 200 rows, ")
    assert data == (tmp_path / "own.csv").read_bytes()
    assert (manifest["sha256"], manifest["rows"]) == (hashlib.sha256(data).hexdigest(), 200)
    assert [(run["outcome"], run["sha256"]) for run in runs] == [("complete", manifest["sha256"])] * 2
    assert shown[0].split() == ["started_at", "report", "as_of", "outcome", "rows", "bytes", "id"]
    assert shown[1].split() == [str(runs[0][name]) for name in shown[0].split()]


def test_report_of_a_day_gone_by_and_what_each_role_is_offered(smi, smi_of, supplier):
    device = make_device("ZEPH", "ZMAP")
    provided_by(device, "ZMAB", date(2025, 1, 1))
    of_supplier = smi_of(supplier, Job.VIEWER)

    past = smi("report", "download", "map-portfolio", "-o", "past.csv", "--as-of", "2024-12-31")
    present = smi("report", "download", "map-portfolio", "-o", "present.csv")
    devices = of_supplier("report", "download", "device-list", "-o", "devices.csv")
    refused = of_supplier("report", "download", "map-portfolio", "-o", "refused.csv")
    unknown = smi("report", "download", "../../health", "-o", "unknown.csv")
    wrong = smi("report", "download", "map-portfolio", "-o", "wrong.csv", "--as-of", "1999-12-31")

    assert (past.code, present.code) == (0, 0)
    assert f"2024-12-31,ZMAP,2024-03-01,{device}," in Path("past.csv").read_text()
    assert Path("present.csv").read_text().splitlines() == [",".join(CATALOGUE[MAP_PORTFOLIO].header)]
    assert devices[:2] == (0, "devices.csv: no manifest to verify against.\n")
    assert [ended.code for ended in (refused, unknown, wrong)] == [1, 1, 1]
    assert "as_of: Enter a date from 1 January 2000 to today." in wrong.err
    assert smi("report", "list").out == "map-portfolio  MAP portfolio report\n"
    assert of_supplier("report", "list").out == "device-list  Device list\n"
    of_two = [f"{name}.csv{ending}" for name in ("past", "present") for ending in ("", ".manifest.json")]
    assert left() == ["devices.csv", *of_two]


def test_server_killed_in_the_middle_of_a_report_leaves_no_file_and_is_said_in_a_sentence(
    operator, smi_of, asset_provider
):
    make_participant("ZEPH", role=Role.SUPPLIER)
    generate_devices(count=MANY, seed=1, today=timezone.localdate())
    with (
        running() as server,
        slow_line(server.port, 100_000, lambda: kill_all(server.pid, *workers_of(server.pid))) as url,
    ):
        ended = smi_of(asset_provider, Job.VIEWER, url)("report", "download", "map-portfolio", "-o", "portfolio.csv")

    received, broken = ended.err.splitlines()
    assert (ended.code, ended.out) == (3, "")
    assert int(received.partition(" bytes")[0].replace(",", "")) > 50_000
    assert broken.startswith("The connection broke off before the end: ")
    assert left() == []
    assert list(ReportRun.objects.values_list("outcome", flat=True)) == ["running"]
