"""The audit trail in plain words, with the names that the reader may see."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from accounts.acting import Acting
from accounts.audit.models import AuditRow, Kind
from accounts.models import Organisation, Proposal, ServiceToken, User
from accounts.roles import Job, Role

KEYS = {
    "device_id": "Device ID",
    "mpxn": "MPxN",
    "msn": "MSN",
    "device_type": "device type",
    "smi_status": "SMI Status",
    "installed_from": "first day of installation",
    "installed_to": "last day of installation",
    "map_id": "MAP ID",
    "map_from": "day the MAP ID applies from",
    "client_id": "client ID",
    "secret": "client secret",
}
REPORTS = {"map-portfolio": "MAP portfolio report"}
FACTORS = {
    "totp": "an authenticator app",
    "webauthn": "a passkey",
    "recovery_codes": "recovery codes",
}
WORKLISTS = {
    "map-id": "MAP ID missing or no longer valid",
    "msn": "No MSN recorded",
    "duplicate-msn": "MSN shared with another device",
}
REFUSALS = {
    "revoked": "its token has been revoked",
    "expired": "its token has expired",
    "inactive": "the organisation no longer takes part",
    "network": "its token is not for the network it came from",
}


@dataclass(frozen=True)
class Names:
    """The people, organisations and tokens of some rows, looked up at once."""

    people: dict[int, str] = field(default_factory=dict)
    organisations: dict[int, str] = field(default_factory=dict)
    for_dcc: bool = True  # others are told of the DCC's acts about them, not by whom of it
    tokens: dict[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Iterable[AuditRow], acting: Acting) -> "Names":
        people = {number for row in rows for number in (row.person_id, row.details.get("member")) if number}
        organisations = {row.organisation_id for row in rows if row.organisation_id}
        tokens = {number for row in rows if (number := row.details.get("token"))}
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

    def who(self, row: AuditRow) -> str:
        if row.details.get("by_dcc") and not self.for_dcc:
            return "The DCC"
        if row.person_id:
            return self.person(row.person_id)
        if row.via == "api" and "token" in row.details:
            return f"The system {self.token(row)}"
        nobody = "Somebody not signed in"
        return {"page": nobody, "api": nobody, "task": "The portal"}.get(row.via, "The operator")

    def person(self, number: int | None) -> str:
        return self.people.get(number, f"Person {number}")

    def token(self, row: AuditRow) -> str:
        number = row.details.get("token")
        return f"“{self.tokens[number]}”" if number in self.tokens else f"with token {number}"

    def organisation(self, row: AuditRow) -> str:
        number = row.organisation_id
        return self.organisations.get(number, f"Organisation {number}") if number else ""


def act_of(row: AuditRow, names: Names) -> str:
    """What was done, to stand after who did it: “looked at device 00-DB-…”."""
    words = WORDS.get(row.kind)
    return words(row, names) if words else row.get_kind_display().lower()


def _log_out(row: AuditRow, names: Names) -> str:
    why = {"idle": " after too long without activity", "longest": " after the longest time a session may last"}
    timed_out = row.details.get("timed_out")
    return f"was signed out{why.get(timed_out, '')}" if timed_out else "signed out"


def _searched(row: AuditRow, names: Names) -> str:
    return f"searched devices by {_listed(row.details.get('keys', []))}"


def _list_read(row: AuditRow, names: Names) -> str:
    name = row.details.get("worklist")
    return f"looked at the list “{WORKLISTS.get(name, name)}”" if name else "looked at the list of devices"


def _list_downloaded(row: AuditRow, names: Names) -> str:
    keys = row.details.get("keys")
    return f"downloaded the devices found by {_listed(keys)}" if keys else "downloaded the list of devices"


def _report(row: AuditRow, names: Names) -> str:
    name = row.details.get("report")
    return f"downloaded the {REPORTS.get(name, name)} as of {row.details.get('as_of')}, run {row.details.get('run')}"


def _recorded(row: AuditRow, names: Names) -> str:
    return f"recorded {_listed(row.details.get('items', []))} of device {row.device_id}, version {row.version}"


def _member_added(row: AuditRow, names: Names) -> str:
    return f"made {names.person(row.details.get('member'))} a member, as {_job(row)}"


def _job_changed(row: AuditRow, names: Names) -> str:
    return f"made {names.person(row.details.get('member'))} {_job(row)}"


def _invited(row: AuditRow, names: Names) -> str:
    return f"invited somebody as {_job(row)}, invitation {row.details.get('invitation')}"


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
}


def _act_proposed(row: AuditRow) -> str:
    return ABOUT.get(row.details.get("act", ""), "act on")


def _token_used(row: AuditRow, names: Names) -> str:
    reason = row.details.get("refused")
    return f"was refused, as {REFUSALS.get(reason, reason)}" if reason else "came with its token"


def _through(row: AuditRow) -> str:
    provider = row.details.get("provider")
    return f" through the organisation’s provider, number {provider}" if provider else ""


def _suspended(row: AuditRow, names: Names) -> str:
    return f"{_membership('suspended')(row, names)}, which nobody used"


def _confirmed(row: AuditRow, names: Names) -> str:
    member = row.details.get("member")
    whose = "their own membership" if member == row.person_id else f"the membership of {names.person(member)}"
    return f"confirmed {whose}, as {_job(row)}"


def _factor(row: AuditRow) -> str:
    return FACTORS.get(row.details.get("factor", ""), "a second factor")


def _failed_log_in(row: AuditRow, names: Names) -> str:
    if row.details.get("step") == "factor":
        return "gave a wrong code of a second factor"
    return f"failed to sign in{_through(row)}"


def _sessions_ended(row: AuditRow, names: Names) -> str:
    return f"signed out everywhere else ({row.details.get('sessions', 0)})"


def _job(row: AuditRow) -> str:
    job = row.details.get("job", "")
    return Job(job).label if job in Job.values else job


def _listed(keys: Iterable[str]) -> str:
    labels = [KEYS.get(key, key.replace("_", " ")) for key in keys]
    return " and ".join([", ".join(labels[:-1]), labels[-1]] if len(labels) > 1 else labels)


WORDS: dict[str, Callable[[AuditRow, Names], str]] = {
    Kind.LOG_OUT: _log_out,
    Kind.DEVICE_READ: lambda row, names: f"looked at device {row.device_id}",
    Kind.SEARCH: _searched,
    Kind.LIST_READ: _list_read,
    Kind.LIST_DOWNLOADED: _list_downloaded,
    Kind.REPORT_DOWNLOADED: _report,
    Kind.ITEMS_RECORDED: _recorded,
    Kind.MEMBER_ADDED: _member_added,
    Kind.JOB_CHANGED: _job_changed,
    Kind.TOKEN_MADE: lambda row, names: f"made the token {names.token(row)}, as {_job(row)}",
    Kind.TOKEN_REVOKED: lambda row, names: f"revoked the token {names.token(row)}",
    Kind.TOKEN_USED: _token_used,
    Kind.LOOK_UPS_IN_VAIN: lambda row, names: f"looked up {row.details.get('number')} devices in vain on one day",
    Kind.MEMBERSHIP_SUSPENDED: _suspended,
    Kind.MEMBERSHIP_REINSTATED: _membership("reinstated"),
    Kind.MEMBERSHIP_CONFIRMED: _confirmed,
    Kind.ACCOUNTS_DOWNLOADED: lambda row, names: "downloaded the list of all accounts",
    Kind.SWITCH: lambda row, names: f"chose to act for {names.organisation(row)}",
    Kind.FAILED_LOG_IN: _failed_log_in,
    Kind.FACTOR_ADDED: lambda row, names: f"added {_factor(row)}",
    Kind.FACTOR_REMOVED: lambda row, names: f"removed {_factor(row)}",
    Kind.FACTORS_RESET: lambda row, names: f"reset the second factors of {names.person(row.details.get('member'))}",
    Kind.SESSIONS_ENDED: _sessions_ended,
    Kind.ORGANISATION_ADDED: lambda row, names: f"added {names.organisation(row)}",
    Kind.ORGANISATION_DEACTIVATED: lambda row, names: f"deactivated {names.organisation(row)}",
    Kind.ORGANISATION_REACTIVATED: lambda row, names: f"reactivated {names.organisation(row)}",
    Kind.CODE_BOUND: lambda row, names: f"let {names.organisation(row)} act under a code of the list",
    Kind.CODE_UNBOUND: lambda row, names: f"ended a code of {names.organisation(row)}",
    Kind.PROPOSED: _proposed,
    Kind.DECIDED: _decided,
    Kind.INVITED: _invited,
    Kind.INVITATION_SENT: _invitation("sent again"),
    Kind.INVITATION_REVOKED: _invitation("revoked"),
    Kind.INVITATION_ACCEPTED: _invitation("accepted"),
    Kind.MEMBERSHIP_ENDED: _membership("ended"),
    Kind.SIGN_ON_CHANGED: lambda row, names: (
        f"changed single sign-on of {names.organisation(row)}: {_listed(row.details.get('items', [])) or 'saved again'}"
    ),
    Kind.DOMAIN_ADDED: lambda row, names: f"added an e-mail domain for single sign-on of {names.organisation(row)}",
    Kind.DOMAIN_PROVEN: lambda row, names: (
        f"proved an e-mail domain of {names.organisation(row)}, by its postmaster’s mail"
    ),
    Kind.DOMAIN_GIVEN_UP: lambda row, names: f"gave up an e-mail domain of {names.organisation(row)}",
    Kind.LOG_IN: lambda row, names: f"signed in{_through(row)}",
    Kind.SYSTEM_SCOPE: lambda row, names: f"worked on everybody’s data: {row.details.get('reason')}",
    Kind.VALUES_ERASED: lambda row, names: f"erased personal values of {names.person(row.details.get('member'))}",
    Kind.VALUE_CORRECTED: lambda row, names: f"corrected {row.details.get('name')} of row {row.details.get('row')}",
    Kind.EXPIRED: lambda row, names: "removed rows that are kept no longer; their daily root stays",
}
