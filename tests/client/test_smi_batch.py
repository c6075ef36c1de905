"""A CSV file as batches: what is wrong is named by its line, and a second run changes nothing twice."""

import json
from dataclasses import replace

import pytest

from tests.client.unruly import Answer, problem

HEADER = "device_id,version,msn,map_id,confirm"


@pytest.fixture
def batch(smi, tmp_path):
    def call(*lines, header=HEADER, encoding="utf-8"):
        (tmp_path / "devices.csv").write_text("\n".join([header, *lines]) + "\n", encoding=encoding)
        return smi("device", "batch", "devices.csv")

    return call


def recorded(number):
    return Answer({"devices": [{"device_id": str(one), "version": 4} for one in range(number)]})


def again(answer):
    return replace(answer, headers={"Idempotency-Replayed": "true"})


def sent(server):
    return [json.loads(body)["devices"] for _, _, _, body in server.heard]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_empty_cell_is_a_field_left_out(server, batch, encoding):
    server.will("POST devices/batch/", recorded(2))

    ended = batch("A,3,Z21E 10447,,yes", "B,1,,ZMAP,", encoding=encoding)

    assert ended[:2] == (0, "2 devices recorded.\n")
    first = {"device_id": "A", "version": 3, "msn": "Z21E 10447", "confirm": True}
    assert sent(server) == [[first, {"device_id": "B", "version": 1, "map_id": "ZMAP"}]]


def test_errors_are_named_by_the_line_of_the_file(server, batch):
    fault = {"pointer": "/devices/1/map_id", "code": "unknown", "detail": "No MAP has this code", "suggestion": "ZMAP"}
    server.will("POST devices/batch/", problem(400, "Not accepted", fault, {"pointer": "/devices/0", "detail": "Old"}))

    ended = batch("A,3,Z21E 10447,,", "", '"B",1,,ZMAQ,')

    assert ended.code == 1
    assert ended.err.splitlines() == [
        "Not accepted. Of lines 2 to 4 nothing is recorded. Put it right and run the whole file again.",
        "  line 4, map_id: No MAP has this code. Suggestion: ZMAP",
        "  line 2: Old.",
        "Reference: r-2",
    ]


def test_file_of_more_than_a_thousand_stops_at_the_batch_that_is_refused(server, batch):
    fault = {"pointer": "/devices/0/msn", "detail": "Too long"}
    server.will("POST devices/batch/", recorded(1000), problem(400, "Not accepted", fault))

    ended = batch(*[f"{number},1,Z{number},," for number in range(1001)])

    assert ended.code == 1
    assert [len(devices) for devices in sent(server)] == [1000, 1]
    assert "Line 1,002 is not recorded; the 1,000 devices before are." in ended.err
    assert "line 1,002, msn: Too long." in ended.err


def test_batches_stay_below_what_the_portal_takes(server, batch):
    server.will("POST devices/batch/", recorded(1))

    ended = batch(*[f"{number},1,{'é' * 500}" for number in range(1000)], header="device_id,version,reason")

    assert ended.code == 0
    assert sum(map(len, sent(server))) == 1000
    assert len(server.heard) == 2
    assert max(len(body) for _, _, _, body in server.heard) < 1024 * 1024


def test_earlier_refusal_that_is_given_again_is_asked_anew_under_the_next_key(server, batch):
    """Each run finds what the former ones were answered: here a refusal, a refusal, a success."""
    refusal = problem(400, "Not accepted", {"pointer": "/devices/0", "detail": "There is no such device"})
    keys = []
    for answers in ([refusal], [again(refusal), refusal], [again(refusal), again(refusal), recorded(1)]):
        server.will("POST devices/batch/", *answers)
        ended = batch("A,3,Z21E 10447,,")
        keys.append(server.headers_heard("Idempotency-Key"))
        server.heard.clear()

    assert ended[:2] == (0, "1 device recorded.\n")
    assert [len(set(of_run)) for of_run in keys] == [1, 2, 3]
    assert keys[2][:2] == keys[1]
    assert keys[1][:1] == keys[0]


def test_success_that_is_given_again_is_a_success(server, batch):
    server.will("POST devices/batch/", again(recorded(1)))

    ended = batch("A,3,Z21E 10447,,")

    assert ended[:2] == (0, "1 device recorded.\n")
    assert len(server.heard) == 1


def test_refusal_that_is_always_an_earlier_one_is_believed_in_the_end(server, batch):
    server.will("POST devices/batch/", again(problem(400, "Not accepted")))

    ended = batch("A,3,Z21E 10447,,")

    assert ended.code == 1
    assert len(server.heard) == len(set(server.headers_heard("Idempotency-Key"))) == 21


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("A,3,Z1", "Line 3 has 3 cells; the first line has 5."),
        ("A,,Z1,,", "Line 3 has no version."),
        (",,Z1,,", "Line 3 has no device_id and no version."),
        ("A,three,Z1,,", "Line 3: the version must be a whole number, not three."),
        ("A,3,Z1,,maybe", "Line 3: confirm must be yes or no, not maybe."),
        ('A,3,"Z1,,', "unexpected end of data."),
    ],
)
def test_nothing_is_sent_of_a_file_with_a_line_that_cannot_be_read(server, batch, line, said):
    ended = batch("A,3,Z21E 10447,,", line)

    assert ended.code == 2
    assert said in ended.err
    assert server.heard == []


@pytest.mark.parametrize(
    ("header", "said"),
    {
        "device_id,msn": "The first line is missing version.",
        "device_id,version,mpxn,status": "columns that a batch does not take: mpxn, status.",
        "device_id,version,msn,msn": "The first line has msn more than once.",
        "": "The first line is missing device_id and version.",
    }.items(),
)
def test_header_names_each_column_once(batch, header, said):
    ended = batch("A,3", header=header)

    assert ended.code == 2
    assert said in ended.err


def test_file_in_another_encoding_or_none_is_a_sentence(smi, batch):
    assert batch("A,3,Zé,,", encoding="latin-1")[:3] == (2, "", "devices.csv is not UTF-8.\n")
    assert "cannot be read" in smi("device", "batch", "absent.csv").err
