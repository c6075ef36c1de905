"""Any queryset as CSV, straight from COPY: one statement, one snapshot, constant memory."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime

from django.core.exceptions import EmptyResultSet
from django.db import connection, transaction
from django.db.models import QuerySet

from accounts.acting import Acting, scope
from accounts.errors import Busy
from accounts.waits import CROWDED, wait_as

CHUNK_BYTES = 64 * 1024
# Of the database, for a report: sorted in memory up to some 200,000 rows; compiling the statement costs more than it
# saves, and the other cores are for pages.
TUNING = {"work_mem": "64MB", "jit": "off", "max_parallel_workers_per_gather": "0"}


def csv_chunks(header: list[str], rows: QuerySet) -> Iterator[bytes]:
    r"""`rows` (a `values_list`) under `header` as RFC 4180 CSV: UTF-8, `\r\n`, in pieces of about 64 KiB.

    No value may hold a line break: COPY ends lines with `\n`, which becomes `\r\n` here.
    """
    pending, size = [",".join(header).encode() + b"\n"], 0
    try:
        sql, params = rows.query.sql_with_params()
    except EmptyResultSet:  # Django knows that there are none: a scope without codes
        sql, params = "SELECT WHERE false", ()
    with connection.cursor() as cursor, cursor.copy(f"COPY ({sql}) TO STDOUT (FORMAT csv)", params) as copy:
        for row in copy:
            pending.append(row)
            size += len(row)
            if size >= CHUNK_BYTES:
                yield b"".join(pending).replace(b"\n", b"\r\n")
                pending, size = [], 0
    if pending:
        yield b"".join(pending).replace(b"\n", b"\r\n")


@contextmanager
def snapshot(acting: Acting) -> Iterator[datetime]:
    """A read-only transaction in the scope of `acting`, whose statements all see one moment, which it gives.

    Inside another transaction (a test's), that one's isolation counts. If a new date begins between the request and the
    snapshot, devices first adopt its planned steps. Raises Busy where they cannot.
    """
    outermost = not connection.in_atomic_block
    with ExitStack() as entered:
        for _ in range(2):
            if outermost:
                with scope(acting):  # prepares for the date
                    pass
            moment, is_of_today = entered.enter_context(_snapshot(acting, outermost))
            if is_of_today:
                break
            entered.close()
        else:
            raise Busy(*CROWDED)
        yield moment


@contextmanager
def _snapshot(acting: Acting, outermost: bool) -> Iterator[tuple[datetime, bool]]:
    with transaction.atomic(), connection.cursor() as cursor:
        if outermost:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        for name, value in TUNING.items():
            cursor.execute(f"SET LOCAL {name} = '{value}'")
        with scope(acting):
            wait_as("stream")
            cursor.execute("SELECT portal_moment(), devices_are_of_today()")
            yield cursor.fetchone()
