"""Mails about tokens that expire soon or have expired."""

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from accounts import tasks
from accounts.actions.tokens import tell_of_expiry
from accounts.mail import link_to
from accounts.models import ServiceToken
from accounts.roles import Job
from tests.as_owner import overwrite
from tests.factories import make_membership, make_token, make_user
from tests.queued_mail import send_queued

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("operator")]

NOW = timezone.now()


def token_of(organisation, *, made: int = 90, expires_in: float, **fields: object) -> ServiceToken:
    """Made so many days ago."""
    times = {"created_at": NOW - timedelta(days=made), "expires_at": NOW + timedelta(days=expires_in)}
    return make_token(organisation, **times | fields)


@pytest.fixture
def ada(supplier) -> str:
    """The address of an administrator."""
    return make_membership(supplier, Job.ADMINISTRATOR, make_user(email="ada@demo.example")).user.email


def told() -> list[str]:
    """The mails of one run of the task."""
    mail.outbox.clear()
    tell_of_expiry()
    send_queued()
    return [message.body for message in mail.outbox]


def later(days: float, monkeypatch) -> None:
    moment = NOW + timedelta(days=days)
    monkeypatch.setattr(timezone, "now", lambda: moment)


@pytest.mark.parametrize(("expires_in", "tells"), [(14.5, 0), (13.9, 1), (3, 1), (1, 1), (-0.1, 1)])
def test_administrators_are_told_from_fourteen_days_before(supplier, ada, expires_in, tells):
    token_of(supplier, expires_in=expires_in)

    assert len(told()) == tells


def test_they_are_told_three_times_in_all(supplier, ada, monkeypatch):
    token_of(supplier, expires_in=20)
    days_told = []

    for hours in range(0, 24 * 30, 12):
        later(hours / 24, monkeypatch)
        if told():
            days_told.append(hours / 24)

    assert days_told == [6, 18, 20]


def test_they_are_told_at_the_moments_that_are_left_after_a_pause_of_the_worker(supplier, ada, monkeypatch):
    token_of(supplier, expires_in=1)

    assert len(told()) == 1
    assert told() == []


def test_mail_says_which_tokens_and_where_and_nothing_else(supplier, ada, rival):
    token_of(supplier, expires_in=10, name="Asset register", last_used_at=NOW)
    token_of(supplier, expires_in=1, name="Meter reader & co")
    token_of(supplier, expires_in=-1, name="Old one")
    token_of(supplier, expires_in=-1, name="Old and used", last_used_at=NOW)
    token_of(rival, expires_in=1, name="Theirs")

    (body,) = told()

    message = mail.outbox[0]
    assert message.to == [ada]
    assert message.subject == "4 API tokens of your organisation expire soon or have expired"
    assert [line.split(" on ")[0] for line in body.splitlines() if line.startswith("- ")] == [
        "- “Old one” expired",
        "- “Old and used” expired",
        "- “Meter reader & co” expires",
        "- “Asset register” expires",
    ]
    assert "and was never used." in body
    assert "any system still using it is refused." in body
    assert link_to("/organisation/tokens/") in body
    assert "smi_" not in body
    assert "Theirs" not in body


def test_one_token_is_told_of_in_the_singular(supplier, ada):
    token_of(supplier, expires_in=1)

    told()

    assert mail.outbox[0].subject == "1 API token of your organisation expires soon or has expired"


def test_every_administrator_is_told_and_nobody_else(supplier, ada, rival):
    second = make_membership(supplier, Job.ADMINISTRATOR).user.email
    ended = make_membership(supplier, Job.ADMINISTRATOR)
    overwrite(type(ended).objects.filter(pk=ended.pk), ended_at=NOW)
    make_membership(supplier, Job.EDITOR)
    make_membership(rival, Job.ADMINISTRATOR)
    token_of(supplier, expires_in=1)

    told()

    assert {message.to[0] for message in mail.outbox} == {ada, second}


def test_nobody_is_told_of_what_is_revoked_or_of_an_organisation_that_has_left(supplier, ada, rival):
    token_of(supplier, expires_in=1, revoked_at=NOW)
    make_membership(rival, Job.ADMINISTRATOR)
    token_of(rival, expires_in=1)
    overwrite(rival, is_active=False)

    assert told() == []


def test_who_has_just_made_a_short_token_is_not_told_at_once(supplier, ada, monkeypatch):
    token_of(supplier, made=0, expires_in=10)

    assert told() == []
    later(8.5, monkeypatch)
    assert len(told()) == 1


def test_mail_that_cannot_be_sent_stops_nothing(supplier, rival, ada, settings):
    make_membership(rival, Job.ADMINISTRATOR)
    token_of(supplier, expires_in=1)
    token_of(rival, expires_in=1)
    settings.EMAIL_BACKEND, settings.EMAIL_PORT = "django.core.mail.backends.smtp.EmailBackend", 1

    assert tell_of_expiry() == 2
    send_queued()
    assert not ServiceToken.objects.filter(warned_at=None).exists()


def test_task_tells(supplier, ada):
    token_of(supplier, expires_in=1)

    assert tasks.tell_of_tokens(timestamp=0) == 1
    send_queued()
    assert len(mail.outbox) == 1
