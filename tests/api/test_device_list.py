"""The list of devices: pages by cursor in both directions, filters, forms of the answer, traces and costs."""

import csv
import gzip
import io
from base64 import b64decode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models.audit import AuditRow
from accounts.roles import Job
from inventory.models import Device, DeviceReading
from tests.conftest import System
from tests.factories import MPANS, make_device, make_membership, make_token, supplied_by

LIST = "/api/v1/devices/"
ANOTHERS = "IjAwLURCIg:1xWVDf:hzLO70WLwgouRmCU3NgldmddmArE8BpcvjVkFfncyTE"  # signed for something else

pytestmark = pytest.mark.django_db


@pytest.fixture
def system(supplier, asset_provider, rival, rival_provider) -> System:
    return System(make_token(supplier))


def ids(answer) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [device["device_id"] for device in answer.json()["results"]]


def errors(answer) -> list[dict[str, str]]:
    assert answer.status_code == 400, answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.json()["errors"]


def walk(system: System, answer, direction: str = "next") -> list[list[str]]:
    """The pages from this one on."""
    pages = [ids(answer)]
    while url := answer.json()[direction]:
        answer = system.get(url)
        pages.append(ids(answer))
    return pages


# Pages


def test_list_has_the_devices_in_scope_by_device_id(system, rival):
    own = [make_device("ZEPH"), make_device("ZPG", device_type="GSME", map_id=None), make_device("ZEPH")]
    make_device("ZODI", "ZMAB")

    answer = system.get(LIST)

    assert ids(answer) == [device.device_id for device in own]
    assert (answer.json()["next"], answer.json()["previous"]) == (None, None)
    assert "Link" not in answer.headers


def test_device_in_the_list_is_the_device_itself(system):
    device = make_device("ZEPH", mpxn=MPANS[0])
    make_device("ZEPH", manufacturer=device.manufacturer, msn=device.msn)

    listed = system.get(LIST).json()["results"][0]

    assert listed == system.get(f"{LIST}{device}/").json()
    assert listed["quality_flags"] == ["duplicate_msn"]


@pytest.mark.parametrize(("number", "size"), [(0, 3), (1, 1), (6, 3), (7, 3), (3, 3), (5, 1000)])
def test_pages_forwards_and_backwards_hold_each_device_once(operator, system, number, size):
    """Over two fuels, so two codes whose rows are merged."""
    for count in range(number):
        make_device(*(("ZEPH",) if count % 2 else ("ZPG", "ZMG")), device_type="ESME" if count % 2 else "GSME")
    everything = list(Device.objects.order_by("device_id").values_list("device_id", flat=True))

    forwards = walk(system, first := system.get(f"{LIST}?page_size={size}"))
    last = first
    while url := last.json()["next"]:
        last = system.get(url)
    backwards = walk(system, last, "previous")

    assert [device for page in forwards for device in page] == everything
    assert [device for page in reversed(backwards) for device in page] == everything
    assert all(len(page) == size for page in forwards[:-1])


def test_links_stand_in_a_header_too(system):
    for _ in range(3):
        make_device("ZEPH")

    first = system.get(f"{LIST}?page_size=1")
    second = system.get(first.json()["next"])

    assert first.headers["Link"] == f'<{first.json()["next"]}>; rel="next"'
    both = f'<{second.json()["next"]}>; rel="next", <{second.json()["previous"]}>; rel="prev"'
    assert second.headers["Link"] == both


def test_changes_between_pages_neither_hide_nor_repeat_a_device(operator, system):
    devices = [make_device("ZEPH") for _ in range(6)]

    first = system.get(f"{LIST}?page_size=2")
    Device.objects.filter(pk=devices[0].pk).update(firmware="FFFF")
    Device.objects.filter(pk=devices[4].pk).update(msn="Z2")
    supplied_by(devices[1], "ZODI")  # the last of the first page goes
    rest = walk(system, system.get(first.json()["next"]))

    assert [ids(first), *rest] == [[str(d) for d in devices[i : i + 2]] for i in (0, 2, 4)]


@pytest.mark.parametrize("size", ["0", "1001", "-1", "ten", "1.5", "²", "10000000000000000000000"])
def test_size_of_a_page_is_bounded(system, size):
    (error,) = errors(system.get(LIST, {"page_size": size}))

    assert (error["parameter"], error["code"]) == ("page_size", "bad_page_size")


# Cursors


def test_cursor_serves_its_caller_and_its_query_alone(system, supplier, dcc):
    for _ in range(3):
        make_device("ZEPH")
    following = system.get(f"{LIST}?page_size=1").json()["next"]
    others = [System(make_token(supplier)), System(make_token(dcc))]

    refused = [other.get(following) for other in others]
    refused += [system.get(f"{following}&{more}") for more in ("msn=Z1", "device_type=ESME")]
    refused.append(System(system.token).get(following.replace("/devices/", "/participants/")))

    assert [errors(answer)[0]["code"] for answer in refused] == ["bad_cursor"] * 4 + ["unknown_parameter"] * 1
    assert system.get(following.replace("page_size=1", "page_size=2")).status_code == 200


@pytest.mark.parametrize("cursor", ["nonsense", "x:y:z", "A", "AAAA=", "é", ANOTHERS])
def test_damaged_cursor_is_refused(system, cursor):
    (error,) = errors(system.get(LIST, {"cursor": cursor}))

    assert (error["parameter"], error["code"]) == ("cursor", "bad_cursor")


def test_cursor_altered_by_its_holder_is_refused(system):
    for _ in range(2):
        make_device("ZEPH")
    following = system.get(f"{LIST}?page_size=1").json()["next"]
    cursor = following.partition("cursor=")[2].partition("&")[0]

    for at in range(len(cursor)):
        altered = cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :]
        answer = system.get(LIST, {"page_size": 1, "cursor": altered})
        assert errors(answer)[0]["code"] == "bad_cursor", at


def test_cursor_says_nothing_and_is_short(system):
    """Neither the Device ID that it stands for, nor when or for whom it was made."""
    ids = sorted(str(make_device("ZEPH")) for _ in range(3))
    addresses = [system.get(f"{LIST}?page_size=1").json()["next"] for _ in range(2)]
    cursor = addresses[0].partition("cursor=")[2].partition("&")[0]

    assert addresses[0] == addresses[1]
    assert len(cursor) < 90
    inside = b64decode(cursor + "===", altchars="-_")
    assert not [part for part in ids[0].split("-")[-3:] if part.encode() in inside]
    assert ids[0].encode() not in inside


def test_cursor_holds_over_a_change_of_the_key(system, settings):
    for _ in range(2):
        make_device("ZEPH")
    following = system.get(f"{LIST}?page_size=1").json()["next"]

    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another key, as long and as varied as one should be: 0123456789"
    assert system.get(following).status_code == 200

    settings.SECRET_KEY_FALLBACKS = []
    assert errors(system.get(following))[0]["code"] == "bad_cursor"


def test_cursor_of_a_person_serves_nobody_else(supplier, sign_in):
    make_device("ZEPH"), make_device("ZEPH")
    one, other = sign_in(supplier), sign_in(supplier)

    following = one.get(f"{LIST}?page_size=1").json()["next"]

    assert one.get(following).status_code == 200
    assert errors(other.get(following))[0]["code"] == "bad_cursor"


# Filters


def test_filters_are_those_of_the_page(system, supplier, sign_in):
    wanted = make_device("ZEPH", mpxn=MPANS[0], msn="Z21E 10447", installed_on="2024-05-01", status="Suspended")
    make_device("ZEPH", mpxn=MPANS[1])
    browser = sign_in(supplier)

    for query in (
        {"mpxn": MPANS[0]},
        {"msn": "z21e10447"},
        {"smi_status": "Suspended"},
        {"installed_from": "2024-05-01", "installed_to": "2024-05-01"},
        {"device_id": wanted.device_id.lower()},
        {"device_id": wanted.device_id, "device_type": "ESME"},
    ):
        assert ids(system.get(LIST, query)) == [wanted.device_id], query
        assert wanted.device_id in browser.get("/devices/", query).text


def test_filters_go_on_from_page_to_page(system):
    for number in range(6):
        make_device("ZEPH", status="Suspended" if number % 2 else "Commissioned")

    pages = walk(system, system.get(f"{LIST}?page_size=2&smi_status=Suspended"))

    assert [len(page) for page in pages] == [2, 1]


def test_everything_that_is_wrong_is_named_at_once(system):
    query = {"mpxn": "123", "device_type": "METER", "installed_from": "soon", "msn": "Z?"}

    found = {error["parameter"]: error for error in errors(system.get(LIST, query))}

    assert found.keys() == query.keys()
    assert found["mpxn"]["code"] == "wrong_length"
    assert found["device_type"]["code"] == "invalid_choice"
    assert found["device_type"]["detail"].startswith("This is none of ESME, GSME, CHF, ")
    assert all(error["detail"].endswith((".", "?")) for error in found.values())


@pytest.mark.parametrize(
    ("given", "nearest"), [("pagesize", "page_size"), ("mpan", "mpxn"), ("smi-status", "smi_status"), ("zzz", None)]
)
def test_unknown_parameter_is_answered_with_the_nearest(system, given, nearest):
    answer = system.get(LIST, {given: "1"})

    (error,) = errors(answer)
    assert (error["parameter"], error["code"], error.get("suggestion")) == (given, "unknown_parameter", nearest)
    assert "Accepted are: cursor, device_id" in answer.json()["detail"]


@pytest.mark.parametrize("parameter", ["msn", "device_type", "cursor", "page_size"])
def test_parameter_without_a_value_or_given_twice_is_refused(system, parameter):
    assert [error["code"] for error in errors(system.get(f"{LIST}?{parameter}="))] == ["empty"]
    assert [error["code"] for error in errors(system.get(f"{LIST}?{parameter}=1&{parameter}=2"))] == ["given_twice"]


@pytest.mark.parametrize(("setting", "parameter"), [("MAP_SEES_MPXN", "mpxn")])
def test_what_is_withheld_from_maps_is_no_filter_of_theirs(asset_provider, settings, setting, parameter):
    system = System(make_token(asset_provider))
    assert system.get(LIST, {parameter: MPANS[0]}).status_code == 200
    setattr(settings, setting, False)

    assert errors(system.get(LIST, {parameter: MPANS[0]}))[0]["code"] == "unknown_parameter"


# Forms of the answer


def test_csv_holds_the_same_as_json(system):
    make_device("ZEPH", mpxn=MPANS[0])
    make_device("ZEPH", None, msn="")

    answer = system.get(LIST, headers={"Accept": "text/csv"})

    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "Accept" in answer.headers["Vary"]
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    given = system.get(LIST).json()["results"]
    assert rows[1]["quality_flags"] == "no_map_id;no_msn"
    assert [{name: "" if v is None else str(v) for name, v in d.items() if name != "quality_flags"} for d in given] == [
        {name: value for name, value in row.items() if name != "quality_flags"} for row in rows
    ]


def test_csv_has_pages_by_its_header(system):
    for _ in range(2):
        make_device("ZEPH")

    first = system.get(f"{LIST}?page_size=1", headers={"Accept": "text/csv"})
    url = first.headers["Link"].partition("<")[2].partition(">")[0]
    second = system.get(url, headers={"Accept": "text/csv"})

    assert first.text.splitlines()[0] == second.text.splitlines()[0]
    assert first.text.splitlines()[1] != second.text.splitlines()[1]


def test_empty_list_as_csv_is_a_header(system):
    assert system.get(LIST, headers={"Accept": "text/csv"}).text.count("\r\n") == 1


def test_refusal_is_json_to_who_asked_for_csv(system):
    answer = system.get(LIST, {"surprise": 1}, headers={"Accept": "text/csv"})

    assert errors(answer)[0]["code"] == "unknown_parameter"


def test_long_answer_is_packed_for_who_takes_that(system):
    for _ in range(20):
        make_device("ZEPH")

    plain, packed = system.get(LIST), system.get(LIST, headers={"Accept-Encoding": "gzip"})

    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content
    assert len(packed.content) < len(plain.content) / 4
    assert packed.headers["Vary"].count("Accept-Encoding") == 1


def test_head_has_the_headers_and_reads_nothing(operator, system):
    for _ in range(2):
        make_device("ZEPH")

    answer = system.head(f"{LIST}?page_size=1")

    assert (answer.status_code, answer.content) == (200, b"")
    assert 'rel="next"' in answer.headers["Link"]
    assert not AuditRow.objects.filter(kind__in=("search", "list_read")).exists()


def test_options_tell_methods_and_forms(system):
    answer = system.options(LIST)

    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"
    assert answer.json()["renders"] == ["application/json", "text/csv"]


# Traces and costs


def test_list_and_search_stand_in_the_trail_as_those_of_the_page(operator, system, supplier, asset_provider):
    make_device("ZEPH", mpxn=MPANS[0])

    system.get(LIST)
    system.get(LIST, {"mpxn": MPANS[0]})

    rows = AuditRow.objects.filter(kind__in=("list_read", "search")).order_by("pk")
    assert [(row.kind, row.via, row.details["keys"]) for row in rows] == [
        ("list_read", "api", []),
        ("search", "api", ["mpxn"]),
    ]
    assert MPANS[0] not in str(rows[1].details)
    assert set(DeviceReading.objects.values_list("how", "subject_id")) == {
        ("list", asset_provider.pk),
        ("look_up", asset_provider.pk),
    }


def test_page_costs_the_same_for_2_rows_and_for_50(system):
    costs = []
    for number in (2, 48):
        for _ in range(number):
            make_device("ZEPH", "ZMAP")
        system.get(LIST)
        with CaptureQueriesContext(connection) as queries:
            assert len(ids(system.get(LIST))) in (2, 50)
        costs.append(len(queries))

    assert costs[0] == costs[1]


def test_person_without_a_choice_is_forbidden(client, supplier, rival):
    undecided = make_membership(supplier, Job.EDITOR)
    make_membership(rival, user=undecided.user)
    client.force_login(undecided.user)

    assert client.get(LIST).status_code == 403


def test_dates_the_wrong_way_round_are_a_problem_of_the_second(system):
    (problem,) = errors(system.get(LIST, {"installed_from": "2024-06-01", "installed_to": "2024-05-31"}))

    assert (problem["parameter"], problem["code"]) == ("installed_to", "reversed_dates")
    assert "1 June 2024" in problem["detail"]
