"""Worklists as files: the devices that the list counts, without what they would tell of MAPs."""

import csv
import io
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Participant, RunningDownload
from accounts.roles import Job
from inventory.devices.worklists import WORKLISTS
from inventory.models import ReportRun
from tests.as_owner import overwrite
from tests.factories import make_device, make_participant

YESTERDAY = timezone.localdate() - timedelta(days=1)


def path_of(name: str) -> str:
    return f"/devices/to-do/{name}/download/"


def rows_of(answer) -> list[dict[str, str]]:
    assert answer.status_code == 200
    return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))


def ids(rows: list[dict[str, str]]) -> list[str]:
    return [row["device_id"] for row in rows]


@pytest.fixture
def devices(operator, supplier, rival, asset_provider, rival_provider, dcc):
    ended = make_participant("ZOLD")
    made = {
        "without": make_device("ZEPH", None, msn=""),
        "ended": make_device("ZEPH", "ZOLD", asset_provider=ended),
        "whole": make_device("ZEPH", "ZMAP", msn="Z1"),
        "rivals": make_device("ZODI", None, msn=""),
    }
    overwrite(Participant.objects.filter(code="ZOLD"), effective_to=YESTERDAY)
    return made


@pytest.mark.parametrize("job", Job)
def test_file_holds_the_list_of_the_own_scope(devices, supplier, sign_in, job):
    visitor = sign_in(supplier, job)
    answer = visitor.get(path_of("map-id"))

    assert ids(rows_of(answer)) == sorted(devices[name].device_id for name in ("without", "ended"))
    assert ids(rows_of(visitor.get(path_of("msn")))) == [devices["without"].device_id]
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="to-do-map-id_zephyr-energy_')


@pytest.mark.parametrize("job", Job)
@pytest.mark.parametrize("name", ["map-id", "msn"])
def test_file_has_no_map_id_and_tells_the_dcc_no_number_of_an_ended_code(devices, dcc, sign_in, job, name):
    rows = rows_of(sign_in(dcc, job).get(path_of(name)))

    assert ids(rows) == sorted(devices[name].device_id for name in ("without", "rivals"))
    assert not [column for column in rows[0] if column.startswith("map_")]
    assert "ZOLD" not in str(rows)


def test_map_has_the_files_of_its_own_lists_only(devices, asset_provider, sign_in):
    devices["own"] = make_device("ZEPH", "ZMAP", msn="")
    visitor = sign_in(asset_provider)

    assert ids(rows_of(visitor.get(path_of("msn")))) == [devices["own"].device_id]
    assert visitor.get(path_of("map-id")).status_code == 404


@pytest.mark.parametrize("name", WORKLISTS)
def test_page_offers_the_file_where_there_are_devices(devices, supplier, sign_in, name):
    page = sign_in(supplier).get(f"/devices/to-do/{name}/").content.decode()

    assert ("Download this list (CSV)" in page) is (name != "duplicate-msn")
    assert (f'href="{path_of(name)}?' in page) is (name != "duplicate-msn")


def test_download_is_noted_and_keeps_no_run(devices, supplier, sign_in):
    visitor = sign_in(supplier, Job.ADMINISTRATOR)
    rows_of(visitor.get(path_of("msn")))

    assert "downloaded the list “No MSN recorded”" in visitor.get("/audit/").content.decode()
    assert not ReportRun.objects.exists()


def test_download_takes_one_of_the_places_for_files(devices, supplier, sign_in):
    answer = sign_in(supplier).get(path_of("msn"))

    assert RunningDownload.objects.count() == 1
    rows_of(answer)
    assert not RunningDownload.objects.exists()


def test_unknown_parameter_is_refused(devices, supplier, sign_in):
    assert sign_in(supplier).get(path_of("map-id"), {"map_id": "ZOLD"}).status_code == 400


def test_signed_out_the_link_leads_to_the_list(db, client):
    assert client.get(path_of("msn")).headers["Location"].endswith("?next=/devices/to-do/msn/")
