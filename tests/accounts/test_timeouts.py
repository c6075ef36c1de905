"""When sessions end, what counts as activity, and that what has ended stays ended."""

import re
from datetime import timedelta
from http.cookies import SimpleCookie

import pytest
from django.db import IntegrityError, connection
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.audit.kinds import AuditKind
from accounts.models import Session
from accounts.models.audit import AuditRow
from accounts.roles import Job
from accounts.sign_in.timeouts import TimeoutMiddleware, in_words
from smi_portal.oversight.words import Names, act_of
from tests.accounts.session_help import HOUR, MINUTE, age, idle_for, sign_in_by_form
from tests.as_owner import overwrite
from tests.conftest import Browser
from tests.factories import make_membership

pytestmark = pytest.mark.usefixtures("operator")


@pytest.fixture
def visitor(supplier, sign_in) -> Browser:
    return sign_in(supplier, Job.ADMINISTRATOR)


def log_outs() -> list[AuditRow]:
    return list(AuditRow.objects.filter(kind=AuditKind.LOG_OUT))


# Idle and absolute end


def test_session_holds_up_to_the_idle_time(visitor):
    age(visitor, idle=30 * MINUTE - 5)

    assert visitor.get("/devices/").status_code == 200


def test_session_ends_after_the_idle_time(visitor):
    age(visitor, idle=30 * MINUTE)

    answer = visitor.get("/devices/?device_type=ESME&msn=A%20B")

    assert answer.status_code == 302
    assert answer.url == "/accounts/login/?next=/devices/%3Fdevice_type%3DESME%26msn%3DA%2520B"
    assert visitor.get("/devices/").status_code == 302


def test_session_ends_after_the_longest_time_whatever_is_done(visitor):
    age(visitor, signed_in=12 * HOUR - 5)
    assert visitor.get("/devices/").status_code == 200
    age(visitor, signed_in=5)

    assert visitor.get("/devices/").status_code == 302


def test_times_are_settings(visitor, settings):
    settings.SESSION_IDLE_SECONDS, settings.SESSION_ABSOLUTE_SECONDS = 5 * MINUTE, HOUR
    age(visitor, idle=5 * MINUTE)

    assert visitor.get("/devices/").status_code == 302


@pytest.mark.parametrize("column", ["signed_in_at", "last_seen_at"])
def test_session_of_somebody_always_knows_its_times(visitor, column):
    with pytest.raises(IntegrityError, match="session_of_somebody_has_times"):
        Session.objects.filter(pk=visitor.session.session_key).update(**{column: None})


def test_signing_in_begins_the_time_anew(visitor):
    age(visitor, idle=HOUR, signed_in=13 * HOUR)
    visitor.get("/devices/")

    sign_in_by_form(visitor, visitor.membership)

    assert visitor.get("/devices/").status_code == 200
    assert idle_for(visitor) < 5


def test_ended_session_is_told_in_the_audit_trail_once(visitor, supplier):
    age(visitor, idle=HOUR)
    visitor.get("/devices/")
    visitor.get("/devices/")

    (row,) = log_outs()
    assert (row.person_id, row.organisation_id) == (visitor.membership.user.pk, supplier.pk)
    assert row.details == {"timed_out": "idle"}
    assert row.request_id
    assert act_of(row, Names()) == "was signed out after too long without activity"


def test_longest_time_is_told_apart_in_the_audit_trail(visitor):
    age(visitor, signed_in=12 * HOUR)
    visitor.get("/")

    assert [act_of(row, Names()) for row in log_outs()] == ["was signed out after the longest time a session may last"]


def test_signing_out_oneself_is_no_time_out(visitor):
    visitor.post("/accounts/logout/")

    (row,) = log_outs()
    assert row.details == {}
    assert act_of(row, Names()) == "signed out"
    assert "You were signed out" not in visitor.get("/accounts/login/").text


def test_end_is_told_for_the_organisation_that_was_acted_for(supplier, asset_provider, sign_in):
    browser = sign_in(supplier)
    other = make_membership(asset_provider, user=browser.membership.user)
    browser.post("/accounts/acting/", {"membership": other.pk})
    age(browser, idle=HOUR)

    browser.get("/")

    assert [row.organisation_id for row in log_outs()] == [asset_provider.pk]


def test_nothing_of_the_ended_session_is_left_but_whose_it_was(visitor):
    key = visitor.session.session_key
    age(visitor, idle=HOUR)

    visitor.get("/devices/")

    session = Session.objects.get(pk=key)
    assert set(session.get_decoded()) == {"ended"}
    assert session.user is None
    assert session.expire_date < timezone.now() + timedelta(minutes=31)


def test_key_of_the_ended_session_is_worth_nothing_after_signing_in_again(visitor):
    old = visitor.session.session_key
    age(visitor, idle=HOUR)
    visitor.get("/devices/")
    sign_in_by_form(visitor, visitor.membership)

    thief = Client()
    thief.cookies = SimpleCookie({"sessionid": old})

    assert visitor.session.session_key != old
    assert thief.get("/devices/").status_code == 302


def test_of_two_requests_at_one_time_one_ends_the_session(visitor):
    """And the other leaves alone what came into it since."""
    age(visitor, idle=HOUR)
    late = RequestFactory().get("/")
    late.session, late.user = visitor.session, visitor.membership.user
    assert late.session.row.user == visitor.membership.user
    visitor.submit("/devices/1/edit/", {"msn": "Z1"})

    TimeoutMiddleware(lambda request: HttpResponse())(late)

    assert len(log_outs()) == 1
    assert late.user.is_anonymous
    assert list(visitor.session["kept_forms"]) == ["/devices/1/edit/"]


def test_session_of_a_deactivated_person_ends_without_a_row(visitor):
    overwrite(visitor.membership.user, is_active=False)
    age(visitor, idle=HOUR)

    assert visitor.get("/devices/").status_code == 302
    assert log_outs() == []


def test_signing_out_by_a_session_that_has_ended_leads_to_the_sign_in_page(visitor):
    age(visitor, idle=HOUR)

    assert visitor.post("/accounts/logout/").url == "/accounts/login/"


# Activity


def test_activity_is_written_once_a_minute_at_most(visitor):
    age(visitor, idle=59)
    visitor.get("/help/")
    assert idle_for(visitor) > 58
    age(visitor, idle=1)

    visitor.get("/help/")

    assert idle_for(visitor) < 5


def test_page_within_the_minute_writes_nothing(visitor):
    visitor.get("/help/")

    with CaptureQueriesContext(connection) as asked:
        visitor.get("/who-may-do-what/")

    assert not [query["sql"] for query in asked if "UPDATE" in query["sql"]]


def test_noting_activity_does_not_undo_what_another_request_stored(visitor):
    """The session is not written as a page had read it."""
    age(visitor, idle=2 * MINUTE)

    def meanwhile(request):
        other = visitor.session
        other["chosen"] = "in another tab"
        other.save()
        return HttpResponse()

    request = RequestFactory().get("/")
    request.session = visitor.session
    TimeoutMiddleware(meanwhile)(request)

    assert visitor.session["chosen"] == "in another tab"
    assert idle_for(visitor) < 5
    assert not request.session.modified


def test_end_of_a_long_upload_counts(visitor):
    def upload(request):
        request.session.row.last_seen_at -= timedelta(minutes=10)  # so long ago did it begin
        return HttpResponse()

    request = RequestFactory().post("/devices/")
    request.session = visitor.session
    TimeoutMiddleware(upload)(request)

    assert idle_for(visitor) < 5


@pytest.mark.parametrize("path", ["/accounts/session/", "/health/live", "/health/ready", "/static/smi_portal/icon.svg"])
def test_what_machines_ask_for_is_no_activity(visitor, path):
    age(visitor, idle=10 * MINUTE)

    b"".join(visitor.get(path))  # a file is closed when it has been read

    assert idle_for(visitor) > 9 * MINUTE


def test_address_that_does_not_exist_is_activity_all_the_same(visitor):
    age(visitor, idle=10 * MINUTE)

    visitor.get("/nowhere/")

    assert idle_for(visitor) < 5


def test_list_of_own_sessions_knows_when_each_was_used(client, supplier):
    sign_in_by_form(client, make_membership(supplier))
    age(client, idle=2 * MINUTE)

    client.get("/help/")

    assert Session.objects.get().last_seen_at > timezone.now() - timedelta(minutes=1)


def test_visitor_without_a_session_gets_none(client, db):
    client.get("/help/")

    assert not Session.objects.exists()


# The dialog's questions


def test_status_says_how_long_the_session_lasts(visitor):
    age(visitor, idle=20 * MINUTE)

    answer = visitor.get("/accounts/session/")

    assert answer.json() == {"signed_in": True, "seconds": pytest.approx(10 * MINUTE, abs=5), "final": 0}
    assert "no-store" in answer.headers["Cache-Control"]


def test_status_of_an_ended_session_says_so_and_ends_it(visitor):
    age(visitor, idle=HOUR)

    assert visitor.get("/accounts/session/").json() == {"signed_in": False}
    assert len(log_outs()) == 1


def test_extending_begins_the_idle_time_anew_at_once(visitor):
    age(visitor, idle=40)

    answer = visitor.post("/accounts/session/extend/")

    assert answer.json()["seconds"] >= 30 * MINUTE - 2
    assert idle_for(visitor) < 5


def test_extending_does_not_put_off_the_longest_time(visitor):
    age(visitor, idle=26 * MINUTE, signed_in=12 * HOUR - 3 * MINUTE)
    ends = visitor.session.row.signed_in_at.timestamp() + 12 * HOUR

    answer = visitor.post("/accounts/session/extend/").json()

    assert answer == {"seconds": pytest.approx(3 * MINUTE, abs=5), "final": int(ends)}


def test_ended_session_is_not_extended(visitor):
    age(visitor, idle=HOUR)

    assert visitor.post("/accounts/session/extend/").status_code == 302
    assert visitor.get("/devices/").status_code == 302


def test_extending_is_posted_with_a_token(visitor):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(visitor.membership.user)

    assert strict.get("/accounts/session/extend/").status_code == 405
    assert strict.post("/accounts/session/extend/").status_code == 403


def test_page_of_somebody_signed_in_carries_the_dialog_and_its_script(visitor):
    html = visitor.get("/devices/?msn=X").text

    assert 'data-warning="300"' in html
    assert 'data-seconds="17' in html or 'data-seconds="1800"' in html
    assert 'data-sign-in="/accounts/login/?next=/devices/%3Fmsn%3DX"' in html
    assert re.search(r'<script src="/static/smi_portal/session[^"]*[.]js" defer></script>', html)


def test_page_of_somebody_not_signed_in_carries_neither(client, db):
    html = client.get("/help/").text

    assert "<dialog" not in html
    assert "<script" not in html


# What sign-in tells


def test_sign_in_page_tells_when_one_will_be_signed_out(client, db):
    html = client.get("/accounts/login/").text

    assert "after 30 minutes without activity, and at the latest 12 hours after signing in" in html
    assert "You were signed out" not in html


def test_sign_in_page_says_why_one_has_to_sign_in_again(visitor):
    age(visitor, idle=HOUR)
    html = visitor.get("/devices/", follow=True).text

    assert "You have been inactive for 30 minutes, so you have been signed out." in html
    assert "we have kept what you typed" not in html


def test_sign_in_page_says_when_it_was_the_longest_time(visitor):
    age(visitor, signed_in=12 * HOUR)

    assert (
        "You had been signed in for 12 hours, so you have been signed out" in visitor.get("/devices/", follow=True).text
    )


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1800, "30 minutes"), (43200, "12 hours"), (3600, "1 hour"), (60, "1 minute"), (95, "95 seconds")],
)
def test_times_are_told_in_words(seconds, words):
    assert in_words(seconds) == words


# Back to where one was


def test_person_comes_back_to_where_they_were(visitor):
    age(visitor, idle=HOUR)
    sign_in = visitor.get("/devices/?device_type=ESME", follow=True).text

    assert 'name="next" value="/devices/?device_type=ESME"' in sign_in
    back = sign_in_by_form(visitor, visitor.membership, next="/devices/?device_type=ESME")
    assert back.url == "/devices/?device_type=ESME"


@pytest.mark.parametrize(
    "onward", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "\\\\evil.example"]
)
def test_sign_in_leads_nowhere_else(visitor, onward):
    age(visitor, idle=HOUR)
    visitor.get("/devices/")

    assert sign_in_by_form(visitor, visitor.membership, next=onward).url == "/"


def test_person_acts_for_the_organisation_they_acted_for(supplier, asset_provider, sign_in):
    browser = sign_in(supplier)
    other = make_membership(asset_provider, user=browser.membership.user)
    browser.post("/accounts/acting/", {"membership": other.pk})
    age(browser, idle=HOUR)
    browser.get("/devices/")

    sign_in_by_form(browser, other)

    assert "Acting for <b>Zenith Meter Assets</b>" in browser.get("/help/").text


def test_membership_that_has_ended_meanwhile_is_not_acted_under(supplier, rival, asset_provider, sign_in):
    browser = sign_in(supplier)
    person = browser.membership.user
    other = make_membership(asset_provider, user=person)
    make_membership(rival, user=person)
    browser.post("/accounts/acting/", {"membership": other.pk})
    age(browser, idle=HOUR)
    browser.get("/devices/")
    overwrite(asset_provider, is_active=False)

    sign_in_by_form(browser, browser.membership)

    assert browser.get("/devices/").url.startswith("/accounts/acting/")


def test_somebody_else_who_signs_in_finds_nothing_of_it(visitor, rival):
    age(visitor, idle=HOUR)
    visitor.get("/devices/")

    sign_in_by_form(visitor, make_membership(rival))

    assert "ended" not in visitor.session
    assert "Zodiac Power" in visitor.get("/help/").text
