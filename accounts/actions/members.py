"""The verbs on memberships: who does which job for an organisation."""

from django.db import transaction
from django.db.models import QuerySet

from accounts.acting import Acting
from accounts.actions.people import clean_email, clean_name, person_with
from accounts.audit import record
from accounts.audit_models import Kind
from accounts.errors import NotAllowed, Stale
from accounts.models import Membership, Organisation
from accounts.roles import Job, Permission, Role


@transaction.atomic
def add_administrator(*, email: str, organisation: Organisation, name: str | None = None) -> Membership:
    """Make the person with this e-mail address administrator: a new person, a new member, or a member of another job.

    Refuses as `add_member` does.
    """
    email = clean_email(email)
    members = Membership.objects.current().select_related("user").filter(organisation=organisation)
    membership = members.filter(user__email=email).first()
    if membership is None:
        name = name or email.partition("@")[0].replace(".", " ").title()
        return add_member(email=email, name=name, organisation=organisation, job=Job.ADMINISTRATOR)
    membership.job = Job.ADMINISTRATOR
    membership.save(update_fields=["job"])
    _record_job(Kind.JOB_CHANGED, membership)
    return membership


@transaction.atomic
def add_member(
    *, email: str, name: str, organisation: Organisation, job: Job, password: str | None = None
) -> Membership:
    """Give a person a job; a new person gets an account, with an address that counts as verified.

    Refuses who is a member already, whose account is closed, and a second membership beside one of the DCC.
    """
    user = person_with(clean_email(email), clean_name(name), password)
    if not user.is_active:
        raise NotAllowed(f"The account of {user} is closed.", "email")
    held = list(user.memberships.current().select_related("organisation"))
    if any(membership.organisation_id == organisation.pk for membership in held):
        raise NotAllowed(f"{user} is a member of {organisation} already.", "email")
    if held and Role.DCC in {organisation.role, *(membership.organisation.role for membership in held)}:
        raise NotAllowed(
            f"{user} is a member of {held[0].organisation}. Who is a member of the DCC holds no other membership.",
            "email",
        )
    membership = Membership.objects.create(user=user, organisation=organisation, job=job)
    _record_job(Kind.MEMBER_ADDED, membership, personal={"name": user.name, "email": user.email})
    return membership


def _record_job(
    kind: Kind, membership: Membership, by: Acting | None = None, personal: dict[str, str] | None = None
) -> None:
    details = {"member": membership.user_id, "job": str(membership.job)}
    record(kind, by=by, organisation=membership.organisation, personal=personal, **details)


@transaction.atomic
def change_job(*, membership: Membership, job: Job, by: Acting, expected_job: Job | None = None) -> Membership:
    """Give a member of the acting organisation another job; who is its last administrator stays one.

    `by` must be administrator still, once nobody else is changing the organisation's members. Raises Stale if the
    member has another job by then than `expected_job`, the one that was shown.
    """
    if membership.organisation_id != by.organisation.pk:
        raise NotAllowed(f"{membership.user} is not a member of {by.organisation}.", "job")
    Organisation.objects.select_for_update(no_key=True).get(pk=by.organisation.pk)
    membership.refresh_from_db(fields=["job"])
    if not _may_manage_still(by):
        raise NotAllowed(f"Only an administrator of {by.organisation} changes jobs.", "job")
    if expected_job not in (None, membership.job):
        raise Stale
    steps_down = membership.job == Job.ADMINISTRATOR != job
    if steps_down and not _other_administrators(membership).exists():
        last = f"{membership.user} is the last administrator of {by.organisation}."
        raise NotAllowed(f"{last} Make somebody else administrator first.", "job")
    membership.job = job
    membership.save(update_fields=["job"])
    _record_job(Kind.JOB_CHANGED, membership, by)
    return membership


def _may_manage_still(by: Acting) -> bool:
    """The right as it stands now, not when the request began; a command without a person acts as its job says."""
    if by.membership_id is None:
        return by.may(Permission.MANAGE_MEMBERS)
    own = Membership.objects.in_force().select_related("organisation").filter(pk=by.membership_id).first()
    return own is not None and own.may(Permission.MANAGE_MEMBERS)


def _other_administrators(membership: Membership) -> QuerySet[Membership]:
    """The others who can sign in and administer the organisation."""
    others = Membership.objects.in_force().administrators().exclude(pk=membership.pk)
    return others.filter(organisation=membership.organisation_id)
