"""The MAP portfolio report as of an earlier day: its form, its file, and what its manifest says of both dates."""

import csv
import hashlib
import io
import re
from datetime import date, datetime, timedelta

import pytest
from django.utils import timezone

from accounts.dates import NO_DATE
from accounts.models import Binding
from accounts.roles import Job
from inventory.models import Device, ReportRun, StepKind
from tests.as_owner import overwrite
from tests.conftest import Browser
from tests.factories import INSTALLED, bind, listed, make_device, provided_by, supplied_by

PAGE, FILE = "/reports/map-portfolio/", "/reports/map-portfolio/download/"
SOLD, BEFORE = date(2025, 6, 1), date(2025, 3, 31)
TODAY = timezone.localdate()


@pytest.fixture
def devices(supplier, rival, asset_provider, rival_provider, dcc) -> dict[str, Device]:
    made = {
        "kept": make_device("ZEPH", "ZMAP", msn="Z1"),
        "sold": make_device("ZEPH", "ZMAP", msn="Z2"),
        "bought": make_device("ZEPH", "ZMAB", msn="Z3"),
        "foreign": make_device("ZEPH", "ZMAB", msn="Z4"),
    }
    provided_by(made["sold"], "ZMAB", SOLD)
    provided_by(made["bought"], "ZMAP", SOLD)
    return made


@pytest.fixture
def analyst(asset_provider, sign_in) -> Browser:
    return sign_in(asset_provider, Job.VIEWER)


def rows_of(answer) -> list[dict[str, str]]:
    assert answer.status_code == 200
    return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))


def names(devices: dict[str, Device], rows: list[dict[str, str]]) -> set[str]:
    return {name for name, device in devices.items() if device.device_id in {row["device_id"] for row in rows}}


# The form


def test_form_prepares_a_link_to_the_report_of_that_day(devices, analyst):
    page = analyst.get(PAGE, {"as_of": "31/03/2025", "known_on": "01/06/2025"}).content.decode()

    assert "Download as of 31 March 2025, using only what was recorded by 1 June 2025 (CSV)" in page
    assert "as_of=31%2F03%2F2025&amp;known_on=01%2F06%2F2025" in page


def test_link_that_was_prepared_gives_the_report(devices, analyst):
    page = analyst.get(PAGE, {"as_of": "31/03/2025"}).content.decode()
    link = re.search(rf'href="({FILE}[^"]*as_of[^"]*)"', page)[1]

    assert names(devices, rows_of(analyst.get(link.replace("&amp;", "&")))) == {"kept", "sold"}


def test_both_dates_are_explained(devices, analyst):
    page = analyst.get(PAGE).content.decode()

    assert "Choose the date you want to see." in page
    assert "add a cut-off date for later corrections" in page
    assert "Download as of" not in page


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"as_of": "31/02/2025"}, NO_DATE),
        ({"as_of": (TODAY + timedelta(days=1)).isoformat()}, "Enter a date from 1 January 2000 to today."),
        ({"as_of": "1999-12-31"}, "Enter a date from 1 January 2000 to today."),
        (
            {"as_of": "2025-03-31", "known_on": (TODAY + timedelta(days=1)).isoformat()},
            "Enter a date from 1 January 2000",
        ),
        ({"known_on": "2025-03-31"}, "Enter the date you want to see."),
        ({"as_of": "2025-03-31", "map_id": "ZMAP"}, "There is no parameter “map_id” here."),
    ],
)
@pytest.mark.parametrize("path", [PAGE, FILE])
def test_bad_day_is_refused_with_its_sentence_and_no_run_begins(operator, devices, analyst, path, asked, sentence):
    answer = analyst.get(path, asked)

    assert answer.status_code == 400
    assert sentence in answer.content.decode()
    assert "Download as of" not in answer.content.decode()
    assert not ReportRun.objects.exists()


@pytest.mark.parametrize("who", ["supplier", "dcc"])
@pytest.mark.parametrize("path", [PAGE, FILE])
def test_report_is_for_maps_only(devices, request, sign_in, who, path):
    visitor = sign_in(request.getfixturevalue(who), Job.ADMINISTRATOR)

    assert visitor.get(path, {"as_of": "2025-03-31"}).status_code == 403


@pytest.mark.parametrize("path", [PAGE, FILE])
def test_report_is_only_read(devices, analyst, path):
    assert analyst.submit(f"{path}?as_of=2025-03-31").status_code == 405


# The file


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (INSTALLED - timedelta(days=1), set()),
        (INSTALLED, {"kept", "sold"}),
        (BEFORE, {"kept", "sold"}),
        (SOLD - timedelta(days=1), {"kept", "sold"}),
        (SOLD, {"kept", "bought"}),
        (TODAY, {"kept", "bought"}),
    ],
)
def test_file_holds_the_meters_of_the_day(devices, analyst, day, expected):
    rows = rows_of(analyst.get(FILE, {"as_of": day.isoformat()}))

    assert names(devices, rows) == expected
    assert {row["as_of"] for row in rows} <= {day.isoformat()}
    assert {row["map_id"] for row in rows} <= {"ZMAP"}


def test_file_of_today_is_the_file_without_a_day(devices, analyst):
    today = b"".join(analyst.get(FILE, {"as_of": TODAY.isoformat()}).streaming_content)
    live = b"".join(analyst.get(FILE).streaming_content)

    assert today == live


def test_rows_have_the_parties_of_the_day(devices, analyst):
    supplied_by(devices["kept"], "ZODI", date(2025, 5, 1))

    before = rows_of(analyst.get(FILE, {"as_of": "2025-04-30"}))
    after = rows_of(analyst.get(FILE, {"as_of": "2025-05-01"}))

    shown = [next(r for r in rows if r["msn"] == "Z1") for rows in (before, after)]
    assert [row["supplier_id"] for row in shown] == ["ZEPH", "ZODI"]
    assert [row["previous_supplier_id"] for row in shown] == ["", "ZEPH"]


def test_file_as_known_before_the_devices_were_loaded_is_empty(devices, analyst):
    yesterday = (TODAY - timedelta(days=1)).isoformat()

    assert rows_of(analyst.get(FILE, {"as_of": "2025-03-31", "known_on": yesterday})) == []


def test_late_recording_counts_for_its_day(devices, analyst):
    provided_by(devices["foreign"], "ZMAP", INSTALLED, kind=StepKind.CORRECTION)

    assert names(devices, rows_of(analyst.get(FILE, {"as_of": "2025-03-31"}))) == {"kept", "sold", "foreign"}


def test_code_that_was_handed_over_is_reported_by_whose_it_was_on_the_day(
    operator, devices, analyst, rival_provider, sign_in
):
    overwrite(Binding.objects.filter(code="ZMAP"), valid_to=date(2025, 12, 31))
    bind(rival_provider, listed("ZMAP"), valid_from=date(2026, 1, 1))
    heir = sign_in(rival_provider)

    assert names(devices, rows_of(analyst.get(FILE, {"as_of": "2025-12-31"}))) == {"kept", "bought"}
    assert rows_of(analyst.get(FILE, {"as_of": "2026-01-01"})) == []
    assert names(devices, rows_of(heir.get(FILE, {"as_of": "2026-01-01"}))) == {"kept", "bought", "sold", "foreign"}


# The manifest


def manifest_of(analyst: Browser, **asked: str) -> tuple[dict[str, object], bytes]:
    answer = analyst.get(FILE, asked)
    data = b"".join(answer.streaming_content)
    link = answer.headers["Link"].split(">")[0].removeprefix("<")
    return analyst.get(link).json(), data


def test_manifest_says_the_day_and_until_when_recordings_count(devices, analyst):
    manifest, data = manifest_of(analyst, as_of="31/03/2025", known_on=(TODAY - timedelta(days=1)).isoformat())

    midnight = timezone.make_aware(datetime.combine(TODAY, datetime.min.time()))
    assert manifest["as_of"] == "2025-03-31"
    assert datetime.fromisoformat(manifest["known_at"]) == midnight - timedelta(microseconds=1)
    assert (manifest["rows"], manifest["outcome"]) == (0, "complete")
    assert manifest["sha256"] == hashlib.sha256(data).hexdigest()
    assert manifest["file_name"] == "map-portfolio_zenith-meter-assets_2025-03-31.csv"


def test_manifest_of_all_that_is_known_says_when_it_was_read(devices, analyst):
    began = timezone.now()

    manifest, _ = manifest_of(analyst, as_of="2025-03-31")

    assert began <= datetime.fromisoformat(manifest["known_at"]) <= timezone.now()
    assert (manifest["as_of"], manifest["rows"], manifest["codes"]) == ("2025-03-31", 2, ["ZMAP", "ZMG"])


def test_manifest_names_the_codes_of_the_day(operator, devices, analyst):
    overwrite(Binding.objects.filter(code="ZMG"), valid_to=date(2025, 1, 31))

    assert manifest_of(analyst, as_of="2025-01-31")[0]["codes"] == ["ZMAP", "ZMG"]
    assert manifest_of(analyst, as_of="2025-02-01")[0]["codes"] == ["ZMAP"]


def test_asked_again_as_known_then_the_file_is_the_same(operator, devices, analyst):
    """What was recorded since does not change a report of the past as known in the past."""
    known = {"as_of": "2025-03-31", "known_on": (TODAY - timedelta(days=1)).isoformat()}
    first, _ = manifest_of(analyst, **known)
    provided_by(devices["foreign"], "ZMAP", date(2025, 1, 1))
    Device.objects.filter(pk=devices["kept"].pk).update(msn="Z9")

    assert manifest_of(analyst, **known)[0]["sha256"] == first["sha256"]


def test_runs_are_listed_with_their_day_to_the_own_organisation(devices, analyst, rival_provider, sign_in):
    manifest_of(analyst, as_of="2025-03-31")

    assert "31 March 2025" in analyst.get(PAGE).content.decode()
    assert "31 March 2025" not in sign_in(rival_provider).get(PAGE).content.decode()
