"""The query vocabulary of the inventory: who sees which devices, and what is worth checking about them."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, Self

from django.db import connection, models
from django.db.models import Case, Count, Exists, F, Func, OuterRef, Q, QuerySet, TextField, Value, When
from django.db.models.functions import Concat
from django.db.models.lookups import In
from django.db.models.sql.datastructures import BaseTable

from accounts import clock
from accounts.acting import Acting
from accounts.files.paging import MANY, Keyset
from accounts.models import Participant
from accounts.roles import Role

SCOPE_FIELD = {Role.SUPPLIER: "supplier", Role.MAP: "asset_provider"}
METER = Q(device_type__in=("ESME", "GSME"))
NO_MAP_ID = METER & Q(smets_generation=2, asset_provider=None)
NO_MSN = METER & Q(msn="")
SHARED_MSN = """
    SELECT unnest(array_agg(id)) FROM ({walked}) AS walked (msn_key, manufacturer, id)
    GROUP BY msn_key, manufacturer HAVING count(*) > 1 LIMIT %s
"""


def by_device_id(devices: QuerySet, acting: Acting, conditions: Iterable[Q] = (Q(),)) -> Keyset:
    """Return row ids and Device IDs of `devices` in the scope of `acting`, for pages in order of Device ID.

    Only of those that meet one of `conditions`, which must not overlap: each is read from an index of its own.
    """
    parts = tuple(part & condition for part in scope_parts(acting) for condition in conditions)
    return Keyset(devices.values_list("pk", "device_id", named=True), "device_id", acting.colleagues, parts)


def scope_parts(acting: Acting | None) -> list[Q]:
    """The scope of `acting` as conditions that do not overlap, each served by an index on (party, Device ID)."""
    if acting is None:
        return []
    if acting.role == Role.DCC:
        return [Q()]
    return [Q(**{SCOPE_FIELD[acting.role]: participant}) for participant in acting.participants]


class DevicesAsOf(BaseTable):
    """The devices of a day in place of the table of today's: the function `device_as_of` of the database."""

    def __init__(self, table_name: str, alias: str, given: tuple[date, datetime | str, int | None]) -> None:
        super().__init__(table_name, alias)
        self.given = given

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[object]]:
        return f"device_as_of(%s, %s::timestamptz, %s) AS {compiler.quote_name_unless_alias(self.table_alias)}", [
            *self.given
        ]

    def relabeled_clone(self, change_map: dict[str, str]) -> "DevicesAsOf":
        return DevicesAsOf(self.table_name, change_map.get(self.table_alias, self.table_alias), self.given)


class DeviceQuerySet(models.QuerySet):
    def visible_to(self, acting: Acting | None, day: date | None = None) -> Self:
        """The devices in the scope of `acting` today; the only way in for pages, reports, counts and files.

        A Supplier sees the devices whose responsible supplier is one of its codes, a MAP those whose MAP ID is; the
        DCC all; nobody else any. Of devices `as_of` a `day`, the codes bound on that day count.
        """
        if acting is None:
            return self.none()
        if acting.role == Role.DCC:
            return self.all()
        return self.filter(**{f"{SCOPE_FIELD[acting.role]}__in": acting.participants_on(day or clock.today())})

    def as_of(self, valid_on: date, known_at: datetime | None = None, *, device: int | None = None) -> Self:
        """The inventory as it was on a UK day, as it was known at a moment (now, if left out); for reading only.

        Parties are those of the day. All other items have no day of their own: they are as known at the moment. With
        `device`, a row id, that one only, which is fast.
        """
        devices = self._chain()
        alias = devices.query.get_initial_alias()
        given = (valid_on, known_at or "infinity", device)
        devices.query.alias_map[alias] = DevicesAsOf(self.model._meta.db_table, alias, given)
        return devices

    def with_parties(self) -> Self:
        """With responsible supplier, the one before, and MAP, for showing their codes and names."""
        return self.select_related("supplier", "previous_supplier", "asset_provider")

    def shared_msn(self, acting: Acting) -> list[int]:
        """Row ids of the devices in the scope of `acting` whose manufacturer and MSN another one there has too.

        At most 1,001: more than that are many. One walk along the index of each party, merged in order.
        """
        with_msn = self.visible_to(acting).exclude(msn_key="").values_list("msn_key", "manufacturer", "pk")
        parts = [with_msn.filter(part).order_by("msn_key", "manufacturer") for part in scope_parts(acting)]
        if not parts:
            return []
        walked, given = parts[0].union(*parts[1:], all=True).query.sql_with_params()
        with connection.cursor() as cursor:
            cursor.execute(SHARED_MSN.format(walked=walked), [*given, MANY + 1])
            return [device for (device,) in cursor.fetchall()]

    def another_has_msn(self, acting: Acting) -> Q:
        """Whether another device in the scope of `acting` has manufacturer and MSN of a row."""
        same = self.model.objects.visible_to(acting).filter(
            manufacturer=OuterRef("manufacturer"), msn_key=OuterRef("msn_key")
        )
        return ~Q(msn_key="") & Q(Exists(same.exclude(msn_key="").exclude(pk=OuterRef("pk"))))

    def sharing_msn_with(self, device: models.Model) -> Self:
        """The other devices with this device's manufacturer and MSN."""
        same = self.filter(manufacturer=device.manufacturer, msn_key=device.msn_key)
        return same.exclude(pk=device.pk) if device.msn_key else self.none()

    def with_quality_flags(self, acting: Acting, day: date, *, among: Self | None = None) -> Self:
        """Annotates `quality_flags`: the codes of `inventory.quality`, alphabetical, joined by `;`.

        Duplicates are looked for in the scope of `acting`, row by row; or once for all rows `among` those, for files.
        """
        shares_msn = self.another_has_msn(acting) if among is None else among.with_shared_msn()
        conditions = self._flag_conditions(shares_msn, day)
        flags = (When(condition, then=Value(code)) for code, condition in conditions)
        return self.annotate(
            quality_flags=Func(
                Value(";"),
                *(Case(flag, default=None, output_field=TextField()) for flag in flags),
                function="concat_ws",
                output_field=TextField(),
            )
        )

    def _flag_conditions(self, shares_msn: Q, day: date) -> list[tuple[str, Q]]:
        ended = Participant.objects.not_valid(day).filter(role=Role.MAP).values("pk")
        dummies = Participant.objects.filter(kind=Participant.Kind.DUMMY).values("pk")
        has_map = Q(asset_provider__isnull=False)
        return [
            ("dummy_map_id", has_map & Q(asset_provider__in=dummies)),
            ("duplicate_msn", shares_msn),
            ("map_from_before_installed", has_map & Q(map_from__lt=F("installed_on"))),
            ("map_id_not_in_force", has_map & Q(asset_provider__in=ended)),
            ("map_id_without_installation", has_map & Q(installed_on=None)),
            ("no_map_id", NO_MAP_ID),
            ("no_msn", NO_MSN),
            ("unusual_status_move", Q(unusual_status_move=True)),
        ]

    def with_shared_msn(self) -> Q:
        """Whether manufacturer and MSN stand twice among these: one set, which PostgreSQL hashes to look rows up."""
        maker_and_msn = Concat("manufacturer", Value("|"), "msn_key")
        counted = self.exclude(msn_key="").order_by().values(shared=maker_and_msn).annotate(devices=Count("pk"))
        return ~Q(msn_key="") & Q(In(maker_and_msn, counted.filter(devices__gt=1).values("shared")))


class ReportRunQuerySet(models.QuerySet):
    def visible_to(self, acting: Acting | None) -> Self:
        """Runs of the own organisation only: rows and bytes tell how many devices a MAP has."""
        return self.filter(organisation=acting.organisation) if acting else self.none()

    def last_of_each_report(self) -> Self:
        """Return the latest run of each report."""
        return self.order_by("report", "-started_at").distinct("report")


class StepQuerySet(models.QuerySet):
    def known_now(self) -> Self:
        """Steps as the portal takes them to be now, without those taken back."""
        return self.filter(known__upper_inf=True).exclude(kind="cancelled")

    def to_come(self) -> Self:
        """Steps that begin on a later day than today."""
        return self.filter(valid_from__gt=clock.today())
