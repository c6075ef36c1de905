"""The yearly review of access: by each organisation's administrators, with mails in time, seen by the DCC."""

import re
from datetime import date, timedelta
from html import unescape

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.formats import date_format

from accounts import tasks
from accounts.actions.reviews import Decision, remind_of_reviews, review_members
from accounts.audit.kinds import AuditKind
from accounts.errors import NotAllowed, Stale
from accounts.models import Membership, MembershipEvent
from accounts.models.audit import AuditRow
from accounts.roles import Job
from tests.accounts.oversight_help import NOW, ago, mail_server, member_of, no_mail_server, state_of
from tests.accounts.test_dormancy import PASSWORD, recipients
from tests.accounts.test_members_page import row_of
from tests.as_owner import overwrite
from tests.conftest import Browser
from tests.factories import make_membership, make_organisation, make_user
from tests.queued_mail import make_due, send_queued

REVIEW, REVIEWS = "/organisation/review/", "/organisations/reviews/"
TODAY = timezone.localdate(NOW)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("operator")]


@pytest.fixture
def second(supplier) -> Membership:
    return make_membership(supplier, Job.ADMINISTRATOR, make_user("Dev Kapoor"))


@pytest.fixture
def ada(supplier, second) -> Browser:
    """One of two administrators."""
    return Browser(make_membership(supplier, Job.ADMINISTRATOR, make_user("Ada Pemberton")))


@pytest.fixture
def owen(supplier) -> Membership:
    return member_of(supplier, "Owen Price", confirmed=370, used=3)


@pytest.fixture
def priya(supplier) -> Membership:
    return member_of(supplier, "Priya Shah", Job.EDITOR, confirmed=370)


def said(*decisions: tuple[Membership, str], reason: str = "left the company", **others: str) -> dict[str, str]:
    """The fields of the form: of each member the job shown, and what was chosen."""
    fields = {}
    for member, decision in decisions:
        fields |= {f"job_{member.pk}": member.job, f"decision_{member.pk}": decision}
        fields |= {f"reason_{member.pk}": reason} if decision == "end" else {}
    return fields | others


def due(member: Membership) -> bool:
    member.refresh_from_db()
    return member.review_due_on < TODAY


def words(answer) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", answer.text)).split())


# The page


def test_page_shows_what_a_decision_needs_and_chooses_nothing(ada, owen, priya):
    html = ada.get(REVIEW).text

    row = row_of(html, "Owen Price")
    days = [timezone.localdate(ago(3)), timezone.localdate(ago(400)), owen.review_due_on]
    said = [*(date_format(day, "DATE_FORMAT") for day in days), "Viewer", "Not set up", "Overdue"]
    assert [text for text in said if text not in row] == []
    assert f'name="decision_{owen.pk}" value="keep"' in html
    assert f'name="decision_{owen.pk}" value="end"' in html
    assert " checked" not in html


def test_members_come_first_whose_confirmation_is_oldest(ada, supplier):
    for name, days in (("Newer", 10), ("Oldest", 300), ("Middle", 200)):
        member_of(supplier, name, confirmed=days)

    html = ada.get(REVIEW).text

    assert html.index("Oldest") < html.index("Middle") < html.index("Newer")


def test_everybody_is_kept_or_ended_at_once(ada, supplier, second, owen, priya):
    answer = ada.submit(REVIEW, said((owen, "end"), (priya, "keep"), (second, "keep")), follow=True)

    assert "2 members kept. 1 member ended." in answer.text
    assert [state_of(member) for member in (owen, priya, second)] == ["ended", "active", "active"]
    assert not due(priya)
    assert priya.confirmed_by == ada.membership.user
    kinds = AuditRow.objects.filter(person_id=ada.membership.user_id, kind__startswith="membership")
    assert sorted(kinds.values_list("kind", flat=True)) == [
        AuditKind.MEMBERSHIP_CONFIRMED,
        AuditKind.MEMBERSHIP_CONFIRMED,
        AuditKind.MEMBERSHIP_ENDED,
    ]


def test_reason_for_ending_stays_in_the_history(ada, owen):
    ada.submit(REVIEW, said((owen, "end")))

    event = MembershipEvent.objects.filter(pgh_obj=owen.pk).latest("pgh_id")
    assert event.pgh_context["reason"] == "left the company"
    assert event.pgh_context["person"] == ada.membership.user_id


def test_who_is_left_out_stays_due(ada, owen, priya):
    answer = ada.submit(REVIEW, said((owen, "keep"), (priya, "")), follow=True)

    assert "1 member kept. 1 still to be reviewed." in answer.text
    assert answer.redirect_chain[-1][0] == REVIEW
    assert (due(owen), due(priya)) == (False, True)
    assert state_of(priya) == "active"


def test_complete_review_leads_back_to_the_members(ada, owen):
    answer = ada.submit(REVIEW, said((owen, "keep")), follow=True)

    assert answer.redirect_chain[-1][0] == "/organisation/members/"


def test_review_reads_in_plain_words(ada, owen):
    ada.submit(REVIEW, said((owen, "keep")))

    assert "confirmed the membership of Owen Price in Zephyr Energy as a Viewer" in ada.get("/audit/").text


def test_suspended_member_is_reviewed_too_and_stays_suspended(ada, supplier):
    member = member_of(supplier, "Owen Price", confirmed=370, suspended=20)

    ada.submit(REVIEW, said((member, "keep")))

    assert not due(member)
    assert state_of(member) == "suspended"


def test_ended_membership_closes_open_tabs(ada, owen):
    tab = Browser(owen)
    assert tab.get("/devices/").status_code == 200

    ada.submit(REVIEW, said((owen, "end")))

    assert tab.get("/devices/").status_code in (302, 403)


def test_fifty_members_come_on_a_page(ada, supplier):
    for _ in range(55):
        member_of(supplier, confirmed=370)

    first = ada.get(REVIEW)
    second = ada.get(REVIEW + re.search(r'href="(\?after=[^"]+)"', first.text)[1])

    shown = [set(re.findall(r'name="job_(\d+)"', page.text)) for page in (first, second)]
    assert [len(members) for members in shown] == [50, 7]
    assert not shown[0] & shown[1]


def test_whole_page_can_be_sent(ada, supplier):
    members = [member_of(supplier, confirmed=370) for _ in range(50)]

    answer = ada.submit(REVIEW, said(*((member, "keep") for member in members)))

    assert answer.status_code == 302
    assert not Membership.objects.due_by(TODAY).exists()


def test_fifty_members_cost_as_many_queries_as_two(ada, supplier):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert ada.get(REVIEW).status_code == 200
        return len(captured)

    queries()
    few = queries()
    for _ in range(40):
        member_of(supplier)

    assert queries() == few


# What is refused


def test_reason_is_asked_for_whom_one_ends(ada, owen, priya):
    answer = ada.submit(REVIEW, said((owen, "end"), (priya, "keep"), reason=" "))

    assert answer.status_code == 400
    assert "Why Owen Price’s membership ends: Enter a reason." in answer.text
    assert f'href="#id_reason_{owen.pk}"' in answer.text
    assert re.search(rf'name="decision_{priya.pk}" value="keep"[^>]* checked', answer.text)
    assert (state_of(owen), due(priya)) == ("active", True)


def test_nothing_decided_is_said(ada, owen):
    answer = ada.submit(REVIEW, said((owen, "")))

    assert answer.status_code == 400
    assert "Choose Keep or End for at least one member." in answer.text
    assert "Owen Price" in answer.text


def test_form_that_names_nobody_is_refused(ada, owen):
    answer = ada.submit(REVIEW)

    assert answer.status_code == 400
    assert "names no member" in answer.text


@pytest.mark.parametrize("fields", [{"decision": "maybe"}, {"job": "owner"}, {"job": ""}])
def test_values_that_no_page_offers_are_refused(ada, owen, fields):
    named = {f"{name}_{owen.pk}": value for name, value in fields.items()}

    assert ada.submit(REVIEW, said((owen, "keep")) | named).status_code == 400
    assert due(owen)


def test_job_that_changed_meanwhile_is_a_conflict_and_saves_nothing(ada, owen, priya):
    fields = said((owen, "keep"), (priya, "end"))
    overwrite(Membership.objects.filter(pk=owen.pk), job=Job.EDITOR)

    answer = ada.submit(REVIEW, fields)

    assert answer.status_code == 409
    assert "changed these memberships in the meantime: Owen Price." in answer.text
    assert (due(owen), state_of(priya)) == (True, "active")
    assert re.search(rf'name="job_{owen.pk}" value="editor"', answer.text)
    assert re.search(rf'name="decision_{priya.pk}" value="end"[^>]* checked', answer.text)
    assert 'value="left the company"' in answer.text


def test_membership_that_ended_meanwhile_is_a_conflict_too(ada, owen, priya):
    fields = said((owen, "keep"), (priya, "keep"))
    overwrite(Membership.objects.filter(pk=owen.pk), ended_at=NOW)

    answer = ada.submit(REVIEW, fields)

    assert answer.status_code == 409
    assert f'name="decision_{owen.pk}"' not in answer.text
    assert due(priya)


def test_conflict_is_saved_when_it_is_sent_again(ada, owen):
    stale = said((owen, "keep"))
    overwrite(Membership.objects.filter(pk=owen.pk), job=Job.EDITOR)
    ada.submit(REVIEW, stale)
    owen.refresh_from_db()

    assert ada.submit(REVIEW, said((owen, "keep"))).status_code == 302
    assert not due(owen)


def test_nobody_reviews_themselves_beside_another_administrator(ada, owen):
    assert "Another administrator decides" in row_of(ada.get(REVIEW).text, "Ada Pemberton")

    answer = ada.submit(REVIEW, said((ada.membership, "keep"), (owen, "")))

    assert answer.status_code == 400
    ada.membership.refresh_from_db()
    assert ada.membership.confirmed_by is None


def test_another_administrator_is_reviewed(ada, second):
    ada.submit(REVIEW, said((second, "keep")))

    second.refresh_from_db()
    assert second.confirmed_by == ada.membership.user


def test_only_administrator_confirms_themselves_and_cannot_go(supplier):
    alone = Browser(make_membership(supplier, Job.ADMINISTRATOR, make_user("Ada Pemberton")))
    own = alone.membership

    assert f'name="decision_{own.pk}" value="end"' not in alone.get(REVIEW).text
    assert alone.submit(REVIEW, said((own, "end"))).status_code == 400
    assert alone.submit(REVIEW, said((own, "keep"))).status_code == 302

    own.refresh_from_db()
    assert own.confirmed_by == own.user
    assert "confirmed their own membership in Zephyr Energy as an Administrator" in alone.get("/audit/").text


def test_suspended_administrator_is_no_other_administrator(supplier):
    alone = Browser(make_membership(supplier, Job.ADMINISTRATOR))
    member_of(supplier, job=Job.ADMINISTRATOR, suspended=1)

    assert alone.submit(REVIEW, said((alone.membership, "keep"))).status_code == 302


def test_dcc_administrator_is_kept_here_and_ended_by_two_people_elsewhere(dcc):
    overseer, other = Browser(make_membership(dcc, Job.ADMINISTRATOR)), make_membership(dcc, Job.ADMINISTRATOR)

    html = overseer.get(REVIEW).text

    assert f'name="decision_{other.pk}" value="keep"' in html
    assert f'name="decision_{other.pk}" value="end"' not in html
    assert f'href="/organisation/members/{other.pk}/end/"' in html
    assert overseer.submit(REVIEW, said((other, "end"))).status_code == 400
    assert overseer.submit(REVIEW, said((other, "keep"))).status_code == 302


def test_another_organisations_members_are_not_found(ada, rival, owen):
    foreign, nobody = member_of(rival), Membership(pk=999_999, job=Job.VIEWER)

    for member in (foreign, nobody):
        assert ada.submit(REVIEW, said((owen, "keep"), (member, "end"))).status_code == 404
    assert state_of(foreign) == "active"
    assert due(owen)


@pytest.mark.parametrize("job", [Job.VIEWER, Job.EDITOR])
def test_only_administrators_review(sign_in, supplier, owen, job):
    browser = sign_in(supplier, job)

    assert browser.get(REVIEW).status_code == 403
    assert browser.submit(REVIEW, said((owen, "keep"))).status_code == 403


def test_form_that_does_not_say_for_whom_is_refused(ada, owen):
    assert ada.post(REVIEW, said((owen, "keep"))).status_code == 400
    assert due(owen)


def test_password_is_asked_again_first(supplier, second, owen):
    browser = Browser(make_membership(supplier, Job.ADMINISTRATOR, make_user(password=PASSWORD)))
    session = browser.session
    del session["account_authentication_methods"]
    session.save()

    answer = browser.submit(REVIEW, said((owen, "keep")))

    assert answer.url.startswith("/accounts/reauthenticate/")
    assert due(owen)


def decided(member: Membership, keep: bool = True) -> list[Decision]:
    return [Decision(member.pk, Job(member.job), keep, "left")]


def test_action_refuses_by_itself_what_pages_do_not_offer(supplier, rival, dcc, owen, acting):
    administrator, overseer = acting(supplier, Job.ADMINISTRATOR), acting(dcc, Job.ADMINISTRATOR)
    own = Membership.objects.get(pk=administrator.membership_id)
    other = make_membership(dcc, Job.ADMINISTRATOR)

    with pytest.raises(NotAllowed, match="Only an administrator"):
        review_members(decisions=decided(owen), by=acting(supplier, Job.EDITOR))
    with pytest.raises(NotAllowed, match="last administrator") as last:
        review_members(decisions=decided(own, keep=False), by=administrator)
    with pytest.raises(NotAllowed, match="A second DCC administrator must approve"):
        review_members(decisions=decided(other, keep=False), by=overseer)
    with pytest.raises(Stale):
        review_members(decisions=decided(owen), by=acting(rival, Job.ADMINISTRATOR))
    assert last.value.field == str(own.pk)
    assert due(owen)


def test_refusal_of_one_undoes_the_others(ada, dcc, owen, acting):
    overseer, other = acting(dcc, Job.ADMINISTRATOR), make_membership(dcc, Job.ADMINISTRATOR)
    viewer = member_of(dcc, confirmed=370)

    with pytest.raises(NotAllowed):
        review_members(decisions=decided(viewer) + decided(other, keep=False), by=overseer)

    assert due(viewer)


def test_refusal_that_comes_of_somebody_elses_act_stands_beside_the_member(ada, second):
    """The page was opened by one of two administrators; by now she is the only one, and confirms herself alone."""
    fields = said((ada.membership, "keep"))
    overwrite(Membership.objects.filter(pk=second.pk), ended_at=NOW)

    assert ada.submit(REVIEW, fields).status_code == 302


# Mails


def confirmed_on(membership: Membership, day: date) -> None:
    moment = timezone.make_aware(timezone.datetime(day.year, day.month, day.day, 23, 30))
    overwrite(Membership.objects.filter(organisation=membership.organisation), confirmed_at=moment)


@pytest.fixture
def reviewer(supplier) -> Membership:
    """The administrator of an organisation whose review is due today."""
    membership = make_membership(supplier, Job.ADMINISTRATOR)
    make_membership(supplier)
    confirmed_on(membership, TODAY - timedelta(days=365))
    return membership


def remind(*days: int) -> list[list[str]]:
    """The subjects of the mails of runs so many days from today, each the day after another."""
    subjects = []
    for day in days:
        mail.outbox.clear()
        remind_of_reviews(today=TODAY + timedelta(days=day), since=TODAY + timedelta(days=day - 1))
        send_queued()
        subjects.append([message.subject for message in mail.outbox])
    return subjects


def test_administrators_are_told_before_on_the_day_and_after(reviewer):
    told = [day for day in range(-40, 60) if remind(day) != [[]]]

    assert told == [-30, 0, 30]


def test_mail_says_by_when_how_many_and_where(reviewer):
    assert remind(-30) == [[f"Review of access due by {date_format(TODAY, 'DATE_FORMAT')}"]]

    (message,) = mail.outbox
    assert message.to == [reviewer.user.email]
    assert "2 members need to be confirmed or ended" in message.body
    assert f"/organisation/review/?acting={reviewer.pk}" in message.body
    assert "Zephyr" not in message.body


def test_mail_after_the_day_says_that_it_is_overdue(reviewer):
    assert remind(30) == [[f"Review of access overdue since {date_format(TODAY, 'DATE_FORMAT')}"]]


def test_whoever_reviewed_is_told_no_more(reviewer):
    confirmed_on(reviewer, TODAY)

    assert remind(0, 30) == [[], []]


def test_run_is_noted_so_that_a_second_one_that_day_sends_nothing(reviewer):
    assert remind_of_reviews(today=TODAY) == 1
    assert remind_of_reviews(today=TODAY) == 0

    row = AuditRow.objects.filter(kind=AuditKind.SYSTEM_SCOPE).latest("pk")
    assert (row.via, row.details) == ("task", {"reason": "reminders of the yearly reviews of access"})


def test_days_on_which_no_worker_ran_lose_no_mail(reviewer):
    """The last run is today's; the next one comes when a step was passed three days before."""
    confirmed_on(reviewer, TODAY - timedelta(days=363))
    assert remind_of_reviews(today=TODAY) == 0

    assert remind_of_reviews(today=TODAY + timedelta(days=5)) == 1


def test_several_steps_passed_at_once_are_one_mail(reviewer):
    months = timedelta(days=100)

    assert remind_of_reviews(since=TODAY - months, today=TODAY + months) == 1


def test_mail_server_that_failed_is_tried_again(reviewer):
    assert remind_of_reviews(today=TODAY) == 1
    with no_mail_server():
        send_queued()

    with mail_server() as server:
        make_due()
        send_queued()
    assert len(server.subjects) == 1


def test_address_that_exists_no_longer_holds_nobody_up(reviewer, rival):
    confirmed_on(make_membership(rival, Job.ADMINISTRATOR), TODAY - timedelta(days=365))

    with mail_server("550 no such mailbox"):
        remind_of_reviews(today=TODAY)
        send_queued()

    assert remind_of_reviews(today=TODAY) == 0


def test_organisations_are_told_apart(reviewer, rival):
    other = make_membership(rival, Job.ADMINISTRATOR)
    gone = make_organisation()
    confirmed_on(make_membership(gone, Job.ADMINISTRATOR), TODAY - timedelta(days=365))
    overwrite(gone, is_active=False)
    make_organisation("Without members")

    remind_of_reviews(today=TODAY)
    send_queued()

    assert recipients() == [reviewer.user.email]
    assert other.review_due_on > TODAY


def test_task_does_this_by_the_clock(reviewer):
    assert tasks.remind_of_reviews(0) == 1


# What the DCC sees


@pytest.fixture
def overseer(dcc) -> Browser:
    return Browser(make_membership(dcc, Job.ADMINISTRATOR))


def test_dcc_sees_who_is_overdue_oldest_first(overseer, supplier, rival, asset_provider):
    late, later = member_of(supplier, confirmed=400), member_of(rival, job=Job.ADMINISTRATOR, confirmed=370)
    make_membership(asset_provider, Job.ADMINISTRATOR)
    make_membership(supplier)

    html = overseer.get(REVIEWS).text

    assert html.index("Zephyr Energy") < html.index("Zodiac Power") < html.index("Zenith Meter Assets")
    row = row_of(html, "Zephyr Energy")
    assert (
        row == f"Zephyr Energy Supplier 2 0 {date_format(late.review_due_on, 'DATE_FORMAT')} Overdue No administrator 0"
    )
    assert f"1 1 {date_format(later.review_due_on, 'DATE_FORMAT')} Overdue 0" in row_of(html, "Zodiac Power")
    assert "In time" in row_of(html, "Zenith Meter Assets")
    assert "Overdue 2 organisations" in words(overseer.get(REVIEWS))


def test_dcc_sees_who_confirmed_themselves(overseer, supplier):
    alone = Browser(make_membership(supplier, Job.ADMINISTRATOR))
    alone.submit(REVIEW, said((alone.membership, "keep")))

    assert row_of(overseer.get(REVIEWS).text, "Zephyr Energy").endswith("In time 1")


def test_organisation_without_members_has_no_review(overseer, supplier, rival):
    member_of(rival, ended=1)

    html = overseer.get(REVIEWS).text

    for name in ("Zephyr Energy", "Zodiac Power"):
        assert "0 0 None No members" in row_of(html, name)


def test_deactivated_organisations_are_not_listed(overseer, supplier):
    overwrite(supplier, is_active=False)

    assert "Zephyr Energy" not in overseer.get(REVIEWS).text


def test_list_is_bounded(overseer, supplier, rival, monkeypatch):
    monkeypatch.setattr("accounts.views.reviews.MOST_ORGANISATIONS", 2)

    assert "These are the 2 organisations whose review is due first." in overseer.get(REVIEWS).text


def test_fifty_organisations_cost_as_many_queries_as_two(overseer, supplier):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert overseer.get(REVIEWS).status_code == 200
        return len(captured)

    queries()
    few = queries()
    for _ in range(48):
        member_of(make_organisation())

    assert queries() == few


@pytest.mark.parametrize("job", [Job.VIEWER, Job.EDITOR])
def test_only_dcc_administrators_see_all_reviews(sign_in, dcc, supplier, job):
    assert sign_in(dcc, job).get(REVIEWS).status_code == 403
    assert sign_in(supplier, Job.ADMINISTRATOR).get(REVIEWS).status_code == 403
