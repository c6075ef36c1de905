"""A connection as the portal's login, as psql has one, and attempts of what it could do."""

from collections.abc import Callable
from typing import NamedTuple

import psycopg
from psycopg import errors

from inventory.models import Device

# How PostgreSQL and our functions refuse. Any other error is a mistake of the attempt.
REFUSALS = (
    errors.InsufficientPrivilege,
    errors.CheckViolation,
    errors.UniqueViolation,
    errors.NotNullViolation,
    errors.InvalidParameterValue,
    errors.FeatureNotSupported,  # an extension that the server does not have
)


class Login(NamedTuple):
    """A connection as the login, and the rows that an attempt is about."""

    connection: psycopg.Connection
    device: Device
    member: int

    def say(self, setting: str, value: str) -> None:
        self.connection.execute("SELECT set_config(%s, %s, true)", [setting, value])

    def one(self, statement: str, *given: object) -> object:
        """Run a statement; return the first value of its answer, or how many rows it changed."""
        cursor = self.connection.execute(statement, given)
        return cursor.fetchone()[0] if cursor.description else cursor.rowcount

    def write_step(self, **other: object) -> bool:
        """One step of the device that the rules allow, but for what is given."""
        step = {"track": "provider", "devices": [self.device.pk], "days": ["2025-06-01"], "kinds": ["change"]}
        step |= {"participants": [self.device.asset_provider_id]} | other
        call = "SELECT write_steps(%s, %s::bigint[], %s::date[], %s::bigint[], %s::text[])"
        self.one(call, *(step[name] for name in ("track", "devices", "days", "participants", "kinds")))
        return True

    def count(self, table: str) -> int:
        return self.one(f"SELECT count(*) FROM {table}")


class Attempt(NamedTuple):
    """What the login tries, in words; `make` raises a refusal, or returns whether it had an effect."""

    words: str
    make: Callable[[Login], object]


def any_of(*statements: str) -> Callable[[Login], bool]:
    """Try each statement; one that is not refused is an effect."""
    return lambda login: any(_is_done(login, statement) for statement in statements)


def all_of(*statements: str) -> Callable[[Login], bool]:
    """Try each statement; all of them together are the effect."""
    return lambda login: all(_is_done(login, statement) for statement in statements)


def _is_done(login: Login, statement: str) -> bool:
    try:
        with login.connection.transaction():
            return login.one(statement) != 0
    except REFUSALS:
        return False


def has_effect(attempt: Attempt, login: Login) -> bool:
    try:
        return bool(attempt.make(login))
    except REFUSALS:
        return False
