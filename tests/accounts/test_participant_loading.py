from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from accounts.dates import NO_DATE
from accounts.files import reading
from accounts.files.reading import RowProblem
from accounts.models import Participant
from accounts.participants.loading import load_participants
from accounts.participants.reading import COLUMNS, MDD_NAMES, MDD_ROLES, BrokenList
from accounts.roles import Role
from tests.factories import make_participant

GENUINE = settings.BASE_DIR.parent / "shared/data/mdd-2017-11"
HEADER = ",".join(COLUMNS)
SOUND = "ZABC,E,map,Zed Metering,2015-01-01,,"
NAMES_HEADER = '"Market Participant ID","Market Participant Name","Pool Member ID"'
ROLES_HEADER = (
    '"Market Participant ID","Market Participant Role Code","Effective From Date (MPR)","Effective To Date (MPR)",'
    '"Address 1","Address 2","Address 3","Address 4","Address 5","Address 6","Address 7","Address 8","Address 9",'
    '"Post Code","Distributor Short Code"'
)
REST = ',"","","","","","","","","","",""'

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("operator")]


@pytest.fixture
def csv_file(tmp_path):
    """`csv_file(row, …)`: a file of these rows below the right header."""

    def write(*rows: str, header: str = HEADER, name: str = "list.csv") -> Path:
        path = tmp_path / name
        path.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
        return path

    return write


@pytest.fixture
def mdd(tmp_path):
    """`mdd(names, roles)`: a folder of market domain data, of (code, name) and (code, role, from, to)."""

    def write(names: list[tuple[str, str]], roles: list[tuple[str, str, str, str]]) -> Path:
        name_rows = [f'"{code}","{name}",""' for code, name in names]
        role_rows = [",".join(f'"{cell}"' for cell in row) + REST for row in roles]
        (tmp_path / MDD_NAMES).write_text("\r\n".join([NAMES_HEADER, *name_rows, ""]))
        (tmp_path / MDD_ROLES).write_text("\r\n".join([ROLES_HEADER, *role_rows, ""]))
        return tmp_path

    return write


def listed() -> list[tuple]:
    return list(Participant.objects.values_list().order_by("pk"))


def problems_of(*paths: Path) -> list[str]:
    """The sentences with which a load is refused, after which nothing has changed."""
    before = listed()
    with pytest.raises(BrokenList) as refused:
        load_participants(paths)
    assert listed() == before
    return [str(problem) for problem in refused.value.problems]


# What a load does


def test_csv_row_becomes_an_entry(csv_file):
    load_participants([csv_file("zg1,g,Supplier, Zed   Gas ,01/02/2015,2020-12-31,Dummy")])

    entry = Participant.objects.get()
    assert (entry.code, entry.fuel, entry.role, entry.name) == ("ZG1", "G", "supplier", "Zed Gas")
    assert (entry.effective_from, entry.effective_to) == (date(2015, 2, 1), date(2020, 12, 31))
    assert entry.kind == "dummy"


def test_kind_left_empty_is_live(csv_file):
    load_participants([csv_file(SOUND)])

    assert Participant.objects.get().kind == "live"


def test_columns_may_stand_in_another_order(csv_file):
    load_participants(
        [csv_file("map,E,ZABC,,live,Zed,2015-01-01", header="role,fuel,code,effective_to,kind,name,effective_from")]
    )

    assert Participant.objects.get().code == "ZABC"


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_byte_order_mark_and_any_line_ending_are_read(tmp_path, ending):
    path = tmp_path / "list.csv"
    path.write_bytes(b"\xef\xbb\xbf" + ending.join([HEADER, SOUND, "", ",,,,,,"]).encode())

    assert len(load_participants([path]).added) == 1


def test_market_domain_data_gives_maps_and_suppliers_only(mdd):
    folder = mdd(
        [("ABCD", "Alpha"), ("EFGH", "Epsilon")],
        [
            ("ABCD", "8", "01/04/2010", ""),
            ("ABCD", "X", "02/04/2010", "31/12/2019"),
            ("EFGH", "M", "no date", ""),
        ],
    )

    load_participants([folder])

    entries = Participant.objects.values_list("fuel", "role", "code", "name", "effective_from", "effective_to")
    assert sorted(entries) == [
        ("E", "map", "ABCD", "Alpha", date(2010, 4, 1), None),
        ("E", "supplier", "ABCD", "Alpha", date(2010, 4, 2), date(2019, 12, 31)),
    ]


def test_known_dummy_and_test_codes_get_their_kind(mdd):
    folder = mdd(
        [("CUST", "Customers"), ("CIDB", "B")], [("CUST", "8", "01/04/2010", ""), ("CIDB", "8", "01/04/2010", "")]
    )

    load_participants([folder])

    assert dict(Participant.objects.values_list("code", "kind")) == {"CUST": "dummy", "CIDB": "test"}


def test_name_that_says_test_stays_live_and_is_reported(csv_file):
    outcome = load_participants(
        [csv_file("ZABC,E,map,MRA TEST ID,2015-01-01,,", "ZDEF,E,map,Contested Smartest Ltd,2015-01-01,,")]
    )

    assert [entry.holder.code for entry in outcome.undecided] == ["ZABC"]
    assert Participant.objects.get(code="ZABC").kind == "live"


def test_name_that_says_test_is_not_reported_once_its_kind_is_said(csv_file):
    outcome = load_participants([csv_file("ZABC,E,map,Driving Test Metering,2015-01-01,,live")])

    assert outcome.undecided == []


def test_same_list_twice_changes_nothing_and_says_so(csv_file):
    path = csv_file(SOUND, "ZG1,G,map,Zed Gas,2015-01-01,,test")
    load_participants([path])
    before = listed()

    outcome = load_participants([path])

    assert listed() == before
    assert outcome.summary() == "Participants: nothing changed, the list holds all 2 entries already."


def test_entry_of_the_same_start_is_ended_and_renamed(csv_file):
    entry = make_participant("ZABC", name="Old", effective_from=date(2015, 1, 1))

    outcome = load_participants([csv_file("ZABC,E,map,New,2015-01-01,2020-01-01,")])

    entry.refresh_from_db()
    assert (entry.name, entry.effective_to) == ("New", date(2020, 1, 1))
    assert (len(outcome.ended), len(outcome.renamed), len(outcome.added)) == (1, 1, 0)


@pytest.mark.parametrize("end", ["", "2021-01-01"])
def test_end_may_be_moved_or_taken_back(csv_file, end):
    entry = make_participant("ZABC", name="Zed", effective_from=date(2015, 1, 1), effective_to=date(2020, 1, 1))

    outcome = load_participants([csv_file(f"ZABC,E,map,Zed,2015-01-01,{end},")])

    entry.refresh_from_db()
    assert str(entry.effective_to or "") == end
    assert (len(outcome.end_changed), len(outcome.ended)) == (1, 0)


def test_kind_that_was_decided_outlives_a_list_without_kinds(csv_file, mdd):
    make_participant("ZABC", name="Zed Test", effective_from=date(2015, 1, 1), kind="test")

    outcome = load_participants([mdd([("ZABC", "Zed Test")], [("ZABC", "8", "01/01/2015", "")])])

    assert Participant.objects.get().kind == "test"
    assert outcome.undecided == []


def test_kind_changes_when_the_file_says_it(csv_file):
    make_participant("ZABC", name="Zed", effective_from=date(2015, 1, 1))

    outcome = load_participants([csv_file("ZABC,E,map,Zed,2015-01-01,,test")])

    assert Participant.objects.get().kind == "test"
    assert "1 given another kind" in outcome.summary()


def test_code_missing_from_the_list_is_reported_and_left_as_it_is(csv_file):
    make_participant("ZOLD")
    make_participant("ZOL")
    make_participant("ZSUP", role=Role.SUPPLIER)
    before = listed()

    outcome = load_participants([csv_file(SOUND)])

    assert [entry.holder.code for entry in outcome.missing] == ["ZOLD"]
    assert listed()[: len(before)] == before


def test_market_domain_data_covers_both_roles(mdd):
    make_participant("ZSUP", role=Role.SUPPLIER)

    outcome = load_participants([mdd([("ZABC", "Zed")], [("ZABC", "8", "01/01/2015", "")])])

    assert [entry.holder.code for entry in outcome.missing] == ["ZSUP"]


def test_code_may_end_and_come_back(csv_file):
    make_participant("ZABC", name="Zed", effective_from=date(2015, 1, 1))

    outcome = load_participants([csv_file("ZABC,E,map,Zed,2015-01-01,2019-12-31,", "ZABC,E,map,Zed,2020-01-01,,")])

    assert (len(outcome.ended), len(outcome.added)) == (1, 1)


def test_several_paths_are_one_load(csv_file):
    first = csv_file("ZABC,E,map,Zed,2015-01-01,2019-12-31,", name="first.csv")
    second = csv_file("ZABC,E,map,Zed,2020-01-01,,", "ZG1,G,map,Zed,2020-01-01,,", name="second.csv")

    outcome = load_participants([first, second])

    assert (len(outcome.added), outcome.missing) == (3, [])


def test_dry_run_changes_nothing_and_says_the_same_with_would_be(csv_file):
    make_participant("ZREN", name="Old", effective_from=date(2015, 1, 1))
    make_participant("ZEND", name="End", effective_from=date(2015, 1, 1))
    make_participant("ZMIS")
    before = listed()
    path = csv_file(SOUND, "ZREN,E,map,New,2015-01-01,,", "ZEND,E,map,End,2015-01-01,2019-12-31,dummy")

    dry = load_participants([path], dry_run=True)
    after_dry_run = listed()
    real = load_participants([path])

    assert after_dry_run == before
    assert [line.replace("would be ", "") for line in dry.details()] == real.details()
    assert dry.summary() == (
        "Participants: 1 would be added (1 MAP); 1 would be ended; 1 would be renamed; "
        "1 would be given another kind; 1 missing from the files, left as they are."
    )


def test_dry_run_of_a_known_list_says_that_nothing_would_be_changed(csv_file):
    path = csv_file(SOUND)
    load_participants([path])

    outcome = load_participants([path], dry_run=True)

    assert outcome.summary() == "Participants: nothing would be changed, the list holds the one entry already."


@pytest.mark.skipif(not GENUINE.is_dir(), reason="the genuine list lies outside the repository")
def test_genuine_list_is_loaded():
    outcome = load_participants([GENUINE])

    maps = Participant.objects.filter(role=Role.MAP)
    assert (maps.count(), Participant.objects.filter(role=Role.SUPPLIER).count()) == (75, 184)
    assert list(maps.exclude(effective_to=None).values_list("code", flat=True)) == ["WPEM", "WPWM"]
    assert set(maps.exclude(kind="live").values_list("code", "kind")) == {
        ("CUST", "dummy"),
        ("CIDA", "test"),
        ("CIDB", "test"),
        ("CIDC", "test"),
    }
    assert (outcome.missing, outcome.undecided) == ([], [])
    assert "259 added (75 MAP, 184 Supplier)" in outcome.summary()


@pytest.mark.skipif(not GENUINE.is_dir(), reason="the genuine list lies outside the repository")
def test_genuine_list_twice_changes_nothing():
    load_participants([GENUINE])

    assert "nothing changed" in load_participants([GENUINE]).summary()


# What a load refuses

BROKEN_ROWS = {
    "ABCDE,E,map,Zed,2015-01-01,,": "“ABCDE” has 5 characters. An electricity code has 4.",
    "ABCD,G,map,Zed,2015-01-01,,": "“ABCD” has 4 characters. A gas code has 3.",
    ",E,map,Zed,2015-01-01,,": "“” has 0 characters.",
    "АBCD,E,map,Zed,2015-01-01,,": "has CYRILLIC CAPITAL LETTER A as character 1",
    "AB\u200bD,E,map,Zed,2015-01-01,,": "has ZERO WIDTH SPACE as character 3",
    "AB-D,E,map,Zed,2015-01-01,,": "has HYPHEN-MINUS as character 3",
    "ABCſ,E,map,Zed,2015-01-01,,": "has LATIN SMALL LETTER LONG S as character 4",
    "ABCD,W,map,Zed,2015-01-01,,": "fuel: “W” is not a fuel. Write E for electricity or G for gas.",
    "ABCD,E,dcc,Zed,2015-01-01,,": "role: “dcc” is not a role. Write map or supplier.",
    "ABCD,E,map,,2015-01-01,,": "name: The name is empty.",
    f"ABCD,E,map,{'Z' * 121},2015-01-01,,": "has 121 characters. A name has at most 120.",
    "ABCD,E,map,Z\u202eed,2015-01-01,,": "holds a character that cannot be seen (U+202E).",
    "ABCD,E,map,Zed,,,": "effective_from: Enter a date, for example 23/11/2026.",
    "ABCD,E,map,Zed,1/2/15,,": "“1/2/15” is not a date. Enter the year with four digits, for example 23/11/2026.",
    "ABCD,E,map,Zed,30/02/2015,,": "“30/02/2015” is not a date. Enter a real date, for example 23/11/2026",
    "ABCD,E,map,Zed,0215-01-01,,": "“0215-01-01” is not a date.",
    "ABCD,E,map,Zed,٢٠١٥-01-01,,": "is not a date.",
    "ABCD,E,map,Zed,2015-01-01,soon,": "effective_to: “soon” is not a date.",
    "ABCD,E,map,Zed,2015-01-02,2015-01-01,": "The end, 2015-01-01, is before the start, 2015-01-02.",
    "ABCD,E,map,Zed,2015-01-01,,real": "kind: “real” is not a kind. Write live, dummy or test, or leave it empty.",
    "ABCD,E,map,Zed,2015-01-01": "This row has 5 values; the header has 7 columns. Look for a missing comma.",
    "ABCD,E,map,Zed,2015-01-01,,,x": "This row has 8 values; the header has 7 columns. Look for an extra comma.",
    'ABCD,E,map,"Zed" Ltd,2015-01-01,,': "The quotation marks do not match.",
    'ABCD,E,map,"Zed,2015-01-01,,': "The quotation marks do not match.",
    "ABCD,E,map,Z\0ed,2015-01-01,,": "A value contains a NUL character.",
    "ABCD,E,map,Z\x07ed,2015-01-01,,": "A value contains a control character.",
    'ABCD,E,map,"Zed\nLtd",2015-01-01,,': "A value contains a line break.",
}


@pytest.mark.parametrize(("row", "sentence"), BROKEN_ROWS.items())
def test_broken_row_is_refused_with_its_line(csv_file, row, sentence):
    (problem,) = problems_of(csv_file(SOUND, row))

    assert "list.csv, line 3: " in problem
    assert sentence in problem


def test_row_without_end_is_refused(csv_file):
    problems = problems_of(csv_file(f"ABCD,E,map,{'Z' * 200_000},2015-01-01,,"))

    assert "line 2: A row has more than 100,000 characters." in problems[0]


def test_bytes_that_are_not_utf8_are_refused_with_their_line(csv_file):
    path = csv_file(SOUND)
    path.write_bytes(path.read_bytes() + "ZDEF,E,map,Café,2015-01-01,,\n".encode("latin-1"))

    (problem,) = problems_of(path)

    assert problem == f"{path}, line 3: This row is not UTF-8. Save the file as “CSV UTF-8”."


BROKEN_FILES = {
    b"": "list.csv: The file is empty.",
    b"\n , ,\n": "list.csv: The file is empty.",
    HEADER.encode(): "list.csv, line 1: There are no rows below the header.",
    HEADER.replace(",kind", "").encode(): "line 1: The header is missing “kind”.",
    HEADER.replace("kind", "code").encode(): (
        "line 1: The header is missing “kind”. Add it. The header has “code” more than once. Keep each only once."
    ),
    f"{HEADER},end".encode(): "line 1: The header has columns that are not expected: “end”. Remove it.",
    HEADER.replace(",", ":").encode(): "The header is missing “code”, “fuel”, ",
}


@pytest.mark.parametrize(("content", "sentence"), BROKEN_FILES.items())
def test_broken_file_is_refused(csv_file, content, sentence):
    path = csv_file()
    path.write_bytes(content)

    (problem,) = problems_of(path)

    assert sentence in problem


def test_missing_file_is_refused(tmp_path):
    assert problems_of(tmp_path / "none.csv") == [f"{tmp_path / 'none.csv'}: The file does not exist. Check its path."]


def test_file_name_that_cannot_be_is_refused(tmp_path):
    (problem,) = problems_of(tmp_path / ("z" * 300))

    assert "The file cannot be read: File name too long." in problem


def test_folder_without_the_files_is_refused(tmp_path):
    assert problems_of(tmp_path) == [
        f"{tmp_path / MDD_NAMES}: The file does not exist. Check its path.",
        f"{tmp_path / MDD_ROLES}: The file does not exist. Check its path.",
    ]


def test_too_large_a_file_is_refused(csv_file, monkeypatch):
    monkeypatch.setattr(reading, "LARGEST", 10)

    (problem,) = problems_of(csv_file(SOUND))

    assert "The file is larger than" in problem


def test_too_many_rows_are_refused(csv_file, monkeypatch):
    monkeypatch.setattr(reading, "MOST_ROWS", 1)

    (problem,) = problems_of(csv_file(SOUND, "ZDEF,E,map,Zed,2015-01-01,,"))

    assert "line 3: The file has more than 1 rows." in problem


def test_all_errors_of_all_files_come_at_once(csv_file):
    first = csv_file("ABCDE,E,map,,2015-13-01,,", SOUND, name="a.csv")
    second = csv_file("ABCD,X,map,Zed,2015-01-01,,", SOUND, name="b.csv")

    problems = problems_of(first, second)

    assert [problem.removeprefix(f"{first.parent}/").partition(": ")[0] for problem in problems] == [
        "a.csv, line 2",
        "a.csv, line 2",
        "a.csv, line 2",
        "b.csv, line 2",
        "b.csv, line 3",
    ]


def test_same_entry_twice_is_refused(csv_file):
    path = csv_file(SOUND, SOUND.replace("ZABC", "zabc"))

    assert problems_of(path) == [f"{path}, line 3: E MAP ZABC from 2015-01-01 stands on line 2 of {path} already."]


def test_overlapping_periods_in_the_files_are_refused(csv_file):
    path = csv_file(
        "ZABC,E,map,Zed,2015-01-01,2030-12-31,",
        "ZABC,E,map,Zed,2016-01-01,2016-12-31,",
        "ZABC,E,map,Zed,2018-01-01,,",
        "ZABC,E,supplier,Zed,2018-01-01,,",
    )

    assert problems_of(path) == [
        f"{path}, line 3: E MAP ZABC from 2016-01-01 to 2016-12-31 overlaps that on line 2 of {path}, "
        "from 2015-01-01 to 2030-12-31.",
        f"{path}, line 4: E MAP ZABC from 2018-01-01 overlaps that on line 2 of {path}, from 2015-01-01 to 2030-12-31.",
    ]


def test_period_may_begin_on_the_day_after_the_last(csv_file):
    path = csv_file("ZABC,E,map,Zed,2015-01-01,2016-12-31,", "ZABC,E,map,Zed,2017-01-01,,")

    assert len(load_participants([path]).added) == 2


def test_period_may_not_begin_on_the_last_day_of_another(csv_file):
    path = csv_file("ZABC,E,map,Zed,2016-12-31,,", "ZABC,E,map,Zed,2015-01-01,2016-12-31,")

    (problem,) = problems_of(path)

    assert f"{path}, line 3: " in problem


@pytest.mark.parametrize("start", ["2014-01-01", "2016-01-01"])
def test_overlap_with_an_entry_that_the_file_does_not_end_is_refused(csv_file, start):
    make_participant("ZABC", name="Zed", effective_from=date(2015, 1, 1))
    path = csv_file(f"ZABC,E,map,Zed,{start},,")

    assert problems_of(path) == [
        f"{path}, line 2: E MAP ZABC from {start} overlaps an entry in the list, from 2015-01-01, "
        "which the files do not end."
    ]


def test_errors_of_rows_and_overlaps_with_the_list_come_at_once(csv_file):
    make_participant("ZABC", name="Zed", effective_from=date(2014, 1, 1))

    problems = problems_of(csv_file(SOUND, "ABCDE,E,map,Zed,2015-01-01,,"))

    assert len(problems) == 2


def test_role_of_a_participant_without_a_name_is_refused(mdd):
    folder = mdd(
        [("ABCD", ""), ("ABCD", "Alpha")],
        [("ABCD", "8", "01/01/2015", ""), ("ABCD", "X", "01/01/2015", ""), ("EFGH", "8", "01/01/2015", "")],
    )

    assert problems_of(folder) == [
        f"{folder / MDD_NAMES}, line 2: Market Participant Name: The name is empty.",
        f"{folder / MDD_NAMES}, line 3: “ABCD” has been named on line 2 already.",
        f"{folder / MDD_ROLES}, line 4: “EFGH” has no name: no sound row of {MDD_NAMES} holds it.",
    ]


def test_names_that_cannot_be_read_are_one_problem(mdd):
    folder = mdd([("ABCD", "Alpha")], [("ABCD", "8", "01/01/2015", "")])
    (folder / MDD_NAMES).write_text("Market Participant ID\nABCD\n")

    assert problems_of(folder) == [
        f"{folder / MDD_NAMES}, line 1: The header is missing “Market Participant Name”. Add it."
    ]


def test_market_domain_data_without_maps_and_suppliers_is_refused(mdd):
    (problem,) = problems_of(mdd([("ABCD", "Alpha")], [("ABCD", "M", "01/01/2015", "")]))

    assert "No row has role 8 (MAP) or X (supplier)." in problem


def test_broken_row_of_market_domain_data_is_refused(mdd):
    problems = problems_of(mdd([("ABCDE", "Alpha")], [("ABCDE", "8", "31/04/2015", "x")]))

    assert [problem.partition(": ")[2] for problem in problems] == [
        f"Effective From Date (MPR): “31/04/2015” is not a date. {NO_DATE}",
        f"Effective To Date (MPR): “x” is not a date. {NO_DATE}",
        "Market Participant ID: “ABCDE” has 5 characters. An electricity code has 4.",
    ]


# Files nobody thought of

CELLS = {
    "code": ["ZABC", "zabc", "ZDEF", "ZG1", "АBCD", "ABCDE"],
    "fuel": ["E", "G", "e", "W"],
    "role": ["map", "supplier", "MAP", "dcc"],
    "name": ["Zed", "Zed Test", "Z" * 121, '"', "=1+1"],
    "effective_from": ["2015-01-01", "01/01/2016", "9999-12-31", "0001-01-01", "29/02/2015"],
    "effective_to": ["", "2015-12-31", "31/12/2017", "9999-12-31"],
    "kind": ["", "live", "dummy", "test", "odd"],
}
ROWS = st.tuples(*(st.sampled_from(CELLS[column]) | st.text(max_size=8) for column in COLUMNS)).map(",".join)
SOUND_ROWS = st.builds(
    "{},{},{},{},{}".format,
    st.sampled_from(["ZABC,E", "zdef,e", "ZG1,G"]),
    st.sampled_from(["map,Zed", "MAP,Zed Test", "supplier,Zed"]),
    st.sampled_from(["2014-01-01", "01/01/2015", "2016-01-01", "01/01/2018"]),
    st.sampled_from(["", "2015-12-31", "31/12/2017", "9999-12-31"]),
    st.sampled_from(["", "live", "dummy"]),
)
FILES = (
    st.binary()
    | st.binary().map(lambda rest: HEADER.encode() + b"\n" + rest)
    | (st.lists(SOUND_ROWS, max_size=4) | st.lists(ROWS | SOUND_ROWS, max_size=6)).map(
        lambda rows: "\n".join([HEADER, *rows]).encode(errors="surrogatepass")
    )
)


@given(content=FILES)
def test_any_file_is_loaded_wholly_or_refused_with_sentences(tmp_path, content):
    path = tmp_path / "list.csv"
    path.write_bytes(content)

    with undone():
        make_participant("ZABC", effective_from=date(2014, 1, 1), effective_to=date(2015, 6, 1))
        before = listed()
        problems = tried(path)

        if problems is None:
            assert "nothing changed" in load_participants([path]).summary()
            assert_nothing_overlaps()
        else:
            assert problems
            assert all(problem.sentence.endswith((".", "?")) for problem in problems)
            assert listed() == before


def tried(path: Path) -> tuple[RowProblem, ...] | None:
    """Why the load was refused; None if it was not."""
    try:
        load_participants([path])
    except BrokenList as broken:
        return broken.problems
    return None


@given(names=st.binary(max_size=80), roles=st.binary(max_size=80), headed=st.booleans())
def test_any_folder_is_loaded_wholly_or_refused_with_sentences(tmp_path, names, roles, headed):
    (tmp_path / MDD_NAMES).write_bytes(NAMES_HEADER.encode() * headed + b"\n" + names)
    (tmp_path / MDD_ROLES).write_bytes(ROLES_HEADER.encode() * headed + b"\n" + roles)

    with pytest.raises(BrokenList):
        load_participants([tmp_path])

    assert listed() == []


@contextmanager
def undone():
    """Undo all changes at the end, because the examples of one test share a transaction."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def assert_nothing_overlaps() -> None:
    ends: dict[tuple[str, str, str], date] = {}
    for entry in Participant.objects.order_by("effective_from"):
        holder = (entry.fuel, entry.role, entry.code)
        assert ends.get(holder, entry.effective_from - timedelta(1)) < entry.effective_from
        ends[holder] = entry.effective_to or date.max
