"""Who read whose devices: per organisation and day, yes or no."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from django.db import connection
from django.db.models import Model, QuerySet

from accounts.acting import Acting, scope
from accounts.audit.keeping import expiry_limit, keeping
from inventory.models import DeviceReading

How = DeviceReading.How
PARTIES = ("supplier_id", "asset_provider_id")  # of a device, as row ids of the list of participants
INSERT = """
INSERT INTO inventory_devicereading (day, reader_id, subject_id, how)
SELECT DISTINCT uk_day(now()), %(reader)s::bigint, b.organisation_id, %(how)s
FROM accounts_participant AS p
JOIN accounts_binding AS b ON b.fuel = p.fuel AND b.role = p.role AND b.code = p.code
WHERE p.id = ANY (%(participants)s) AND b.organisation_id <> %(own)s
    AND uk_day(now()) BETWEEN b.valid_from AND coalesce(b.valid_to, 'infinity')
ON CONFLICT DO NOTHING
"""
EXPIRE = "DELETE FROM inventory_devicereading WHERE day < uk_day(%s)"


def parties_of(devices: Iterable[Model]) -> set[int]:
    """The participants responsible for these devices, read already."""
    return {getattr(device, party) for device in devices for party in PARTIES} - {None}


def parties_in(devices: QuerySet) -> set[int]:
    """The same, asked of the database as one set."""
    return {party for row in devices.order_by().values_list(*PARTIES).distinct() for party in row} - {None}


def note_readings(how: How, participants: Iterable[int], *, by: Acting) -> None:
    """Note that `by` read devices of these participants, for the other organisations they are bound to today.

    One short statement; of a portfolio report it does not note the reader.
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
    """A set for the parties of a file's devices; once the block is left they are noted, in a transaction apart.

    A file is read in a transaction that writes nothing; what of it reached the reader before a failure counts.
    """
    parties: set[int] = set()
    try:
        yield parties
    finally:
        if parties:
            with scope(by):
                note_readings(how, parties, by=by)


def expire_readings() -> int:
    """Remove what is kept no longer, as long as reads in the audit trail; how many rows."""
    if (limit := expiry_limit()) is None:
        return 0
    with keeping("remove expired readings") as cursor:
        cursor.execute(EXPIRE, [limit])
        return cursor.rowcount
