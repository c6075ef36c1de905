"""Organisations, people and codes, by noun. The tables of the audit trail are in `accounts.models.audit`."""

from accounts.models import audit as audit_models  # noqa: F401  (so that Django finds its models)
from accounts.models.downloads import RunningDownload
from accounts.models.invitations import Invitation
from accounts.models.kept_answers import KeptAnswer
from accounts.models.participants import Binding, BindingEvent, Fuel, Participant, ParticipantEvent, PeriodQuerySet
from accounts.models.people import (
    Factor,
    Membership,
    MembershipEvent,
    MembershipQuerySet,
    Organisation,
    OrganisationEvent,
    Standing,
    User,
    review_due_on,
)
from accounts.models.proposals import Proposal
from accounts.models.service_tokens import ServiceToken
from accounts.models.sessions import End, Session
from accounts.models.single_sign_on import MailDomain, SingleSignOn

__all__ = [
    "Binding",
    "BindingEvent",
    "End",
    "Factor",
    "Fuel",
    "Invitation",
    "KeptAnswer",
    "MailDomain",
    "Membership",
    "MembershipEvent",
    "MembershipQuerySet",
    "Organisation",
    "OrganisationEvent",
    "Participant",
    "ParticipantEvent",
    "PeriodQuerySet",
    "Proposal",
    "RunningDownload",
    "ServiceToken",
    "Session",
    "SingleSignOn",
    "Standing",
    "User",
    "review_due_on",
]
