"""What row security and history cost: each thing with them and without, in turn in one run."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date

from django.db import connection, connections, transaction
from django.utils import timezone

from accounts.acting import Acting, scope
from accounts.files.paging import keyset_page
from accounts.models import Organisation
from accounts.operator import system_scope
from accounts.roles import Job
from bench.measure import Outcome, compare, in_turn
from inventory.data_items import MAP_PORTFOLIO
from inventory.models import Device
from inventory.querysets import by_device_id
from inventory.recording.record import record_items
from inventory.reports.catalogue import CATALOGUE, Asked
from inventory.reports.copy import csv_chunks, snapshot
from inventory.rules.recording import Recording

NAME = "Row security and history"
ROWS = 100_000
SAVES = 50
PAGES = 20
DEVICES = "inventory_device"


def run() -> list[Outcome]:
    acting = Acting(Organisation.objects.get(name="Bench MAP"), Job.VIEWER)
    dcc = Acting(Organisation.objects.get(name="DCC"), Job.EDITOR)
    return [
        *_with_and_without_security("MAP portfolio report", lambda: report(acting, timezone.localdate())),
        *_with_and_without_security(f"{PAGES} pages of rows by position", lambda: pages(acting)),
        *_with_and_without_security(f"{SAVES} saves of an MSN", lambda: saves(dcc)),
        *_with_and_without_security(f"update of {ROWS:,} rows", update),
        *_with_and_without_history(f"{SAVES} saves of an MSN", lambda: saves(dcc)),
        *_with_and_without_history(f"update of {ROWS:,} rows", update),
    ]


def _with_and_without_security(name: str, operation: Callable[[], object]) -> list[Outcome]:
    def without() -> None:
        with without_row_security():
            operation()

    found = in_turn(NAME, {f"{name}, without policies": without, f"{name}, with": operation})
    plain, secured = found.values()
    return [plain, compare(secured, plain)]


def _with_and_without_history(name: str, operation: Callable[[], object]) -> list[Outcome]:
    def without() -> None:
        with without_history():
            operation()

    plain, kept = in_turn(NAME, {f"{name}, without history": without, f"{name}, with": operation}).values()
    return [plain, compare(kept, plain)]


@contextmanager
def without_row_security() -> Iterator[None]:
    """All tables as if they had no policies; short statements of the owner."""
    with connections["owner"].cursor() as owner:
        owner.execute("SELECT oid::regclass::text FROM pg_class WHERE relforcerowsecurity AND relrowsecurity")
        secured = [table for (table,) in owner]
        try:
            for table in secured:
                owner.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
            yield
        finally:
            for table in secured:
                owner.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")


@contextmanager
def without_history() -> Iterator[None]:
    """The table as if no trigger kept its history."""
    with connections["owner"].cursor() as owner:
        find = "SELECT tgname FROM pg_trigger WHERE tgname LIKE 'pgtrigger_update%%' AND tgrelid = %s::regclass"
        owner.execute(find, [DEVICES])
        (trigger,) = owner.fetchone()
        owner.execute(f"ALTER TABLE {DEVICES} DISABLE TRIGGER {trigger}")
        try:
            yield
        finally:
            owner.execute(f"ALTER TABLE {DEVICES} ENABLE TRIGGER {trigger}")


def report(acting: Acting, day: date) -> int:
    portfolio = CATALOGUE[MAP_PORTFOLIO]
    with snapshot(acting):
        return sum(len(chunk) for chunk in csv_chunks(portfolio.header, portfolio.rows(acting, Asked(day))))


def pages(acting: Acting) -> None:
    with scope(acting):
        for _ in range(PAGES):
            keyset_page(by_device_id(Device.objects.visible_to(acting), acting), {})


def saves(acting: Acting) -> None:
    """Each a transaction of its own, as a page's."""
    with system_scope("bench"):
        devices = list(
            Device.objects.filter(device_type="ESME").order_by("pk").values_list("device_id", "version")[:SAVES]
        )
    for number, (device_id, version) in enumerate(devices):
        recording = Recording(msn=f"B{version}{number:05d}", kind="correction", source="bench", reason="bench")
        with scope(acting):
            record_items(device_id=device_id, recording=recording, expected_version=version, by=acting)


def update() -> None:
    with system_scope("bench"), connection.cursor() as cursor:
        some = "SELECT id FROM inventory_device ORDER BY id LIMIT %s"
        cursor.execute(f"UPDATE inventory_device SET firmware = 'AAAA' WHERE id IN ({some})", [ROWS])
        transaction.set_rollback(True)
