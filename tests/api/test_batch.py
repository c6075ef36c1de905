"""Up to 1,000 devices at once: all of them or none, every error by its pointer, and once however often it is sent."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.idempotency import forget_answers
from accounts.models import KeptAnswer
from accounts.models.audit import AuditRow
from accounts.roles import Job
from inventory.models import Device
from tests.api.sending import BATCH, batch, entry, refused
from tests.conftest import System
from tests.factories import INSTALLED, make_device, make_token

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("operator")]


@pytest.fixture
def system(supplier, asset_provider, rival, rival_provider) -> System:
    return System(make_token(supplier, Job.EDITOR))


@pytest.fixture
def devices(system) -> list[Device]:
    """One without either, one with both, one with a MAP ID alone."""
    neither, alone = make_device("ZEPH", None, msn=""), make_device("ZEPH", "ZMAP", msn="")
    return [neither, make_device("ZEPH", "ZMAB", msn="Z2"), alone]


def recorded(devices: list[Device]) -> list[tuple[str, str | None]]:
    found = Device.objects.with_parties().in_bulk([device.pk for device in devices])
    return [(found[d.pk].msn, found[d.pk].asset_provider and found[d.pk].asset_provider.code) for d in devices]


def test_batch_records_each_in_its_own_words(system, devices):
    first, second, third = devices

    answer = batch(
        system,
        entry(first, msn="z1", map_id="ZMAP"),
        entry(second, map_id="ZMAP", kind="correction", source="letter 1", msn="Z22"),
        entry(third, msn="Z3", source="photo"),
    )

    assert answer.status_code == 200
    assert recorded(devices) == [("Z1", "ZMAP"), ("Z22", "ZMAP"), ("Z3", "ZMAP")]
    now = Device.objects.in_bulk([device.pk for device in devices])
    assert answer.json() == {"devices": [{"device_id": str(d), "version": now[d.pk].version} for d in devices]}
    steps = [(step.kind, step.source, step.via) for d in devices[:2] for step in d.providerperiods.known_now()]
    assert steps == [("first", "", "api"), ("correction", "letter 1", "api")]


def test_each_device_stands_in_the_trail(system, devices):
    batch(system, *(entry(device, msn=f"Y{n}", kind="correction", source="x") for n, device in enumerate(devices)))

    rows = AuditRow.objects.filter(kind="items_recorded").order_by("pk")
    assert [row.device_id for row in rows] == [str(device) for device in devices]
    assert all(row.details == {"items": ["msn"], "token": system.token.pk} for row in rows)


def test_one_error_and_nothing_is_recorded(system, devices):
    before = recorded(devices)

    answer = batch(system, entry(devices[0], msn="Z1"), entry(devices[2], msn="Z?"))

    assert refused(answer) == {"/devices/1/msn": "bad_characters"}
    assert recorded(devices) == before
    assert not AuditRow.objects.filter(kind="items_recorded").exists()


def test_every_error_is_told_by_its_pointer(system, devices):
    foreign, stale = make_device("ZODI", "ZMAB"), make_device("ZEPH", None, msn="")

    answer = batch(
        system,
        entry(devices[0], msn="Z?", map_id="ZMAQ"),
        entry(foreign, msn="Z1"),
        {"device_id": "00-DB-12-FF-FF-FF-FF-FF", "version": 1, "msn": "Z1"},
        entry(stale, msn="Z?") | {"version": 9},
        entry(devices[1], msn="Z9"),
        entry(devices[2]),
        entry(devices[2], msn="Z9"),
    )

    assert refused(answer) == {
        "/devices/0/msn": "bad_characters",
        "/devices/0/map_id": "not_listed",
        "/devices/1/device_id": "not_found",
        "/devices/2/device_id": "not_found",
        "/devices/3/version": "stale",
        "/devices/3/msn": "bad_characters",
        "/devices/4/kind": "required",
        "/devices/4/source": "required",
        "/devices/5/device_id": "repeated",
        "/devices/6/device_id": "repeated",
    }
    sentences = {e["pointer"]: e["detail"] for e in answer.json()["errors"]}
    assert sentences["/devices/1/device_id"] == sentences["/devices/2/device_id"]


def test_errors_of_form_and_of_rules_are_told_together(system, devices):
    foreign, wrong_day = make_device("ZODI", "ZMAB"), {"map_id": "ZMAQ", "map_from": "2024-02-30"}
    before = recorded(devices)

    answer = batch(
        system,
        {"device_id": "nonsense", "version": "1", "msn": "Z?"},
        {"msn": 1, "mns": "Z1"},
        7,
        entry(devices[0], msn="Z?", **wrong_day),
        entry(foreign, **wrong_day),
        entry(devices[1], msn="Z9", map_id=7, kind="change", source="x"),
        entry(devices[2], msn="Z3") | {"version": "1"},
    )

    assert refused(answer) == {
        "/devices/0/device_id": "bad_characters",
        "/devices/0/version": "invalid",
        "/devices/1/device_id": "required",
        "/devices/1/version": "required",
        "/devices/1/msn": "invalid",
        "/devices/1/mns": "unknown_field",
        "/devices/2": "invalid",
        "/devices/3/map_from": "invalid",
        "/devices/3/msn": "bad_characters",
        "/devices/3/map_id": "not_listed",
        "/devices/4/device_id": "not_found",
        "/devices/4/map_from": "invalid",
        "/devices/5/map_id": "invalid",
        "/devices/6/version": "invalid",
    }
    assert recorded(devices) == before


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, {"/devices": "required"}),
        ({"devices": []}, {"/devices": "empty"}),
        ({"devices": {}}, {"/devices": "not_a_list"}),
        ({"devices": [{"device_id": "x"}] * 1001}, {"/devices": "max_length"}),
        ({"devices": None}, {"/devices": "null"}),
        ([], {"": "invalid"}),
    ],
)
def test_batch_of_another_form_is_refused(system, body, expected):
    assert refused(system.post(BATCH, body, content_type="application/json")) == expected


def test_step_that_another_hides_is_told_by_its_pointer(system, devices):
    """Recorded from a day before the step before it, it would not hold today."""
    batch(system, entry(devices[1], map_id="ZMAP", map_from="2025-01-01", kind="change", source="x"))
    devices[1].refresh_from_db()
    blank = make_device("ZEPH", None)

    answer = batch(
        system,
        entry(blank, map_id="ZMAP"),
        entry(devices[1], map_id="ZMAP", map_from="2024-02-29", kind="correction", source="x", confirm=True),
    )

    assert refused(answer) == {"/devices/1/map_from": "hidden"}
    assert recorded([blank]) == [(blank.msn, None)]


def test_scope_and_job_hold(supplier, asset_provider, dcc, devices):
    viewer, provider = System(make_token(supplier)), System(make_token(asset_provider, Job.EDITOR))
    centre = System(make_token(dcc, Job.EDITOR))

    assert [batch(s, entry(devices[0], msn="Z1")).status_code for s in (viewer, provider)] == [403, 403]
    assert refused(batch(centre, entry(devices[0], msn="Z1"))) == {"/devices/0/reason": "required"}
    assert batch(centre, entry(devices[0], msn="Z1", reason="asked")).status_code == 200


def test_batch_of_50_costs_as_many_statements_as_one_of_2_but_for_the_trail(system):
    batch(system)  # the first request of a token leaves a trace of its own
    costs = []
    for number in (2, 50):
        entries = [entry(make_device("ZEPH", None, msn=""), msn=f"Z{n}", map_id="ZMAP") for n in range(number)]
        with CaptureQueriesContext(connection) as queries:
            assert batch(system, *entries).status_code == 200
        costs.append(len([q for q in queries if "accounts_auditrow_id_seq" not in q["sql"]]))

    assert costs[0] == costs[1]


def test_thousand_devices_are_taken(system):
    entries = [entry(make_device("ZEPH", None, msn=""), msn=f"Z{number}") for number in range(1000)]

    answer = batch(system, *entries)

    assert len(answer.json()["devices"]) == 1000
    assert Device.objects.filter(msn="").count() == 0


# Sent again


def test_same_batch_with_its_key_is_done_once_and_answered_alike(system, devices):
    asked = entry(devices[0], msn="Z1")

    first, again = batch(system, asked, key="a-key"), batch(system, asked, key="a-key")

    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    assert AuditRow.objects.filter(kind="items_recorded").count() == 1
    assert refused(batch(system, asked)) == {"/devices/0/version": "stale"}


def test_refusal_is_answered_alike_too(system, devices):
    asked = entry(devices[1], msn="Z9")
    first = batch(system, asked, key="a-key")
    again = batch(system, asked, key="a-key")

    assert first.status_code == again.status_code == 400
    assert first.json() == again.json()
    assert again.headers["Content-Type"] == "application/problem+json"
    assert recorded(devices)[1] == ("Z2", "ZMAB")


def test_key_serves_one_request(system, devices):
    batch(system, entry(devices[0], msn="Z1"), key="a-key")

    answer = batch(system, entry(devices[2], msn="Z3"), key="a-key")

    assert answer.status_code == 422
    assert answer.json()["type"].endswith("#key-used-before")
    assert recorded(devices)[2] == ("", "ZMAP")
    assert batch(system, entry(devices[2], msn="Z3"), key="b-key").status_code == 200


def test_key_is_one_token_s(system, supplier, dcc, devices):
    batch(system, entry(devices[0], msn="Z1"), key="a-key")
    other = System(make_token(supplier, Job.EDITOR))

    answer = batch(other, entry(devices[2], msn="Z3"), key="a-key")

    assert answer.status_code == 200


def test_key_is_forgotten_after_a_day(system, devices):
    batch(system, entry(devices[0], msn="Z1"), key="a-key")
    KeptAnswer.objects.update(created_at=timezone.now() - timedelta(hours=24, seconds=1))

    assert batch(system, entry(devices[2], msn="Z3"), key="a-key").status_code == 200
    assert KeptAnswer.objects.get().created_at > timezone.now() - timedelta(minutes=1)


def test_answers_go_after_a_day(system, devices):
    batch(system, entry(devices[0], msn="Z1"), key="a-key")
    assert forget_answers() == 0
    KeptAnswer.objects.update(created_at=timezone.now() - timedelta(hours=25))

    assert forget_answers() == 1


def test_new_key_waits_until_there_is_room_and_known_ones_are_answered(system, settings, devices):
    settings.KEPT_ANSWERS = 1
    first = batch(system, entry(devices[0], msn="Z1"), key="a-key")

    answer = batch(system, entry(devices[2], msn="Z3"), key="b-key")

    assert answer.status_code == 429
    assert 86_300 < int(answer.headers["Retry-After"]) <= 86_400
    assert "without an Idempotency-Key" in answer.json()["detail"]
    assert recorded(devices)[2] == ("", "ZMAP")
    assert batch(system, entry(devices[0], msn="Z1"), key="a-key").json() == first.json()
    assert batch(system, entry(devices[2], msn="Z3")).status_code == 200


def test_large_answers_fill_the_room_too(system, settings, devices):
    batch(system, entry(devices[0], msn="Z1"), key="a-key")
    settings.KEPT_ANSWER_BYTES = 20

    assert batch(system, entry(devices[2], msn="Z3"), key="b-key").status_code == 429


def test_room_is_each_organisations_own_and_free_after_a_day(system, settings, devices, rival):
    settings.KEPT_ANSWERS = 1
    batch(System(make_token(rival, Job.EDITOR)), entry(devices[0], msn="Z1"), key="a-key")
    batch(system, entry(devices[0], msn="Z1"), key="a-key")
    KeptAnswer.objects.update(created_at=timezone.now() - timedelta(hours=24, seconds=1))

    assert batch(system, entry(devices[2], msn="Z3"), key="b-key").status_code == 200


@pytest.mark.parametrize("key", ["with space", "é", "x" * 256])
def test_malformed_key_is_refused(system, devices, key):
    answer = batch(system, entry(devices[0], msn="Z1"), key=key)

    assert refused(answer) == {"Idempotency-Key": "malformed_key"}
    assert recorded(devices)[0] == ("", None)


def test_unreadable_body_keeps_no_answer(system):
    answer = system.post(BATCH, b"{", content_type="application/json", headers={"Idempotency-Key": "a-key"})

    assert refused(answer) == {"": "not_json"}
    assert not KeptAnswer.objects.exists()


def test_day_without_a_meaning_is_no_batch_field(system, devices):
    answer = batch(system, entry(devices[0], map_id="ZMAP", map_from=INSTALLED.isoformat(), day="2024-01-01"))

    assert refused(answer) == {"/devices/0/day": "unknown_field"}
