"""The audit trail as a CSV file, read with constant memory."""

import json
from collections.abc import Iterator
from datetime import UTC

from accounts.acting import Acting, scope
from accounts.audit.kinds import retention_of
from accounts.files.writing import CHUNK_ROWS, in_chunks
from accounts.models.audit import AuditRow, AuditRowQuerySet
from accounts.waits import wait_as
from smi_portal.oversight.names import Names
from smi_portal.oversight.words import act_of

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
    "chain",
    "acting_for",
)


def chunks(rows: AuditRowQuerySet, acting: Acting) -> Iterator[bytes]:
    """Yield the CSV of `rows`, newest first, in a separate transaction and scope."""
    with scope(acting):
        wait_as("stream")
        names = Names.of_all(acting)
        found = rows.order_by("-pk").iterator(chunk_size=CHUNK_ROWS)
        yield from in_chunks(HEADER, (_cells(row, names) for row in found))


def _cells(row: AuditRow, names: Names) -> tuple[object, ...]:
    """Return one row; of an act of the DCC, other organisations get no number of its person or token."""
    withheld = names.withholds_actor(row)
    details = {name: value for name, value in row.details.items() if not (withheld and name == "token")}
    return (
        row.told_number,
        f"{row.at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
        row.kind,
        None if withheld else row.person_id,
        names.who(row),
        names.organisation(row),
        act_of(row, names),
        row.via,
        row.request_id,
        row.told_device,
        row.told_version,
        json.dumps(details, sort_keys=True),
        json.dumps(row.hashes, sort_keys=True),
        retention_of(row.kind).value,
        names.acted_for(row),
    )
