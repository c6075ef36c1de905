"""Why people cannot act under a membership that they hold or once held, and whom to ask: for pages and at sign-in."""

from collections.abc import Callable
from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format

from accounts.audit.kinds import AuditKind
from accounts.models import Membership, Organisation, Standing, User
from accounts.models.audit import AuditRow
from accounts.operator import system_scope


def latest_memberships(user: User) -> list[Membership]:
    """Return a person's latest membership of each organisation, ended ones included."""
    held = user.memberships.select_related("organisation", "user").order_by("pk")
    return list({membership.organisation_id: membership for membership in held}.values())


def withheld_since(user: User, moment: datetime) -> list[Membership]:
    """Return those of the latest memberships that have ended, or been suspended, since a moment."""
    ends = [(one, one.ended_at or one.suspended_at) for one in latest_memberships(user)]
    return [membership for membership, at in ends if at and at > moment]


def why_withheld(membership: Membership) -> str:
    """Say since when and why nobody can act under this membership, and whom its person can ask."""
    tell = WORDS.get(membership.standing, _other_sign_in)
    return tell(membership, str(membership.organisation))


def _ended(membership: Membership, organisation: str) -> str:
    return (
        f"An administrator of {organisation} ended your membership on {_date(membership.ended_at)}."
        f" If you still need access, ask an administrator of {organisation} to invite you again."
    )


def _suspended(membership: Membership, organisation: str) -> str:
    return (
        f"Your membership of {organisation} has been suspended since {_date(membership.suspended_at)}, because nobody"
        f" had signed in to your account for a long time. Ask an administrator of {organisation} to reinstate it."
        " If it no longer has an administrator, the DCC can appoint one."
    )


def _deactivated(membership: Membership, organisation: str) -> str:
    at = _deactivated_at(membership.organisation)
    told = f"has not taken part in the SMI portal since {_date(at)}" if at else "no longer takes part in the SMI portal"
    return f"{organisation} {told}, so nobody can act for it. Ask the DCC service desk about this."


def _deactivated_at(organisation: Organisation) -> datetime | None:
    """As the audit trail knows it, which someone who acts for nobody cannot read."""
    rows = AuditRow.objects.filter(kind=AuditKind.ORGANISATION_DEACTIVATED, organisation_id=organisation.pk)
    with system_scope("say since when an organisation is deactivated", via="page", audited=False):
        return rows.order_by("-pk").values_list("at", flat=True).first()


def _other_sign_in(membership: Membership, organisation: str) -> str:
    return (
        f"The way you signed in does not give you access to {organisation}. An administrator of {organisation} can tell"
        " you how to sign in."
    )


WORDS: dict[Standing, Callable[[Membership, str], str]] = {
    Standing.ENDED: _ended,
    Standing.SUSPENDED: _suspended,
    Standing.DEACTIVATED: _deactivated,
}


def _date(at: datetime) -> str:
    return date_format(timezone.localtime(at), "DATE_FORMAT")
