"""The MAP portfolio report: every device recorded against the MAP IDs of one organisation (design: SECMP0011)."""

from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime

from django.db.models import DateField, QuerySet, Value
from django.utils import timezone

from accounts.acting import Acting
from accounts.roles import Role
from inventory.data_items import MAP_PORTFOLIO, DataItem, carried_by
from inventory.models import Device, ReportRun
from inventory.reports.copy import csv_chunks, snapshot
from inventory.reports.runs import begin_run, measured
from inventory.trail.readings import How, parties_in, readings_in_file

NAME = MAP_PORTFOLIO
COLUMNS = carried_by(NAME)
HEADER = [item.name for item in COLUMNS]


def rows(acting: Acting, day: date, known_at: datetime | None = None) -> QuerySet:
    """The report as of `day` for a MAP: one row a device, by MAP ID and Device ID."""
    devices = portfolio(acting, day, known_at)
    return (
        devices.with_quality_flags(acting, day, among=devices)
        .order_by("asset_provider__code", "device_id")
        .values_list(*(_column(item, day) for item in COLUMNS))
    )


def portfolio(acting: Acting, day: date, known_at: datetime | None) -> QuerySet:
    """The devices of a MAP on `day`, as known at a moment; of today and as known now, the live table.

    Others than MAPs have no portfolio.
    """
    is_live = day == timezone.localdate() and known_at is None
    devices = Device.objects.all() if is_live else Device.objects.as_of(day, known_at)
    return devices.visible_to(acting if acting.role == Role.MAP else None, day)


def _column(item: DataItem, day: date) -> object:
    if item.name == "as_of":
        return Value(day, DateField())
    return item.column if item.visible_to(Role.MAP) else Value(None, DateField())


def chunks(run: ReportRun, acting: Acting) -> Iterator[bytes]:
    """The report's CSV in pieces, the same for page and command; `run` is recorded as begun, and how it ended."""
    begin_run(run, acting)
    return measured(run, _read(run, acting), acting)


def _read(run: ReportRun, acting: Acting) -> Iterator[bytes]:
    with readings_in_file(How.PORTFOLIO, by=acting) as parties, snapshot(acting) as moment:
        run.known_at = run.asked_known_at or moment
        parties |= parties_in(portfolio(acting, run.as_of, run.asked_known_at))
        with closing(csv_chunks(HEADER, rows(acting, run.as_of, run.asked_known_at))) as pieces:
            yield from pieces
