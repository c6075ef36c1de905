"""The places where someone is signed in, and signing out there."""

import re

import pytest
from django.core import mail
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.actions import end_sessions_of, forget_expired
from accounts.audit.kinds import AuditKind
from accounts.models import Session, User
from accounts.models.audit import AuditRow
from accounts.roles import Job
from tests.accounts.sign_in_help import PASSWORD, RESET, SECURITY, is_signed_in, signed_in
from tests.conftest import Browser
from tests.factories import make_membership, make_user

pytestmark = pytest.mark.django_db
SESSIONS, CHANGE = f"{SECURITY}sessions/", "/accounts/password/change/"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; rv:130.0) Gecko/20100101 Firefox/130.0"


@pytest.fixture
def user(supplier) -> User:
    return make_membership(supplier, Job.EDITOR, make_user(password=PASSWORD)).user


def test_own_sessions_are_listed_in_plain_words(user):
    signed_in(user, HTTP_USER_AGENT=FIREFOX)
    here = signed_in(user)
    signed_in(make_user(password=PASSWORD), HTTP_USER_AGENT="Safari somebody else")

    page = here.get(SESSIONS).text

    assert "Unknown browser (this one)" in page
    assert "Firefox on Windows</th>" in page
    assert page.index("(this one)") < page.index("Firefox")
    assert "192.0.2.1" in page
    assert "Safari" not in page
    assert "2 browsers" in here.get(SECURITY).text


def test_signing_out_everywhere_else(operator, supplier, user):
    here, there, stranger = signed_in(user), signed_in(user), signed_in(make_user(password=PASSWORD))

    answer = here.post(SESSIONS)

    assert answer.url == SESSIONS
    assert is_signed_in(here)
    assert not is_signed_in(there)
    assert is_signed_in(stranger)
    assert there.session.get("_auth_user_id") is None
    row = AuditRow.objects.get(kind=AuditKind.SESSIONS_ENDED)
    assert (row.person_id, row.organisation_id, row.details) == (user.pk, supplier.pk, {"sessions": 1})


def test_all_sessions_of_a_person_end_at_once(operator, user):
    """However they began."""
    by_page, other_way = signed_in(user), Browser(user.memberships.get())
    other = signed_in(make_user(password=PASSWORD))

    assert end_sessions_of(user) == 2

    assert not is_signed_in(by_page)
    assert not is_signed_in(other_way)
    assert is_signed_in(other)


def test_ended_session_does_not_come_back_by_a_request_under_way(operator, user):
    client = signed_in(user)
    key = client.session.session_key
    end_sessions_of(user)

    client.cookies["sessionid"] = key
    client.get("/devices/")

    assert not Session.objects.filter(session_key=key).exists()


def test_changing_the_password_ends_the_other_sessions(operator, user):
    here, there = signed_in(user), signed_in(user)
    form = {"oldpassword": PASSWORD, "password1": "another long password", "password2": "another long password"}

    answer = here.post(CHANGE, form, follow=True)

    assert "Password changed. You have been signed out everywhere else." in answer.text
    assert is_signed_in(here)
    assert not is_signed_in(there)
    assert AuditRow.objects.filter(kind=AuditKind.PASSWORD_CHANGED, person_id=user.pk).exists()


def test_setting_the_password_anew_by_mail_ends_every_session(user):
    there, browser = signed_in(user), Client()
    browser.post(RESET, {"email": user.email})
    form = browser.get(re.search(r"/accounts/password/reset/key/\S+", mail.outbox[0].body)[0]).url

    browser.post(form, {"password1": "another long password", "password2": "another long password"})

    assert not is_signed_in(there)
    assert mail.outbox[1].subject == "Your password has been reset"


@pytest.mark.parametrize(
    ("former", "password", "says"),
    [
        ("wrong", "another long password", "That is not your current password."),
        (PASSWORD, "short", "at least 12 characters"),
        (PASSWORD, "qwerty123456", "too common"),
        (PASSWORD, "person.known@demo", "too similar"),
    ],
)
def test_password_that_does_not_do_is_refused_with_the_reason(operator, supplier, former, password, says):
    user = make_membership(supplier, user=make_user(email="person.known@demo.example", password=PASSWORD)).user
    client = signed_in(user)

    page = client.post(CHANGE, {"oldpassword": former, "password1": password, "password2": password}).text

    assert "Your password is as it was" in page
    assert says in page
    user.refresh_from_db()
    assert user.check_password(PASSWORD)


def test_who_has_no_password_changes_none(supplier):
    browser = Browser(make_membership(supplier))

    answer = browser.get(CHANGE, follow=True)

    assert "there is no password to change" in answer.text
    assert CHANGE not in answer.text


def test_guesses_at_the_current_password_are_limited(user):
    client = signed_in(user)
    form = {"oldpassword": "a guess", "password1": "another long password", "password2": "another long password"}

    statuses = [client.post(CHANGE, form).status_code for _ in range(6)]

    assert statuses == [200] * 5 + [429]


def test_name_in_the_header_leads_to_security(user):
    assert f'href="{SECURITY}">{user.name}<' in signed_in(user).get("/help/").text


def test_what_has_expired_is_forgotten(operator, user):
    old, current = signed_in(user), signed_in(user)
    Session.objects.filter(session_key=old.session.session_key).update(expire_date=timezone.now())
    cache.set("a-count", 1, 300)
    cache.set("an-old-count", 1, -1)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE portal_cache SET expires = now() - interval '1 hour'")

    forget_expired()

    assert list(Session.objects.values_list("pk", flat=True)) == [current.session.session_key]
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM portal_cache WHERE expires < now()")
        assert cursor.fetchone() == (0,)
    assert is_signed_in(current)
    assert not is_signed_in(Client())
