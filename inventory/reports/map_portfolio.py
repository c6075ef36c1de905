"""The MAP portfolio report: every device recorded against the MAP IDs of one organisation (design: SECMP0011)."""

from collections.abc import Iterator
from contextlib import closing
from datetime import date

from django.db.models import DateField, QuerySet, Value

from accounts.acting import Acting, scope
from accounts.audit import record
from accounts.audit_models import Kind
from accounts.readings import How, parties_in, readings_in_file
from accounts.roles import Role
from inventory.data_items import MAP_PORTFOLIO, DataItem, carried_by
from inventory.models import Device, ReportRun
from inventory.reports.copy import csv_chunks, snapshot
from inventory.reports.runs import measured

NAME = MAP_PORTFOLIO
COLUMNS = carried_by(NAME)
HEADER = [item.name for item in COLUMNS]


def rows(acting: Acting, day: date) -> QuerySet:
    """The report as of `day` for a MAP: one row a device, by MAP ID and Device ID. Others have no portfolio."""
    scope = Device.objects.visible_to(acting if acting.role == Role.MAP else None)
    return (
        scope.with_quality_flags(acting, day, whole_scope=True)
        .order_by("asset_provider__code", "device_id")
        .values_list(*(_column(item, day) for item in COLUMNS))
    )


def _column(item: DataItem, day: date) -> object:
    if item.name == "as_of":
        return Value(day, DateField())
    return item.column if item.visible_to(Role.MAP) else Value(None, DateField())


def chunks(run: ReportRun, acting: Acting) -> Iterator[bytes]:
    """The report's CSV in pieces, the same for page and command; `run` is recorded as begun, and how it ended."""
    run.save(force_insert=True)
    with scope(acting):
        what = {"report": run.report, "run": str(run.pk), "as_of": run.as_of.isoformat(), "format": "csv"}
        record(Kind.REPORT_DOWNLOADED, by=acting, **what)
    return measured(run, _read(run, acting))


def _read(run: ReportRun, acting: Acting) -> Iterator[bytes]:
    with (
        readings_in_file(How.PORTFOLIO, by=acting) as parties,
        snapshot() as run.known_at,
        closing(csv_chunks(HEADER, rows(acting, run.as_of))) as pieces,
    ):
        parties |= parties_in(Device.objects.visible_to(acting if acting.role == Role.MAP else None))
        yield from pieces
