"""The table of sessions: what ends, updates and lists them, and how many without a person it holds."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest
from django.contrib.messages import success
from django.db import connection, connections
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import path
from django.utils import timezone

from accounts.access import Open, allow
from accounts.actions import end_sessions_of
from accounts.audit.kinds import AuditKind
from accounts.models import Session, User
from accounts.models.audit import AuditRow
from accounts.roles import Job
from accounts.sign_in.networks import bounds_of
from accounts.sign_in.session_store import SessionStore
from accounts.sign_in.timeouts import touch
from smi_portal.refusals import pages
from smi_portal.urls import urlpatterns as portal
from tests.accounts.session_help import HOUR, MINUTE, age
from tests.accounts.sign_in_help import PASSWORD, SECURITY, give_password, is_signed_in, signed_in
from tests.conftest import Browser
from tests.factories import make_membership, make_user
from tests.test_access import OWN

pytestmark = pytest.mark.usefixtures("operator")
AGENT = "Mozilla/5.0 (Windows NT 10.0; rv:130.0) Gecko/20100101 Firefox/130.0"


@pytest.fixture
def user(supplier) -> User:
    return make_membership(supplier, Job.EDITOR, make_user(password=PASSWORD)).user


def statements(asked: CaptureQueriesContext) -> list[str]:
    """Those on the table, each by its first word."""
    return [query["sql"].split()[0] for query in asked if "accounts_session" in query["sql"]]


# One statement each


def test_row_says_whose_it_is_since_when_and_from_where(user):
    client = Client(HTTP_USER_AGENT=AGENT + "x" * 500)
    give_password(client, user)

    row = Session.objects.get()
    assert (row.pk, row.user, row.signed_in_through) == (client.session.session_key, user, None)
    assert (row.address, row.user_agent) == ("192.0.2.1", (AGENT + "x" * 500)[:200])
    assert timezone.now() - row.signed_in_at < timedelta(seconds=60)
    assert timezone.now() - row.last_seen_at < timedelta(seconds=60)


def test_sessions_of_a_person_end_in_one_statement_that_reads_none(user):
    for _ in range(3):
        signed_in(user)
    other = signed_in(make_user(password=PASSWORD))
    Session.objects.filter(user=user).update(session_data="cannot be decoded")

    with CaptureQueriesContext(connection) as asked:
        assert end_sessions_of(user) == 3

    assert [query["sql"].split()[0] for query in asked] == ["DELETE"]
    assert list(Session.objects.values_list("pk", flat=True)) == [other.session.session_key]


def test_session_is_touched_in_one_statement_that_reads_nothing(user):
    key = signed_in(user).session.session_key
    Session.objects.filter(pk=key).update(
        session_data="cannot be decoded", last_seen_at=timezone.now() - timedelta(minutes=9)
    )

    with CaptureQueriesContext(connection) as asked:
        touch(key)

    assert [query["sql"].split()[0] for query in asked] == ["UPDATE"]
    assert timezone.now() - Session.objects.get().last_seen_at < timedelta(minutes=1)


def test_own_sessions_are_listed_in_one_statement_that_reads_no_data(user):
    here, _ = signed_in(user), signed_in(user)
    here.get("/help/")

    with CaptureQueriesContext(connection) as asked:
        here.get(f"{SECURITY}sessions/")

    of_request, of_list = [query["sql"] for query in asked if "accounts_session" in query["sql"]]
    assert "session_data" in of_request
    assert "session_data" not in of_list


def test_session_whose_time_is_up_is_not_listed(user):
    here, idle, long_ago = signed_in(user), signed_in(user), signed_in(user)
    age(idle, idle=30 * MINUTE)
    age(long_ago, signed_in=12 * HOUR)

    assert "1 browser<" in here.get(SECURITY).text
    assert here.get(f"{SECURITY}sessions/").text.count('<th scope="row">') == 1


def test_page_reads_the_table_once_and_writes_nothing(user):
    client = signed_in(user)
    client.get("/help/")

    with CaptureQueriesContext(connection) as asked:
        client.get("/help/")

    assert statements(asked) == ["SELECT"]


def test_new_password_leaves_no_row_of_the_former_one(user):
    here, _ = signed_in(user), signed_in(user)
    form = {"oldpassword": PASSWORD, "password1": "another long password", "password2": "another long password"}

    here.post("/accounts/password/change/", form)

    assert list(Session.objects.values_list("pk", flat=True)) == [here.session.session_key]


# Of nobody


def strange(address: str) -> SessionStore:
    """A stored session that nobody has signed in to."""
    client = Client(REMOTE_ADDR=address)
    client.post("/accounts/login/passkey/")  # says in the session what is missing
    return client.session


def test_session_of_nobody_lives_for_minutes(db):
    strange("192.0.2.7")

    row = Session.objects.get()
    assert (row.user, row.signed_in_at, row.last_seen_at, row.address) == (None, None, None, "192.0.2.7")
    assert timezone.now() + timedelta(minutes=29) < row.expire_date < timezone.now() + timedelta(minutes=31)


def test_session_of_nobody_lives_on_once_somebody_has_signed_in(user):
    client = Client()
    client.post("/accounts/login/passkey/")
    give_password(client, user)

    assert Session.objects.get().expire_date > timezone.now() + timedelta(hours=35)


def test_of_one_address_the_oldest_session_of_nobody_goes(user, settings):
    settings.SESSIONS_OF_NOBODY = 3
    here = signed_in(user)
    _, *later = [strange("192.0.2.7").session_key for _ in range(4)]
    other = strange("192.0.2.8").session_key

    assert set(Session.objects.filter(user=None).values_list("pk", flat=True)) == {*later, other}
    assert is_signed_in(here)


def test_zone_of_an_address_is_no_part_of_it(db):
    strange("fe80::1%eth0")

    assert Session.objects.get().address == "fe80::1"


def test_page_that_stores_no_session_does_not_ask_for_the_address(client, db, settings):
    """A probe of the server itself may come past one of the proxies."""
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 2

    assert client.get("/health/live", headers={"X-Forwarded-For": "192.0.2.7"}).status_code == 200


def test_flood_from_one_network_does_not_fill_the_table(db, settings):
    """Each visitor has a network of 64 bits to choose addresses from."""
    settings.SESSIONS_OF_NOBODY = 3

    for number in range(8):
        strange(f"2001:db8:0:1::{number}")
    strange("2001:db8:0:2::1")

    assert Session.objects.count() == 4


def test_sessions_without_an_address_are_counted_together(db, settings):
    settings.SESSIONS_OF_NOBODY = 3

    for _ in range(5):
        SessionStore().create()

    assert Session.objects.count() == 3


@pytest.mark.parametrize(
    ("address", "bounds"),
    [
        (None, (None, None)),
        ("192.0.2.7", ("192.0.2.7", "192.0.2.7")),
        ("::ffff:192.0.2.7", ("192.0.2.7", "192.0.2.7")),
        ("2001:db8::7", ("2001:db8::", "2001:db8::ffff:ffff:ffff:ffff")),
    ],
)
def test_addresses_that_one_visitor_may_have(address, bounds):
    assert bounds_of(address) == bounds


@pytest.mark.parametrize(
    "name", [p.name for p in OWN if p.callback.permission is Open.TO_ALL and not p.pattern.converters]
)
def test_page_open_to_all_begins_no_session(client, db, name):
    client.get(f"/{next(p for p in OWN if p.name == name).pattern}")

    assert not Session.objects.exists()


@pytest.mark.parametrize("page", ["login/", "password/reset/", "password/reset/done/", "password/reset/key/1-x/"])
def test_page_of_signing_in_begins_no_session(client, db, page):
    assert client.get(f"/accounts/{page}").status_code == 200

    assert not Session.objects.exists()


# Ended while a request is under way


@allow(Open.SIGNED_IN, "GET", "HEAD", "POST")
def slow_page(request: HttpRequest) -> HttpResponse:
    """Its session ends elsewhere while it does its work; then it tells of it, by way of the session."""
    if "timed_out" in request.GET:
        SessionStore(request.session.session_key).time_out({})
    else:
        end_sessions_of(request.user)
    success(request, "MSN saved: Z1.")
    return redirect("dashboard")


urlpatterns = [path("slow/", slow_page), *portal]
handler400 = pages.bad_request


@pytest.fixture
def under_way(user, settings):
    """A request during which its session is ended: its client, and a function that sends it."""
    client = signed_in(user)
    settings.ROOT_URLCONF = __name__
    return client


@pytest.mark.parametrize("method", ["get", "post"])
def test_ended_session_is_not_written_back_by_a_request_under_way(under_way, method):
    getattr(under_way, method)("/slow/")

    assert not Session.objects.exists()
    assert not is_signed_in(under_way)


def test_session_that_timed_out_is_not_brought_back_by_a_request_under_way(under_way):
    answer = under_way.post("/slow/?timed_out=1")

    assert answer.status_code == 400
    assert (Session.objects.get().user, dict(under_way.session)) == (None, {})
    assert not is_signed_in(under_way)


def test_person_reads_that_they_were_signed_out_and_what_may_have_been_saved(under_way, user):
    answer = under_way.post("/slow/")

    assert answer.status_code == 400
    assert "You have been signed out" in answer.text
    assert "What you sent may have been saved." in answer.text
    assert "MSN saved: Z1." in answer.text
    assert 'href="/accounts/login/">Sign in<' in answer.text
    assert user.name not in answer.text
    assert "<dialog" not in answer.text


def test_page_that_was_asked_for_is_where_signing_in_leads(under_way):
    answer = under_way.get("/slow/?a=b")

    assert 'href="/accounts/login/?next=/slow/%3Fa%3Db">Sign in<' in answer.text
    assert "may have been saved" not in answer.text


# Two at once


@pytest.fixture
def committed(transactional_db, supplier) -> Browser:
    """A browser whose session other connections see."""
    return Browser(make_membership(supplier, Job.EDITOR))


def at_once(*acts) -> None:
    """Each in a thread with a connection of its own."""

    def run(act) -> None:
        try:
            act()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        for done in [pool.submit(run, act) for act in acts]:
            done.result()


def client_of(browser: Browser) -> Client:
    """Another tab."""
    client = Client()
    client.cookies = browser.cookies
    return client


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_of_many_requests_at_one_time_one_ends_the_session(committed):
    age(committed, idle=HOUR)
    tabs = [client_of(committed) for _ in range(4)]

    at_once(*(partial(tab.get, "/devices/") for tab in tabs))

    assert AuditRow.objects.filter(kind=AuditKind.LOG_OUT).count() == 1
    assert all(tab.get("/devices/").status_code == 302 for tab in tabs)


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_forms_sent_at_one_time_from_several_tabs_are_all_kept(committed):
    age(committed, idle=HOUR)
    committed.get("/devices/")
    pages = [f"/devices/{number}/edit/" for number in range(4)]
    form = {"acting": committed.membership.pk, "msn": "Z 3"}

    at_once(*(partial(client_of(committed).post, page, form) for page in pages))

    assert set(committed.session["kept_forms"]) == set(pages)


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_session_ended_while_its_form_is_being_kept_stays_ended(committed):
    """The lock on the row is what the end waits for."""
    store, pool = committed.session, ThreadPoolExecutor(1)
    with store.locked():
        store["kept"] = "typed"
        ending = pool.submit(at_once, partial(end_sessions_of, committed.membership.user))
        with pytest.raises(TimeoutError):
            ending.result(timeout=0.2)

    ending.result()
    assert not Session.objects.exists()


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_form_that_comes_after_the_end_is_not_written(committed):
    store = committed.session
    end_sessions_of(committed.membership.user)

    with store.locked():
        store["kept"] = "typed"

    assert not Session.objects.exists()
    assert not store.modified
