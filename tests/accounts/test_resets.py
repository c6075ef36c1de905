"""Resets for people who have lost their factors: by their administrator, by two of the DCC, by the operator."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from django.core import mail
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client

from accounts.acting import Acting, Origin, scope
from accounts.actions import reset_factors, reset_factors_of_member
from accounts.actions.proposals import decide, propose
from accounts.audit.kinds import AuditKind
from accounts.errors import NotAllowed
from accounts.models import Membership, Proposal, User
from accounts.models.audit import AuditRow
from accounts.roles import Job
from tests.accounts.sign_in_help import (
    CODE,
    PASSWORD,
    SECURITY,
    code_of,
    enrol_app,
    enrol_passkey,
    give_password,
    is_signed_in,
    recovery_codes_of,
    signed_in,
)
from tests.as_owner import overwrite
from tests.conftest import Browser
from tests.factories import make_membership, make_user
from tests.queued_mail import send_queued

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("operator")]
REASON = "lost the phone"


@pytest.fixture
def member(supplier) -> Membership:
    """Somebody with every kind of factor."""
    user = make_user("Lost Phone", password=PASSWORD)
    enrol_app(user)
    enrol_passkey(user)
    recovery_codes_of(user)
    return make_membership(supplier, Job.EDITOR, user)


@pytest.fixture
def admin(supplier) -> Browser:
    return Browser(make_membership(supplier, Job.ADMINISTRATOR, make_user(password=PASSWORD)))


@pytest.fixture
def two_of_dcc(dcc) -> list[User]:
    return [make_membership(dcc, Job.ADMINISTRATOR).user for _ in range(2)]


def page_of(membership: Membership) -> str:
    return f"/organisation/members/{membership.pk}/reset-factors/"


def assert_reset(user: User) -> None:
    user.refresh_from_db()
    assert not user.authenticator_set.exists()
    assert user.must_enrol


def assert_untouched(user: User) -> None:
    user.refresh_from_db()
    assert user.authenticator_set.count() == 3
    assert not user.must_enrol


# By the own administrator


def test_administrator_resets_the_factors_of_a_member(admin, member):
    assert "call them back, or meet them" in admin.get(page_of(member)).text

    answer = admin.submit(page_of(member), {"reason": REASON})

    assert answer.url == "/organisation/members/"
    assert_reset(member.user)
    assert [(message.to, message.subject) for message in mail.outbox] == [
        ([member.user.email], "Your second factors have been reset")
    ]


def test_reset_asks_who_it_is_after_a_while(admin, member):
    session = admin.session
    session["account_authentication_methods"][0]["at"] -= 3600
    session.save()

    assert admin.submit(page_of(member), {"reason": REASON}).url.startswith("/accounts/reauthenticate/")
    assert_untouched(member.user)


@pytest.mark.parametrize("reason", ["", "   ", "x" * 241])
def test_reset_takes_a_reason(admin, member, reason):
    answer = admin.submit(page_of(member), {"reason": reason})

    assert answer.status_code == 400
    assert "Nothing has been reset" in answer.text
    assert_untouched(member.user)


def test_reset_ends_every_session_and_withholds_the_memberships(admin, member):
    secret = enrol_app_anew(member.user)
    open_one = signed_in(member.user, secret)
    assert open_one.get("/devices/").status_code == 200

    admin.submit(page_of(member), {"reason": REASON})

    assert not is_signed_in(open_one)
    back = Client()
    assert give_password(back, member.user).url == "/"
    assert back.get("/devices/").url.startswith(f"{SECURITY}enrol/")
    assert "were reset" in back.get(f"{SECURITY}enrol/").text


def enrol_app_anew(user: User) -> str:
    user.authenticator_set.filter(type="totp").delete()
    return enrol_app(user)


def test_memberships_are_back_once_a_factor_is_enrolled(admin, member):
    admin.submit(page_of(member), {"reason": REASON})
    back = Client()
    give_password(back, member.user)
    back.get(f"{SECURITY}app/")

    back.post(f"{SECURITY}app/", {"code": code_of(back.session["mfa.totp.secret"])})

    assert back.get("/devices/").status_code == 200
    member.user.refresh_from_db()
    assert not member.user.must_enrol


def test_half_finished_sign_in_ends_with_the_reset(admin, member):
    secret = enrol_app_anew(member.user)
    half = Client()
    give_password(half, member.user)

    admin.submit(page_of(member), {"reason": REASON})
    half.post(CODE, {"code": code_of(secret)})

    assert not is_signed_in(half)


def test_reset_stands_in_the_audit_trail_in_plain_words(supplier, admin, member):
    admin.submit(page_of(member), {"reason": REASON})

    row = AuditRow.objects.get(kind=AuditKind.FACTORS_RESET)
    assert (row.person_id, row.organisation_id, row.via) == (admin.membership.user_id, supplier.pk, "page")
    assert row.details == {"member": member.user_id, "sessions": 0}
    assert row.values.get(name="reason").value == REASON
    assert not AuditRow.objects.filter(kind=AuditKind.FACTOR_REMOVED).exists()
    assert "reset the second factors of Lost Phone" in admin.get("/audit/").text


def test_members_of_others_and_former_ones_are_not_there(rival, admin, member):
    foreign = make_membership(rival)
    former = make_membership(admin.membership.organisation)
    overwrite(former, ended_at=former.began_at)

    for path in (page_of(foreign), page_of(former), "/organisation/members/999999/reset-factors/"):
        assert admin.get(path).status_code == 404
        assert admin.submit(path, {"reason": REASON}).status_code == 404


def test_who_is_a_member_elsewhere_too_is_left_to_the_dcc(rival, admin, member):
    make_membership(rival, user=member.user)

    answer = admin.submit(page_of(member), {"reason": REASON})

    assert answer.status_code == 400
    assert "Only the DCC can reset" in answer.text
    assert "Zodiac" not in answer.text
    assert_untouched(member.user)


def test_membership_elsewhere_that_has_ended_does_not_count(rival, admin, member):
    former = make_membership(rival, user=member.user)
    overwrite(former, ended_at=former.began_at)

    admin.submit(page_of(member), {"reason": REASON})

    assert_reset(member.user)


def test_nobody_resets_their_own_factors(admin):
    enrol_app(admin.membership.user)

    answer = admin.submit(page_of(admin.membership), {"reason": REASON})

    assert answer.status_code == 400
    assert "You manage your own second factors" in answer.text


def test_who_has_no_factor_has_none_to_reset(supplier, admin):
    answer = admin.submit(page_of(make_membership(supplier)), {"reason": REASON})

    assert answer.status_code == 400
    assert "does not have a second factor to reset" in answer.text


@pytest.mark.parametrize("job", [Job.VIEWER, Job.EDITOR])
def test_nobody_else_resets_factors(supplier, acting, member, job):
    by = acting(supplier, job)

    with scope(by), pytest.raises(NotAllowed, match="Only an administrator"):
        reset_factors_of_member(membership=member, reason=REASON, by=by)
    assert_untouched(member.user)


def test_administrator_of_another_organisation_resets_nothing(rival, acting, member):
    by = acting(rival, Job.ADMINISTRATOR)

    with scope(by), pytest.raises(NotAllowed, match="is not a member of Zodiac Power"):
        reset_factors_of_member(membership=member, reason=REASON, by=by)
    assert_untouched(member.user)


# By two administrators of the DCC


def test_factors_of_a_dcc_administrator_are_reset_by_two(dcc, two_of_dcc):
    first, second = (Browser(user.memberships.get()) for user in two_of_dcc)
    lost = make_membership(dcc, Job.ADMINISTRATOR)
    enrol_app(lost.user)
    assert "Request approval" in first.get(page_of(lost)).text

    answer = first.submit(page_of(lost), {"reason": REASON}, follow=True)
    assert "Nothing changes until another DCC administrator approves it" in answer.text
    assert lost.user.authenticator_set.exists()

    second.submit(f"/organisations/proposals/{Proposal.objects.get().pk}/", {"decision": "approved"})
    assert_reset(lost.user)


def test_one_administrator_resets_the_factors_of_other_dcc_members(dcc, two_of_dcc):
    member = make_membership(dcc, Job.EDITOR)
    enrol_app(member.user)

    Browser(two_of_dcc[0].memberships.get()).submit(page_of(member), {"reason": REASON})

    assert_reset(member.user)


def test_no_way_of_calling_it_resets_a_dcc_administrator_by_one(dcc, acting):
    by, lost = acting(dcc, Job.ADMINISTRATOR), make_membership(dcc, Job.ADMINISTRATOR)
    enrol_app(lost.user)

    with scope(by), pytest.raises(NotAllowed, match="A second DCC administrator must approve this reset"):
        reset_factors_of_member(membership=lost, reason=REASON, by=by)


@pytest.fixture
def approve(two_of_dcc) -> Callable[..., None]:
    """`approve(user)`: the second of the DCC approves what the first proposed, unless others are named."""

    def act(user: User, *, proposed_by: User | None = two_of_dcc[0], by: User = two_of_dcc[1], **more: object) -> None:
        approver = replace(Acting.under(by.memberships.get()), origin=Origin("page"))
        with scope(approver):
            reset_factors(user=user, reason=REASON, proposed_by=proposed_by, by=approver, **more)

    return act


def test_two_of_the_dcc_reset_the_factors_of_anybody(rival, admin, member, two_of_dcc, approve):
    make_membership(rival, user=member.user)
    theirs = make_membership(rival, Job.ADMINISTRATOR).user

    approve(member.user)
    send_queued()

    assert_reset(member.user)
    rows = AuditRow.objects.filter(kind=AuditKind.FACTORS_RESET)
    assert {row.organisation_id for row in rows} == {member.organisation_id, rival.pk}
    assert {(row.person_id, row.details["by_dcc"], row.via) for row in rows} == {(two_of_dcc[1].pk, True, "page")}
    told = {member.user.email, admin.membership.user.email, theirs.email}
    assert {message.to[0] for message in mail.outbox} == told
    page = admin.get("/audit/").text
    assert "The DCC" in page
    assert two_of_dcc[1].name not in page


def test_one_of_the_dcc_alone_resets_nothing(member, two_of_dcc, approve):
    for proposer in (None, two_of_dcc[1]):
        with pytest.raises(NotAllowed, match="A second DCC administrator must approve"):
            approve(member.user, proposed_by=proposer)
    assert_untouched(member.user)


def test_one_of_the_dcc_stands_in_for_both_in_a_rehearsal(member, two_of_dcc, approve):
    approve(member.user, proposed_by=two_of_dcc[1], rehearsal=True)

    assert_reset(member.user)


def test_who_is_no_administrator_of_the_dcc_takes_no_part(dcc, supplier, member, two_of_dcc, approve):
    for other in (make_membership(dcc, Job.EDITOR).user, make_membership(supplier, Job.ADMINISTRATOR).user):
        for people in ({"proposed_by": other}, {"by": other}):
            with pytest.raises(NotAllowed, match="Only DCC administrators"):
                approve(member.user, **people)
    assert_untouched(member.user)


def test_who_is_to_be_reset_takes_no_part(two_of_dcc, approve):
    for user in two_of_dcc:
        enrol_app(user)
        with pytest.raises(NotAllowed, match="cannot take part"):
            approve(user)


def test_reset_is_proposed_and_done_once_another_approves(supplier, rival, member, two_of_dcc):
    make_membership(rival, user=member.user)
    first, second = (Acting.under(user.memberships.get()) for user in two_of_dcc)
    with scope(first):
        proposal = propose(
            act=Proposal.Act.RESET_FACTORS, organisation=supplier, reason=REASON, membership=member.pk, by=first
        )
    assert_untouched(member.user)

    with scope(second):
        decide(proposal=proposal, decision=Proposal.Decision.APPROVED, by=second)

    assert_reset(member.user)


# By the operator


def test_operator_resets_and_tells_the_organisations(supplier, admin, member, capsys):
    call_command("reset_mfa", member.user.email.upper(), reason="ticket 4711")
    send_queued()

    assert_reset(member.user)
    assert "have been reset" in capsys.readouterr().out
    row = AuditRow.objects.get(kind=AuditKind.FACTORS_RESET)
    assert (row.person_id, row.organisation_id, row.via) == (None, supplier.pk, "command")
    assert AuditRow.objects.filter(kind=AuditKind.SYSTEM_SCOPE, details__reason="reset_mfa").exists()
    assert {tuple(message.to) for message in mail.outbox} == {(member.user.email,), (admin.membership.user.email,)}
    assert "The operator" in admin.get("/audit/").text


def test_operator_resets_who_is_a_member_of_nothing(member):
    overwrite(member, ended_at=member.began_at)

    call_command("reset_mfa", member.user.email)

    assert_reset(member.user)
    assert AuditRow.objects.get(kind=AuditKind.FACTORS_RESET).organisation_id is None


@pytest.mark.parametrize(
    ("email", "says"), [("nobody@demo.example", "no account"), ("none@demo.example", "not have a second factor")]
)
def test_operator_is_told_why_nothing_was_reset(email, says):
    make_user(email="none@demo.example")

    with pytest.raises(CommandError, match=says):
        call_command("reset_mfa", email)
