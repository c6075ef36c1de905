"""The verbs on second factors: the way back in for somebody who has lost theirs."""

from allauth.mfa.models import Authenticator
from django.db import transaction

from accounts.acting import Acting
from accounts.actions.members import takes_two
from accounts.actions.rights import holds_still
from accounts.actions.sessions import end_sessions_of
from accounts.audit import note
from accounts.audit.kinds import AuditKind
from accounts.errors import NotAllowed
from accounts.mail import queue_for, queue_mail
from accounts.models import Membership, Organisation, User
from accounts.participants.bindings import dcc_administrators
from accounts.roles import Permission
from accounts.sign_in.factors import has_factor


@transaction.atomic
def reset_factors_of_member(*, membership: Membership, reason: str, by: Acting) -> None:
    """Reset the factors of a member of the acting organisation, who is a member of no other.

    By an administrator, for somebody else; whoever is a member elsewhere too is left to the DCC, and the factors of a
    DCC administrator to two people.
    """
    if not holds_still(by, Permission.MANAGE_MEMBERS):
        raise NotAllowed(f"Only an administrator of {by.organisation} can reset the second factors of its members.")
    if takes_two(membership):
        raise NotAllowed("A second DCC administrator must approve this reset. Request approval instead.")
    user = _held(membership.user)
    if by.user == user:
        raise NotAllowed("You manage your own second factors on “Sign-in and security”.")
    organisations = _organisations_of(user)
    if by.organisation not in organisations:
        raise NotAllowed(f"{user} is not a member of {by.organisation}.")
    if len(organisations) > 1:
        raise NotAllowed(f"Only the DCC can reset the second factors of {user}. Ask the DCC service desk.")
    _reset(user, reason, organisations, by)


@transaction.atomic
def reset_factors(
    *, user: User, reason: str, proposed_by: User | None = None, rehearsal: bool = False, by: Acting | None
) -> None:
    """Reset the factors of anybody: `proposed_by` one administrator of the DCC, and approved `by` another.

    In a `rehearsal` one stands in for both. Or it is the operator's command (both none).
    """
    people = [person for person in (proposed_by, by and by.user) if person]
    if people and not rehearsal and len(set(people)) < 2:
        raise NotAllowed("A second DCC administrator must approve this reset.")
    if user in people:
        raise NotAllowed(f"{user} cannot take part in resetting their own second factors.")
    if not all(dcc_administrators().filter(user=person).exists() for person in people):
        raise NotAllowed("Only DCC administrators can reset the second factors of members of other organisations.")
    held = _held(user)
    _reset(held, reason, _organisations_of(held), by)


def _held(user: User) -> User:
    """The person as they are now, while nobody else adds a factor or a membership."""
    return User.objects.select_for_update().get(pk=user.pk)


def _organisations_of(user: User) -> list[Organisation]:
    return [membership.organisation for membership in user.memberships.current().select_related("organisation")]


def _reset(user: User, reason: str, organisations: list[Organisation], by: Acting | None) -> None:
    """Take every factor and session away, and withhold the memberships until a factor is enrolled again."""
    if not has_factor(user):
        raise NotAllowed(f"{user} does not have a second factor to reset.")
    Authenticator.objects.filter(user=user).delete()
    user.must_enrol = True
    user.save(update_fields=["must_enrol"])
    details = {"member": user.pk, "sessions": end_sessions_of(user)}
    for concerned in organisations or [None]:
        whose = {"organisation": concerned, "about": concerned}
        note(AuditKind.FACTORS_RESET, by=by, **whose, personal={"reason": reason}, **details)
    _tell(user, organisations, by and by.user)


def _tell(user: User, organisations: list[Organisation], person: User | None) -> None:
    """The person, and the administrators of their organisations who did not do it themselves."""
    by_others = Membership.objects.in_force().administrators().filter(organisation__in=organisations)
    others = by_others.exclude(user__in=[user, *([person] if person else [])])
    queue_mail("factors_reset", to=user.pk)
    queue_for("factors_reset_told", others.values_list("user_id", flat=True).distinct(), user=user.pk)
