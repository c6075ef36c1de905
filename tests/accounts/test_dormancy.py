"""Memberships that nobody uses: warned about, suspended, reinstated; and what a suspended member is told."""

from datetime import datetime, timedelta

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.formats import date_format

from accounts import tasks
from accounts.acting import Acting, chosen
from accounts.actions import dormancy
from accounts.actions.dormancy import reinstate_membership, suspend_dormant, warn_dormant
from accounts.actions.organisations import set_active
from accounts.audit.kinds import AuditKind
from accounts.errors import NotAllowed
from accounts.models import Membership, MembershipEvent
from accounts.models.audit import AuditRow
from accounts.roles import Job
from inventory.views.devices import device_list
from tests.accounts.oversight_help import NOW, ago, mail_server, member_of, no_mail_server, state_of
from tests.as_owner import overwrite
from tests.conftest import Browser
from tests.factories import make_membership, make_organisation, make_user
from tests.queued_mail import send_queued

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("operator")]

PASSWORD = "correct-horse-battery-staple"


def nights(*days: int) -> None:
    """The work by the clock, so many days from now."""
    for day in days:
        now = NOW + timedelta(days=day)
        suspend_dormant(now=now)
        warn(now)


def warn(now: datetime) -> int:
    """Queue the warnings, and send them at once."""
    number = warn_dormant(now=now)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timezone, "now", lambda: now)
        send_queued()
    return number


def warned(membership: Membership) -> bool:
    membership.refresh_from_db()
    return membership.warned_at is not None


def recipients() -> list[str]:
    return [address for message in mail.outbox for address in message.to]


def about(words: str, but_of: str = "-") -> list[EmailMessage]:
    return [message for message in mail.outbox if words in message.subject and but_of not in message.subject]


# The warning


def test_whoever_has_not_signed_in_for_long_is_told_by_when_to_sign_in(supplier):
    member = member_of(supplier, used=76)

    assert warn(NOW) == 1

    (message,) = mail.outbox
    last_day = date_format((NOW + timedelta(days=14)).date() - timedelta(days=1), "DATE_FORMAT")
    assert message.to == [member.user.email]
    assert last_day in message.subject
    assert "http" in message.body
    assert "Zephyr" not in message.subject + message.body
    assert warned(member)


def test_whoever_signed_in_lately_is_left_alone(supplier):
    member = member_of(supplier, used=75)

    assert warn(NOW) == 0
    assert not warned(member)


def test_warning_comes_once(supplier):
    member_of(supplier, used=80)

    nights(0, 1, 2)

    assert len(mail.outbox) == 1


def test_person_of_two_organisations_gets_one_mail(supplier, asset_provider):
    member = member_of(supplier, used=80)
    other = make_membership(asset_provider, user=member.user)
    overwrite(Membership.objects.filter(pk=other.pk), began_at=ago(300))

    warn(NOW)

    assert len(mail.outbox) == 1
    assert warned(member)
    assert warned(other)


def test_who_never_signed_in_counts_from_the_account_or_the_membership(supplier):
    """A membership that began yesterday is not a year old, even if its owner has never signed in."""
    old, new = member_of(supplier), member_of(supplier)
    overwrite(Membership.objects.filter(pk=new.pk), began_at=ago(1))

    warn(NOW)

    assert warned(old)
    assert not warned(new)


@pytest.mark.parametrize("held", ["suspended", "ended"])
def test_membership_that_does_not_hold_is_not_warned_about(supplier, held):
    member_of(supplier, used=100, **{held: 5})

    nights(0, 15)

    assert mail.outbox == []


def test_members_of_a_deactivated_organisation_are_warned_once_it_takes_part_again(supplier):
    member = member_of(supplier, used=100)
    overwrite(supplier, is_active=False)
    nights(0, 20)
    assert (mail.outbox, state_of(member)) == ([], "deactivated")
    overwrite(supplier, is_active=True)

    nights(21)

    assert recipients() == [member.user.email]
    membership = Membership.objects.get(pk=member.pk)
    assert membership.standing == "active"


def test_nobody_counts_as_warned_while_the_mail_server_is_away(supplier):
    member = member_of(supplier, used=100)
    with no_mail_server():
        warn(NOW)
    assert not warned(member)

    with mail_server() as server:
        nights(1)

    assert len(server.subjects) == 1
    assert warned(member)


def test_address_that_is_refused_for_now_is_tried_again_and_holds_up_nobody(supplier):
    full, other = member_of(supplier, used=100), member_of(supplier, used=100)
    with mail_server("450 come again later", to=full.user.email) as server:
        assert warn(NOW) == 2
    assert (warned(full), warned(other)) == (False, True)

    nights(1)

    assert len(server.subjects) == 1
    assert recipients() == [full.user.email]
    assert warned(full)


def test_address_that_exists_no_longer_does_not_keep_an_account_open(supplier):
    member = member_of(supplier, used=100)

    with mail_server("550 no such mailbox"):
        nights(0, 14)

    assert state_of(member) == "suspended"


# The suspension


def test_unused_membership_is_suspended_fourteen_days_after_the_warning(supplier):
    member = member_of(supplier, used=76)

    nights(0, 1, 13)
    before = state_of(member)
    nights(14)

    assert (before, state_of(member)) == ("active", "suspended")


def test_nobody_is_suspended_without_a_warning(supplier):
    member = member_of(supplier, used=399)

    assert suspend_dormant(now=NOW) == 0

    assert state_of(member) == "active"


def test_worker_that_stood_still_shortens_nobodys_time(supplier):
    member = member_of(supplier, used=76)

    nights(60)

    assert state_of(member) == "active"
    assert warned(member)


def test_suspension_is_the_portals_act_and_each_organisations_to_read(supplier, asset_provider):
    member = member_of(supplier, used=120, warned=15)
    member_of(asset_provider, used=120, warned=15)

    assert suspend_dormant(now=NOW) == 2

    row = AuditRow.objects.get(kind=AuditKind.MEMBERSHIP_SUSPENDED, organisation_id=supplier.pk)
    assert (row.person_id, row.via, row.details) == (None, "task", {"member": member.user_id})
    event = MembershipEvent.objects.filter(pgh_obj=member.pk).latest("pgh_id")
    assert event.pgh_context.items() >= {"operator": "memberships that nobody uses", "via": "task"}.items()


def test_suspension_reads_in_plain_words(supplier):
    member_of(supplier, "Owen Price", used=120, warned=15)
    browser = Browser(make_membership(supplier, Job.ADMINISTRATOR))

    suspend_dormant(now=NOW)

    html = browser.get("/audit/").text
    assert "The portal" in html
    assert "suspended the membership of Owen Price in Zephyr Energy, which had not been used" in html


def test_administrators_are_told_how_many_and_where_to_look(supplier, rival):
    administrator = make_membership(supplier, Job.ADMINISTRATOR)
    make_membership(supplier, Job.EDITOR)
    make_membership(rival, Job.ADMINISTRATOR)
    for _ in range(3):
        member_of(supplier, "Owen Price", used=120, warned=15)

    suspend_dormant(now=NOW)
    send_queued()

    (message,) = about("suspended", but_of="Your access")
    assert message.to == [administrator.user.email]
    assert message.subject == "3 members of your organisation suspended"
    assert f"/organisation/members/?acting={administrator.pk}" in message.body
    assert "Owen" not in message.body


def test_dcc_is_told_of_organisations_without_an_administrator(supplier, rival, dcc):
    overseer = make_membership(dcc, Job.ADMINISTRATOR)
    for organisation in (supplier, rival):
        member_of(organisation, job=Job.ADMINISTRATOR, used=120, warned=15)

    suspend_dormant(now=NOW)
    send_queued()

    (message,) = about("without an administrator")
    assert message.to == [overseer.user.email]
    assert message.subject == "2 organisations without an administrator"
    assert "/organisations/reviews/" in message.body


def test_suspending_again_does_nothing(supplier):
    member = member_of(supplier, used=120, warned=15)
    suspend_dormant(now=NOW)
    member.refresh_from_db()

    assert suspend_dormant(now=NOW + timedelta(days=1)) == 0

    assert Membership.objects.get(pk=member.pk).suspended_at == member.suspended_at


def test_last_administrator_of_a_supplier_is_suspended_as_anybody(supplier):
    member = member_of(supplier, job=Job.ADMINISTRATOR, used=120, warned=15)

    suspend_dormant(now=NOW)

    assert state_of(member) == "suspended"


def test_dcc_administrator_who_signed_in_last_is_spared(dcc):
    first, last = (member_of(dcc, job=Job.ADMINISTRATOR, used=days) for days in (200, 150))
    viewer = member_of(dcc, used=200)

    nights(0, 14, 28)

    assert [state_of(member) for member in (first, last, viewer)] == ["suspended", "active", "suspended"]
    assert [message.to for message in mail.outbox if "Sign in" in message.subject] == [
        [first.user.email],
        [viewer.user.email],
    ]


def test_dcc_administrator_is_not_spared_while_another_one_comes(dcc):
    unused, used = (member_of(dcc, job=Job.ADMINISTRATOR, used=days) for days in (200, 1))

    nights(0, 14)

    assert [state_of(member) for member in (unused, used)] == ["suspended", "active"]


def test_many_are_warned_and_suspended_by_batches(supplier, monkeypatch):
    monkeypatch.setattr(dormancy, "BATCH", 2)
    members = [member_of(supplier, used=100) for _ in range(5)]

    nights(0, 14)

    assert {state_of(member) for member in members} == {"suspended"}
    assert len(recipients()) == 10


def test_suspending_ten_costs_no_more_reads_than_one(supplier):
    member_of(supplier, used=120, warned=15)
    with CaptureQueriesContext(connection) as one:
        suspend_dormant(now=NOW)
    for _ in range(10):
        member_of(supplier, used=120, warned=15)

    with CaptureQueriesContext(connection) as ten:
        suspend_dormant(now=NOW)

    assert len(ten) == len(one)


def test_tasks_do_this_by_the_clock(supplier):
    untold, told = member_of(supplier, used=100), member_of(supplier, used=100, warned=20)

    tasks.suspend_dormant(0)
    tasks.warn_dormant(0)
    send_queued()

    assert warned(untold)
    assert [state_of(member) for member in (untold, told)] == ["active", "suspended"]


# Signing in


def sign_in_by_form(membership: Membership) -> Client:
    user = membership.user
    user.set_password(PASSWORD)
    user.save(update_fields=["password"])
    client = Client()
    client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    return client


def test_signing_in_takes_the_warning_back(supplier):
    member = member_of(supplier, used=80, warned=3)

    sign_in_by_form(member)
    nights(12, 30)

    assert not warned(member)
    assert state_of(member) == "active"


def test_warning_from_before_the_last_sign_in_is_given_anew(supplier):
    """Should one ever be left over."""
    member = member_of(supplier, used=80, warned=100)

    nights(0)
    assert state_of(member) == "active"
    assert recipients() == [member.user.email]
    nights(14)

    assert state_of(member) == "suspended"


def test_suspended_member_who_signs_in_learns_why_and_whom_to_ask(supplier):
    member = member_of(supplier, used=120, suspended=5)

    answer = sign_in_by_form(member).get("/devices/")

    assert answer.status_code == 403
    assert answer.headers["Cache-Control"] == "no-store"
    assert f"Zephyr Energy has been suspended since {date_format(ago(5), 'DATE_FORMAT')}, because nobody" in answer.text
    assert "Ask an administrator of Zephyr Energy" in answer.text


def test_person_whose_membership_ended_learns_when(supplier):
    answer = Browser(member_of(supplier, ended=5)).get("/")

    assert answer.status_code == 403
    assert (
        f"An administrator of Zephyr Energy ended your membership on {date_format(ago(5), 'DATE_FORMAT')}."
        in answer.text
    )
    assert "ask an administrator of Zephyr Energy to invite you again" in answer.text


def test_person_of_a_deactivated_organisation_is_told_so(supplier):
    browser = Browser(make_membership(supplier))
    overwrite(supplier, is_active=False)

    assert "Zephyr Energy no longer takes part in the SMI portal, so nobody can act for it." in browser.get("/").text


def test_person_of_an_organisation_that_the_dcc_deactivated_learns_when_and_whom_to_ask(supplier, sign_in):
    browser = sign_in(supplier)
    set_active(organisation=supplier, is_active=False)

    html = browser.get("/").text

    today = date_format(timezone.localdate(), "DATE_FORMAT")
    assert f"Zephyr Energy has not taken part in the SMI portal since {today}, so nobody can act for it." in html
    assert "Ask the DCC service desk about this." in html


def test_person_withheld_by_several_organisations_hears_of_the_latest_membership_in_each(supplier, rival):
    member = member_of(supplier, ended=50)
    browser = Browser(member)
    make_membership(supplier, user=member.user)
    overwrite(Membership.objects.filter(user=member.user, ended_at=None), suspended_at=ago(2))
    make_membership(rival, user=member.user)
    overwrite(Membership.objects.filter(user=member.user, organisation=rival), ended_at=ago(1))

    html = browser.get("/").text

    assert html.count("Zephyr Energy has been suspended") == 1
    assert "An administrator of Zephyr Energy ended" not in html
    assert "An administrator of Zodiac Power ended" in html


def test_membership_that_holds_but_is_not_opened_is_no_missing_one(supplier, rf):
    """As some ways of signing in open the memberships of one organisation only."""
    request = rf.get("/devices/")
    request.user, request.memberships = make_membership(supplier).user, []
    request.acting = chosen([], None)

    answer = device_list(request)

    assert answer.status_code == 403
    assert "The way you signed in does not give you access to Zephyr Energy." in answer.text


def test_page_says_nothing_of_others(supplier, rival):
    make_membership(rival, user=make_membership(supplier).user)
    browser = Browser(member_of(supplier, suspended=1))

    assert "Zodiac Power" not in browser.get("/").text


def test_who_still_has_another_membership_works_on(supplier, rival):
    member = member_of(supplier, suspended=1)
    make_membership(rival, user=member.user)

    assert Browser(member).get("/devices/").status_code == 200


# Reinstating


@pytest.fixture
def administrator(supplier) -> Browser:
    return Browser(make_membership(supplier, Job.ADMINISTRATOR))


@pytest.fixture
def suspended(supplier) -> Membership:
    return member_of(supplier, "Owen Price", used=120, warned=20, suspended=5)


def reinstating(membership: Membership) -> str:
    return f"/organisation/members/{membership.pk}/reinstate/"


def test_administrator_reinstates_a_member_who_is_told(administrator, suspended):
    assert "Reinstate Owen Price" in administrator.get(reinstating(suspended)).text

    answer = administrator.submit(reinstating(suspended), follow=True)

    assert "Owen Price can act for Zephyr Energy again." in answer.text
    assert state_of(suspended) == "active"
    assert Browser(suspended).get("/devices/").status_code == 200
    assert recipients() == [suspended.user.email]
    row = AuditRow.objects.get(kind=AuditKind.MEMBERSHIP_REINSTATED)
    assert (row.person_id, row.details) == (administrator.membership.user_id, {"member": suspended.user_id})
    assert "reinstated the membership of Owen Price" in administrator.get("/audit/").text


def test_reinstated_member_is_not_suspended_again_the_next_night(administrator, suspended):
    administrator.submit(reinstating(suspended))

    nights(1)
    assert state_of(suspended) == "active"
    nights(2, 14)
    assert state_of(suspended) == "active"
    nights(15)

    assert state_of(suspended) == "suspended"
    assert recipients() == [suspended.user.email] * 3 + [administrator.membership.user.email]


def test_reinstated_member_who_signs_in_stays(administrator, suspended):
    administrator.submit(reinstating(suspended))
    nights(1)

    sign_in_by_form(suspended)
    nights(2, 16, 40)

    assert state_of(suspended) == "active"


def test_reinstating_twice_is_said_to_be_done(administrator, suspended):
    administrator.submit(reinstating(suspended))

    for answer in (
        administrator.submit(reinstating(suspended), follow=True),
        administrator.get(reinstating(suspended), follow=True),
    ):
        assert "Owen Price is not suspended. Nothing has been changed." in answer.text
    assert AuditRow.objects.filter(kind=AuditKind.MEMBERSHIP_REINSTATED).count() == 1


@pytest.mark.parametrize("job", [Job.VIEWER, Job.EDITOR])
def test_only_administrators_reinstate(sign_in, supplier, suspended, job):
    assert sign_in(supplier, job).submit(reinstating(suspended)).status_code == 403
    assert state_of(suspended) == "suspended"


def test_another_organisations_member_is_not_found(sign_in, rival, dcc, suspended):
    for organisation in (rival, dcc):
        browser = sign_in(organisation, Job.ADMINISTRATOR)
        assert browser.get(reinstating(suspended)).status_code == 404
        assert browser.submit(reinstating(suspended)).status_code == 404
    assert state_of(suspended) == "suspended"


def test_ended_membership_is_not_found(administrator, supplier):
    gone = member_of(supplier, suspended=5, ended=1)

    assert administrator.submit(reinstating(gone)).status_code == 404
    assert state_of(gone) == "ended"


def test_password_is_asked_again_first(supplier, suspended):
    browser = Browser(make_membership(supplier, Job.ADMINISTRATOR, make_user(password=PASSWORD)))
    session = browser.session
    del session["account_authentication_methods"]
    session.save()

    answer = browser.submit(reinstating(suspended))

    assert answer.status_code == 302
    assert answer.url.startswith("/accounts/reauthenticate/")
    assert state_of(suspended) == "suspended"


def test_suspended_administrator_cannot_reinstate_anybody(supplier, suspended):
    """Not even themselves: nobody can act under a suspended membership."""
    browser = Browser(member_of(supplier, job=Job.ADMINISTRATOR, suspended=1))

    assert browser.submit(reinstating(browser.membership)).status_code == 403
    assert browser.submit(reinstating(suspended)).status_code == 403


def refusal(membership: Membership, by: Acting) -> str:
    with pytest.raises(NotAllowed) as refused:
        reinstate_membership(membership=membership, by=by)
    return str(refused.value)


def test_action_refuses_by_itself_what_pages_do_not_offer(supplier, rival, suspended, acting):
    administrator = acting(supplier, Job.ADMINISTRATOR)
    own = Membership.objects.get(pk=administrator.membership_id)

    assert "You cannot reinstate yourself" in refusal(own, administrator)
    assert "is not a member of Zodiac Power" in refusal(suspended, acting(rival, Job.ADMINISTRATOR))
    assert "Only an administrator" in refusal(suspended, acting(supplier, Job.EDITOR))


def test_administrator_who_lost_the_job_meanwhile_is_refused(supplier, suspended, acting):
    administrator = acting(supplier, Job.ADMINISTRATOR)
    overwrite(Membership.objects.filter(pk=administrator.membership_id), job=Job.VIEWER)

    assert "Only an administrator" in refusal(suspended, administrator)
    assert state_of(suspended) == "suspended"


def test_another_organisation_is_no_part_of_it():
    """A membership of one organisation says nothing about another's."""
    here, there = make_organisation("Here"), make_organisation("There")
    unused = member_of(here, used=100)
    fresh = make_membership(there, user=unused.user)

    nights(0, 14)

    assert [state_of(membership) for membership in (unused, fresh)] == ["suspended", "active"]
