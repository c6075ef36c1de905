"""Guesses at passwords and codes: counted together, wherever they come from."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core import mail
from django.core.cache import cache
from django.db import connection, connections
from django.test import Client
from django.urls import resolve

from accounts.audit.kinds import AuditKind
from accounts.models import User
from accounts.models.audit import AuditRow
from accounts.roles import Job
from tests.accounts.sign_in_help import (
    CODE,
    LOGIN,
    PASSWORD,
    RESET,
    code_of,
    enrol_app,
    give_password,
    is_signed_in,
    words,
)
from tests.factories import make_membership, make_user
from tests.scopes import become_operator

pytestmark = pytest.mark.django_db
TOO_MANY = "There were too many attempts"


@pytest.fixture
def user(supplier) -> User:
    return make_membership(supplier, Job.EDITOR, make_user(password=PASSWORD)).user


def test_account_is_closed_to_guesses_wherever_they_come_from(user):
    answers = [give_password(Client(), user, "a guess", address=f"198.51.100.{n}") for n in range(5)]
    last = give_password(Client(), user, address="198.51.100.99")

    assert all("password is incorrect" in answer.text for answer in answers)
    assert TOO_MANY in last.text
    assert "set a new password with" in last.text


def test_account_that_does_not_exist_is_closed_alike(user):
    locked = []
    for who in (user.email, "nobody@demo.example"):
        for number in range(5):
            give_password(Client(), who, "a guess", address=f"198.51.100.{number}")
        locked.append(give_password(Client(), who, "a guess", address="203.0.113.1"))
        cache.clear()

    assert TOO_MANY in locked[0].text
    assert words(locked[0]) == words(locked[1])


def test_port_of_the_host_gives_no_further_guesses(user):
    """`portal.example:1` is the same portal: the port is the visitor's to choose."""
    for number in range(5):
        give_password(Client(), user, "a guess", address=f"198.51.100.{number}", HTTP_HOST=f"localhost:{number + 1}")

    last = give_password(Client(), user, address="198.51.100.9", HTTP_HOST="localhost:9")

    assert TOO_MANY in last.text


def test_many_accounts_are_not_tried_from_one_address():
    answers = [give_password(Client(), f"person{n}@demo.example", "a guess").text for n in range(11)]

    assert [TOO_MANY in answer for answer in answers] == [False] * 10 + [True]


def test_flood_of_guesses_does_not_wipe_the_limit_out(user):
    for number in range(5):
        give_password(Client(), user, "a guess", address=f"198.51.100.{number}")
    for number in range(400):
        cache.set(f"another-guess-{number}", 1, 300)

    assert TOO_MANY in give_password(Client(), user).text


def test_sign_in_that_succeeds_is_not_counted(user):
    for _ in range(7):
        assert give_password(Client(), user).status_code == 302


def test_setting_a_new_password_opens_the_account_again(user):
    for number in range(5):
        give_password(Client(), user, "a guess", address=f"198.51.100.{number}")
    browser = Client()
    browser.post(RESET, {"email": user.email})
    link = re.search(r"/accounts/password/reset/key/\S+", mail.outbox[0].body)[0]
    form = browser.get(link).url
    browser.post(form, {"password1": "another long password", "password2": "another long password"})

    assert give_password(browser, user, "another long password").status_code == 302


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_concurrent_guesses_are_counted_together(operator):
    user = make_user(password=PASSWORD)
    become_operator("")

    def guess(number: int) -> None:
        give_password(Client(), user, "a guess", address=f"198.51.100.{number}")
        connections.close_all()

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(guess, range(24)))

    become_operator()
    assert AuditRow.objects.filter(kind=AuditKind.FAILED_LOG_IN).count() <= 5
    assert TOO_MANY in give_password(Client(), user, address="203.0.113.1").text


def test_codes_are_not_guessed_from_many_addresses(user):
    secret = enrol_app(user)
    client = Client()
    give_password(client, user)
    for number in range(5):
        client.post(CODE, {"code": f"{number:06d}"}, REMOTE_ADDR=f"198.51.100.{number}")

    last = client.post(CODE, {"code": code_of(secret)}, REMOTE_ADDR="203.0.113.1")

    assert TOO_MANY in last.text
    assert not is_signed_in(client)


def test_wrong_codes_stand_in_the_audit_trail(operator, supplier, user):
    enrol_app(user)
    client = Client()
    give_password(client, user)

    client.post(CODE, {"code": "000000"})

    row = AuditRow.objects.get(kind=AuditKind.FAILED_LOG_IN)
    assert (row.person_id, row.organisation_id, row.details) == (user.pk, supplier.pk, {"step": "factor"})


def test_visitors_behind_a_proxy_are_told_apart(settings, user):
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    for number in range(11):
        give_password(
            Client(), f"person{number}@demo.example", "a guess", HTTP_X_FORWARDED_FOR="203.0.113.9, 198.51.100.7"
        )

    same = give_password(Client(), user, HTTP_X_FORWARDED_FOR="198.51.100.7")
    other = give_password(Client(), user, HTTP_X_FORWARDED_FOR="198.51.100.7, 198.51.100.8")

    assert TOO_MANY in same.text
    assert other.status_code == 302


def test_counting_waits_for_no_transaction(client, user):
    """Views that count guesses are in none of the request."""
    for path in (LOGIN, CODE, RESET, "/accounts/login/passkey/"):
        assert resolve(path).func._non_atomic_requests == {"default"}, path
    assert connection.settings_dict["ATOMIC_REQUESTS"]
