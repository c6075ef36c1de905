"""Signing in with a password, and what guessing, poisoning and looking on from outside come to."""

import statistics
import time
from types import SimpleNamespace

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.core import mail
from django.core.cache import cache
from django.test import Client

from accounts.models import User
from accounts.roles import Job
from tests.accounts.sign_in_help import (
    CODE,
    LOGIN,
    PASSWORD,
    RESET,
    SECURITY,
    code_of,
    enrol_app,
    give_password,
    is_signed_in,
    recovery_codes_of,
    signed_in,
    words,
)
from tests.as_owner import overwrite
from tests.factories import make_membership, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def user(supplier) -> User:
    return make_membership(supplier, Job.EDITOR, make_user(password=PASSWORD)).user


# The session


def test_session_key_changes_at_sign_in(operator, client, user):
    client.get(LOGIN)
    session = client.session
    session["planted"] = "by an attacker"
    session.save()
    before = session.session_key

    give_password(client, user)

    assert client.session.session_key != before
    assert is_signed_in(client)
    other = Client()
    other.cookies["sessionid"] = before
    assert not is_signed_in(other)


def test_session_key_changes_once_the_second_factor_is_given(client, user):
    secret = enrol_app(user)
    give_password(client, user)
    before = client.session.session_key

    client.post(CODE, {"code": code_of(secret)})

    assert client.session.session_key != before
    assert is_signed_in(client)


def test_code_page_without_password_leads_to_sign_in(client, user):
    enrol_app(user)

    assert client.get(CODE).url == LOGIN
    assert client.post(CODE, {"code": "123456"}).url == LOGIN


# Where it leads


@pytest.mark.parametrize(
    "onward", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "/\\evil.example"]
)
@pytest.mark.parametrize("with_factor", [False, True])
def test_sign_in_leads_to_no_other_site(client, user, onward, with_factor):
    secret = enrol_app(user) if with_factor else ""

    answer = client.post(f"{LOGIN}?next={onward}", {"login": user.email, "password": PASSWORD, "next": onward})
    if with_factor:
        answer = client.post(f"{CODE}?next={onward}", {"code": code_of(secret), "next": onward})

    assert answer.status_code == 302
    assert answer.url == "/"


def test_sign_in_leads_to_the_page_that_was_asked_for(client, user):
    secret = enrol_app(user)

    client.post(f"{LOGIN}?next=/devices/", {"login": user.email, "password": PASSWORD, "next": "/devices/"})
    answer = client.post(CODE, {"code": code_of(secret)})

    assert answer.url == "/devices/"


# Who has an account


def test_wrong_password_and_unknown_account_get_the_same_answer(operator, user):
    closed = make_user(password=PASSWORD)
    overwrite(User.objects.filter(pk=closed.pk), is_active=False)
    never_set = make_user()

    answers = [
        give_password(Client(), who, "not the password") for who in (user, closed, never_set, "nobody@demo.example")
    ]

    assert {answer.status_code for answer in answers} == {200}
    assert len({words(answer) for answer in answers}) == 1
    assert "The email address or password is incorrect." in answers[0].text


def test_wrong_password_and_unknown_account_take_the_same_work(operator, monkeypatch):
    """Within a factor of two: a password is hashed either way, and that takes the time."""
    monkeypatch.setattr(Argon2PasswordHasher, "memory_cost", 32 * 1024)  # as in the portal, hashing outweighs the rest
    kinds = {"known": lambda: make_user(password=PASSWORD), "closed": lambda: closed_user(), "unknown": lambda: None}
    took: dict[str, list[float]] = {kind: [] for kind in kinds}

    for number in range(6):
        for kind, make in kinds.items():
            who = make() or f"unknown{number}@demo.example"
            began = time.perf_counter()
            give_password(Client(), who, "not the password", address=f"192.0.2.{number}")
            took[kind].append(time.perf_counter() - began)

    medians = [statistics.median(times) for times in took.values()]
    assert max(medians) < 2 * min(medians), took


def closed_user() -> User:
    user = make_user(password=PASSWORD)
    overwrite(user, is_active=False)
    return user


def test_closed_account_is_told_to_who_knows_its_password_alone(operator, client):
    user = closed_user()

    answer = give_password(client, user)

    assert answer.url == "/accounts/inactive/"
    assert not is_signed_in(client)


def test_password_reset_gets_the_same_answer_for_everybody(operator, user):
    addresses = [user.email, closed_user().email, "nobody@demo.example"]

    answers = [Client().post(RESET, {"email": address}, follow=True) for address in addresses]

    assert len({words(answer) for answer in answers}) == 1
    assert [message.to for message in mail.outbox] == [[address] for address in addresses]
    assert ["/reset/key/" in message.body for message in mail.outbox] == [True, False, False]


# Poisoned


@pytest.mark.parametrize("host", ["localhost:8666", "127.0.0.1"])
def test_link_that_sets_a_password_names_the_portal_whatever_host_was_asked(client, user, settings, host):
    settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
    settings.PORTAL_URL = "https://portal.example"

    client.post(RESET, {"email": user.email}, HTTP_HOST=host, HTTP_X_FORWARDED_HOST="evil.example")

    assert "https://portal.example/accounts/password/reset/key/" in mail.outbox[0].body
    assert host not in mail.outbox[0].body


def test_host_of_another_name_is_refused(client, user):
    answer = client.post(RESET, {"email": user.email}, HTTP_HOST="evil.example")

    assert answer.status_code == 400
    assert mail.outbox == []


# The second factor


def test_code_of_the_app_signs_in(client, user):
    secret = enrol_app(user)
    give_password(client, user)

    client.post(CODE, {"code": code_of(secret)})

    assert is_signed_in(client)


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_code_of_the_app_opens_once(operator, user, steps, monkeypatch):
    """For as long as it is good: django-allauth's own memory of 30 seconds is shorter than that."""
    now = time.time()  # the clock stands still, or a code of the step before could expire meanwhile
    monkeypatch.setattr("allauth.mfa.totp.internal.auth.time", SimpleNamespace(time=lambda: now))
    secret = enrol_app(user)
    code = code_of(secret, steps)
    first, second = Client(), Client()
    give_password(first, user)
    give_password(second, user)

    first.post(CODE, {"code": code})
    cache.delete(f"allauth.mfa.totp.used?user={user.pk}&code={code}")
    second.post(CODE, {"code": f" {code[:3]}-{code[3:]}"})

    assert is_signed_in(first)
    assert not is_signed_in(second)


def test_code_with_which_the_app_was_set_up_signs_nobody_in(user):
    browser = signed_in(user)
    browser.get(f"{SECURITY}app/")
    secret = browser.session["mfa.totp.secret"]
    code = code_of(secret)
    browser.post(f"{SECURITY}app/", {"code": code})
    onlooker = Client()
    give_password(onlooker, user)

    onlooker.post(CODE, {"code": code})

    assert user.authenticator_set.filter(type="totp").exists()
    assert not is_signed_in(onlooker)


def test_old_code_of_the_app_opens_nothing(client, user):
    secret = enrol_app(user)
    give_password(client, user)

    for steps in (-3, -2, 2, 3):
        client.post(CODE, {"code": code_of(secret, steps)})

    assert not is_signed_in(client)


def test_recovery_code_opens_once(user):
    enrol_app(user)
    code = recovery_codes_of(user)[0]
    first, second = Client(), Client()
    give_password(first, user)
    give_password(second, user)

    first.post(CODE, {"code": code})
    second.post(CODE, {"code": code})

    assert is_signed_in(first)
    assert not is_signed_in(second)


def test_code_of_somebody_else_opens_nothing(client, user):
    enrol_app(user)
    secret = enrol_app(make_user())
    give_password(client, user)

    client.post(CODE, {"code": code_of(secret)})

    assert not is_signed_in(client)


def test_password_with_a_code_from_a_former_sign_in_is_not_enough(user):
    """The password step of one session does not carry over to another."""
    secret = enrol_app(user)
    give_password(Client(), user)

    stranger = Client()
    stranger.post(CODE, {"code": code_of(secret)})

    assert not is_signed_in(stranger)
