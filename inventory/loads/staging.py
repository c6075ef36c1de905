"""Staging the rows of a file: sent to the database in blocks, and removed once applied or left over."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from itertools import islice
from pathlib import Path
from uuid import uuid4

from django.db import DatabaseError, connection
from django.utils import timezone

from accounts.operator import system_scope
from inventory.models import StagedDevice, StagedFile, StagedRow
from inventory.statements import statements

(STAGE,) = statements(Path(__file__).parent / "sql/stage.sql")
BLOCK_ROWS = 500  # sent to the database at once
KEPT_FOR = timedelta(days=1)  # longer than any load takes


@contextmanager
def staging() -> Iterator[StagedFile]:
    """Give the operator's load a file to stage its rows under; remove them at the end, whether it succeeds or not.

    A killed process leaves its rows; `remove_leftovers` removes them after a day.
    """
    file = StagedFile(id=uuid4(), kept_until=timezone.now() + KEPT_FOR)
    try:
        yield file
    finally:
        with suppress(DatabaseError), system_scope("rows of a file that was loaded", audited=False):
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
    left = list(StagedFile.objects.filter(kept_until__lt=timezone.now()).values_list("pk", flat=True))
    _remove(left)
    return len(left)


def _remove(files: list[object]) -> None:
    for model in (StagedDevice, StagedRow):
        model.objects.filter(file__in=files).delete()
    StagedFile.objects.filter(pk__in=files).delete()
