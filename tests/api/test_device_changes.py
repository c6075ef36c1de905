"""MAP ID and MSN recorded by PATCH: as on the page, of the version that was read, and strictly."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models.audit import AuditRow
from accounts.roles import Job
from inventory.models import DeviceEvent, StepKind
from tests.api.sending import address, patch, refused
from tests.conftest import System
from tests.factories import INSTALLED, make_device, make_hub, make_participant, make_token

pytestmark = pytest.mark.django_db


@pytest.fixture
def system(supplier, asset_provider, rival, rival_provider) -> System:
    return System(make_token(supplier, Job.EDITOR))


# What is recorded


def test_first_recording_is_done_and_answered_with_the_device(system):
    device = make_device("ZEPH", None, msn="")

    answer = patch(system, device, msn="z21e 10447", map_id="zmap", source="nameplate")

    body = answer.json()
    assert answer.status_code == 200
    assert (body["msn"], body["map_id"], body["map_from"]) == ("Z21E 10447", "ZMAP", INSTALLED.isoformat())
    assert body["version"] > device.version
    assert answer.headers["ETag"].startswith(f'"{body["version"]}.')
    assert body == system.get(address(device)).json()


def test_recording_leaves_history_and_trail_as_the_page_does(operator, system, supplier):
    device = make_device("ZEPH", None, msn="")

    patch(system, device, msn="Z1", map_id="ZMAP", source="job 88213")

    step = device.providerperiods.get(participant__code="ZMAP")
    words = DeviceEvent.objects.filter(pgh_obj=device).latest("pgh_id").pgh_context
    row = AuditRow.objects.get(kind="items_recorded")
    device.refresh_from_db()
    assert (step.kind, step.via, step.source, step.recorded_for) == (StepKind.FIRST, "api", "job 88213", "ZEPH")
    assert (step.organisation, step.recorded_by) == (supplier, None)
    assert (words["via"], words["token"], words["source"]) == ("api", system.token.pk, "job 88213")
    assert (row.via, row.device_id, row.version) == ("api", device.device_id, device.version)
    assert row.details == {"items": ["msn", "map_id"], "token": system.token.pk}


def test_what_is_left_out_stays(system):
    device = make_device("ZEPH", "ZMAP", msn="")

    assert patch(system, device, msn="Z1").json()["map_id"] == "ZMAP"


def test_replacement_says_which_it_is_and_from_what(system):
    device = make_device("ZEPH", "ZMAP", msn="Z1")

    assert refused(patch(system, device, msn="Z2")) == {"/kind": "required", "/source": "required"}
    assert patch(system, device, msn="Z2", kind="correction", source="photo").json()["msn"] == "Z2"


def test_another_map_provides_it_from_a_day(system):
    device = make_device("ZEPH", "ZMAP")
    day = INSTALLED + timedelta(days=30)

    body = patch(system, device, map_id="ZMAB", map_from=day.isoformat(), kind="change", source="letter").json()

    assert (body["map_id"], body["map_from"]) == ("ZMAB", day.isoformat())


def test_doubtful_day_is_confirmed(system):
    device = make_device("ZEPH", None)
    early = (INSTALLED - timedelta(days=1)).isoformat()

    assert refused(patch(system, device, map_id="ZMAP", map_from=early)) == {"/confirm": "needs_confirmation"}
    body = patch(system, device, map_id="ZMAP", map_from=early, confirm=True).json()
    assert (body["map_from"], body["quality_flags"]) == (early, ["map_from_before_installed"])


def test_dcc_gives_a_reason(dcc, asset_provider, supplier):
    device, system = make_device("ZEPH", None), System(make_token(dcc, Job.EDITOR))

    assert refused(patch(system, device, map_id="ZMAP")) == {"/reason": "required"}
    assert patch(system, device, map_id="ZMAP", reason="supplier asked").status_code == 200


# What is refused


def test_all_that_is_wrong_is_told_at_once_with_what_may_be_meant(operator, system):
    device = make_device("ZEPH", None, msn="")

    answer = patch(system, device, msn="Z2I?", map_id="ZMAQ", mapid="ZMAP", source=7)

    form, rules = {"/mapid": "unknown_field", "/source": "invalid"}, {"/msn": "bad_characters", "/map_id": "not_listed"}
    assert refused(answer) == form | rules
    suggestions = {error["pointer"]: error.get("suggestion") for error in answer.json()["errors"]}
    assert suggestions["/mapid"] == "map_id"
    assert "ZMAP (Zenith Meter Assets)" in suggestions["/map_id"]
    assert not DeviceEvent.objects.filter(pgh_obj=device, msn__gt="").exists()


def test_sentences_are_those_of_the_page(system, supplier, sign_in):
    device = make_device("ZEPH", None, msn="")

    (error,) = patch(system, device, msn="TOO LONG TO BE AN MSN").json()["errors"]
    page = sign_in(supplier).submit(f"/devices/{device}/edit/", {"msn": "TOO LONG TO BE AN MSN", "version": 1})

    assert error["detail"] in page.text


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ({"map_id": "ZM"}, {"/map_id": "wrong_length"}),
        ({"map_id": "ZMG"}, {"/map_id": "wrong_fuel"}),
        ({"map_id": ""}, {"/map_id": "blank"}),
        ({"msn": ""}, {"/msn": "blank"}),
        ({"map_id": None}, {"/map_id": "null"}),
        ({}, {"": "no_change"}),
        ({"map_id": "ZMAP", "map_from": "02/13/2024"}, {"/map_from": "invalid"}),
        ({"map_id": "ZMAP", "map_from": "2024-02-30"}, {"/map_from": "invalid"}),
        ({"map_id": "ZMAP", "map_from": 20240201}, {"/map_from": "invalid"}),
        ({"msn": 12345}, {"/msn": "invalid"}),
        ({"msn": ["Z1"]}, {"/msn": "invalid"}),
        ({"msn": "Z\x001"}, {"/msn": "null_characters_not_allowed"}),
        ({"msn": "Z" * 101}, {"/msn": "max_length"}),
        ({"kind": "cancelled"}, {"/kind": "invalid_choice"}),
        ({"confirm": "true"}, {"/confirm": "invalid"}),
        ({"confirm": 1}, {"/confirm": "invalid"}),
        ({"msn": "Z1", "version": 1}, {"/version": "unknown_field"}),
        ({"msn": "Z1", "supplier_id": "ZODI"}, {"/supplier_id": "unknown_field"}),
        ({"a/b~c": 1}, {"/a~1b~0c": "unknown_field"}),
        ({"map_id": "ZTST"}, {"/map_id": "test_code"}),
        ({"map_id": "ZDUM"}, {"/reason": "required"}),
        ({"map_id": "ZOLD"}, {"/map_from": "not_in_force"}),
    ],
)
def test_body_is_taken_strictly(system, items, expected):
    make_participant("ZTST", kind="test"), make_participant("ZDUM", kind="dummy")
    make_participant("ZOLD", effective_to=date(2020, 1, 1))
    device = make_device("ZEPH", None, msn="")

    assert refused(patch(system, device, **items)) == expected


@pytest.mark.parametrize(
    "content",
    [
        b"{", b"nonsense", b"[]", b"null", b'"text"', b'{"msn": NaN}', b'{"msn": "Z1", "msn": "Z2"}', b"\xff\xfe",
        b'{"msn": "\\ud800"}', b"[" * 100_000, b'{"a":' * 50_000, b'{"version": 1' + b"0" * 5_000 + b"}",
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(system, content):
    device = make_device("ZEPH", None, msn="")

    answer = system.patch(address(device), content, content_type="application/json", headers={"If-Match": '"1"'})

    (code,) = refused(answer).values()
    assert code in ("not_json", "invalid", "null")


def test_body_of_another_form_is_not_taken(system):
    device = make_device("ZEPH", None, msn="")

    answer = system.patch(address(device), "msn=Z1", "application/x-www-form-urlencoded", headers={"If-Match": '"1"'})

    assert refused(answer, 415) == {}


def test_body_that_is_too_large_is_refused(system, settings):
    device = make_device("ZEPH", None, msn="")

    answer = patch(system, device, reason="x" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE)

    assert refused(answer, 413) == {}
    assert answer.json()["type"].endswith("#too-large")


def test_device_that_is_no_meter_takes_neither(system):
    hub = make_hub("ZEPH")

    assert refused(patch(system, hub, map_id="ZMAP")) == {"/map_id": "not_smets2"}


# Versions


def test_change_without_a_version_is_refused(system):
    device = make_device("ZEPH", None, msn="")

    for tag in ("", "*"):
        answer = patch(system, device, if_match=tag, msn="Z1")
        assert refused(answer, 428) == {}
        assert answer.json()["type"].endswith("#precondition-required")


@pytest.mark.parametrize("tag", ['"1"', 'W/"1"', '"1.0a"', '"7", "1"', 'W/"1.ffff", "nonsense"'])
def test_tag_counts_by_its_version(system, tag):
    device = make_device("ZEPH", None, msn="")

    assert patch(system, device, if_match=tag, msn="Z1").status_code == 200


@pytest.mark.parametrize("tag", ['"2"', '"0"', '"x"', 'W/"11"', '"2", "3"'])
def test_stale_version_changes_nothing(operator, system, tag):
    device = make_device("ZEPH", None, msn="")

    answer = patch(system, device, if_match=tag, msn="Z1")

    assert refused(answer, 412) == {}
    assert answer.json()["type"].endswith("#stale")
    device.refresh_from_db()
    assert device.msn == ""


def test_stale_version_comes_before_what_is_wrong_with_the_body(system):
    assert refused(patch(system, make_device("ZEPH", None, msn=""), if_match='"2"', msn=7), 412) == {}


def test_what_is_no_tag_is_refused(system):
    device = make_device("ZEPH", None, msn="")

    assert refused(patch(system, device, if_match="1", msn="Z1")) == {"If-Match": "malformed_if_match"}


def test_tag_that_was_read_serves_for_the_change_and_not_again(system):
    device = make_device("ZEPH", None, msn="")
    tag = system.get(address(device)).headers["ETag"]

    changed = patch(system, device, if_match=tag, msn="Z1")

    assert changed.status_code == 200
    assert patch(system, device, if_match=tag, msn="Z2").status_code == 412
    again = {"kind": "correction", "source": "photo"}
    assert patch(system, device, if_match=changed.headers["ETag"], msn="Z2", **again).status_code == 200


def test_firmware_loaded_meanwhile_makes_no_change_stale(operator, system):
    device = make_device("ZEPH", None, msn="")
    tag = system.get(address(device)).headers["ETag"]
    type(device).objects.filter(pk=device.pk).update(firmware="FFFF")

    assert system.get(address(device)).headers["ETag"] != tag
    assert patch(system, device, if_match=tag, msn="Z1").status_code == 200


def test_who_has_it_already_gets_no_body(system):
    device = make_device("ZEPH", "ZMAP")
    tag = system.get(address(device)).headers["ETag"]

    seen = (tag, f"W/{tag}", f'"x", {tag}')
    answers = [system.get(address(device), headers={"If-None-Match": tags}) for tags in seen]
    new = system.get(address(device), headers={"If-None-Match": '"1.0000"'})

    assert [(answer.status_code, answer.content, answer.headers["ETag"]) for answer in answers] == [(304, b"", tag)] * 3
    assert new.status_code == 200


# Who may


def test_job_that_does_not_include_it_is_forbidden(supplier, asset_provider):
    device = make_device("ZEPH", "ZMAP")

    for system in (System(make_token(supplier)), System(make_token(asset_provider, Job.EDITOR))):
        assert patch(system, device, msn="Z9").status_code == 403


def test_foreign_device_is_not_found_before_anything_else_is_looked_at(system):
    foreign = make_device("ZODI", "ZMAB")

    answers = [
        patch(system, foreign, msn="Z1"),
        patch(system, foreign, if_match="", surprise=1),
        patch(system, "00-DB-12-FF-FF-FF-FF-FF", if_match='"1"', msn="Z1"),
    ]

    assert {answer.status_code for answer in answers} == {404}
    assert len({str(answer.json() | {"reference": ""}) for answer in answers}) == 1


def test_session_records_with_a_csrf_token(supplier, asset_provider, sign_in):
    device = make_device("ZEPH", None, msn="")
    browser = sign_in(supplier, Job.EDITOR)

    assert patch(browser, device, msn="Z1").status_code == 200


def test_recording_costs_as_many_queries_however_long_the_list_of_maps(system):
    costs = []
    for number in (0, 40):
        for count in range(number):
            make_participant(f"Z{count:03d}")
        device = make_device("ZEPH", None, msn="")
        with CaptureQueriesContext(connection) as queries:
            assert patch(system, device, map_id="ZMAP").status_code == 200
        costs.append(len(queries))

    assert costs[0] >= costs[1]


def test_recording_today_is_seen_by_the_map_at_once(system, asset_provider):
    device, new = make_device("ZEPH", None), System(make_token(asset_provider))
    assert new.get(address(device)).status_code == 404

    patch(system, device, map_id="ZMAP", map_from=timezone.localdate().isoformat())

    assert new.get(address(device)).json()["map_id"] == "ZMAP"
