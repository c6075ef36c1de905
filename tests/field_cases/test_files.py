"""Files as people have them, one test for each that once failed: read, or refused with the cure."""

import csv
import io
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Participant
from accounts.roles import Role
from inventory.loads.devices import REQUIRED_HEADER, LoadRefused, load_devices
from inventory.models import Device
from tests.factories import make_participant

ID, OTHER_ID = "00-DB-12-34-56-78-A0-01", "00-DB-12-34-56-78-A0-02"
ROW = {
    "device_id": ID, "device_type": "ESME", "smets_generation": "2", "smets_version": "5.1", "manufacturer": "ZT01",
    "model": "010A030B", "firmware": "0002012F", "esme_variant": "A", "status": "Commissioned",
    "status_from": "2024-03-02", "mpxn": "9910000001006", "msn": "Z21E 10447", "map_id": "ZMAP", "supplier_id": "ZEPH",
    "installed_on": "2024-03-01", "commissioned_on": "2024-03-02", "hub_id": "",
}  # fmt: skip

pytestmark = [pytest.mark.django_db(databases=["default", "owner"]), pytest.mark.usefixtures("operator", "listed")]
Write = Callable[[bytes | str], Path]


@pytest.fixture
def listed(db) -> None:
    make_participant("ZEPH", role=Role.SUPPLIER)
    make_participant("ZMAP")


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(content: bytes | str) -> Path:
        path = tmp_path / "devices.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return to_file


def text(*rows: dict[str, str], columns: tuple[str, ...] = REQUIRED_HEADER, separator: str = ",") -> str:
    written = io.StringIO()
    writer = csv.DictWriter(written, columns, delimiter=separator, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows or [ROW])
    return written.getvalue()


def assert_loaded(path: Path, says: str = "") -> None:
    done = load_devices(path)

    assert (done.created, done.remark) == (1, says)
    device = Device.objects.get()
    assert (device.device_id, device.mpxn, device.msn) == (ID, "9910000001006", "Z21E 10447")
    assert (device.installed_on, device.commissioned_on) == (date(2024, 3, 1), date(2024, 3, 2))


def problems_of(path: Path) -> list[str]:
    with pytest.raises(LoadRefused) as refused:
        load_devices(path)
    assert not Device.objects.exists()
    return refused.value.problems


# Form of the file


def test_line_with_a_backslash_and_a_full_stop_is_refused_with_its_number(write):
    first, *others = text(ROW, ROW | {"device_id": OTHER_ID}).splitlines(keepends=True)

    assert problems_of(write("".join([first, others[0], "\\.\r\n", others[1]]))) == [
        "Line 3: This row has 1 value; the header has 17 columns. Look for a missing comma."
    ]


@pytest.mark.parametrize(
    "end", ["\r\n", "\r\n\r\n", "  \r\n", ",,,\r\n", ",,,,,,,,,,,,,,,,\r\n" * 3, ",,,,,,,,,,,,,,,,,,,\r\n"]
)
def test_rows_of_nothing_are_left_out(write, end):
    assert_loaded(write(text() + end))


def test_blank_lines_and_empty_columns_around_the_table_are_left_out(write):
    header, row = text().splitlines()

    assert_loaded(write(f"\r\n\r\n{header},,\r\n{row},,\r\n"))


@pytest.mark.parametrize(("separator", "name"), [(";", "semicolon"), ("\t", "tab"), ("|", "vertical bar")])
def test_values_can_be_separated_otherwise(write, separator, name):
    assert_loaded(write(text(separator=separator)), f"The values are separated by {name}s.")


@pytest.mark.parametrize("line", ["sep=,", '"sep=,"', "SEP=,", "sep=,,,,,"])
def test_line_that_names_the_separator_is_passed_over(write, line):
    assert_loaded(write(f"{line}\r\n{text()}"), "The values are separated by commas.")


def test_line_that_names_the_separator_is_believed(write):
    assert_loaded(write(f"sep=^\r\n{text(separator='^')}"), "The values are separated by “^”s.")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_text_can_be_utf16(write, encoding):
    mark = "" if encoding == "utf-16" else "\ufeff"

    assert_loaded(write((mark + text()).encode(encoding)), "The file is in UTF-16.")


def test_byte_order_mark_is_no_part_of_the_first_column(write):
    assert_loaded(write(text().encode("utf-8-sig")))


def test_columns_can_come_in_any_order(write):
    assert_loaded(write(text(columns=tuple(reversed(REQUIRED_HEADER)))))


@pytest.mark.parametrize("name", [str.upper, str.title, lambda name: name.replace("_", " "), lambda name: f" {name} "])
def test_names_of_columns_are_known_however_they_are_written(write, name):
    header, row = text().splitlines()

    assert_loaded(write(f"{','.join(map(name, header.split(',')))}\r\n{row}\r\n"))


def test_column_with_nearly_the_right_name_is_named_beside_it(write):
    assert problems_of(write(text().replace("mpxn", "mpnx", 1))) == [
        "Line 1: The header has “mpnx”. Rename it to “mpxn”, if that is what it holds."
    ]


def test_zip_file_of_one_csv_is_read(tmp_path):
    path = tmp_path / "devices.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("export/devices.csv", text())

    assert_loaded(path)


@pytest.mark.parametrize(
    ("names", "says"),
    {
        ("a.csv", "b.csv"): "The zip file holds 2 CSV files. Unpack it, then load the one you want.",
        ("a.txt",): "The zip file holds no CSV files. Unpack it, then load the one you want.",
        ("[Content_Types].xml", "xl/workbook.xml"): "This is an Excel workbook. Open it and save it as “CSV UTF-8”.",
    }.items(),
)
def test_other_zip_files_are_explained(tmp_path, names, says):
    path = tmp_path / "devices.csv"
    with zipfile.ZipFile(path, "w") as packed:
        for name in names:
            packed.writestr(name, text())

    assert problems_of(path) == [says]


@pytest.mark.parametrize("content", [b"PK\x03\x04 cut off", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500)])
def test_damaged_zip_and_old_workbook_are_explained(write, content):
    (problem,) = problems_of(write(content))

    assert "Unpack it yourself" in problem or "This is an Excel workbook" in problem


# Values


@pytest.mark.parametrize(
    ("installed", "commissioned"),
    [
        ("2024-03-01Z", "2024-03-02Z"),
        ("1/3/2024", "2/3/2024"),
        ("01/03/2024 00:00", "02/03/2024 00:00:00"),
        ("2024-03-01T00:00:00Z", "2024-03-02T00:00:00.000+00:00"),
        ("01-Mar-2024", "2 March 2024"),
        ("01.03.2024", "2024/3/2"),
        ("20240301", "20240302"),
    ],
)
def test_dates_are_read_as_they_are_written(write, installed, commissioned):
    assert_loaded(write(text(ROW | {"installed_on": installed, "commissioned_on": commissioned})))


@pytest.mark.parametrize("day", ["03/13/2024", "01/03/24", "45352", "2024-03-01 14:30", "soon", "N/A"])
def test_what_is_no_date_is_refused(write, day):
    (problem,) = problems_of(write(text(ROW | {"installed_on": day})))

    assert problem.startswith(f"Line 2, installed_on “{day}”: Enter a real date since 2000")


@pytest.mark.parametrize(
    ("item", "value"),
    [
        ("device_id", "00 DB 12 34 56 78 A0 01"),
        ("device_id", "0x00DB12345678A001"),
        ("device_id", "{00db.1234.5678.a001}"),
        ("mpxn", "MPAN: 99 1000 0001 006"),
        ("mpxn", "'9910000001006"),
        ("msn", "“Z21E 10447”"),
    ],
)
def test_identifiers_are_taken_out_of_what_they_are_wrapped_in(write, item, value):
    assert_loaded(write(text(ROW | {item: value})))


def test_numbers_that_a_spreadsheet_has_shortened_are_explained(write):
    problems = problems_of(write(text(ROW | {"model": "3.04E+06", "mpxn": "9.91E+12"})))

    cure = "A spreadsheet seems to have shortened it: format its column as text, then enter it again."
    assert problems == [f"Line 2, model “3.04E+06”: {cure}", f"Line 2, mpxn “9.91E+12”: {cure}"]


@pytest.mark.parametrize("word", ["N/A", "#N/A", "n/a", "TBC", "Unknown", "NULL", "-"])
def test_what_stands_for_a_missing_msn_is_not_recorded(write, word):
    (problem,) = problems_of(write(text(ROW | {"msn": word})))

    assert problem == f"Line 2, msn “{word}”: This stands for a missing value. Leave it empty instead."


def test_hexadecimal_digits_are_no_shortened_number(write):
    load_devices(write(text(ROW | {"model": "010E0203"})))

    assert Device.objects.get().model == "010E0203"


# Market domain data

NAMES = (
    '"Market Participant ID","Market Participant Name"\r\n'
    '"ZAAA","Made-up Assets Ltd"\r\n"ZBBB","Made-up Supply Ltd"\r\n'
)
ROLES = (
    '"Market Participant ID","Market Participant Role Code","Effective From Date (MPR)","Effective To Date (MPR)"\r\n'
    '"ZAAA","8","01/02/2010",""\r\n"ZBBB","X","01/02/2010",""\r\n'
)


def loaded_codes() -> set[str]:
    return set(Participant.objects.filter(code__in=["ZAAA", "ZBBB"]).values_list("code", flat=True))


def test_published_files_are_found_by_their_names_with_a_version(tmp_path, capsys):
    (tmp_path / "Market_Participant_233.csv").write_text(NAMES)
    (tmp_path / "Market_Participant_231.csv").write_text("old")
    (tmp_path / "Market_Participant_Role_232.csv").write_text(ROLES)

    call_command("load_participants", tmp_path)

    assert loaded_codes() == {"ZAAA", "ZBBB"}
    assert (
        "Market_Participant_233.csv and Market_Participant_Role_232.csv are of different versions."
        in capsys.readouterr().out
    )


def test_published_zip_file_is_read(tmp_path):
    path = tmp_path / "mdd.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("MDD 233/Market_Participant_233.csv", NAMES)
        packed.writestr("MDD 233/Market_Participant_Role_233.csv", ROLES)
        packed.writestr("MDD 233/Line_Loss_Factor_Class_233.csv", "a\r\nb\r\n")

    call_command("load_participants", path)

    assert loaded_codes() == {"ZAAA", "ZBBB"}


def test_problem_in_a_zip_file_names_the_file_in_it(tmp_path):
    path = tmp_path / "mdd.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("Market_Participant.csv", NAMES)
        packed.writestr("Market_Participant_Role.csv", ROLES.replace("01/02/2010", "soon", 1))

    with pytest.raises(CommandError, match=r"mdd\.zip/Market_Participant_Role\.csv, line 2: .*“soon” is not a date\."):
        call_command("load_participants", path)


def test_one_of_the_two_files_alone_is_explained(tmp_path):
    path = tmp_path / "Market_Participant_233.csv"
    path.write_text(NAMES)

    with pytest.raises(CommandError, match="Give the folder that holds both"):
        call_command("load_participants", path)


def test_headers_of_2010_are_read(tmp_path):
    (tmp_path / "Market_Participant.csv").write_text(NAMES.replace("Participant ID", "Participant Id"))
    roles = ROLES.replace("Participant ID", "Participant Id").replace("(MPR)", "{MPR}")
    (tmp_path / "Market_Participant_Role.csv").write_text(roles)

    call_command("load_participants", tmp_path)

    assert loaded_codes() == {"ZAAA", "ZBBB"}
