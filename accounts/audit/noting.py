"""The audit trail is written here: one row for each act, in the transaction of the act itself, without a lock."""

import json
from collections.abc import Sequence

from django.db import connection, connections
from django.db.models import TextChoices
from django.utils.crypto import salted_hmac

from accounts.acting import Acting, Origin
from accounts.models import Organisation, User
from accounts.models.audit import NEIGHBOURS

# The database chooses ids, moment and salts (accounts/sql/audit_trail.sql).
NOTE = """
SELECT note_acts(
    %(kind)s, %(person)s, %(organisation)s, %(via)s, %(request)s,
    %(devices)s::text[], %(versions)s::int[], %(details)s::jsonb[], %(personal)s::jsonb
)
"""
AT_ONCE = NEIGHBOURS // 2  # rows of one moment: so few that those of other moments stay near


def note(
    kind: TextChoices,
    *,
    by: Acting | None,
    person: User | None = None,
    organisation: Organisation | None = None,
    about: Organisation | None = None,
    origin: Origin | None = None,
    via: str = "command",
    device_id: str = "",
    version: int | None = None,
    personal: dict[str, str] | None = None,
    using: str = "default",
    **details: object,
) -> int:
    """Note one act of `by` in the audit trail, as a part of the current transaction; the row's id.

    Nobody acts for an organisation in a sign-in or in the operator's work: then `person`, `organisation` (whose
    administrators shall read it; the operator only) and `origin` or `via` say what is known. What the DCC does `about`
    another organisation is that one's to read, too. `details` hold ids, names of keys and constants; never a MAP ID.
    `personal` values are kept beside the row, which has salted hashes of them.
    """
    if by:
        person, organisation, origin = by.user, about or by.organisation, by.origin
        details |= _of_acting(by, organisation)
    act = _act(kind, person, organisation, origin, via) | {"personal": json.dumps(personal or {})}
    with connections[using].cursor() as cursor:
        cursor.execute(NOTE, act | {"devices": [device_id], "versions": [version], "details": [json.dumps(details)]})
        return cursor.fetchone()[0]


def note_of_devices(kind: TextChoices, devices: Sequence[tuple[str, int, dict[str, object]]], *, by: Acting) -> None:
    """The same act of `by` on many devices: a row for each, of its Device ID, its version and further details."""
    of_all = _of_acting(by, by.organisation)
    act = _act(kind, by.user, by.organisation, by.origin) | {"personal": "{}"}
    with connection.cursor() as cursor:
        for first in range(0, len(devices), AT_ONCE):
            ids, versions, details = zip(*devices[first : first + AT_ONCE], strict=True)
            given = {"devices": list(ids), "versions": list(versions)}
            given["details"] = [json.dumps(own | of_all) for own in details]
            cursor.execute(NOTE, act | given)


def _act(
    kind: TextChoices, person: User | None, organisation: Organisation | None, origin: Origin | None, via: str = ""
) -> dict[str, object]:
    return {
        "kind": kind.value,
        "person": person and person.pk,
        "organisation": organisation and organisation.pk,
        "via": origin.via if origin else via,
        "request": origin.request_id if origin else "",
    }


def _of_acting(by: Acting, organisation: Organisation) -> dict[str, object]:
    """For the details: the token of a system, and that the DCC did this to somebody else."""
    token = {"token": by.token_id} if by.token_id else {}
    return token | ({"by_dcc": True} if organisation != by.organisation else {})


def typed_hash(email: str) -> str:
    """What the trail keeps of an address that failed to sign in: the same one is known again, no other is learnt."""
    typed = email.strip().lower()
    return salted_hmac("accounts.audit.noting.failed_log_in", typed, algorithm="sha256").hexdigest()
