"""The verbs on people, organisations and codes: one transaction each, telling why they refuse.

What an action refuses it refuses by NotAllowed, with the sentence that the user reads. Nothing is ever deleted.
"""

from datetime import date

from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, validate_email
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from accounts.acting import Acting
from accounts.audit import record
from accounts.audit_models import Kind
from accounts.csv_table import quote
from accounts.errors import NotAllowed, Stale
from accounts.models import Binding, Fuel, Membership, Organisation, Participant, User
from accounts.participants import parse_name
from accounts.roles import Job, Permission, Role

LONGEST_EMAIL = 254


@transaction.atomic
def add_organisation(*, name: str, role: Role) -> Organisation:
    """A new organisation that acts in `role`; refuses a name that another one has, in whatever case."""
    try:
        with transaction.atomic():
            organisation = Organisation.objects.create(name=_name(name), role=role)
    except IntegrityError as error:
        raise NotAllowed(f"There is an organisation named {quote(name)} already.", "name") from error
    record(Kind.ORGANISATION_ADDED, by=None, organisation=organisation, role=str(role))
    return organisation


@transaction.atomic
def bind_code(
    *,
    organisation: Organisation,
    fuel: Fuel,
    code: str,
    valid_from: date,
    approved_by: User | None = None,
    by: User | None,
) -> tuple[Binding, bool]:
    """Let `organisation` act under `code` from a day on, in its own role; False if it does so already.

    Grants sight of assets, so it takes two people, or the operator's command (`by` none). Refuses a code that is not
    in the list for this fuel and role, a test code, and one bound to another organisation then or later.
    """
    _check_two_people(by, approved_by)
    _check_takes_part(organisation)
    code = code.strip().upper()
    _lock_code(organisation, fuel, code)
    if standing := _binding_since(organisation, fuel, code, valid_from):
        return standing, False
    binding = Binding(fuel=fuel, role=organisation.role, code=code, organisation=organisation)
    binding.valid_from, binding.bound_by, binding.approved_by = valid_from, by, approved_by
    binding.save()
    record(Kind.CODE_BOUND, by=None, person=by, organisation=organisation, binding=binding.pk)
    return binding, True


def _check_two_people(by: User | None, approved_by: User | None) -> None:
    if by is not None and approved_by in (None, by):
        raise NotAllowed("A code is bound by two people: somebody else must approve it.")


def _check_takes_part(organisation: Organisation) -> None:
    if organisation.role == Role.DCC:
        raise NotAllowed("The DCC acts under no code of a MAP or supplier.", "organisation")
    if not organisation.is_active:
        raise NotAllowed(f"{organisation} no longer takes part.", "organisation")


def _lock_code(organisation: Organisation, fuel: Fuel, code: str) -> None:
    """Hold the code's entries in the list, so that two bindings of it come one after the other."""
    role = Role(organisation.role)
    entries = Participant.objects.filter(fuel=fuel, role=role, code=code).select_for_update(no_key=True)
    kinds = {entry.kind for entry in entries}
    if not kinds:
        kind_of_code = f"{Fuel(fuel).label} {role.label} code"
        raise NotAllowed(f"{quote(code)} is no {kind_of_code} in the list of participants. Load a newer list.", "code")
    if Participant.Kind.TEST in kinds:
        raise NotAllowed(f"{code} is a test code: no organisation acts under it.", "code")


def _binding_since(organisation: Organisation, fuel: Fuel, code: str, day: date) -> Binding | None:
    """The open binding of the code to this very organisation; refuses any other on or after `day`."""
    later = Q(valid_to=None) | Q(valid_to__gte=day)
    bindings = Binding.objects.filter(later, fuel=fuel, role=organisation.role, code=code)
    for binding in bindings.select_related("organisation"):
        same = binding.organisation_id == organisation.pk
        if same and binding.valid_from <= day and binding.valid_to is None:
            return binding
        until = f" to {binding.valid_to}" if binding.valid_to else ""
        raise NotAllowed(f"{code} is bound to {binding.organisation} from {binding.valid_from}{until}.", "code")
    return None


@transaction.atomic
def add_administrator(*, email: str, organisation: Organisation, name: str | None = None) -> Membership:
    """Make the person with this e-mail address administrator: a new person, a new member, or a member of another job.

    Refuses as `add_member` does.
    """
    email = _email(email)
    membership = Membership.objects.select_related("user").filter(organisation=organisation, user__email=email).first()
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
    user = _person(_email(email), _name(name), password)
    if not user.is_active:
        raise NotAllowed(f"The account of {user} is closed.", "email")
    held = list(user.memberships.select_related("organisation"))
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


def _person(email: str, name: str, password: str | None) -> User:
    """The person with this address, new if need be, held so that memberships come one after the other."""
    if user := User.objects.select_for_update(no_key=True).filter(email=email).first():
        return user
    try:
        with transaction.atomic():
            user = User.objects.create_user(email, name, password)
            EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    except IntegrityError as error:
        raise NotAllowed(f"There is an account for {email} already. Try again.", "email") from error
    return user


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
    own = Membership.objects.select_related("organisation").filter(pk=by.membership_id).first()
    return own is not None and own.may(Permission.MANAGE_MEMBERS)


def _other_administrators(membership: Membership) -> QuerySet[Membership]:
    """The others who can sign in and administer the organisation."""
    administrators = Membership.objects.filter(organisation=membership.organisation_id, job=Job.ADMINISTRATOR)
    return administrators.filter(user__is_active=True).exclude(pk=membership.pk)


def _name(text: str) -> str:
    try:
        return parse_name(text)
    except ValueError as error:
        raise NotAllowed(str(error), "name") from error


def _email(text: str) -> str:
    """The address in lower case, as accounts hold it; ASCII only, as look-alikes would be other people."""
    email = text.strip().lower() if text.isascii() else ""
    try:
        validate_email(email)
        MaxLengthValidator(LONGEST_EMAIL)(email)
    except ValidationError as error:
        raise NotAllowed(f"{quote(text)} is not an e-mail address.", "email") from error
    return email
