"""The audit trail is written here: one row for each act, in the transaction of the act itself, without a lock."""

import hashlib
import json
import secrets
from collections.abc import Sequence

from django.db import connection, connections
from django.db.models import TextChoices
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.acting import Acting, Origin
from accounts.models import Organisation, User
from accounts.models.audit import NEIGHBOURS

SALT_BYTES = 16
# In one statement, which reads nothing back: a failed sign-in is written by nobody, who may read nothing.
INSERT = """
WITH given AS MATERIALIZED (SELECT nextval('accounts_auditrow_id_seq') AS id), audit_row AS (
    INSERT INTO accounts_auditrow
        (id, at, kind, person_id, organisation_id, via, request_id, device_id, version, details, hashes, batch)
    SELECT id, %(at)s, %(kind)s, %(person)s, %(organisation)s, %(via)s, %(request)s, %(device)s, %(version)s,
        %(details)s::jsonb, %(hashes)s::jsonb, acting_batch()
    FROM given
), audit_value AS (
    INSERT INTO accounts_auditvalue (row_id, organisation_id, name, salt, value)
    SELECT id, %(organisation)s, name, salt, value
    FROM given, unnest(%(names)s::text[], %(salts)s::bytea[], %(values)s::text[]) AS v (name, salt, value)
)
SELECT id FROM given
"""
INSERT_OF_DEVICES = """
INSERT INTO accounts_auditrow
    (at, kind, person_id, organisation_id, via, request_id, device_id, version, details, hashes, batch)
SELECT %(at)s, %(kind)s, %(person)s, %(organisation)s, %(via)s, %(request)s, device_id, version, details, '{}',
    acting_batch()
FROM unnest(%(devices)s::text[], %(versions)s::int[], %(details)s::jsonb[])
    WITH ORDINALITY AS d (device_id, version, details, place)
ORDER BY place
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
    row = _act(kind, person, organisation, origin, via)
    row |= {"device": device_id, "version": version, "details": json.dumps(details)}
    with connections[using].cursor() as cursor:
        cursor.execute(INSERT, row | _beside(personal or {}))
        return cursor.fetchone()[0]


def note_of_devices(kind: TextChoices, devices: Sequence[tuple[str, int, dict[str, object]]], *, by: Acting) -> None:
    """The same act of `by` on many devices: a row for each, of its Device ID, its version and further details."""
    of_all = _of_acting(by, by.organisation)
    with connection.cursor() as cursor:
        for first in range(0, len(devices), AT_ONCE):
            ids, versions, details = zip(*devices[first : first + AT_ONCE], strict=True)
            given = {"devices": list(ids), "versions": list(versions)}
            given["details"] = [json.dumps(own | of_all) for own in details]
            cursor.execute(INSERT_OF_DEVICES, _act(kind, by.user, by.organisation, by.origin) | given)


def _act(
    kind: TextChoices, person: User | None, organisation: Organisation | None, origin: Origin | None, via: str = ""
) -> dict[str, object]:
    return {
        "at": timezone.now(),
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


def _beside(personal: dict[str, str]) -> dict[str, object]:
    """The personal values with their salts, and what the row itself holds of them."""
    salts = {name: secrets.token_bytes(SALT_BYTES) for name in personal}
    return {
        "hashes": json.dumps({name: salted_hash(salt, personal[name]) for name, salt in salts.items()}),
        "names": list(salts),
        "salts": list(salts.values()),
        "values": list(personal.values()),
    }


def typed_hash(email: str) -> str:
    """What the trail keeps of an address that failed to sign in: the same one is known again, no other is learnt."""
    typed = email.strip().lower()
    return salted_hmac("accounts.audit.noting.failed_log_in", typed, algorithm="sha256").hexdigest()


def salted_hash(salt: bytes, value: str) -> str:
    """What a row keeps of a personal value; the database computes the same when the trail is verified."""
    return hashlib.sha256(salt + value.encode()).hexdigest()
