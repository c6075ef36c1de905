"""The time, by the database's clock, which row security uses too; read once for each scope."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime

from django.db import connection
from django.utils import timezone

_moment: ContextVar[datetime | None] = ContextVar("moment", default=None)
_preparations: list[Callable[[], None]] = []
_prepared: set[date] = set()  # the last date this process has prepared for, at most: a clock may go back


def now() -> datetime:
    """Return the time of the scope's transaction; outside a scope, the database's current time."""
    return _moment.get() or read()


def today() -> date:
    """Return the UK date of `now`."""
    return timezone.localdate(now())


def read() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT portal_now()")
        return cursor.fetchone()[0]


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Let `now` return this moment inside; an outer `at` takes precedence."""
    token = _moment.set(_moment.get() or moment)
    try:
        yield
    finally:
        _moment.reset(token)


def before_each_day(preparation: Callable[[], None]) -> Callable[[], None]:
    """Register work that each process does before it enters its first scope of a date."""
    _preparations.append(preparation)
    return preparation


def is_prepared() -> bool:
    return today() in _prepared


def prepare() -> None:
    """Do the registered work for today, in transactions of its own."""
    day = today()
    for preparation in _preparations:
        preparation()
    _prepared.clear()
    _prepared.add(day)
