"""Staging the rows of a file: sent to the database in blocks, and removed once applied or left over."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import timedelta
from itertools import islice
from pathlib import Path
from uuid import UUID, uuid4

from django.db import DatabaseError, connection
from django.utils import timezone
from psycopg import sql

from accounts.operator import system_scope
from inventory.models import StagedDevice, StagedFile, StagedRow
from inventory.statements import statements

(STAGE,) = statements(Path(__file__).parent / "sql/stage.sql")
BLOCK_ROWS = 500  # sent to the database at once
KEPT_FOR = timedelta(days=1)  # longer than any load takes
STEP = 50_000  # rows removed in one transaction: none waits long for its end, or runs out of time
REMOVE = """
DELETE FROM {table} WHERE ctid = ANY (ARRAY (SELECT ctid FROM {table} WHERE file_id = ANY (%s) LIMIT %s))
"""


@contextmanager
def staging() -> Iterator[StagedFile]:
    """Give the operator's load a file to stage its rows under; remove them at the end, whether it succeeds or not.

    A killed process leaves its rows; `remove_leftovers` removes them after a day.
    """
    file = StagedFile(id=uuid4(), kept_until=timezone.now() + KEPT_FOR)
    try:
        yield file
    finally:
        with suppress(DatabaseError):
            _remove([file.pk])


def stage_rows(file: StagedFile, rows: Iterable[tuple[int, list[str]]]) -> None:
    """Send the rows, each with the line it begins on. No cell holds a tab or a line break.

    Not by COPY, which a table with row security refuses.
    """
    file.save(force_insert=True)
    remaining = ("\t".join([str(line), *cells]) for line, cells in rows)
    with connection.cursor() as cursor:
        while block := "\n".join(islice(remaining, BLOCK_ROWS)):
            cursor.execute(STAGE, {"file": file.pk, "block": block})


def remove_leftovers() -> int:
    """Remove the rows that killed processes have left; return the number of files."""
    with _scope():
        left = list(StagedFile.objects.filter(kept_until__lt=timezone.now()).values_list("pk", flat=True))
    _remove(left)
    return len(left)


def _remove(files: list[UUID]) -> None:
    """In steps; the files last, so that what a killed process leaves here is a leftover again."""
    for model in (StagedDevice, StagedRow):
        while _remove_some(model._meta.db_table, files) == STEP:
            continue
    with _scope():
        StagedFile.objects.filter(pk__in=files).delete()


def _remove_some(table: str, files: list[UUID]) -> int:
    with _scope(), connection.cursor() as cursor:
        cursor.execute(sql.SQL(REMOVE).format(table=sql.Identifier(table)), [files, STEP])
        return cursor.rowcount


def _scope() -> AbstractContextManager[None]:
    return system_scope("rows of files that were loaded", via="task", audited=False)
