"""The verbs on people, organisations and codes, by noun: one transaction each, telling why they refuse.

What an action refuses it refuses by NotAllowed, with the sentence that the user reads. Nothing is ever deleted.
"""

from accounts.actions.factors import reset_factors, reset_factors_of_member
from accounts.actions.members import add_administrator, add_member, change_job, end_membership, takes_two
from accounts.actions.organisations import add_organisation
from accounts.actions.sessions import end_sessions_of, forget_expired
from accounts.participants.bindings import bind_code

__all__ = [
    "add_administrator",
    "add_member",
    "add_organisation",
    "bind_code",
    "change_job",
    "end_membership",
    "end_sessions_of",
    "forget_expired",
    "reset_factors",
    "reset_factors_of_member",
    "takes_two",
]
