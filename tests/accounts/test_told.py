"""What members are told when their access changes: by email, read as it arrives, and at their next sign-in."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from django.utils.formats import date_format

from accounts.acting import Acting
from accounts.actions import add_administrator, change_job, end_membership
from accounts.actions.dormancy import suspend_dormant
from accounts.actions.organisations import set_active
from accounts.actions.proposals import propose
from accounts.models import Membership, Organisation, Proposal, User
from accounts.roles import Job
from tests.accounts.oversight_help import NOW, member_of
from tests.as_owner import overwrite
from tests.factories import make_membership, make_participant, make_user
from tests.mail_sink import Sink, mail_sink
from tests.queued_mail import send_queued

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("operator")]
PASSWORD = "correct-horse-battery-staple"
TODAY = date_format(timezone.localdate(), "DATE_FORMAT")


@pytest.fixture
def sink(settings) -> Iterator[Sink]:
    """A real mail server, to which the portal's emails go."""
    with mail_sink() as (server, url):
        settings.EMAIL_BACKEND = "accounts.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", int(url.rpartition(":")[2])
        yield server


@pytest.fixture
def administrator(supplier, acting) -> Acting:
    return acting(supplier, Job.ADMINISTRATOR)


@pytest.fixture
def nell(supplier) -> Membership:
    return make_membership(supplier, Job.VIEWER, make_user("Nell Frost", "nell@demo.example"))


def told(sink: Sink, address: str = "nell@demo.example") -> list[tuple[str, str]]:
    send_queued()
    return [(one["Subject"], one.get_content().replace("\r\n", "\n")) for one in sink.messages if one["To"] == address]


# By email


def test_member_is_told_of_another_access_level(sink, nell, administrator):
    change_job(membership=nell, job=Job.EDITOR, by=administrator)

    ((subject, body),) = told(sink)
    assert subject == "You are now an Editor for Zephyr Energy on the SMI portal"
    assert body.startswith("Hello Nell Frost,\n")
    assert f"changed on {TODAY}. You are now an Editor.\n" in body
    assert "/who-may-do-what/\n" in body
    assert "If you were not expecting this, ask an administrator of Zephyr Energy." in body


def test_member_who_keeps_the_access_level_is_told_nothing(sink, nell, administrator):
    change_job(membership=nell, job=Job.VIEWER, by=administrator)

    assert told(sink) == []


def test_member_made_administrator_by_others_is_told(sink, nell):
    add_administrator(email="nell@demo.example", organisation=nell.organisation)

    assert [subject for subject, _ in told(sink)] == [
        "You are now an Administrator for Zephyr Energy on the SMI portal"
    ]


def test_member_is_told_that_the_membership_has_ended_and_whom_to_ask(sink, nell, administrator):
    end_membership(membership=nell, by=administrator)

    ((subject, body),) = told(sink)
    assert subject == "Your access to Zephyr Energy on the SMI portal has ended"
    assert f"An administrator of Zephyr Energy ended your membership on {TODAY}, so you can no longer act for" in body
    assert "ask an administrator of Zephyr Energy to invite you again" in body


def test_member_who_is_back_before_the_email_goes_is_not_told(sink, nell, administrator):
    change_job(membership=nell, job=Job.EDITOR, by=administrator)
    end_membership(membership=nell, by=administrator)
    make_membership(nell.organisation, user=nell.user)

    assert told(sink) == []


def test_member_is_told_of_the_suspension(sink, supplier):
    member = member_of(supplier, "Owen Price", used=120, warned=15)

    suspend_dormant(now=NOW)

    ((subject, body),) = told(sink, member.user.email)
    assert subject == "Your access to Zephyr Energy on the SMI portal has been suspended"
    assert f"your membership of Zephyr Energy was suspended on {TODAY}" in body


@pytest.mark.parametrize("after", [{"suspended_at": None}, {"ended_at": timezone.now()}])
def test_suspension_that_is_over_is_not_told(sink, supplier, after):
    member = member_of(supplier, used=120, warned=15)
    suspend_dormant(now=NOW)
    overwrite(Membership.objects.filter(pk=member.pk), **after)

    assert told(sink, member.user.email) == []


def test_members_are_told_that_their_organisation_is_deactivated_and_reactivated(sink, nell, supplier):
    set_active(organisation=supplier, is_active=False)
    ((subject, body),) = told(sink)
    assert subject == "Zephyr Energy no longer takes part in the SMI portal"
    assert f"The DCC deactivated Zephyr Energy on {TODAY}, so nobody can act for it" in body
    assert "ask the DCC service desk (service.desk@dcc.example, telephone 020 7946 0123, https://dcc.example/" in body

    set_active(organisation=supplier, is_active=True)

    subject, body = told(sink)[-1]
    assert subject == "Zephyr Energy takes part in the SMI portal again"
    assert f"/?acting={nell.pk}\n" in body


def test_nobody_is_told_of_a_deactivation_that_is_over(sink, nell, supplier):
    set_active(organisation=supplier, is_active=False)
    set_active(organisation=supplier, is_active=True)

    assert [subject for subject, _ in told(sink)] == ["Zephyr Energy takes part in the SMI portal again"]


def test_nobody_is_told_of_a_reactivation_that_is_over(sink, nell, supplier):
    overwrite(supplier, is_active=False)
    set_active(organisation=supplier, is_active=True)
    set_active(organisation=supplier, is_active=False)

    assert [subject for subject, _ in told(sink)] == ["Zephyr Energy no longer takes part in the SMI portal"]


def test_second_administrator_is_told_of_the_act_and_the_last_date(sink, dcc, asset_provider, acting):
    make_participant("ZAMB")
    make_membership(dcc, Job.ADMINISTRATOR, make_user("Nell Frost", "nell@demo.example"))
    by = Acting.under(make_membership(dcc, Job.ADMINISTRATOR, make_user("Dilip Hartley")))
    details = {"fuel": "E", "code": "ZAMB", "valid_from": "2026-03-01"}
    proposal = propose(act=Proposal.Act.BIND, organisation=asset_provider, by=by, **details)

    ((subject, body),) = told(sink)
    today, last = (date_format(timezone.localdate() + timedelta(days=days), "j F") for days in (0, 14))
    assert subject == "Approval needed: bind ZAMB to Zenith Meter Assets"
    assert body == (
        f"Dilip Hartley asked for this on {today}: "
        "bind ZAMB (electricity) to Zenith Meter Assets from 1 March 2026.\n\n"
        f"Approve or reject it by {last}:\n{settings.PORTAL_URL}/organisations/proposals/{proposal.pk}/\n\n"
        "If nobody decides by then, the request expires and nothing changes.\n"
    )


# At the next sign-in


@pytest.fixture
def of_two(nell, rival) -> User:
    """Somebody who signed in last week, and is a member of Zephyr Energy and Zodiac Power."""
    make_membership(rival, user=nell.user)
    nell.user.set_password(PASSWORD)
    nell.user.last_login = timezone.now() - timedelta(days=7)
    nell.user.save(update_fields=["password", "last_login"])
    return nell.user


def first_page(user: User) -> str:
    client = Client()
    client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    return client.get("/").text


def ended(organisation: Organisation) -> str:
    return f"An administrator of {organisation} ended your membership on {TODAY}."


def test_member_of_another_organisation_is_told_once_at_sign_in(nell, of_two, administrator, supplier):
    end_membership(membership=nell, by=administrator)

    assert ended(supplier) in first_page(of_two)
    assert ended(supplier) not in first_page(of_two)


def test_suspended_membership_is_told_likewise(nell, of_two):
    overwrite(Membership.objects.filter(pk=nell.pk), suspended_at=timezone.now())

    assert f"Your membership of Zephyr Energy has been suspended since {TODAY}" in first_page(of_two)


def test_what_ended_before_the_last_sign_in_is_not_told_again(nell, of_two):
    overwrite(Membership.objects.filter(pk=nell.pk), ended_at=timezone.now() - timedelta(days=8))

    assert "ended your membership" not in first_page(of_two)


def test_membership_that_has_been_given_back_is_not_told(nell, of_two, administrator, supplier):
    end_membership(membership=nell, by=administrator)
    make_membership(supplier, user=of_two)

    assert "ended your membership" not in first_page(of_two)


def test_last_membership_is_told_by_the_page_alone(nell, of_two, administrator, supplier, rival, acting):
    end_membership(membership=nell, by=administrator)
    other = of_two.memberships.get(organisation=rival)
    end_membership(membership=other, by=acting(rival, Job.ADMINISTRATOR))

    html = first_page(of_two)

    assert html.count(ended(supplier)) == html.count(ended(rival)) == 1
    assert "You cannot act for an organisation at present" in html
