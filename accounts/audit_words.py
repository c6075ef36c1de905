"""The audit trail in plain words, with the names that the reader may see."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from accounts.audit_models import AuditRow, Kind
from accounts.models import Organisation, User
from accounts.roles import Job

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
}
REPORTS = {"map-portfolio": "MAP portfolio report"}
WORKLISTS = {
    "map-id": "MAP ID missing or no longer valid",
    "msn": "No MSN recorded",
    "duplicate-msn": "MSN shared with another device",
}


@dataclass(frozen=True)
class Names:
    """The people and organisations of some rows, looked up at once."""

    people: dict[int, str] = field(default_factory=dict)
    organisations: dict[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Iterable[AuditRow]) -> "Names":
        people = {number for row in rows for number in (row.person_id, row.details.get("member")) if number}
        organisations = {row.organisation_id for row in rows if row.organisation_id}
        return cls(
            dict(User.objects.filter(pk__in=people).values_list("pk", "name")),
            dict(Organisation.objects.filter(pk__in=organisations).values_list("pk", "name")),
        )

    @classmethod
    def of_all(cls) -> "Names":
        return cls(dict(User.objects.values_list("pk", "name")), dict(Organisation.objects.values_list("pk", "name")))

    def who(self, row: AuditRow) -> str:
        if row.person_id:
            return self.person(row.person_id)
        return "Somebody not signed in" if row.via == "page" else "The operator"

    def person(self, number: int | None) -> str:
        return self.people.get(number, f"Person {number}")

    def organisation(self, row: AuditRow) -> str:
        number = row.organisation_id
        return self.organisations.get(number, f"Organisation {number}") if number else ""


def act_of(row: AuditRow, names: Names) -> str:
    """What was done, to stand after who did it: “looked at device 00-DB-…”."""
    words = WORDS.get(row.kind)
    return words(row, names) if words else row.get_kind_display().lower()


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


def _job(row: AuditRow) -> str:
    job = row.details.get("job", "")
    return Job(job).label if job in Job.values else job


def _listed(keys: Iterable[str]) -> str:
    labels = [KEYS.get(key, key.replace("_", " ")) for key in keys]
    return " and ".join([", ".join(labels[:-1]), labels[-1]] if len(labels) > 1 else labels)


WORDS: dict[str, Callable[[AuditRow, Names], str]] = {
    Kind.DEVICE_READ: lambda row, names: f"looked at device {row.device_id}",
    Kind.SEARCH: _searched,
    Kind.LIST_READ: _list_read,
    Kind.LIST_DOWNLOADED: _list_downloaded,
    Kind.REPORT_DOWNLOADED: _report,
    Kind.ITEMS_RECORDED: _recorded,
    Kind.MEMBER_ADDED: _member_added,
    Kind.JOB_CHANGED: _job_changed,
    Kind.SWITCH: lambda row, names: f"chose to act for {names.organisation(row)}",
    Kind.ORGANISATION_ADDED: lambda row, names: f"added {names.organisation(row)}",
    Kind.CODE_BOUND: lambda row, names: f"let {names.organisation(row)} act under a code of the list",
    Kind.SYSTEM_SCOPE: lambda row, names: f"worked on everybody’s data: {row.details.get('reason')}",
    Kind.VALUES_ERASED: lambda row, names: f"erased personal values of {names.person(row.details.get('member'))}",
    Kind.VALUE_CORRECTED: lambda row, names: f"corrected {row.details.get('name')} of row {row.details.get('row')}",
    Kind.EXPIRED: lambda row, names: "removed rows that are kept no longer; their daily root stays",
}
