"""The audit trail in plain words, with the names that the reader may see."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from accounts.acting import Acting
from accounts.audit.kinds import LABELS, AuditKind, retention_of
from accounts.models import Organisation, Proposal, ServiceToken, User
from accounts.models.audit import AuditRow
from accounts.roles import Job, Role
from inventory.trail.words import act_on_devices, listed

ITEMS = {"client_id": "client ID", "secret": "client secret"}
FACTORS = {
    "totp": "an authenticator app",
    "webauthn": "a passkey",
    "recovery_codes": "recovery codes",
}
REFUSALS = {
    "revoked": "its token has been revoked",
    "expired": "its token has expired",
    "inactive": "the organisation no longer takes part",
    "network": "its token does not allow the network it was used from",
}


@dataclass(frozen=True)
class Names:
    """The people, organisations and tokens of some rows, looked up at once."""

    people: dict[int, str] = field(default_factory=dict)
    organisations: dict[int, str] = field(default_factory=dict)
    for_dcc: bool = True  # others are told of the DCC's acts, but not which person of the DCC acted
    tokens: dict[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Iterable[AuditRow], acting: Acting) -> "Names":
        people = {number for row in rows for number in (row.person_id, number_in(row, "member")) if number}
        organisations = {row.organisation_id for row in rows if row.organisation_id}
        tokens = {number for row in rows if (number := number_in(row, "token"))}
        return cls(
            dict(User.objects.filter(pk__in=people).values_list("pk", "name")),
            dict(Organisation.objects.filter(pk__in=organisations).values_list("pk", "name")),
            acting.role == Role.DCC,
            dict(ServiceToken.objects.filter(pk__in=tokens).values_list("pk", "name")) if tokens else {},
        )

    @classmethod
    def of_all(cls, acting: Acting) -> "Names":
        people, organisations, tokens = (
            dict(model.objects.values_list("pk", "name")) for model in (User, Organisation, ServiceToken)
        )
        return cls(people, organisations, acting.role == Role.DCC, tokens)

    def withholds_actor(self, row: AuditRow) -> bool:
        """Whether the reader is told only that it was the DCC."""
        return bool(row.details.get("by_dcc")) and not self.for_dcc

    def who(self, row: AuditRow) -> str:
        if self.withholds_actor(row):
            return "The DCC"
        if row.person_id:
            return self.person(row.person_id)
        if row.via == "api" and "token" in row.details:
            return f"The system {self.token(row)}"
        nobody = "Someone not signed in"
        return {"page": nobody, "api": nobody, "task": "The portal"}.get(row.via, "The operator")

    def person(self, number: int | None) -> str:
        return self.people.get(number, f"Person {number}")

    def token(self, row: AuditRow) -> str:
        number = number_in(row, "token")
        return f"“{self.tokens[number]}”" if number in self.tokens else f"with token {number}"

    def organisation(self, row: AuditRow) -> str:
        number = row.organisation_id
        return self.organisations.get(number, f"Organisation {number}") if number else ""


def number_in(row: AuditRow, name: str) -> int | None:
    """Return the id of a row that the details name, if it can be one."""
    number = row.details.get(name)
    return number if isinstance(number, int) and 0 < number < 2**63 else None


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


def _member_added(row: AuditRow, names: Names) -> str:
    return f"made {names.person(row.details.get('member'))} a member, as {_job(row)}"


def _job_changed(row: AuditRow, names: Names) -> str:
    return f"made {names.person(row.details.get('member'))} {_job(row)}"


def _invited(row: AuditRow, names: Names) -> str:
    return f"invited someone as {_job(row)}, invitation {row.details.get('invitation')}"


def _invitation(verb: str) -> "Callable[[AuditRow, Names], str]":
    return lambda row, names: f"{verb} invitation {row.details.get('invitation')}"


def _membership(verb: str) -> "Callable[[AuditRow, Names], str]":
    return lambda row, names: f"{verb} the membership of {names.person(row.details.get('member'))}"


def _proposed(row: AuditRow, names: Names) -> str:
    return f"proposed to {_act_proposed(row)} {names.organisation(row)}, proposal {row.details.get('proposal')}"


def _decided(row: AuditRow, names: Names) -> str:
    decision = row.details.get("decision")
    return f"{decision} the proposal {row.details.get('proposal')} to {_act_proposed(row)} {names.organisation(row)}"


ABOUT = {
    Proposal.Act.APPOINT: "appoint an administrator of",
    Proposal.Act.BIND: "bind a code to",
    Proposal.Act.UNBIND: "unbind a code from",
    Proposal.Act.DEACTIVATE: "deactivate",
    Proposal.Act.REACTIVATE: "reactivate",
    Proposal.Act.CHANGE_JOB: "change the job of an administrator of",
    Proposal.Act.END_MEMBERSHIP: "end the membership of an administrator of",
    Proposal.Act.RESET_FACTORS: "reset the second factors of a member of",
    Proposal.Act.NAME_PROVIDER: "name a provider for single sign-on of",
    Proposal.Act.ADD_DOMAIN: "add an email domain to single sign-on of",
    Proposal.Act.SWITCH_ON: "switch on single sign-on of",
}


def _act_proposed(row: AuditRow) -> str:
    return ABOUT.get(row.details.get("act", ""), "act on")


def _token_used(row: AuditRow, names: Names) -> str:
    reason = row.details.get("refused")
    return f"was refused, as {REFUSALS.get(reason, reason)}" if reason else "used its token"


def _through(row: AuditRow) -> str:
    provider = row.details.get("provider")
    return f" through the organisation’s provider, number {provider}" if provider else ""


def _suspended(row: AuditRow, names: Names) -> str:
    return f"{_membership('suspended')(row, names)}, which had not been used"


def _confirmed(row: AuditRow, names: Names) -> str:
    member = row.details.get("member")
    whose = "their own membership" if member == row.person_id else f"the membership of {names.person(member)}"
    return f"confirmed {whose}, as {_job(row)}"


def _factor(row: AuditRow) -> str:
    return FACTORS.get(row.details.get("factor", ""), "a second factor")


def _failed_log_in(row: AuditRow, names: Names) -> str:
    if row.details.get("step") == "factor":
        return "entered a wrong second-factor code"
    return f"failed to sign in{_through(row)}"


def _sessions_ended(row: AuditRow, names: Names) -> str:
    return f"signed out everywhere else ({row.details.get('sessions', 0)})"


def _job(row: AuditRow) -> str:
    job = row.details.get("job", "")
    return Job(job).label if job in Job.values else job


WORDS: dict[str, Callable[[AuditRow, Names], str]] = {
    AuditKind.LOG_OUT: _log_out,
    AuditKind.MEMBER_ADDED: _member_added,
    AuditKind.JOB_CHANGED: _job_changed,
    AuditKind.TOKEN_MADE: lambda row, names: f"created the token {names.token(row)}, as {_job(row)}",
    AuditKind.TOKEN_REVOKED: lambda row, names: f"revoked the token {names.token(row)}",
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
        f"reset the second factors of {names.person(row.details.get('member'))}"
    ),
    AuditKind.SESSIONS_ENDED: _sessions_ended,
    AuditKind.ORGANISATION_ADDED: lambda row, names: f"added {names.organisation(row)}",
    AuditKind.ORGANISATION_DEACTIVATED: lambda row, names: f"deactivated {names.organisation(row)}",
    AuditKind.ORGANISATION_REACTIVATED: lambda row, names: f"reactivated {names.organisation(row)}",
    AuditKind.ROOT_EMAILS_CHANGED: lambda row, names: (
        f"switched emails of the daily roots {'on' if row.details.get('receives') else 'off'}"
    ),
    AuditKind.CODE_BOUND: lambda row, names: f"bound a code to {names.organisation(row)}",
    AuditKind.CODE_UNBOUND: lambda row, names: f"unbound a code from {names.organisation(row)}",
    AuditKind.PROPOSED: _proposed,
    AuditKind.DECIDED: _decided,
    AuditKind.INVITED: _invited,
    AuditKind.INVITATION_SENT: _invitation("sent again"),
    AuditKind.INVITATION_REVOKED: _invitation("revoked"),
    AuditKind.INVITATION_ACCEPTED: _invitation("accepted"),
    AuditKind.MEMBERSHIP_ENDED: _membership("ended"),
    AuditKind.SIGN_ON_CHANGED: lambda row, names: (
        f"changed single sign-on of {names.organisation(row)}: "
        f"{listed(row.details.get('items', []), ITEMS) or 'saved again'}"
    ),
    AuditKind.DOMAIN_ADDED: lambda row, names: f"added an email domain for single sign-on of {names.organisation(row)}",
    AuditKind.DOMAIN_PROVEN: lambda row, names: (
        f"confirmed an email domain of {names.organisation(row)}, by its DNS record"
    ),
    AuditKind.DOMAIN_GIVEN_UP: lambda row, names: f"removed an email domain of {names.organisation(row)}",
    AuditKind.LOG_IN: lambda row, names: f"signed in{_through(row)}",
    AuditKind.SYSTEM_SCOPE: lambda row, names: f"worked on the data of all organisations: {row.details.get('reason')}",
    AuditKind.VALUES_ERASED: lambda row, names: f"erased personal values of {names.person(row.details.get('member'))}",
    AuditKind.VALUE_CORRECTED: lambda row, names: (
        f"corrected {row.details.get('name')} of row {row.details.get('row')}"
    ),
    AuditKind.EXPIRED: lambda row, names: "removed expired rows; their daily root stays",
}
