"""The MAP portfolio report as an Excel workbook: the cells of the CSV, none of which a spreadsheet changes."""

import csv
import hashlib
import io
import re
import zipfile
from datetime import date, timedelta
from xml.etree import ElementTree

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from accounts.files import streams
from accounts.roles import Job
from inventory.data_items import MAP_PORTFOLIO, Kind
from inventory.models import ReportRun
from inventory.reports import run as runs
from inventory.reports import workbook
from inventory.reports.catalogue import CATALOGUE
from tests.factories import make_device

PATH = "/reports/map-portfolio/download/"
COLUMNS = CATALOGUE[MAP_PORTFOLIO].columns
TEXTS = [place for place, item in enumerate(COLUMNS) if item.kind in (Kind.TEXT, Kind.MOMENT)]
MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


@pytest.fixture
def visitor(supplier, rival, asset_provider, sign_in):
    make_device("ZEPH", "ZMAP", mpxn="9910000001006", msn="0012345678", model="010E0203", firmware="00000001")
    make_device("ZODI", "ZMAP", msn="1E203")
    make_device("ZPG", "ZMG", device_type="GSME", msn="G4Z486399530")
    return sign_in(asset_provider, Job.VIEWER)


def body(response) -> bytes:
    assert response.status_code == 200
    return b"".join(response.streaming_content)


def sheet_of(data: bytes) -> ElementTree.Element:
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        return ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))


def place_of(cell: ElementTree.Element) -> int:
    number = 0
    for letter in re.match("[A-Z]+", cell.get("r"))[0]:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def value_of(cell: ElementTree.Element, kind: Kind) -> str:
    if cell.get("t") == "inlineStr":
        return "".join(cell.itertext())
    number = int(cell.find(f"{MAIN}v").text)
    return (date(1899, 12, 30) + timedelta(days=number)).isoformat() if kind is Kind.DATE else str(number)


def lines_of(data: bytes) -> list[list[str]]:
    """The sheet's cells in words of the CSV."""
    lines = []
    for row in sheet_of(data).iter(f"{MAIN}row"):
        line = [""] * len(COLUMNS)
        for cell in row:
            place = place_of(cell)
            line[place] = value_of(cell, COLUMNS[place].kind)
        lines.append(line)
    return lines


def test_workbook_holds_what_the_csv_holds(operator, visitor):
    plain = list(csv.reader(io.StringIO(body(visitor.get(PATH)).decode())))
    answer = visitor.get(PATH, {"format": "xlsx"}, headers={"Accept-Encoding": "gzip"})

    assert lines_of(body(answer)) == plain
    assert len(plain) == 4
    assert answer.headers["Content-Type"] == streams.XLSX
    assert "Content-Encoding" not in answer.headers
    assert answer.headers["Content-Disposition"].endswith('.xlsx"')


def test_identifiers_are_texts_and_nothing_is_a_formula(operator, visitor):
    data = body(visitor.get(PATH, {"format": "xlsx"}))
    sheet = sheet_of(data)

    assert not list(sheet.iter(f"{MAIN}f"))
    assert {cell.get("t") for cell in sheet.iter(f"{MAIN}c") if place_of(cell) in TEXTS} == {"inlineStr"}
    held = {cell for line in lines_of(data) for cell in line}
    assert {"9910000001006", "0012345678", "010E0203", "00000001", "1E203"} <= held


def test_run_has_the_format_the_rows_and_the_hash_of_its_own_bytes(operator, visitor):
    data = body(visitor.get(PATH, {"format": "xlsx"}))

    run = ReportRun.objects.get()
    assert (run.format, run.rows, run.bytes, run.outcome) == ("xlsx", 3, len(data), "complete")
    assert run.sha256 == hashlib.sha256(data).hexdigest()
    assert "Excel" in visitor.get("/reports/map-portfolio/").content.decode()


def test_command_writes_a_workbook(visitor, tmp_path):
    output = tmp_path / "report.xlsx"

    call_command("map_report", organisation="Zenith Meter Assets", output=output, format="xlsx")

    assert len(lines_of(output.read_bytes())) == 4


def test_more_rows_than_a_sheet_holds_are_refused_and_csv_is_offered(operator, visitor, tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "LINES", 3)

    refused = visitor.get(PATH, {"format": "xlsx"})
    with pytest.raises(CommandError, match="Choose CSV instead"):
        call_command("map_report", organisation="Zenith Meter Assets", output=tmp_path / "a.xlsx", format="xlsx")

    assert refused.status_code == 400
    assert "Choose CSV instead." in refused.content.decode()
    assert not ReportRun.objects.exists()
    assert visitor.get(PATH).status_code == 200


def test_row_too_many_at_the_last_moment_breaks_the_run_off(operator, visitor, monkeypatch):
    monkeypatch.setattr(workbook, "LINES", 3)

    with pytest.raises(workbook.TooLong):
        body(visitor.get(PATH, {"format": "xlsx"}))

    assert ReportRun.objects.get().outcome == ReportRun.Outcome.FAILED


PRINTABLE = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp", "Cn")), max_size=20)


TEXT = st.one_of(PRINTABLE, st.builds(str.__add__, st.sampled_from("=+-@"), PRINTABLE))


@given(st.lists(st.lists(TEXT, min_size=len(TEXTS), max_size=len(TEXTS)), max_size=5))
def test_any_text_comes_back_as_it_was(texts):
    lines = [[item.name for item in COLUMNS]]
    for values in texts:
        line = [""] * len(COLUMNS)
        for place, value in zip(TEXTS, values, strict=True):
            line[place] = value
        lines.append(line)
    written = io.StringIO()
    csv.writer(written).writerows(lines)

    pieces = (piece for piece in [written.getvalue().encode()])
    made = b"".join(workbook.workbook_chunks(pieces, COLUMNS, "2026-11-28"))

    assert not list(sheet_of(made).iter(f"{MAIN}f"))
    assert [line for line in lines_of(made) if any(line)] == [line for line in lines if any(line)]
