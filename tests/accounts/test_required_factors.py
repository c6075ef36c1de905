"""A required second factor: nobody is locked out, and nobody can continue without one."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Membership, User
from accounts.roles import Job
from accounts.sign_in.factors import SIGNED_IN_THROUGH, has_factor
from tests.accounts.sign_in_help import (
    APP,
    CODES,
    PASSWORD,
    SECURITY,
    enrol_app,
    enrol_passkey,
    is_signed_in,
    recovery_codes_of,
    set_up_app,
    shown_codes,
    signed_in,
)
from tests.conftest import Browser
from tests.factories import make_membership, make_sign_on, make_user

pytestmark = pytest.mark.django_db
ENROL = f"{SECURITY}enrol/"
NEEDED = "This is your only second factor, and you need one."


@pytest.fixture
def membership(supplier) -> Membership:
    return make_membership(supplier, Job.EDITOR, make_user(password=PASSWORD))


@pytest.fixture
def user(membership) -> User:
    return membership.user


@pytest.fixture
def visitor(membership) -> Browser:
    return Browser(membership)


@pytest.fixture
def required(settings) -> None:
    settings.MFA_REQUIRED = True


def test_requiring_factors_locks_nobody_out(settings, visitor, user):
    """In a session that was open before: led to enrol, shown the codes, and on to where they wanted to go."""
    assert visitor.get("/devices/?device_type=ESME").status_code == 200
    settings.MFA_REQUIRED = True

    led = visitor.get("/devices/?device_type=ESME", follow=True)
    assert led.redirect_chain == [(f"{ENROL}?next=%2Fdevices%2F%3Fdevice_type%3DESME", 302)]
    assert APP in led.text
    set_up_app(visitor)
    page = visitor.get(CODES).text

    assert len(shown_codes(page)) == 10
    assert 'href="/devices/?device_type=ESME"' in page
    assert visitor.get("/devices/?device_type=ESME").status_code == 200


def test_requiring_factors_locks_nobody_out_who_signs_in_anew(required, user):
    client = signed_in(user)

    assert client.get("/").url == f"{ENROL}?next=%2F"
    assert set_up_app(client)
    assert client.get("/devices/").status_code == 200


def test_session_that_began_long_ago_is_asked_for_the_password_and_enrols(operator, required, visitor):
    session = visitor.session
    session["account_authentication_methods"][0]["at"] -= 3600
    session.save()

    way = visitor.get(APP).url
    assert visitor.get(way).status_code == 200
    answer = visitor.post(way, {"password": PASSWORD, "next": APP})

    assert answer.url == APP
    set_up_app(visitor)


def test_who_has_a_factor_notices_nothing(required, visitor, user):
    enrol_passkey(user)

    assert visitor.get("/devices/").status_code == 200
    assert visitor.get(ENROL).url == SECURITY


def test_recovery_codes_alone_are_no_factor(required, visitor, user):
    recovery_codes_of(user)

    assert visitor.get("/devices/").status_code == 302


def test_enrolment_leads_to_no_other_site(required, visitor):
    visitor.get(f"{ENROL}?next=https://evil.example/")
    set_up_app(visitor)

    assert 'href="https://evil' not in visitor.get(CODES).text


def test_last_factor_stays_while_one_is_required(operator, required, visitor, user):
    enrol_app(user)

    assert NEEDED in visitor.get(f"{APP}remove/").text
    assert NEEDED in visitor.post(f"{APP}remove/").text
    assert has_factor(user)


def test_last_passkey_stays_while_one_is_required(operator, required, visitor, user):
    key = enrol_passkey(user)

    for ask in (visitor.get, visitor.post):
        answer = ask(f"{SECURITY}passkeys/{key.pk}/remove/", follow=True)
        assert NEEDED in answer.text
    assert has_factor(user)


def test_factor_beside_another_may_go(operator, required, visitor, user):
    enrol_app(user)
    key = enrol_passkey(user)

    visitor.post(f"{SECURITY}passkeys/{key.pk}/remove/")
    assert has_factor(user)
    assert NEEDED in visitor.get(f"{APP}remove/").text


def test_session_through_single_sign_on_is_not_asked_for_a_factor(operator, supplier, required, visitor, user):
    sign_on = make_sign_on(supplier, "demo.example")
    type(sign_on).objects.update(named_at=user.joined_at)  # before this session began
    session = visitor.session
    session[SIGNED_IN_THROUGH] = sign_on.pk
    session.save()

    assert visitor.get("/devices/").status_code == 200
    User.objects.update(must_enrol=True)
    assert visitor.get("/devices/").status_code == 302


def test_sessions_without_the_factor_end_when_the_first_is_enrolled(visitor, membership):
    other = Browser(membership)

    set_up_app(visitor)

    assert is_signed_in(visitor)
    assert not is_signed_in(other)


def test_second_factor_more_ends_no_session(visitor, membership, user):
    enrol_passkey(user)
    other = Browser(membership)

    set_up_app(visitor)

    assert is_signed_in(other)


def test_asking_costs_one_query(required, visitor, user, django_assert_num_queries, settings):
    enrol_app(user)
    visitor.get("/help/")
    settings.MFA_REQUIRED = False
    with CaptureQueriesContext(connection) as free:
        visitor.get("/participants/")
    settings.MFA_REQUIRED = True

    with django_assert_num_queries(len(free) + 1):
        visitor.get("/participants/")


def test_person_who_must_enrol_is_given_the_time_for_it(required, visitor):
    """The dialog that warns before the session ends asks, and extends, on these pages too."""
    assert visitor.get("/accounts/session/").json()["signed_in"]
    assert visitor.post("/accounts/session/extend/").status_code == 200
