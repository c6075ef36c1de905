"""The verbs on people, organisations and codes, by noun: one transaction each, telling why they refuse.

What an action refuses it refuses by NotAllowed, with the sentence that the user reads. Nothing is ever deleted.
"""

from accounts.actions.bindings import bind_code
from accounts.actions.members import add_administrator, add_member, change_job, end_membership, takes_two
from accounts.actions.organisations import add_organisation

__all__ = [
    "add_administrator",
    "add_member",
    "add_organisation",
    "bind_code",
    "change_job",
    "end_membership",
    "takes_two",
]
