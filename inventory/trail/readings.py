"""The organisations that read devices of another: yes or no, for each organisation and date."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from django.db import connection
from django.db.models import Model, QuerySet

from accounts.acting import Acting, scope
from accounts.audit.keeping import expiry_limit, keeping
from inventory.models import DeviceReading

How = DeviceReading.How
PARTIES = ("supplier_id", "asset_provider_id")  # of a device, as row ids of participants
INSERT = """
INSERT INTO inventory_devicereading (day, reader_id, subject_id, how)
SELECT DISTINCT portal_today(), %(reader)s::bigint, b.organisation_id, %(how)s
FROM accounts_participant AS p
JOIN accounts_binding AS b ON b.fuel = p.fuel AND b.role = p.role AND b.code = p.code
WHERE p.id = ANY (%(participants)s) AND b.organisation_id <> %(own)s
    AND portal_today() BETWEEN b.valid_from AND coalesce(b.valid_to, 'infinity')
ON CONFLICT DO NOTHING
"""
EXPIRE = "DELETE FROM inventory_devicereading WHERE day < uk_day(%s)"


def parties_of(devices: Iterable[Model]) -> set[int]:
    """Return the participants responsible for these devices, which have already been read."""
    return {getattr(device, party) for device in devices for party in PARTIES} - {None}


def parties_in(devices: QuerySet) -> set[int]:
    """Return the same participants, from one query."""
    return {party for row in devices.order_by().values_list(*PARTIES).distinct() for party in row} - {None}


def note_readings(how: How, participants: Iterable[int], *, by: Acting) -> None:
    """Note that `by` read devices of these participants, for the other organisations to which they are bound today.

    This is one short statement; for a portfolio report it does not note the reader.
    """
    own = by.organisation.pk
    given = {
        "how": how.value,
        "own": own,
        "reader": None if how == How.PORTFOLIO else own,
        "participants": sorted(participants),
    }
    if given["participants"]:
        with connection.cursor() as cursor:
            cursor.execute(INSERT, given)


@contextmanager
def readings_in_file(how: How, *, by: Acting) -> Iterator[set[int]]:
    """Collect the parties of a file's devices in a set; note them after the block, in a separate transaction.

    A file is read in a transaction that writes nothing; devices that reached the reader before a failure count too.
    """
    parties: set[int] = set()
    try:
        yield parties
    finally:
        if parties:
            with scope(by):
                note_readings(how, parties, by=by)


def expire_readings() -> int:
    """Remove readings that are older than the reads kept in the audit trail; return the number of rows."""
    if (limit := expiry_limit()) is None:
        return 0
    with keeping("remove expired readings") as cursor:
        cursor.execute(EXPIRE, [limit])
        return cursor.rowcount
