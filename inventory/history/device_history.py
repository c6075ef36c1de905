"""What the database gives of a device's history to whom one acts for: its rows, narrowed by row-level security."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import NamedTuple

from django.db import connection
from django.db.models import BigIntegerField, OuterRef, Subquery
from django.db.models.fields.json import KT
from django.db.models.functions import Cast
from django.utils.timezone import localtime
from psycopg.types.multirange import Multirange

from accounts import clock
from accounts.acting import Acting
from accounts.models import User
from accounts.roles import Role
from inventory.data_items import BY_NAME
from inventory.models import DeviceEvent, ProviderPeriod, Step, StepKind, SupplyPeriod
from inventory.wording import in_words

OTHER = "other"  # in place of the code of a MAP or supplier that the viewer does not learn
A_SUPPLIER = "a supplier"  # in place of the code of a recorder, where suppliers are withheld from MAPs
FOREVER = date.max
OWN_STEPS = {Role.MAP: ProviderPeriod, Role.SUPPLIER: SupplyPeriod}
# The days of the viewer and when it lost the device, and beside them the steps of each table; at least one row.
HISTORY = """
WITH own AS MATERIALIZED (
    SELECT acting_windows(%(device)s) AS days, nullif(acting_lost_at(%(device)s), 'infinity') AS lost_at
)
SELECT own.days, own.lost_at, step.* FROM own LEFT JOIN ({steps}) AS step ON true
"""
STEPS = """
SELECT '{table}' AS of_table, step.valid_from, party.code, party.name, step.kind, lower(step.known), upper(step.known),
    step.recorded_for, step.via, person.name, step.organisation_id, step.source, step.reason
FROM {table} AS step
LEFT JOIN accounts_participant AS party ON party.id = step.participant_id
LEFT JOIN accounts_user AS person ON person.id = step.recorded_by_id
WHERE step.device_id = %(device)s
"""
STEPS_OF_OTHERS = """
SELECT '{table}', valid_from, %(other)s, '', kind, recorded_at, known_until, code, via, NULL, NULL, '', ''
FROM acting_steps_of_others('{table}', %(device)s)
"""


class Row(NamedTuple):
    """A step beside the days of the viewer; of a device without steps, these alone."""

    days: Multirange
    lost_at: datetime | None
    of_table: str | None
    valid_from: date
    party: str | None
    name: str | None
    kind: str
    at: datetime
    known_until: datetime | None
    code: str
    via: str
    person: str | None
    organisation_id: int | None
    source: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Author:
    """Who made a recording, how and why; `code` is the participant's, on whose behalf."""

    at: datetime
    code: str
    kind: str = ""
    via: str = ""
    person: str = ""
    organisation_id: int | None = None
    source: str = ""
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Period:
    """One recorded step: `party` is a code, None for nobody, or OTHER; `known_until` None while it stands."""

    valid_from: date
    party: str | None
    name: str = ""
    kind: str
    author: Author
    known_until: datetime | None = None

    @property
    def stands(self) -> bool:
        return self.known_until is None and self.kind != StepKind.CANCELLED


class DeviceHistory:
    """The rows of one device's history that `acting` may see; read within its scope."""

    def __init__(self, device: int, acting: Acting) -> None:
        self.device, self.acting = device, acting

    @cached_property
    def _rows(self) -> list[Row]:
        """Days, loss and steps, in one statement."""
        parts = [STEPS.format(table=model._meta.db_table) for model in (ProviderPeriod, SupplyPeriod)]
        if own := OWN_STEPS.get(self.acting.role):
            parts.append(STEPS_OF_OTHERS.format(table=own._meta.db_table))
        with connection.cursor() as cursor:
            statement = HISTORY.format(steps=" UNION ALL ".join(parts))
            cursor.execute(statement, {"device": self.device, "other": OTHER})
            return [Row(*row) for row in cursor]

    @cached_property
    def windows(self) -> list[tuple[date, date]]:
        """The days of the viewer: from the first to the day after the last; FOREVER while it lasts."""
        days = self._rows[0].days
        return [(own.lower or date.min, own.upper or FOREVER) for own in days]

    @property
    def lost_at(self) -> datetime | None:
        """The moment at which the viewer lost the device, after which it is told nothing; None while it has it."""
        return self._rows[0].lost_at

    def is_own(self, moment: datetime) -> bool:
        """Whether the viewer had the device on the day of `moment`."""
        day = localtime(moment).date()
        return any(lower <= day < upper for lower, upper in self.windows)

    @property
    def last_day(self) -> date | None:
        """The last day the viewer had the device; None while it has it."""
        upper = max(upper for _, upper in self.windows)
        return None if upper > localtime().date() else upper - timedelta(days=1)

    @property
    def last_day_in_words(self) -> str:
        return str(in_words(self.last_day))

    @cached_property
    def events(self) -> list[DeviceEvent]:
        """The device after each write, oldest first. The first may be the state in which the viewer got it."""
        person = User.objects.filter(pk=OuterRef("person_id")).values("name")
        events = DeviceEvent.objects.annotate(person_id=Cast(KT("pgh_context__person"), BigIntegerField()))
        return list(events.annotate(person=Subquery(person)).filter(pgh_obj=self.device).order_by("pgh_id"))

    @cached_property
    def providers(self) -> list[Period]:
        """Steps of the MAP ID by the moment of their recording."""
        return self._periods(ProviderPeriod)

    @property
    def providers_to_come(self) -> list[Period]:
        """Planned steps of the MAP ID; not for MAPs, who learn of a change on its day."""
        if self.acting.role == Role.MAP:
            return []
        today = clock.today()
        planned = [period for period in self.providers if period.stands and period.valid_from > today]
        return sorted(planned, key=lambda period: period.valid_from)

    @cached_property
    def suppliers(self) -> list[Period]:
        return self._periods(SupplyPeriod)

    def _periods(self, model: type[Step]) -> list[Period]:
        table = model._meta.db_table
        periods = [_period(row) for row in self._rows if row.of_table == table]
        return sorted(periods, key=lambda period: (period.author.at, period.valid_from))

    def author_of(self, event: DeviceEvent) -> Author:
        """Who made the write after which the device was so."""
        words = event.pgh_context or {}
        return Author(
            at=event.pgh_created_at,
            code=words.get("code", "DCC"),
            kind=words.get("kind", ""),
            via=words.get("via", ""),
            person=event.person or "",
            organisation_id=words.get("organisation"),
            source=words.get("source", ""),
            reason=words.get("reason", ""),
        )

    def shown(self, author: Author) -> Author:
        """Without what is for the recorder's own organisation and the DCC only."""
        own = self.acting.role == Role.DCC or author.organisation_id == self.acting.organisation.pk
        if own:
            return author
        return Author(at=author.at, code=self._shown_code(author.code), kind=author.kind, via=author.via)

    def _shown_code(self, code: str) -> str:
        """The code of a recorder that is not the viewer; it is a supplier's, unless the DCC recorded it."""
        return code if code in ("", "DCC") or BY_NAME["supplier_id"].visible_to(self.acting.role) else A_SUPPLIER


def _period(row: Row) -> Period:
    """As it was known when the viewer lost the device."""
    known_until = None if row.known_until and row.lost_at and row.known_until > row.lost_at else row.known_until
    told = {"code": row.code, "kind": row.kind, "via": row.via, "source": row.source, "reason": row.reason}
    author = Author(at=row.at, person=row.person or "", organisation_id=row.organisation_id, **told)
    given = {"valid_from": row.valid_from, "party": row.party, "name": row.name or "", "kind": row.kind}
    return Period(author=author, known_until=known_until, **given)
