"""How a row of the audit trail is hashed into a chain. Sealing and verifying both go by this module alone."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC
from typing import NamedTuple

from accounts.models.audit import ChainMark

FIELDS = (
    "id",
    "at",
    "kind",
    "person_id",
    "organisation_id",
    "via",
    "request_id",
    "device_id",
    "version",
    "batch",
    "details",
    "hashes",
)


class Chain(NamedTuple):
    """The chain of an organisation, or the overall one, for rows of one retention."""

    organisation_id: int | None
    retention: str

    def __str__(self) -> str:
        whose = f"of organisation {self.organisation_id}" if self.organisation_id else "overall"
        return f"the chain {whose}, {self.retention}"

    @classmethod
    def of(cls, mark: ChainMark) -> "Chain":
        return cls(mark.organisation_id, mark.retention)


@dataclass
class End:
    """How far a chain has come."""

    position: int
    hash: bytes

    @classmethod
    def beginning(cls, chain: Chain) -> "End":
        return cls(0, hashlib.sha256(f"audit {chain.organisation_id or 'overall'} {chain.retention}".encode()).digest())

    def link(self, digest: bytes) -> bytes:
        """The hash that the next row gets."""
        return hashlib.sha256(self.hash + digest).digest()

    def append(self, digest: bytes) -> None:
        self.position, self.hash = self.position + 1, self.link(digest)


def digest(row: tuple[object, ...]) -> bytes:
    """SHA-256 of a row, its FIELDS in order, as JSON that does not depend on where it is made."""
    number, at, *rest = row
    fields = [number, at.astimezone(UTC).isoformat(timespec="microseconds"), *rest]
    return hashlib.sha256(json.dumps(fields, sort_keys=True, separators=(",", ":"), default=str).encode()).digest()


def ends_of(marks: Iterable[ChainMark]) -> dict[Chain, End]:
    """The furthest mark of each chain."""
    ends: dict[Chain, End] = {}
    for mark in marks:
        chain = Chain.of(mark)
        if chain not in ends or ends[chain].position < mark.position:
            ends[chain] = End(mark.position, bytes(mark.hash))
    return ends
