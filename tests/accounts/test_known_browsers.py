"""A sign-in with a new browser is emailed to the user."""

import pytest
from django.core import mail
from django.test import Client

from accounts.models import User
from accounts.roles import Job
from accounts.sign_in.known_browsers import COOKIE, in_words
from tests.accounts.sign_in_help import PASSWORD, give_password, is_signed_in
from tests.factories import make_membership, make_organisation, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def user(supplier) -> User:
    return make_membership(supplier, Job.EDITOR, make_user(password=PASSWORD)).user


def test_first_sign_in_ever_is_not_mailed(client, user):
    give_password(client, user)

    assert mail.outbox == []
    assert client.cookies[COOKIE]["httponly"]


@pytest.fixture
def mails():
    """`mails(act)`: the subjects of the emails that an act causes."""

    def of(act) -> list[str]:
        mail.outbox.clear()
        act()
        return [message.subject for message in mail.outbox]

    return of


NEW_BROWSER = ["New sign-in to your SMI portal account"]


def test_known_browser_is_not_mailed_and_a_new_one_is(client, user, mails):
    give_password(client, user)
    client.post("/accounts/logout/")

    assert mails(lambda: give_password(client, user)) == []
    assert (
        mails(lambda: give_password(Client(HTTP_USER_AGENT="Mozilla/5.0 (X11; Linux) Firefox/128.0"), user))
        == NEW_BROWSER
    )
    body = mail.outbox[0].body
    assert mail.outbox[0].to == [user.email]
    assert "Browser: Firefox on Linux" in body
    assert "From network address: 192.0.2.1" in body
    assert "/accounts/security/" in body


def test_browser_is_known_for_each_of_its_people(client, user, mails):
    other = make_membership(make_organisation(), Job.VIEWER, make_user(password=PASSWORD)).user
    for who in (user, other):
        give_password(client, who)
        client.post("/accounts/logout/")

    assert mails(lambda: give_password(client, user)) == []


def test_browser_is_new_again_once_the_password_has_changed(operator, client, user, mails):
    give_password(client, user)
    client.post("/accounts/logout/")
    user.refresh_from_db()
    user.set_password("another long password")
    user.save(update_fields=["password"])

    assert mails(lambda: give_password(client, user, "another long password")) == NEW_BROWSER


def test_cookie_that_somebody_made_up_or_another_account_has_does_not_count(client, user, mails):
    give_password(client, user)
    for value in ("", "x", client.cookies[COOKIE].value[:-1] + "!", "é"):
        other = Client()
        other.cookies[COOKIE] = value
        assert mails(lambda other=other: give_password(other, user)) == NEW_BROWSER


def test_mail_server_that_is_away_stops_no_sign_in(user, settings):
    give_password(Client(), user)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    client = Client()

    answer = give_password(client, user)

    assert answer.status_code == 302
    assert is_signed_in(client)


@pytest.mark.parametrize(
    ("user_agent", "said"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/130.0 Safari/537.36 Edg/130.0", "Edge on Windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14_0) Version/17.0 Safari/605.1.15", "Safari on macOS"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Version/17.0 Safari/604.1", "Safari on iOS"),
        ("Mozilla/5.0 (Linux; Android 14) Chrome/130.0 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8.0", "Unknown browser"),
        ("", "Unknown browser"),
    ],
)
def test_browser_is_told_in_plain_words(operator, user_agent, said):
    assert in_words(user_agent) == said
