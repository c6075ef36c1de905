"""Who read whose devices: per organisation and day, yes or no."""

from collections.abc import Iterable

from django.db import connection

from accounts.acting import Acting
from accounts.audit_models import DeviceReading

How = DeviceReading.How
INSERT = """
INSERT INTO accounts_devicereading (day, reader_id, subject_id, how)
SELECT DISTINCT uk_day(now()), %(reader)s::bigint, b.organisation_id, %(how)s
FROM accounts_participant AS p
JOIN accounts_binding AS b ON b.fuel = p.fuel AND b.role = p.role AND b.code = p.code
WHERE p.id = ANY (%(participants)s) AND b.organisation_id <> %(own)s
    AND uk_day(now()) BETWEEN b.valid_from AND coalesce(b.valid_to, 'infinity')
ON CONFLICT DO NOTHING
"""


def note_readings(how: DeviceReading.How, participants: Iterable[int | None], *, by: Acting) -> None:
    """Note that `by` read devices of these participants, for the other organisations they are bound to today.

    One short statement; of a portfolio report it does not note the reader.
    """
    own = by.organisation.pk
    given = {
        "how": DeviceReading.How(how).value,
        "own": own,
        "reader": None if how == How.PORTFOLIO else own,
        "participants": sorted({participant for participant in participants if participant}),
    }
    if given["participants"]:
        with connection.cursor() as cursor:
            cursor.execute(INSERT, given)
