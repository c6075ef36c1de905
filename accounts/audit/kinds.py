"""The kinds of act in the audit trail. Each app registers its own, and says which of their rows expire."""

from collections.abc import Collection

from django.db.models import TextChoices

from accounts.models.audit import Retention

LABELS: dict[str, str] = {}  # of all registered kinds, in order of registration
SHORT_LIVED: set[str] = set()


def register_kinds(kinds: type[TextChoices], *, short_lived: Collection[TextChoices]) -> None:
    """Register these kinds with the trail; rows of the `short_lived` ones expire (reads and sign-ins)."""
    LABELS.update(kinds.choices)
    SHORT_LIVED.update(kind.value for kind in short_lived)


def retention_of(kind: str) -> Retention:
    """Return how long rows of this kind are kept: of one that is not registered, as long as changes.

    Only SQL by the portal's login writes such a kind; it must not stop the sealing.
    """
    return Retention.SHORT if kind in SHORT_LIVED else Retention.LONG


class AuditKind(TextChoices):
    """What was done about people, organisations, codes and the trail itself."""

    LOG_IN = "log_in", "Signed in"
    FAILED_LOG_IN = "failed_log_in", "Failed to sign in"
    LOG_OUT = "log_out", "Signed out"
    SWITCH = "switch", "Chose an organisation to act for"
    PASSWORD_CHANGED = "password_changed", "Changed the password"
    PASSWORD_RESET = "password_reset", "Reset the password"
    AUDIT_DOWNLOADED = "audit_downloaded", "Downloaded the audit trail"
    ORGANISATION_ADDED = "organisation_added", "Added an organisation"
    ORGANISATION_DEACTIVATED = "organisation_deactivated", "Deactivated an organisation"
    ORGANISATION_REACTIVATED = "organisation_reactivated", "Reactivated an organisation"
    ROOT_EMAILS_CHANGED = "root_emails_changed", "Switched emails of daily roots on or off"
    CODE_BOUND = "code_bound", "Bound a code"
    CODE_UNBOUND = "code_unbound", "Unbound a code"
    PROPOSED = "proposed", "Requested approval"
    DECIDED = "decided", "Decided on a request for approval"
    INVITED = "invited", "Invited someone"
    INVITATION_SENT = "invitation_sent", "Sent an invitation again"
    INVITATION_REVOKED = "invitation_revoked", "Revoked an invitation"
    INVITATION_ACCEPTED = "invitation_accepted", "Accepted an invitation"
    MEMBER_ADDED = "member_added", "Added a member"
    JOB_CHANGED = "job_changed", "Changed an access level"
    MEMBERSHIP_ENDED = "membership_ended", "Ended a membership"
    MEMBERSHIP_SUSPENDED = "membership_suspended", "Suspended a membership"
    MEMBERSHIP_REINSTATED = "membership_reinstated", "Reinstated a membership"
    MEMBERSHIP_CONFIRMED = "membership_confirmed", "Confirmed a membership"
    ACCOUNTS_DOWNLOADED = "accounts_downloaded", "Downloaded the list of accounts"
    FACTOR_ADDED = "factor_added", "Added a second factor"
    FACTOR_REMOVED = "factor_removed", "Removed a second factor"
    FACTORS_RESET = "factors_reset", "Reset someone’s second factors"
    SESSIONS_ENDED = "sessions_ended", "Ended sessions"
    TOKEN_MADE = "token_made", "Created an API token"
    TOKEN_REVOKED = "token_revoked", "Revoked an API token"
    TOKEN_USED = "token_used", "Used an API token"
    SIGN_ON_CHANGED = "sign_on_changed", "Changed single sign-on"
    DOMAIN_ADDED = "domain_added", "Added an email domain"
    DOMAIN_PROVEN = "domain_proven", "Confirmed an email domain"
    DOMAIN_GIVEN_UP = "domain_given_up", "Removed an email domain"
    PARTICIPANTS_LOADED = "participants_loaded", "Loaded the list of MAPs and suppliers"
    SYSTEM_SCOPE = "system_scope", "Worked as the operator"
    VALUES_ERASED = "values_erased", "Erased personal values"
    VALUE_CORRECTED = "value_corrected", "Corrected a personal value"
    EXPIRED = "expired", "Removed expired rows"


register_kinds(
    AuditKind,
    short_lived={
        AuditKind.LOG_IN,
        AuditKind.FAILED_LOG_IN,
        AuditKind.LOG_OUT,
        AuditKind.SWITCH,
        AuditKind.AUDIT_DOWNLOADED,
        AuditKind.TOKEN_USED,
        AuditKind.SYSTEM_SCOPE,
    },
)
