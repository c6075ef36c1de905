"""What time it is: by the database's clock, which the portal shares with its row security, read once for a scope."""

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
    """Return the moment of the scope's transaction; outside a scope, the database's present one."""
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
    """Let `now` be this moment inside, unless it is one within another."""
    token = _moment.set(_moment.get() or moment)
    try:
        yield
    finally:
        _moment.reset(token)


def before_each_day(preparation: Callable[[], None]) -> Callable[[], None]:
    """Register what has to be done before the first scope of a date is entered, by each process."""
    _preparations.append(preparation)
    return preparation


def is_prepared() -> bool:
    return today() in _prepared


def prepare() -> None:
    """Do what has to be done for today; in transactions of its own."""
    day = today()
    for preparation in _preparations:
        preparation()
    _prepared.clear()
    _prepared.add(day)
