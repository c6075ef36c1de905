"""The names behind the ids in rows of the audit trail, as far as the reader may see them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from django.db.models import QuerySet

from accounts.acting import Acting
from accounts.audit.kinds import AuditKind
from accounts.models import Binding, Invitation, MailDomain, Organisation, Proposal, ServiceToken, User
from accounts.models.audit import AuditRow
from accounts.proposal_words import acts_in_words
from accounts.roles import Role

# What the details of a row name by its id, and what it is called; row security says which of them the reader sees.
NAMED: dict[str, tuple[QuerySet, str]] = {
    "token": (ServiceToken.objects.all(), "name"),
    "invitation": (Invitation.objects.all(), "name"),
    "binding": (Binding.objects.all(), "code"),
    "domain": (MailDomain.objects.all(), "domain"),
}


@dataclass(frozen=True)
class Names:
    """The people, organisations and things of some rows, looked up at once."""

    people: dict[int, str] = field(default_factory=dict)
    organisations: dict[int, str] = field(default_factory=dict)
    for_dcc: bool = True  # others are told of the DCC's acts, but not which person of the DCC acted
    things: dict[str, dict[int, str]] = field(default_factory=dict)  # by the keys of NAMED, and `proposal`
    dcc: str = "DCC"

    @classmethod
    def of(cls, rows: Iterable[AuditRow], acting: Acting) -> Self:
        people = {number for row in rows for number in (row.person_id, number_in(row, "member")) if number}
        organisations = {row.organisation_id for row in rows if row.organisation_id}
        ids = {key: _ids(rows, key) for key in (*NAMED, "proposal")}
        things = {key: _called(all_.filter(pk__in=ids[key]), name) for key, (all_, name) in NAMED.items() if ids[key]}
        if ids["proposal"]:
            things["proposal"] = acts_in_words(_proposals().filter(pk__in=ids["proposal"]))
        return cls(
            _called(User.objects.filter(pk__in=people), "name"),
            _called(Organisation.objects.filter(pk__in=organisations), "name"),
            acting.role == Role.DCC,
            things,
            acting.organisation.name,
        )

    @classmethod
    def of_all(cls, acting: Acting) -> Self:
        things = {key: _called(found, name) for key, (found, name) in NAMED.items()}
        things["proposal"] = acts_in_words(_proposals())
        people, organisations = (_called(model.objects.all(), "name") for model in (User, Organisation))
        return cls(people, organisations, acting.role == Role.DCC, things, acting.organisation.name)

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

    def acted_for(self, row: AuditRow) -> str:
        """Return the organisation that whoever did it acted for; for the DCC alone. Empty where it was nobody's act.

        The organisation of a row is the one it concerns: of an act of the DCC about another, the other.
        """
        if row.details.get("by_dcc"):
            return self.dcc
        acted = row.person_id or "token" in row.details or row.kind not in AuditKind
        return self.organisation(row) if acted else ""

    def person(self, number: int | None) -> str:
        return self.people.get(number, f"Person {number}") if number else "someone"

    def token(self, row: AuditRow) -> str:
        """Such as `“Nightly sync”`."""
        name = self.thing(row, "token")
        return f"“{name}”" if name else f"with token {number_in(row, 'token')}"

    def thing(self, row: AuditRow, key: str) -> str:
        """Return what the details of a row name by this key; empty if it is not there, or not for the reader."""
        return self.things.get(key, {}).get(number_in(row, key), "")

    def organisation(self, row: AuditRow) -> str:
        number = row.organisation_id
        return self.organisations.get(number, f"Organisation {number}") if number else ""


def number_in(row: AuditRow, name: str) -> int | None:
    """Return the id of a row that the details name, if it can be one."""
    number = row.details.get(name)
    return number if isinstance(number, int) and 0 < number < 2**63 else None


def _ids(rows: Iterable[AuditRow], key: str) -> set[int]:
    return {number for row in rows if (number := number_in(row, key))}


def _proposals() -> QuerySet[Proposal]:
    return Proposal.objects.select_related("organisation")


def _called(found: QuerySet, name: str) -> dict[int, str]:
    return dict(found.values_list("pk", name))
