"""The devices a search found, as a file: for suppliers and the DCC, by Device ID."""

from collections.abc import Iterator
from contextlib import closing
from datetime import date

from django.db.models import QuerySet, Value

from accounts.acting import Acting
from inventory.data_items import DEVICE_LIST, carried_by
from inventory.models import Device
from inventory.reports.copy import csv_chunks, snapshot
from inventory.trail.readings import How, parties_in, readings_in_file

COLUMNS = carried_by(DEVICE_LIST)
HEADER = [item.name for item in COLUMNS]


def chunks(found: QuerySet, acting: Acting, day: date) -> Iterator[bytes]:
    """CSV of `found`, a queryset of devices already narrowed to the scope of `acting`."""
    flagged = found.with_quality_flags(acting, day, among=Device.objects.visible_to(acting))
    rows = flagged.order_by("device_id")
    columns = (item.column if item.visible_to(acting.role) else Value(None) for item in COLUMNS)
    with (
        readings_in_file(How.FILE, by=acting) as parties,
        snapshot(acting),
        closing(csv_chunks(HEADER, rows.values_list(*columns))) as pieces,
    ):
        parties |= parties_in(found)
        yield from pieces
