"""The audit trail in plain words, with the names that the reader may see."""

from collections.abc import Callable

from accounts.acting import Acting
from accounts.audit.kinds import LABELS, AuditKind, retention_of
from accounts.models import Proposal
from accounts.models.audit import AuditRow
from accounts.roles import Job, Role
from inventory.trail.words import act_on_devices, listed
from smi_portal.oversight.names import Names, number_in

ITEMS = {"client_id": "client ID", "secret": "client secret"}
VALUES = {
    "name": "name",
    "email": "email address",
    "address": "network address",
    "mpxn": "MPxN",
    "reason": "reason",
    "file": "file name",
    "files": "file names",
}
FACTORS = {
    "totp": "an authenticator app",
    "webauthn": "a passkey",
    "recovery_codes": "recovery codes",
}
REFUSALS = {
    "revoked": "its API token has been revoked",
    "expired": "its API token has expired",
    "inactive": "the organisation no longer takes part",
    "network": "its API token does not allow the network it was used from",
}


def act_of(row: AuditRow, names: Names) -> str:
    """Return what was done, as words that follow the name of the person: “looked at device 00-DB-…”.

    Of a row that SQL by the portal's login has added with other details than the portal writes, only the kind is told.
    """
    try:
        words = WORDS.get(row.kind)
        return words(row, names) if words else act_on_devices(row) or LABELS[row.kind].lower()
    except (AttributeError, KeyError, TypeError, ValueError):
        return f"is said to have done this: {LABELS.get(row.kind, row.kind)}"


def number_of(row: AuditRow, acting: Acting) -> str:
    """Return the number by which the reader and the operator speak of a row, as `verify_audit` and the roots count."""
    if acting.role == Role.DCC:
        return str(row.told_number)
    return f"{retention_of(row.kind).label} {row.told_number:,}" if row.told_number else ""


def _log_out(row: AuditRow, names: Names) -> str:
    why = {"idle": " after too long without activity", "longest": " after the longest time a session may last"}
    timed_out = row.details.get("timed_out")
    return f"was signed out{why.get(timed_out, '')}" if timed_out else "signed out"


def _member(row: AuditRow, names: Names) -> str:
    return names.person(number_in(row, "member"))


def _level_changed(row: AuditRow, names: Names) -> str:
    return f"made {_member(row, names)} {_level(row)} of {names.organisation(row)}"


def _member_added(row: AuditRow, names: Names) -> str:
    return f"added {_member(row, names)} as {_level(row)} of {names.organisation(row)}"


def _membership(verb: str) -> "Callable[[AuditRow, Names], str]":
    return lambda row, names: f"{verb} the membership of {_member(row, names)} in {names.organisation(row)}"


def _invited(row: AuditRow, names: Names) -> str:
    return f"invited {_invitee(row, names)} to act for {names.organisation(row)} as {_level(row)}"


def _invitation(verb: str) -> "Callable[[AuditRow, Names], str]":
    return lambda row, names: f"{verb} the invitation of {_invitee(row, names)} to act for {names.organisation(row)}"


def _invitee(row: AuditRow, names: Names) -> str:
    return names.thing(row, "invitation") or "someone"


def _invitation_accepted(row: AuditRow, names: Names) -> str:
    return f"accepted an invitation to act for {names.organisation(row)} as {_level(row)}"


def _code(row: AuditRow, names: Names) -> str:
    return names.thing(row, "binding") or "a code"


def _domain(row: AuditRow, names: Names) -> str:
    return f"the email domain {domain}" if (domain := names.thing(row, "domain")) else "an email domain"


ABOUT = {
    Proposal.Act.APPOINT: "appoint an administrator of",
    Proposal.Act.BIND: "bind a code to",
    Proposal.Act.UNBIND: "unbind a code from",
    Proposal.Act.DEACTIVATE: "deactivate",
    Proposal.Act.REACTIVATE: "reactivate",
    Proposal.Act.CHANGE_JOB: "change the access level of an administrator of",
    Proposal.Act.END_MEMBERSHIP: "end the membership of an administrator of",
    Proposal.Act.RESET_FACTORS: "reset the second factors of a member of",
    Proposal.Act.NAME_PROVIDER: "use a provider for single sign-on of",
    Proposal.Act.ADD_DOMAIN: "add an email domain to single sign-on of",
    Proposal.Act.SWITCH_ON: "switch on single sign-on of",
}


def _requested_act(row: AuditRow, names: Names) -> str:
    """In full for the DCC, whose requests they are; others are told its kind."""
    kind = ABOUT.get(row.details.get("act", ""), "change something about")
    return names.thing(row, "proposal") or f"{kind} {names.organisation(row)}"


def _proposed(row: AuditRow, names: Names) -> str:
    return f"requested approval to {_requested_act(row, names)}"


def _decided(row: AuditRow, names: Names) -> str:
    return f"{row.details.get('decision')} the request to {_requested_act(row, names)}"


def _token_used(row: AuditRow, names: Names) -> str:
    reason = row.details.get("refused")
    return f"was refused because {REFUSALS.get(reason, reason)}" if reason else "used its API token"


def _through(row: AuditRow, names: Names) -> str:
    if not row.details.get("provider"):
        return ""
    return f" through single sign-on of {names.organisation(row)}" if row.organisation_id else " through single sign-on"


def _sign_on_changed(row: AuditRow, names: Names) -> str:
    items = row.details.get("items", [])
    if items in (["switched_on"], ["switched_off"]):
        return f"{items[0].replace('_', ' ')} single sign-on of {names.organisation(row)}"
    return f"changed single sign-on of {names.organisation(row)}: {listed(items, ITEMS) or 'saved again'}"


def _suspended(row: AuditRow, names: Names) -> str:
    return f"{_membership('suspended')(row, names)}, which had not been used for a long time"


def _confirmed(row: AuditRow, names: Names) -> str:
    own = number_in(row, "member") == row.person_id
    whose = "their own membership" if own else f"the membership of {_member(row, names)}"
    return f"confirmed {whose} in {names.organisation(row)} as {_level(row)}"


def _factor(row: AuditRow) -> str:
    return FACTORS.get(row.details.get("factor", ""), "a second factor")


def _failed_log_in(row: AuditRow, names: Names) -> str:
    if row.details.get("step") == "factor":
        return "entered a wrong second-factor code"
    return f"failed to sign in{_through(row, names)}"


def _sessions_ended(row: AuditRow, names: Names) -> str:
    ended = row.details.get("sessions", 0)
    return f"signed out everywhere else, which ended {ended} session{'' if ended == 1 else 's'}"


def _level(row: AuditRow) -> str:
    """Such as `an Editor`."""
    level = row.details.get("job", "")
    return Job(level).as_one if level in Job.values else "a member"


def _loaded(row: AuditRow, names: Names) -> str:
    added, changed = (row.details.get(name, 0) for name in ("added", "changed"))
    return f"loaded the list of MAPs and suppliers: {added} added, {changed} changed"


def _corrected(row: AuditRow, names: Names) -> str:
    """For the DCC with the number of the row, by which others do not know it (`number_of`)."""
    of_row = f"row {row.details.get('row')}" if names.for_dcc else "an earlier row"
    return f"corrected the {VALUES.get(row.details.get('name', ''), 'value')} kept beside {of_row}"


WORDS: dict[str, Callable[[AuditRow, Names], str]] = {
    AuditKind.LOG_OUT: _log_out,
    AuditKind.MEMBER_ADDED: _member_added,
    AuditKind.JOB_CHANGED: _level_changed,
    AuditKind.TOKEN_MADE: lambda row, names: f"created the API token {names.token(row)}, which acts as {_level(row)}",
    AuditKind.TOKEN_REVOKED: lambda row, names: f"revoked the API token {names.token(row)}",
    AuditKind.TOKEN_USED: _token_used,
    AuditKind.MEMBERSHIP_SUSPENDED: _suspended,
    AuditKind.MEMBERSHIP_REINSTATED: _membership("reinstated"),
    AuditKind.MEMBERSHIP_CONFIRMED: _confirmed,
    AuditKind.ACCOUNTS_DOWNLOADED: lambda row, names: "downloaded the list of all accounts",
    AuditKind.SWITCH: lambda row, names: f"chose to act for {names.organisation(row)}",
    AuditKind.FAILED_LOG_IN: _failed_log_in,
    AuditKind.FACTOR_ADDED: lambda row, names: f"added {_factor(row)}",
    AuditKind.FACTOR_REMOVED: lambda row, names: f"removed {_factor(row)}",
    AuditKind.FACTORS_RESET: lambda row, names: (
        f"reset the second factors of {_member(row, names)}, a member of {names.organisation(row)}"
    ),
    AuditKind.SESSIONS_ENDED: _sessions_ended,
    AuditKind.ORGANISATION_ADDED: lambda row, names: f"added {names.organisation(row)}",
    AuditKind.ORGANISATION_DEACTIVATED: lambda row, names: f"deactivated {names.organisation(row)}",
    AuditKind.ORGANISATION_REACTIVATED: lambda row, names: f"reactivated {names.organisation(row)}",
    AuditKind.ROOT_EMAILS_CHANGED: lambda row, names: (
        f"switched emails of the daily roots {'on' if row.details.get('receives') else 'off'}"
    ),
    AuditKind.CODE_BOUND: lambda row, names: f"bound {_code(row, names)} to {names.organisation(row)}",
    AuditKind.CODE_UNBOUND: lambda row, names: f"unbound {_code(row, names)} from {names.organisation(row)}",
    AuditKind.PROPOSED: _proposed,
    AuditKind.DECIDED: _decided,
    AuditKind.INVITED: _invited,
    AuditKind.INVITATION_SENT: _invitation("sent again"),
    AuditKind.INVITATION_REVOKED: _invitation("revoked"),
    AuditKind.INVITATION_ACCEPTED: _invitation_accepted,
    AuditKind.MEMBERSHIP_ENDED: _membership("ended"),
    AuditKind.SIGN_ON_CHANGED: _sign_on_changed,
    AuditKind.DOMAIN_ADDED: lambda row, names: (
        f"added {_domain(row, names)} to single sign-on of {names.organisation(row)}"
    ),
    AuditKind.DOMAIN_PROVEN: lambda row, names: (
        f"confirmed {_domain(row, names)} of {names.organisation(row)} by its DNS record"
    ),
    AuditKind.DOMAIN_GIVEN_UP: lambda row, names: (
        f"removed {_domain(row, names)} from single sign-on of {names.organisation(row)}"
    ),
    AuditKind.LOG_IN: lambda row, names: f"signed in{_through(row, names)}",
    AuditKind.SYSTEM_SCOPE: lambda row, names: f"worked on the data of all organisations: {row.details.get('reason')}",
    AuditKind.VALUES_ERASED: lambda row, names: f"erased personal values of {_member(row, names)}",
    AuditKind.VALUE_CORRECTED: _corrected,
    AuditKind.PARTICIPANTS_LOADED: _loaded,
    AuditKind.EXPIRED: lambda row, names: "removed expired rows, for which a daily root now stands",
}
