"""The verbs on memberships: who has which access level in an organisation."""

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.acting import Acting
from accounts.actions.dcc_domains import check_address
from accounts.actions.people import clean_email, clean_name, person_with
from accounts.actions.rights import holds_still
from accounts.actions.sessions import end_sessions_of
from accounts.actions.tokens import revoke_tokens_made_by
from accounts.audit import note
from accounts.audit.kinds import AuditKind
from accounts.errors import NotAllowed, Stale
from accounts.mail import queue_mail
from accounts.models import Invitation, Membership, Organisation, User
from accounts.owner import ask_owner
from accounts.roles import Job, Permission, Role

TWO_PEOPLE = "A second DCC administrator must approve this access level. Request approval instead."


@transaction.atomic
def add_administrator(*, email: str, organisation: Organisation, name: str | None = None) -> Membership:
    """Make the person with this email address an administrator, whether new, a new member or a member already.

    The operator's. Refuses as `join` does.
    """
    email = clean_email(email)
    members = Membership.objects.current().select_related("user").filter(organisation=organisation)
    membership = members.filter(user__email=email).first()
    if membership is None:
        name = name or email.partition("@")[0].replace(".", " ").title()
        return add_member(email=email, name=name, organisation=organisation, job=Job.ADMINISTRATOR)
    return make_administrator(membership)


@transaction.atomic
def add_member(
    *, email: str, name: str, organisation: Organisation, job: Job, password: str | None = None
) -> Membership:
    """Give a person an access level; a new person gets an account, with an address that counts as verified.

    The operator's: others are invited. Refuses as `join` does.
    """
    user = person_with(clean_email(email), clean_name(name), password)
    return join(user=user, organisation=organisation, job=job)


def make_administrator(membership: Membership) -> Membership:
    """Of a member; one that was suspended may come back."""
    reinstated = True
    ask_owner("change_job", membership.pk, str(Job.ADMINISTRATOR), reinstated)
    membership.refresh_from_db(fields=["job", "suspended_at", "warned_at"])
    _tell_of_level(membership)
    return membership


def join(*, user: User, organisation: Organisation, job: Job) -> Membership:
    """A new membership.

    Refuses who is a member already, whose account is closed, a second membership beside one of the DCC, and for the DCC
    an address in another organisation's domain.
    """
    check_address(user.email, organisation)
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if not user.is_active:
        raise NotAllowed(f"The account of {user} is closed.", "email")
    held = list(user.memberships.current().select_related("organisation"))
    if any(membership.organisation_id == organisation.pk for membership in held):
        raise NotAllowed(f"{user} is already a member of {organisation}.", "email")
    if held and Role.DCC in {organisation.role, *(membership.organisation.role for membership in held)}:
        raise NotAllowed(
            f"{user} is a member of {held[0].organisation}. A member of the DCC cannot also act for others.",
            "email",
        )
    added = ask_owner("add_membership", user.pk, organisation.pk, str(job))
    return Membership.objects.select_related("user", "organisation").get(pk=added)


@transaction.atomic
def change_job(
    *,
    membership: Membership,
    job: Job,
    expected_job: Job | None = None,
    proposed_by: User | None = None,
    by: Acting,
) -> Membership:
    """Give a member of the acting organisation another access level; its last administrator stays one.

    `by` must be administrator still, once nobody else is changing the organisation's members, and nobody raises their
    own level. A DCC administrator's takes a proposal, of `proposed_by`, which `by` approves. Raises Stale if the member
    has another level by then than `expected_job`, the one that was shown.
    """
    _hold(membership, by)
    if expected_job not in (None, membership.job):
        raise Stale
    if proposed_by is None and takes_two(membership, job):
        raise NotAllowed(TWO_PEOPLE, "job")
    if membership.user == by.user and _rank(job) > _rank(membership.job):
        raise NotAllowed("You cannot raise your own access level. Ask another administrator.", "job")
    if membership.job == Job.ADMINISTRATOR != job:
        _check_not_last(membership)
    ask_owner("change_job", membership.pk, str(job))
    if membership.job != job:
        _tell_of_level(membership)
    membership.job = job
    return membership


def _tell_of_level(membership: Membership) -> None:
    queue_mail("access_level_changed", membership=membership.pk, on=timezone.localdate().isoformat())


@transaction.atomic
def end_membership(*, membership: Membership, proposed_by: User | None = None, by: Acting) -> Membership:
    """End a membership of the acting organisation, and with it at once what its person could go on acting with.

    Their sessions, the tokens they made and the invitations they sent end too. Refuses the last administrator; a DCC
    administrator's takes a proposal, of `proposed_by`, that `by` approves.
    """
    _hold(membership, by)
    if proposed_by is None and takes_two(membership):
        raise NotAllowed("A second DCC administrator must approve this. Request approval instead.")
    if membership.job == Job.ADMINISTRATOR:
        _check_not_last(membership)
    membership.ended_at = ask_owner("end_membership", membership.pk)
    queue_mail("membership_ended", membership=membership.pk)
    _end_what_it_opened(membership, by)
    return membership


def _end_what_it_opened(membership: Membership, by: Acting) -> None:
    now, leaver = timezone.now(), membership.user
    own = {"organisation": membership.organisation}
    revoke_tokens_made_by(user=leaver, by=by, **own)
    sent = Invitation.objects.open().filter(invited_by=leaver, **own)
    for invitation in sent:
        note(AuditKind.INVITATION_REVOKED, by=by, invitation=invitation.pk)
    sent.update(revoked_at=now)
    end_sessions_of(leaver)


def takes_two(membership: Membership, job: Job | None = None) -> bool:
    """Whether giving a member another level, or none, is for two people: as a DCC administrator comes or goes."""
    return membership.organisation.role == Role.DCC and Job.ADMINISTRATOR in (membership.job, job)


def _hold(membership: Membership, by: Acting) -> None:
    """Read the membership again while nobody else changes the organisation's members; refuses who may not."""
    if membership.organisation_id != by.organisation.pk:
        raise NotAllowed(f"{membership.user} is not a member of {by.organisation}.", "job")
    Organisation.objects.select_for_update(no_key=True).get(pk=by.organisation.pk)
    membership.refresh_from_db(fields=["job", "ended_at", "suspended_at"])
    if not may_manage_still(by):
        raise NotAllowed(f"Only an administrator of {by.organisation} can change memberships.", "job")
    if membership.ended_at:
        raise NotAllowed(f"The membership of {membership.user} has already ended.", "job")


def may_manage_still(by: Acting) -> bool:
    """As it stands now, not when the request began."""
    return holds_still(by, Permission.MANAGE_MEMBERS)


def _check_not_last(membership: Membership) -> None:
    if not _other_administrators(membership).exists():
        last = f"{membership.user} is the last administrator of {membership.organisation}."
        raise NotAllowed(f"{last} Make someone else an administrator first.", "job")


def _other_administrators(membership: Membership) -> QuerySet[Membership]:
    """The others who can sign in and administer the organisation."""
    others = Membership.objects.in_force().administrators().exclude(pk=membership.pk)
    return others.filter(organisation=membership.organisation_id)


def _rank(job: str) -> int:
    return list(Job).index(Job(job))
