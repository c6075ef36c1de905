"""Whether a right still holds when something is written."""

from accounts.acting import Acting
from accounts.models import Membership
from accounts.roles import Permission


def holds_still(by: Acting, permission: Permission) -> bool:
    """The right as it stands now, not when the request began; a command without a person acts as its job says."""
    if by.membership_id is None:
        return by.may(permission)
    own = Membership.objects.in_force().select_related("organisation").filter(pk=by.membership_id).first()
    return own is not None and own.may(permission)
