"""What takes two DCC administrators: proposed by one, decided by another, done at once."""

import re
from datetime import date, datetime, time, timedelta
from urllib.parse import urlsplit

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail
from django.test import Client
from django.utils import timezone
from django.utils.formats import date_format
from procrastinate.contrib.django.models import ProcrastinateJob

from accounts.acting import Acting
from accounts.actions import proposals
from accounts.audit.kinds import AuditKind
from accounts.errors import NotAllowed, Stale
from accounts.models import Binding, Invitation, Membership, Organisation, Participant, Proposal, User
from accounts.models.audit import AuditRow
from accounts.proposal_words import act_in_short, act_in_words
from accounts.roles import Job, Role
from tests.as_owner import overwrite
from tests.conftest import Browser
from tests.factories import bind, make_device, make_membership, make_organisation, make_participant, make_proposal
from tests.queued_mail import send_queued

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("operator")]
Act, Decision = Proposal.Act, Proposal.Decision
TODAY = timezone.localdate()


@pytest.fixture
def one(dcc, acting) -> Acting:
    return acting(dcc, Job.ADMINISTRATOR)


@pytest.fixture
def other(dcc, acting) -> Acting:
    return acting(dcc, Job.ADMINISTRATOR)


@pytest.fixture
def newcomer(dcc) -> Organisation:
    make_participant("ZNEW")
    return make_organisation("Zealand Meters", Role.MAP)


def to_bind(organisation: Organisation, by: Acting, **given: str) -> Proposal:
    details = {"fuel": "E", "code": "ZNEW", "valid_from": TODAY.isoformat()} | given
    return proposals.propose(act=Act.BIND, organisation=organisation, by=by, **details)


def approve(proposal: Proposal, by: Acting) -> Proposal:
    return proposals.decide(proposal=proposal, decision=Decision.APPROVED, by=by)


# Proposing


def test_nothing_changes_before_somebody_else_approves(newcomer, one, other):
    to_bind(newcomer, one)

    assert not Binding.objects.filter(organisation=newcomer).exists()


def test_other_dcc_administrators_are_told_of_the_act_and_until_when_to_decide(newcomer, dcc, one, other):
    make_membership(dcc, Job.EDITOR)

    proposal = to_bind(newcomer, one)
    send_queued()

    (message,) = mail.outbox
    assert message.to == [other.user.email]
    assert message.subject == "Approval needed: bind ZNEW to Zealand Meters"
    today, last = (date_format(TODAY + timedelta(days=days), "j F") for days in (0, 14))
    bound = f"bind ZNEW (electricity) to Zealand Meters from {date_format(TODAY, 'DATE_FORMAT')}"
    assert f"{one.user} asked for this on {today}: {bound}." in message.body
    assert f"Approve or reject it by {last}:\n" in message.body
    assert f"/organisations/proposals/{proposal.pk}/\n" in message.body


def test_job_of_that_email_holds_ids_only(newcomer, one, other):
    proposal = to_bind(newcomer, one)

    job = ProcrastinateJob.objects.get()
    assert job.args == {"kind": "proposal", "ids": {"to": other.user.pk, "proposal": proposal.pk}}


def test_nobody_is_told_of_a_request_that_has_been_decided_meanwhile(newcomer, one, other):
    proposals.decide(proposal=to_bind(newcomer, one), decision=Decision.WITHDRAWN, by=one)

    send_queued()

    assert mail.outbox == []


def test_request_can_be_decided_on_the_whole_of_its_last_date(newcomer, one, monkeypatch):
    proposal = to_bind(newcomer, one)
    last_minute = timezone.make_aware(datetime.combine(TODAY + timedelta(days=14), time(23, 59)))

    monkeypatch.setattr(timezone, "now", lambda: last_minute)
    assert (proposal.is_open, proposal.last_date) == (True, last_minute.date())
    monkeypatch.setattr(timezone, "now", lambda: last_minute + timedelta(minutes=1))
    assert not proposal.is_open


@pytest.mark.parametrize("act", Act)
def test_each_act_has_short_words_for_a_subject(newcomer, dcc, one, act):
    binding, member = bind(newcomer, make_participant("ZOLD")), make_membership(dcc, Job.EDITOR)
    details = {
        "fuel": "E",
        "code": "ZNEW",
        "valid_from": "2026-03-01",
        "binding": binding.pk,
        "last_day": "2026-03-31",
        "membership": member.pk,
        "job": "editor",
        "issuer": "https://id.zealand.example",
        "client_id": "smi",
        "domain": "zealand.example",
    }
    proposal = make_proposal(newcomer, proposed_by=one.user, act=act, details=details, email="a@b.example", name="Ada")

    assert "Zealand Meters" in act_in_short(proposal)
    assert len(act_in_short(proposal)) <= len(act_in_words(proposal))
    assert "@" not in act_in_short(proposal)
    assert "http" not in act_in_short(proposal)


# On the dashboard


def test_request_waits_on_the_dashboard_of_those_who_can_decide_it(newcomer, browsers, one):
    proposal = to_bind(newcomer, one)

    html = browsers[1].get("/").text

    assert "Waiting for your approval" in html
    assert f'href="/organisations/proposals/{proposal.pk}/">Bind ZNEW (electricity) to Zealand Meters from' in html
    last = date_format(TODAY + timedelta(days=14), "DATE_FORMAT")
    assert f"{one.user} asked for this on {date_format(TODAY, 'DATE_FORMAT')}. Approve or reject it by {last}." in html


@pytest.mark.parametrize("job", [Job.VIEWER, Job.EDITOR])
def test_request_does_not_wait_on_the_dashboard_of_those_who_cannot(newcomer, dcc, sign_in, one, job):
    to_bind(newcomer, one)

    assert "Waiting for your approval" not in sign_in(dcc, job).get("/").text


def test_request_does_not_wait_on_the_dashboard_of_who_asked_nor_after_it(newcomer, dcc, sign_in, one):
    browser, later = sign_in(dcc, Job.ADMINISTRATOR), sign_in(dcc, Job.ADMINISTRATOR)
    proposal = to_bind(newcomer, Acting.under(browser.membership))
    assert "Waiting for your approval" not in browser.get("/").text
    assert "Waiting for your approval" in later.get("/").text

    proposals.decide(proposal=proposal, decision=Decision.REJECTED, by=one)

    assert "Waiting for your approval" not in later.get("/").text


@pytest.mark.parametrize(
    ("given", "field"), [({"code": "ZNIL"}, "code"), ({"code": "ZTEST"}, "code"), ({"fuel": "G"}, "code")]
)
def test_what_would_be_refused_is_refused_at_once(newcomer, one, given, field):
    with pytest.raises(NotAllowed) as refusal:
        to_bind(newcomer, one, **given)

    assert refusal.value.field == field
    assert not Proposal.objects.exists()
    assert not AuditRow.objects.filter(kind=AuditKind.CODE_BOUND, organisation_id=newcomer.pk).exists()


def test_code_that_another_organisation_has_is_refused(newcomer, asset_provider, one):
    with pytest.raises(NotAllowed, match="ZMAP is bound to Zenith Meter Assets"):
        to_bind(newcomer, one, code="ZMAP")


def test_same_thing_is_not_proposed_twice(newcomer, one, other):
    to_bind(newcomer, one)

    with pytest.raises(NotAllowed, match="Someone has already asked for this"):
        to_bind(newcomer, other)


@pytest.mark.parametrize("job", [Job.VIEWER, Job.EDITOR])
def test_only_dcc_administrators_propose(newcomer, dcc, acting, job):
    with pytest.raises(NotAllowed, match="Only a DCC administrator"):
        to_bind(newcomer, acting(dcc, job))


def test_administrator_of_another_organisation_proposes_nothing(newcomer, supplier, acting):
    with pytest.raises(NotAllowed, match="Only a DCC administrator"):
        to_bind(newcomer, acting(supplier, Job.ADMINISTRATOR))


# Deciding


def test_approved_it_is_done_with_both_names(newcomer, one, other):
    approve(to_bind(newcomer, one), other)

    binding = Binding.objects.get(organisation=newcomer)
    assert (binding.code, binding.valid_from) == ("ZNEW", TODAY)
    assert (binding.bound_by, binding.approved_by) == (one.user, other.user)


def test_proposer_does_not_approve(newcomer, one, other):
    proposal = to_bind(newcomer, one)

    with pytest.raises(NotAllowed, match="You asked for this"):
        approve(proposal, one)

    assert not Binding.objects.filter(organisation=newcomer).exists()


def test_same_person_under_another_membership_does_not_approve(newcomer, one):
    """Even with a right forged in the request, it is the same person."""
    proposal = to_bind(newcomer, one)
    forged = Acting(one.organisation, Job.ADMINISTRATOR, one.user, one.membership_id)

    with pytest.raises(NotAllowed):
        approve(proposal, forged)


def test_rejected_nothing_is_done(newcomer, one, other):
    proposals.decide(proposal=to_bind(newcomer, one), decision=Decision.REJECTED, by=other)

    assert not Binding.objects.filter(organisation=newcomer).exists()
    assert not Proposal.objects.open().exists()


def test_only_its_proposer_withdraws(newcomer, one, other):
    proposal = to_bind(newcomer, one)

    with pytest.raises(NotAllowed, match="Only the person who asked for this can withdraw it"):
        proposals.decide(proposal=proposal, decision=Decision.WITHDRAWN, by=other)
    assert proposals.decide(proposal=proposal, decision=Decision.WITHDRAWN, by=one).decision == "withdrawn"


@pytest.mark.parametrize("decision", [Decision.APPROVED, Decision.REJECTED])
def test_decided_is_decided(newcomer, one, other, decision):
    proposal = to_bind(newcomer, one)
    proposals.decide(proposal=proposal, decision=decision, by=other)

    with pytest.raises(NotAllowed, match="has been decided or has expired"):
        approve(proposal, other)


def test_proposal_lapses(newcomer, one, other):
    proposal = to_bind(newcomer, one)
    Proposal.objects.update(expires_at=timezone.now())

    with pytest.raises(NotAllowed, match="has expired"):
        approve(proposal, other)


def test_proposer_who_is_administrator_no_longer_grants_nothing(newcomer, one, other):
    proposal = to_bind(newcomer, one)
    overwrite(Membership.objects.filter(pk=one.membership_id), job=Job.EDITOR)

    with pytest.raises(NotAllowed, match="is no longer a DCC administrator"):
        approve(proposal, other)


def test_what_has_changed_meanwhile_refuses_the_approval(newcomer, asset_provider, one, other):
    proposal = to_bind(newcomer, one)
    bind(asset_provider, Participant.objects.get(code="ZNEW"), valid_from=TODAY - timedelta(days=1))

    with pytest.raises(NotAllowed, match="ZNEW is bound to Zenith Meter Assets"):
        approve(proposal, other)

    assert Proposal.objects.open().get() == proposal


# What can be proposed


def test_unbinding_takes_sight_with_its_last_day(asset_provider, one, other, sign_in):
    device = make_device("ZEPH", "ZMAP")
    binding = Binding.objects.get(code="ZMAP")
    yesterday = TODAY - timedelta(days=1)
    details = {"binding": binding.pk, "last_day": yesterday.isoformat()}

    approve(proposals.propose(act=Act.UNBIND, organisation=asset_provider, by=one, **details), other)

    binding.refresh_from_db()
    assert binding.valid_to == yesterday
    assert sign_in(asset_provider).get(f"/devices/{device.device_id}/").status_code == 404


@pytest.mark.parametrize(
    ("last_day", "sentence"),
    [(date(2014, 12, 31), "Enter that date or a later one"), (None, "has already been unbound")],
)
def test_binding_ends_once_and_not_before_it_began(asset_provider, one, last_day, sentence):
    binding = Binding.objects.get(code="ZMAP")
    if last_day is None:
        overwrite(Binding.objects.filter(pk=binding.pk), valid_to=TODAY)
    details = {"binding": binding.pk, "last_day": (last_day or TODAY).isoformat()}

    with pytest.raises(NotAllowed, match=sentence):
        proposals.propose(act=Act.UNBIND, organisation=asset_provider, by=one, **details)


def test_deactivated_organisation_acts_no_more_and_comes_back(supplier, one, other, sign_in):
    browser = sign_in(supplier)

    approve(proposals.propose(act=Act.DEACTIVATE, organisation=supplier, by=one), other)
    assert browser.get("/devices/").status_code == 403
    approve(proposals.propose(act=Act.REACTIVATE, organisation=supplier, by=other), one)

    assert browser.get("/devices/").status_code == 200


def test_dcc_itself_is_not_deactivated(dcc, one):
    with pytest.raises(NotAllowed, match="The DCC itself"):
        proposals.propose(act=Act.DEACTIVATE, organisation=dcc, by=one)


def test_first_administrator_is_invited_once_approved(newcomer, one, other):
    whom = {"email": "ada@demo.example", "name": "Ada Lindqvist"}
    proposal = proposals.propose(act=Act.APPOINT, organisation=newcomer, by=one, **whom)
    send_queued()
    mail.outbox.clear()
    assert not Invitation.objects.exists()

    approve(proposal, other)
    send_queued()

    invitation = Invitation.objects.get()
    assert (invitation.job, invitation.invited_by, invitation.approved_by) == ("administrator", one.user, other.user)
    path = urlsplit(re.search(r"http\S+", mail.outbox[-1].body).group()).path
    Client().post(path, {"name": "Ada Lindqvist", "password": "four-green-kettles"})
    assert Membership.objects.get(organisation=newcomer).job == Job.ADMINISTRATOR


def test_organisation_with_an_administrator_gets_none_from_the_dcc(supplier, one):
    make_membership(supplier, Job.ADMINISTRATOR)

    with pytest.raises(NotAllowed, match="Zephyr Energy already has an administrator, who can invite others"):
        proposals.propose(act=Act.APPOINT, organisation=supplier, by=one, email="x@demo.example", name="X")


def test_member_becomes_administrator_where_none_is_left(supplier, one, other):
    member = make_membership(supplier, Job.VIEWER)
    whom = {"email": member.user.email, "name": member.user.name}

    approve(proposals.propose(act=Act.APPOINT, organisation=supplier, by=one, **whom), other)

    member.refresh_from_db()
    assert member.job == Job.ADMINISTRATOR
    assert not Invitation.objects.exists()


def test_suspended_administrator_counts_as_none(supplier, one):
    overwrite(make_membership(supplier, Job.ADMINISTRATOR), suspended_at=timezone.now())

    assert proposals.propose(act=Act.APPOINT, organisation=supplier, by=one, email="x@demo.example", name="X")


def test_dcc_administrator_is_made_by_two(dcc, one, other):
    member = make_membership(dcc, Job.EDITOR)
    jobs = {"job": "administrator", "expected_job": "editor"}

    approve(proposals.propose(act=Act.CHANGE_JOB, organisation=dcc, by=one, membership=member.pk, **jobs), other)

    member.refresh_from_db()
    assert member.job == Job.ADMINISTRATOR


def test_job_changed_meanwhile_is_stale(dcc, one, other):
    member = make_membership(dcc, Job.EDITOR)
    jobs = {"job": "administrator", "expected_job": "editor"}
    proposal = proposals.propose(act=Act.CHANGE_JOB, organisation=dcc, by=one, membership=member.pk, **jobs)
    overwrite(Membership.objects.filter(pk=member.pk), job=Job.VIEWER)

    with pytest.raises(Stale):
        approve(proposal, other)


def test_dcc_administrators_membership_is_ended_by_two(dcc, one, other, acting):
    third = acting(dcc, Job.ADMINISTRATOR)

    approve(proposals.propose(act=Act.END_MEMBERSHIP, organisation=dcc, by=one, membership=third.membership_id), other)

    assert Membership.objects.get(pk=third.membership_id).ended_at


# Pages


@pytest.fixture
def browsers(one, other) -> tuple[Browser, Browser]:
    return tuple(Browser(Membership.objects.get(pk=acting.membership_id)) for acting in (one, other))


def test_two_people_bind_a_code_on_the_pages(newcomer, browsers):
    first, second = browsers
    form = {"fuel": "E", "code": " znew ", "valid_from": TODAY.strftime("%d/%m/%Y")}
    first.submit(f"/organisations/{newcomer.pk}/bind/", form)
    proposal = Proposal.objects.get()
    path = f"/organisations/proposals/{proposal.pk}/"
    assert "Withdraw" in first.get(path).content.decode()
    assert first.submit(path, {"decision": "approved"}).status_code == 400

    answer = second.submit(path, {"decision": "approved"}, follow=True)

    assert "Approved: bind ZNEW (electricity) to Zealand Meters from" in answer.content.decode()
    assert Binding.objects.filter(organisation=newcomer, code="ZNEW").exists()
    assert "ZNEW" in second.get(f"/organisations/{newcomer.pk}/").content.decode()


def test_organisation_concerned_reads_that_the_dcc_did_it_not_who(newcomer, browsers, one, other):
    approve(to_bind(newcomer, one), other)
    admin = Browser(make_membership(newcomer, Job.ADMINISTRATOR))

    page = admin.get("/audit/").content.decode()

    assert "bound ZNEW to Zealand Meters" in page
    assert "requested approval to bind a code to Zealand Meters" in page
    assert "The DCC" in page
    assert str(one.user) not in page
    assert str(other.user) not in page


def test_dcc_reads_who_it_was(newcomer, browsers, one, other):
    approve(to_bind(newcomer, one), other)

    page = browsers[0].get("/audit/").content.decode()

    assert str(other.user) in page
    bound = f"bind ZNEW (electricity) to Zealand Meters from {date_format(TODAY, 'DATE_FORMAT')}"
    assert f"requested approval to {bound}" in page
    assert f"approved the request to {bound}" in page


@pytest.mark.parametrize("decision", ["", "maybe", "approve"])
def test_decision_that_is_none_is_refused(newcomer, browsers, one, decision):
    proposal = to_bind(newcomer, one)

    answer = browsers[1].submit(f"/organisations/proposals/{proposal.pk}/", {"decision": decision})

    assert answer.status_code == 400
    assert Proposal.objects.open().exists()


def test_dcc_adds_an_organisation(browsers):
    answer = browsers[0].submit("/organisations/add/", {"name": "Zealand Meters", "role": "map"}, follow=True)

    assert "Zealand Meters has been added" in answer.content.decode()
    assert AuditRow.objects.filter(kind=AuditKind.ORGANISATION_ADDED, person_id=browsers[0].membership.user_id).exists()


@pytest.mark.parametrize(
    ("given", "field"), [({"name": ""}, "name"), ({"role": "dcc"}, "role"), ({"name": "dcc"}, "name")]
)
def test_organisation_form_names_what_is_wrong(browsers, given, field):
    answer = browsers[0].submit("/organisations/add/", {"name": "Zealand Meters", "role": "map"} | given)

    assert answer.status_code == 400
    assert f'href="#id_{field}' in answer.content.decode()


def test_list_shows_who_has_no_administrator(newcomer, browsers, supplier):
    make_membership(supplier, Job.ADMINISTRATOR)

    page = browsers[0].get("/organisations/").content.decode()

    rows = dict(re.findall(r'<th scope="row"><a[^>]*>([^<]+)</a>.*?<strong[^>]*>([^<]+)</strong>', page, re.S))
    assert rows == {"DCC": "Takes part", "Zealand Meters": "No administrator", "Zephyr Energy": "Takes part"}


def test_list_costs_the_same_for_many(browsers, django_assert_max_num_queries):
    for number in range(20):
        bind(make_organisation(role=Role.SUPPLIER), make_participant(f"Z{number:03}", role=Role.SUPPLIER))

    with django_assert_max_num_queries(16):
        browsers[0].get("/organisations/")


@pytest.mark.parametrize("role", [Role.SUPPLIER, Role.MAP])
def test_proposals_are_the_dccs_alone(supplier, asset_provider, newcomer, one, role):
    """Row security, not the page alone."""
    to_bind(newcomer, one)
    organisation = supplier if role == Role.SUPPLIER else asset_provider
    browser = Browser(make_membership(organisation, Job.ADMINISTRATOR))

    assert browser.get("/organisations/proposals/").status_code == 403


def test_dcc_administrator_is_invited_by_a_proposal(dcc, browsers):
    form = {"email": "new@demo.example", "name": "Nia Newman", "job": "administrator"}

    browsers[0].submit("/organisation/members/invite/", form)

    assert not Invitation.objects.exists()
    assert Proposal.objects.get().act == Act.APPOINT
    assert User.objects.filter(email="new@demo.example").count() == 0


def test_dcc_viewer_is_invited_by_one(dcc, browsers):
    form = {"email": "new@demo.example", "name": "Nia Newman", "job": "viewer"}

    browsers[0].submit("/organisation/members/invite/", form)

    assert Invitation.objects.get().job == Job.VIEWER


@pytest.mark.parametrize("what", ["edit", "end"])
def test_dcc_administrator_on_the_members_page_is_proposed(dcc, browsers, what):
    path = f"/organisation/members/{browsers[1].membership.pk}/"
    form = {"job": "viewer", "job_shown": "administrator"} if what == "edit" else {}

    answer = browsers[0].submit(path if what == "edit" else f"{path}end/", form, follow=True)

    assert "Nothing changes until another DCC administrator approves it" in answer.content.decode()
    browsers[1].membership.refresh_from_db()
    assert (browsers[1].membership.job, browsers[1].membership.ended_at) == ("administrator", None)


def test_factors_of_a_member_are_reset_by_two(supplier, rival, browsers, one, other):
    """For someone whom no single organisation can let in again."""
    member = make_membership(supplier)
    make_membership(rival, user=member.user)
    Authenticator.objects.create(user=member.user, type=Authenticator.Type.TOTP, data={"secret": "x"})
    form = {"email": member.user.email.upper(), "reason": "lost the phone"}

    browsers[0].submit(f"/organisations/{supplier.pk}/reset-factors/", form)
    proposal = Proposal.objects.get()
    assert f"Reset the second factors of {member.user}" in browsers[1].get("/organisations/proposals/").text
    approve(proposal, other)

    member.user.refresh_from_db()
    assert member.user.must_enrol
    assert not Authenticator.objects.filter(user=member.user).exists()


def test_factors_of_nobody_are_not_reset(supplier, browsers):
    form = {"email": "nobody@demo.example", "reason": "lost the phone"}

    answer = browsers[0].submit(f"/organisations/{supplier.pk}/reset-factors/", form)

    assert answer.status_code == 400
    assert "Nobody with this address is a member of Zephyr Energy." in answer.text


@pytest.mark.parametrize("act", Act)
@pytest.mark.parametrize("details", [{}, [], 5, {"membership": "x", "fuel": 5, "code": [], "issuer": {}}])
def test_proposal_that_the_portal_cannot_read_is_listed_and_rejected(supplier, browsers, one, act, details):
    """Somebody has added it by SQL: the others can still be read and decided."""
    until = timezone.now() + Proposal.VALID_FOR
    forged = Proposal.objects.create(
        act=act, organisation=supplier, details=details, proposed_by=one.user, expires_at=until
    )
    page = f"/organisations/proposals/{forged.pk}/"

    for address in ("/organisations/proposals/", f"/organisations/{supplier.pk}/", page):
        assert browsers[0].get(address).status_code == 200
    assert browsers[1].get("/").status_code == 200
    assert act_in_short(forged)
    assert browsers[1].submit(page, {"decision": "rejected"}).status_code == 302
    assert browsers[0].get("/organisations/proposals/").status_code == 200
