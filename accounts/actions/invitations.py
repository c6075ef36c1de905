"""The verbs on invitations: an offer of an access level, which becomes a membership once its person accepts."""

from datetime import timedelta

from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from accounts.acting import Acting, Origin, scope
from accounts.actions.dcc_domains import check_address
from accounts.actions.members import join, may_manage_still
from accounts.actions.people import clean_email, clean_name, new_person
from accounts.audit import note
from accounts.audit.kinds import AuditKind
from accounts.errors import NotAllowed
from accounts.mail import link_to, queue_mail
from accounts.models import Invitation, Membership, Organisation, User
from accounts.operator import system_scope
from accounts.roles import Job, Role
from accounts.sign_in.hashing import hash_of, hash_of_unknown, link_secret

MOST_OPEN = 200  # of one organisation: nobody invites a crowd by mistake
BETWEEN_MAILS = timedelta(minutes=1)
GONE = "This invitation was accepted, revoked or replaced in the meantime."


@transaction.atomic
def invite(*, email: str, name: str, job: Job, by: Acting) -> Invitation:
    """Offer someone an access level in the acting organisation, by an email with a link that works once, for 72 hours.

    Refuses anyone who is already a member or invited, and DCC administrators, who need a second administrator's
    approval. The email follows once this has been committed.
    """
    if not may_manage_still(by):
        raise NotAllowed(f"Only an administrator of {by.organisation} can invite people.")
    if by.role == Role.DCC and job == Job.ADMINISTRATOR:
        raise NotAllowed("A second DCC administrator must approve this invitation. Request approval instead.", "job")
    invitation = offer(organisation=by.organisation, email=email, name=name, job=job, invited_by=by.user, by=by)
    return send(invitation)


def offer(
    *,
    organisation: Organisation,
    email: str,
    name: str,
    job: Job,
    invited_by: User | None,
    approved_by: User | None = None,
    by: Acting,
) -> Invitation:
    """An invitation that is recorded and not sent yet; `send` gives it its link."""
    email, name = clean_email(email), clean_name(name)
    _check_new(organisation, email)
    check_address(email, organisation)
    invitation = Invitation(organisation=organisation, email=email, name=name, job=job)
    invitation.invited_by, invitation.approved_by = invited_by, approved_by
    invitation.secret_hash, invitation.expires_at = hash_of_unknown(), timezone.now()
    try:
        with transaction.atomic():
            invitation.save()
    except IntegrityError as error:
        raise NotAllowed(
            f"{email} has already been invited. Send the invitation again, or revoke it.", "email"
        ) from error
    personal = {"name": name, "email": email}
    note(AuditKind.INVITED, by=by, about=organisation, personal=personal, invitation=invitation.pk, job=str(job))
    return invitation


def _check_new(organisation: Organisation, email: str) -> None:
    members = Membership.objects.current().filter(organisation=organisation, user__email=email)
    if members.exists():
        raise NotAllowed(f"{email} is already a member of {organisation}.", "email")
    if organisation.invitations.open().count() >= MOST_OPEN:
        raise NotAllowed(f"{MOST_OPEN} invitations of {organisation} are open. Revoke some first.")


def send(invitation: Invitation) -> Invitation:
    """Queue the email with the link; an earlier link no longer works."""
    invitation.secret_hash, invitation.sent_at = hash_of_unknown(), timezone.now()
    invitation.expires_at = invitation.sent_at + Invitation.VALID_FOR
    invitation.save(update_fields=["secret_hash", "sent_at", "expires_at"])
    queue_mail("invitation", invitation=invitation.pk)
    return invitation


def make_link(pk: int) -> tuple[Invitation, str] | None:
    """Return an invitation and its link, valid for 72 hours from now; None if it is no longer open. For its email."""
    held = Invitation.objects.open().select_for_update(of=("self",), no_key=True).filter(pk=pk)
    found = held.select_related("organisation", "invited_by").first()
    if found is None or not found.organisation.is_active:
        return None
    secret = link_secret("accounts.invitation", pk, found.sent_at)
    found.secret_hash, found.expires_at = hash_of(secret), timezone.now() + Invitation.VALID_FOR
    found.save(update_fields=["secret_hash", "expires_at"])
    return found, link_to(reverse("invitation-accept", args=[secret]))


@transaction.atomic
def send_again(*, invitation: Invitation, by: Acting) -> Invitation:
    """A new link for an open invitation; not twice within a minute."""
    held = _held(invitation, by)
    if held.sent_at > timezone.now() - BETWEEN_MAILS:
        raise NotAllowed(f"We have just sent this invitation to {held.email}. Wait a minute before you send it again.")
    note(AuditKind.INVITATION_SENT, by=by, about=held.organisation, invitation=held.pk)
    return send(held)


@transaction.atomic
def revoke(*, invitation: Invitation, by: Acting) -> Invitation:
    """The link no longer works."""
    held = _held(invitation, by)
    held.revoked_at = timezone.now()
    held.save(update_fields=["revoked_at"])
    note(AuditKind.INVITATION_REVOKED, by=by, about=held.organisation, invitation=held.pk)
    return held


def _held(invitation: Invitation, by: Acting) -> Invitation:
    """The invitation for update, while it is open and `by` may still manage members."""
    held = Invitation.objects.open().select_for_update(of=("self",), no_key=True).filter(pk=invitation.pk)
    found = held.select_related("organisation").first()
    if found is None:
        raise NotAllowed(GONE)
    if not may_manage_still(by):
        raise NotAllowed(f"Only an administrator of {by.organisation} can manage invitations.")
    return found


def invitation_of(secret: str) -> Invitation | None:
    """The invitation whose link this is, if it works now."""
    with system_scope("open an invitation", via="page", audited=False):
        valid = Invitation.objects.valid().select_related("organisation", "invited_by")
        return valid.filter(secret_hash=hash_of(secret), organisation__is_active=True).first()


@transaction.atomic
def accept(*, secret: str, person: User | None, origin: Origin, name: str = "", password: str = "") -> Membership:
    """The membership that an invitation offers, for the `person` signed in or a new one with `password`.

    Raises NotAllowed when the link does not work any more, the person has another address, or may not be a member.
    """
    found = invitation_of(secret)
    if found is None:
        raise NotAllowed(GONE)
    offered = Acting(found.organisation, Job(found.job), origin=origin)
    with scope(offered):
        invitation = Invitation.objects.valid().select_for_update(of=("self",), no_key=True).filter(pk=found.pk).first()
        if invitation is None or invitation.secret_hash != found.secret_hash:
            raise NotAllowed(GONE)
        user = person or new_person(invitation.email, clean_name(name), password)
        if user.email != invitation.email:
            raise NotAllowed("This invitation is for another email address.")
        return _accepted(invitation, user, offered)


def _accepted(invitation: Invitation, user: User, offered: Acting) -> Membership:
    by = Acting(offered.organisation, offered.job, user, origin=offered.origin)
    with scope(by):
        membership = join(user=user, organisation=offered.organisation, job=offered.job)
        invitation.accepted_at = timezone.now()
        invitation.save(update_fields=["accepted_at"])
        note(AuditKind.INVITATION_ACCEPTED, by=by, invitation=invitation.pk, job=str(offered.job))
    return membership
