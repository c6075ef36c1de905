"""The daily roots by email: to the DCC, and to each organisation that asks for it."""

from datetime import timedelta

import pytest
from django.core import mail
from django.db import transaction
from django.utils import timezone

from accounts.audit import sealing
from accounts.models import Membership
from accounts.models.audit import AuditRoot, AuditRow
from accounts.roles import Job
from smi_portal.keeper import as_owner
from tests.accounts.audit_help import take_roots, tamper, verified, write_rows
from tests.as_owner import overwrite
from tests.conftest import Browser
from tests.factories import make_membership
from tests.queued_mail import send_queued

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.usefixtures("operator", "first_numbers"),
]
PAGE, AUDIT = "/organisation/root-emails/", "/audit/"


@pytest.fixture
def administrator(supplier) -> Membership:
    return make_membership(supplier, Job.ADMINISTRATOR)


@pytest.fixture
def ada(administrator) -> Browser:
    return Browser(administrator)


def choose(ada: Browser, receives: str):
    return ada.submit(PAGE, {"receives": receives}, follow=True)


def sent() -> dict[str, str]:
    """Address → text of the emails."""
    mail.outbox.clear()
    send_queued()
    return {email.to[0]: f"{email.subject}\n{email.body}" for email in mail.outbox}


def test_administrators_switch_the_emails_on_and_off(ada, supplier):
    assert "Daily roots are not emailed to your administrators" in ada.get(AUDIT).text

    on = choose(ada, "yes")

    assert "All administrators now receive the daily roots." in on.text
    assert "Your administrators are emailed each daily root" in on.text
    assert ada.get(PAGE).context["form"].initial == {"receives": "yes"}
    assert "Administrators no longer receive the daily roots." in choose(ada, "no").text
    rows = AuditRow.objects.filter(kind="root_emails_changed", organisation_id=supplier.pk).order_by("pk")
    assert [row.details for row in rows] == [{"receives": True}, {"receives": False}]
    assert "switched emails of the daily roots off" in ada.get(AUDIT).text


def test_what_is_so_already_changes_nothing(ada):
    assert "You have not changed anything." in choose(ada, "no").text
    assert not AuditRow.objects.filter(kind="root_emails_changed").exists()


def test_choice_is_asked_for(ada):
    answer = ada.submit(PAGE, {})

    assert answer.status_code == 400
    assert "Choose Yes or No." in answer.text


def test_dcc_always_receives_them(dcc):
    ada = Browser(make_membership(dcc, Job.ADMINISTRATOR))

    assert "Administrators of the DCC always receive the daily roots." in choose(ada, "yes").text
    assert "Administrators of the DCC are emailed each daily root" in ada.get(AUDIT).text


def test_only_administrators_of_the_organisation_choose(supplier):
    assert Browser(make_membership(supplier, Job.EDITOR)).get(PAGE).status_code == 403


def test_roots_are_emailed_to_those_who_ask_and_to_the_dcc(administrator, supplier, rival, dcc):
    overwrite(supplier, receives_roots=True)
    make_membership(supplier, Job.EDITOR)
    make_membership(rival, Job.ADMINISTRATOR)
    overseer = make_membership(dcc, Job.ADMINISTRATOR)
    write_rows(3, supplier)
    write_rows(1, rival)

    take_roots()

    emails = sent()
    own, overall = (AuditRoot.objects.get(organisation_id=number).hex for number in (supplier.pk, None))
    assert emails.keys() == {administrator.user.email, overseer.user.email}
    assert own in emails[administrator.user.email]
    assert "reads and sign-ins, 3 rows:" in emails[administrator.user.email]
    assert overall not in emails[administrator.user.email]
    assert overall in emails[overseer.user.email]
    assert "of all organisations" in emails[overseer.user.email]
    assert take_roots() == 0
    assert sent() == {}


def test_noted_roots_of_several_days_are_compared_at_once(supplier):
    write_rows(1, supplier)
    take_roots()
    roots = [argument for root in AuditRoot.objects.all() for argument in ("--root", root.hex)]

    assert verified(*roots).count(" is position 1 of the chain ") == 2


def test_email_is_not_sent_once_nobody_asks_for_it(administrator, supplier):
    overwrite(supplier, receives_roots=True)
    write_rows(1, supplier)
    take_roots()

    overwrite(supplier, receives_roots=False)

    assert sent() == {}


def test_dates_on_which_no_keeper_ran_get_their_roots_late(administrator, supplier):
    overwrite(supplier, receives_roots=True)
    write_rows(2, supplier)
    take_roots()
    sent()
    yesterday = timezone.localdate() - timedelta(days=1)
    tamper(
        "UPDATE accounts_auditroot SET day = day - 3, at = at - interval '3 days'",
        "UPDATE accounts_auditrow SET at = at - interval '3 days'",
    )

    take_roots()

    days = AuditRoot.objects.filter(organisation_id=None).order_by("day").values_list("day", flat=True)
    assert list(days) == [yesterday - timedelta(days=days) for days in (3, 2, 1, 0)]
    (text,) = sent().values()
    assert text.count("reads and sign-ins, 2 rows:") == 3


def test_nothing_is_emailed_about_a_root_that_was_rolled_back(supplier, dcc):
    make_membership(dcc, Job.ADMINISTRATOR)
    write_rows(1, supplier)

    with as_owner(), transaction.atomic():
        assert sealing.take_roots() == 2
        transaction.set_rollback(True)

    assert not AuditRoot.objects.exists()
    assert sent() == {}
