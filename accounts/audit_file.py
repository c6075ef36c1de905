"""The audit trail as a CSV file, read with constant memory."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC

from accounts.acting import Acting, scope
from accounts.audit_models import AuditRow, AuditRowQuerySet
from accounts.audit_words import Names, act_of

HEADER = (
    "row",
    "at",
    "kind",
    "person",
    "name",
    "organisation",
    "act",
    "via",
    "request",
    "device_id",
    "version",
    "details",
    "hashes",
)
CHUNK_ROWS = 500
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # with which a cell begins that a spreadsheet would compute


def chunks(rows: AuditRowQuerySet, acting: Acting) -> Iterator[bytes]:
    """CSV of `rows`, newest first, in a transaction and scope of its own."""
    with scope(acting):
        names = Names.of_all(acting)
        lines = Lines()
        lines.add(HEADER)
        for number, row in enumerate(rows.order_by("-pk").iterator(chunk_size=CHUNK_ROWS), start=1):
            lines.add(_cells(row, names))
            if number % CHUNK_ROWS == 0:
                yield lines.take()
        yield lines.take()


class Lines:
    """CSV lines that wait to be sent."""

    def __init__(self) -> None:
        self._text = io.StringIO(newline="")
        self._writer = csv.writer(self._text, lineterminator="\r\n")

    def add(self, cells: tuple[object, ...]) -> None:
        self._writer.writerow(cells)

    def take(self) -> bytes:
        taken = self._text.getvalue().encode()
        self._text.seek(0)
        self._text.truncate()
        return taken


def _cells(row: AuditRow, names: Names) -> tuple[object, ...]:
    who = names.who(row)
    return (
        row.pk,
        f"{row.at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
        row.kind,
        row.person_id,
        guarded(who),
        guarded(names.organisation(row)),
        guarded(act_of(row, names)),
        row.via,
        row.request_id,
        row.device_id,
        row.version,
        json.dumps(row.details, sort_keys=True),
        json.dumps(row.hashes, sort_keys=True),
    )


def guarded(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text
