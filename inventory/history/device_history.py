"""What the database gives of a device's history to whom one acts for: its rows, narrowed by row-level security."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property

from django.db import connection
from django.utils.timezone import localtime

from accounts.acting import Acting
from accounts.models import User
from accounts.roles import Role
from inventory.data_items import BY_NAME
from inventory.models import DeviceEvent, ProviderPeriod, Step, StepKind, SupplyPeriod
from inventory.wording import in_words

OTHER = "other"  # in place of the code of a MAP or supplier that the viewer does not learn
A_SUPPLIER = "a supplier"  # in place of the code of a recorder, where suppliers are withheld from MAPs
FOREVER = date.max
OWN = """
SELECT lower(own), upper(own), nullif(acting_lost_at(%(device)s), 'infinity')
FROM unnest(acting_windows(%(device)s)) AS own
"""
OWN_STEPS = {Role.MAP: ProviderPeriod, Role.SUPPLIER: SupplyPeriod}


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
    def _own(self) -> list[tuple[date | None, date | None, datetime | None]]:
        with connection.cursor() as cursor:
            cursor.execute(OWN, {"device": self.device})
            return cursor.fetchall()

    @property
    def windows(self) -> list[tuple[date, date]]:
        """The days of the viewer: from the first to the day after the last; FOREVER while it lasts."""
        return [(lower or date.min, upper or FOREVER) for lower, upper, _ in self._own]

    @property
    def lost_at(self) -> datetime | None:
        """The moment at which the viewer lost the device, after which it is told nothing; None while it has it."""
        return self._own[0][2]

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
        return list(DeviceEvent.objects.filter(pgh_obj=self.device).order_by("pgh_id"))

    @cached_property
    def providers(self) -> list[Period]:
        """Steps of the MAP ID by the moment of their recording."""
        return self._periods(ProviderPeriod)

    @cached_property
    def suppliers(self) -> list[Period]:
        return self._periods(SupplyPeriod)

    def _periods(self, model: type[Step]) -> list[Period]:
        steps = model.objects.filter(device=self.device).select_related("participant", "recorded_by")
        periods = [_period(step, self.lost_at) for step in steps]
        if OWN_STEPS.get(self.acting.role) is model:
            periods += self._of_others(model)
        return sorted(periods, key=lambda period: (period.author.at, period.valid_from))

    def _of_others(self, model: type[Step]) -> list[Period]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM acting_steps_of_others(%s, %s)", [model._meta.db_table, self.device])
            return [
                Period(
                    valid_from=day,
                    party=OTHER,
                    kind=kind,
                    author=Author(at=at, code=code, kind=kind, via=via),
                    known_until=until,
                )
                for at, until, day, kind, via, code in cursor
            ]

    def author_of(self, event: DeviceEvent) -> Author:
        """Who made the write after which the device was so."""
        words = event.pgh_context or {}
        return Author(
            at=event.pgh_created_at,
            code=words.get("code", "DCC"),
            kind=words.get("kind", ""),
            via=words.get("via", ""),
            person=self._people.get(words.get("person"), ""),
            organisation_id=words.get("organisation"),
            source=words.get("source", ""),
            reason=words.get("reason", ""),
        )

    @cached_property
    def _people(self) -> dict[int, str]:
        keys = {(event.pgh_context or {}).get("person") for event in self.events} - {None}
        return {person.pk: str(person) for person in User.objects.filter(pk__in=keys)} if keys else {}

    def shown(self, author: Author) -> Author:
        """Without what is for the recorder's own organisation and the DCC only."""
        own = self.acting.role == Role.DCC or author.organisation_id == self.acting.organisation.pk
        if own:
            return author
        return Author(at=author.at, code=self._shown_code(author.code), kind=author.kind, via=author.via)

    def _shown_code(self, code: str) -> str:
        """The code of a recorder that is not the viewer; it is a supplier's, unless the DCC recorded it."""
        return code if code in ("", "DCC") or BY_NAME["supplier_id"].visible_to(self.acting.role) else A_SUPPLIER


def _period(step: Step, lost_at: datetime | None) -> Period:
    until = step.known.upper
    author = Author(
        at=step.known.lower,
        code=step.recorded_for,
        kind=step.kind,
        via=step.via,
        person=str(step.recorded_by or ""),
        organisation_id=step.organisation_id,
        source=step.source,
        reason=step.reason,
    )
    party = step.participant
    return Period(
        valid_from=step.valid_from,
        party=party and party.code,
        name=party.name if party else "",
        kind=step.kind,
        author=author,
        known_until=None if until and lost_at and until > lost_at else until,
    )
