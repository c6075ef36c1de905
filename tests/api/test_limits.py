"""Limits: requests a minute for each token and organisation, and look-ups a day that find nothing."""

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from email.message import EmailMessage

import pytest
from django.core import mail
from django.db import connection
from django.utils import timezone

from accounts.limits import count, forget_counts
from accounts.models.audit import AuditRow
from accounts.roles import Job
from inventory.models import Device
from tests.api.sending import address, batch, entry, patch, refused
from tests.conftest import System
from tests.factories import MPANS, make_device, make_membership, make_token

UNKNOWN = "00-DB-12-FF-FF-FF-FF-FF"
RIGHTS = "/api/v1/rights/"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def noon(monkeypatch) -> None:
    """In the middle of a minute and of a day, so that none ends during a test."""
    real, start = timezone.now, timezone.now()
    fixed = timezone.localtime(start).replace(hour=12, minute=30, second=20, microsecond=0)
    monkeypatch.setattr("accounts.limits.timezone.now", lambda: fixed + (real() - start) / 10)


@pytest.fixture
def system(supplier, asset_provider, rival, rival_provider) -> System:
    return System(make_token(supplier, Job.EDITOR))


def states(answer) -> dict[str, tuple[int, int]]:
    """Return, by the name of the limit, what is left, and for how many seconds."""
    found = re.findall(r'"(\w+)";r=(\d+);t=(\d+)', answer.headers["RateLimit"])
    return {name: (int(left), int(seconds)) for name, left, seconds in found}


# By the minute


def test_each_answer_tells_the_limits_and_what_is_left(system, settings):
    settings.API_RATE, settings.API_RATE_OF_ORGANISATION = 5, 9

    first, second = system.get(RIGHTS), system.get(address(UNKNOWN))

    assert first.headers["RateLimit-Policy"] == '"token";q=5;w=60, "organisation";q=9;w=60'
    assert states(first) == {"token": (4, 40), "organisation": (8, 40)}
    assert second.status_code == 404
    assert states(second) == {"token": (3, 40), "organisation": (7, 40)}


def test_token_over_its_rate_waits(operator, system, supplier, settings):
    settings.API_RATE = 2
    device = make_device("ZEPH", None, msn="")
    system.get(RIGHTS), system.get(RIGHTS)

    answer = patch(system, device, msn="Z1")

    assert refused(answer, 429) == {}
    assert answer.headers["Retry-After"] == "40"
    assert answer.json()["type"].endswith("#too-many-requests")
    assert states(answer)["token"] == (0, 40)
    assert Device.objects.get(pk=device.pk).msn == ""
    assert System(make_token(supplier)).get(RIGHTS).status_code == 200


def test_organisation_over_its_rate_waits_with_all_its_tokens_and_people(system, supplier, rival, sign_in, settings):
    settings.API_RATE_OF_ORGANISATION = 2
    others = [System(make_token(supplier)), sign_in(supplier)]
    system.get(RIGHTS), system.get(RIGHTS)

    assert [other.get(RIGHTS).status_code for other in others] == [429, 429]
    assert System(make_token(rival)).get(RIGHTS).status_code == 200


def test_next_minute_begins_anew(system, settings, monkeypatch):
    settings.API_RATE = 1
    assert [system.get(RIGHTS).status_code for _ in range(2)] == [200, 429]
    now = timezone.now()
    monkeypatch.setattr("accounts.limits.timezone.now", lambda: now + timedelta(minutes=1))

    assert system.get(RIGHTS).status_code == 200


def test_person_is_counted_apart_and_pages_are_not_counted(supplier, sign_in, settings):
    settings.API_RATE = 1
    one, other = sign_in(supplier), sign_in(supplier)

    assert [one.get(RIGHTS).status_code for _ in range(2)] == [200, 429]
    assert other.get(RIGHTS).status_code == 200
    assert states(other.get("/api/v1/no-such-thing/")).keys() == {"person", "organisation"}
    assert "RateLimit" not in one.get("/devices/").headers


def test_refused_credentials_are_not_counted_for_anybody(system, client):
    answer = client.get(RIGHTS, headers={"Authorization": "Bearer nonsense"})

    assert answer.status_code == 401
    assert "RateLimit" not in answer.headers


def test_missing_right_comes_before_the_rate(supplier, settings):
    settings.API_RATE = 0

    assert System(make_token(supplier)).get("/api/v1/reports/runs/").status_code == 403


# By the day


def test_look_ups_that_find_nothing_are_answered_so_many_times_a_day(system, settings):
    settings.LOOK_UPS_IN_VAIN = 3
    own, foreign = make_device("ZEPH", "ZMAP"), make_device("ZODI", "ZMAB")

    statuses = [system.get(address(device)).status_code for device in (UNKNOWN, foreign, own, UNKNOWN, own, UNKNOWN)]

    assert statuses == [404, 404, 200, 404, 429, 429]


def test_refusal_says_until_when_and_why(system, settings):
    settings.LOOK_UPS_IN_VAIN = 1
    system.get(address(UNKNOWN))

    answer = system.get(address(UNKNOWN))

    assert refused(answer, 429) == {}
    assert "after midnight" in answer.json()["detail"]
    assert 11 * 3600 < int(answer.headers["Retry-After"]) < 12 * 3600


@pytest.mark.parametrize("more", [(), ("history",), ("as-of",)])
def test_every_way_to_look_a_device_up_counts(system, settings, more):
    settings.LOOK_UPS_IN_VAIN = 1
    query = {"as_of": "2024-05-01"} if more == ("as-of",) else {}

    answers = [system.get(address(UNKNOWN, *more), query) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [404, 429]


def test_change_and_batch_count_each_device_that_is_not_there(system, settings):
    settings.LOOK_UPS_IN_VAIN = 4
    foreign, own = make_device("ZODI", "ZMAB"), make_device("ZEPH", None, msn="")

    assert patch(system, foreign, msn="Z1").status_code == 404
    assert (
        batch(system, entry(foreign, msn="Z1"), entry(own, msn="Z1"), entry(own) | {"device_id": UNKNOWN}).status_code
        == 400
    )
    assert batch(system, entry(own, msn="Z1")).status_code == 200
    assert patch(system, UNKNOWN, if_match='"1"', msn="Z1").status_code == 404
    assert [batch(system, entry(own, msn="Z2")).status_code, patch(system, own, msn="Z2").status_code] == [429, 429]


@pytest.mark.parametrize("query", [{"mpxn": MPANS[1]}, {"msn": "Z9"}, {"device_id": UNKNOWN}])
def test_search_for_single_devices_counts_when_it_finds_none(system, settings, query):
    settings.LOOK_UPS_IN_VAIN = 1
    make_device("ZEPH", mpxn=MPANS[0], msn="Z1")

    assert system.get("/api/v1/devices/", {"mpxn": MPANS[0]}).status_code == 200
    assert [system.get("/api/v1/devices/", query).status_code for _ in range(2)] == [200, 429]
    assert system.get("/api/v1/devices/", {"mpxn": MPANS[0]}).status_code == 429


@pytest.mark.parametrize(
    "query", [{"mpxn": MPANS[1]}, {"msn": "Z9"}, {"device_id": UNKNOWN}, {"device_id": UNKNOWN[:22]}]
)
def test_search_for_a_file_counts_when_it_finds_none(system, supplier, sign_in, settings, query):
    settings.LOOK_UPS_IN_VAIN = 1
    make_device("ZEPH", mpxn=MPANS[0], msn="Z1")
    browser = sign_in(supplier, Job.EDITOR)

    for ask, path in ((system, "/api/v1/reports/device-list/download/"), (browser, "/devices/download/")):
        assert ask.get(path, {"mpxn": MPANS[0]}).status_code == 200
        assert [ask.get(path, query).status_code for _ in range(2)] == [200, 429]
        assert ask.get(path, {"mpxn": MPANS[0]}).status_code == 429
        assert ask.get(path).status_code == 200


def test_batch_beyond_what_is_left_is_not_told_what_is_missing(system, settings):
    settings.LOOK_UPS_IN_VAIN = 2
    foreign = make_device("ZODI", "ZMAB")

    answer = batch(system, *(entry(foreign, msn="Z1") | {"device_id": f"{UNKNOWN[:-1]}{n}"} for n in range(3)))

    assert refused(answer, 429) == {}
    assert system.get(address(UNKNOWN)).status_code == 429


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_many_at_once_get_no_further_than_one_after_another(system, settings):
    settings.LOOK_UPS_IN_VAIN = 10
    devices = [
        [{"device_id": f"00-DB-12-FF-FF-FF-{a}0-{n:02X}", "version": 1, "msn": "Z1"} for n in range(4)]
        for a in range(6)
    ]

    def send(entries: list[dict[str, object]]) -> int:
        try:
            return batch(System(system.token), *entries).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(send, devices))

    assert Counter(statuses) == {400: 2, 429: 4}


def test_an_organisation_has_one_too(system, supplier, rival, settings):
    settings.LOOK_UPS_IN_VAIN_OF_ORGANISATION = 4
    administrator, others = (
        make_membership(supplier, Job.ADMINISTRATOR),
        [System(make_token(supplier)) for _ in range(3)],
    )

    statuses = [one.get(address(UNKNOWN)).status_code for one in [system, *others, system, *others]]

    assert statuses == 4 * [404] + 4 * [429]
    assert System(make_token(rival)).get(address(UNKNOWN)).status_code == 404
    (told,) = mails()
    assert told.to == [administrator.user.email]
    assert "people and systems of your organisation have together looked up 4 devices" in told.body


def test_lists_and_malformed_ids_are_no_look_ups(system, settings):
    settings.LOOK_UPS_IN_VAIN = 1
    system.get(address(UNKNOWN))

    assert system.get("/api/v1/devices/", {"smi_status": "Suspended"}).status_code == 200
    assert system.get("/api/v1/devices/", {"device_id": "00-DB-12"}).status_code == 200
    assert system.get(address("nonsense")).status_code == 404


def test_one_token_s_never_spends_the_people_s_or_another_s(system, supplier, sign_in, settings):
    settings.LOOK_UPS_IN_VAIN = 1
    device, other, browser = make_device("ZEPH"), System(make_token(supplier)), sign_in(supplier)
    system.get(address(UNKNOWN))

    assert system.get(address(device)).status_code == 429
    assert other.get(address(device)).status_code == 200
    assert browser.get(f"/devices/{device}/").status_code == 200


def test_people_have_one_for_pages_and_api_together(supplier, sign_in, settings):
    settings.LOOK_UPS_IN_VAIN = 3
    device, browser = make_device("ZEPH"), sign_in(supplier)

    assert browser.get(f"/devices/{UNKNOWN}/").status_code == 404
    assert browser.get(address(UNKNOWN)).status_code == 404
    assert browser.get("/devices/", {"msn": "Z9"}).status_code == 200

    page = browser.get(f"/devices/{device}/")
    assert (page.status_code, page.headers["Retry-After"].isdigit()) == (429, True)
    assert "after midnight" in page.text
    assert "password" not in page.text
    assert browser.get("/devices/", {"msn": "Z9"}).status_code == 429
    assert browser.get(f"/devices/{device}/history/").status_code == 429
    assert browser.get("/devices/").status_code == 200


def test_next_day_begins_anew(system, settings, monkeypatch):
    settings.LOOK_UPS_IN_VAIN = 1
    device, now = make_device("ZEPH"), timezone.now()
    system.get(address(UNKNOWN))
    assert system.get(address(device)).status_code == 429
    tomorrow = timezone.localdate() + timedelta(days=1)
    monkeypatch.setattr("accounts.limits.timezone.localdate", lambda *given: tomorrow)
    monkeypatch.setattr("accounts.limits.timezone.now", lambda: now + timedelta(days=1))

    assert system.get(address(device)).status_code == 200


# Who is told


def mails() -> list[EmailMessage]:
    return mail.outbox


def test_administrators_are_told_once_at_80_percent(operator, system, supplier, rival, settings):
    settings.LOOK_UPS_IN_VAIN = 10
    administrator = make_membership(supplier, Job.ADMINISTRATOR)
    make_membership(supplier, Job.EDITOR), make_membership(rival, Job.ADMINISTRATOR)

    for number in range(1, 11):
        system.get(address(UNKNOWN))
        assert len(mails()) == (number >= 8)

    (told,) = mails()
    assert told.to == [administrator.user.email]
    assert system.token.name in told.body
    assert "8 " in told.subject
    assert UNKNOWN not in told.body
    row = AuditRow.objects.get(kind="look_ups_in_vain")
    assert (row.organisation_id, row.details) == (supplier.pk, {"number": 8, "token": system.token.pk})


def test_batch_that_passes_80_percent_at_once_is_told_too(system, supplier, settings):
    settings.LOOK_UPS_IN_VAIN = 10
    make_membership(supplier, Job.ADMINISTRATOR)

    batch(system, *({"device_id": f"00-DB-12-FF-FF-FF-FF-{n:02X}", "version": 1, "msn": "Z1"} for n in range(12)))

    assert len(mails()) == 1


def test_person_is_named_to_the_own_administrators(supplier, sign_in, settings):
    settings.LOOK_UPS_IN_VAIN = 1
    make_membership(supplier, Job.ADMINISTRATOR)
    browser = sign_in(supplier)

    browser.get(f"/devices/{UNKNOWN}/")

    assert str(browser.membership.user) in mails()[0].body
    assert "made 1 searches that found nothing" in sign_in(supplier, Job.ADMINISTRATOR).get("/audit/").text


def test_head_counts_as_a_look_up(system, settings):
    settings.LOOK_UPS_IN_VAIN = 1

    assert [system.head(address(UNKNOWN)).status_code for _ in range(2)] == [404, 429]


# The counts


def test_counts_of_days_that_are_over_go(operator, db):
    old, new = timezone.now() - timedelta(days=3), timezone.now()
    count(old, "token:1"), count(new, "token:1", "token:2")

    assert forget_counts() == 1
    assert count(new, "token:1", by=2) == {"token:1": 3}


def test_count_is_by_subject_and_moment(operator, db):
    moment = datetime(2026, 11, 26, 12, tzinfo=timezone.get_current_timezone())

    assert count(moment, "b", "a") == {"a": 1, "b": 1}
    assert count(moment, "a", by=5) == {"a": 6}
