"""How long the database may take, by kind of work, and what the user is told after that.

A scope sets this for its transaction, by where its work comes from. Statements of the web server outside a scope
(sessions, sign-in) have the limits of a page.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from django.conf import settings
from django.db import Error, OperationalError, connection, transaction
from psycopg import OperationalError as DriverError
from psycopg import errors
from psycopg_pool import PoolTimeout

from accounts.errors import Busy

NAMES = tuple(settings.PAGE_WAITS)  # of PostgreSQL's settings


def _waits(lock: int, statement: int, idle: int) -> dict[str, str]:
    """Return the limits, given in seconds (0 for none): for a lock, a statement, and idle time in a transaction."""
    return dict(zip(NAMES, (f"{lock}s", f"{statement}s", f"{idle}s"), strict=True))


WAITS = {
    "page": settings.PAGE_WAITS,
    "api": settings.PAGE_WAITS,
    # Lasts as long as its client takes (accounts/files/streams.py).
    "stream": _waits(lock=3, statement=4 * 3600, idle=300),
    "task": _waits(lock=30, statement=600, idle=300),
    "load": _waits(lock=60, statement=0, idle=300),
    "command": _waits(lock=60, statement=0, idle=300),
}
LOCKED = ("Someone else is changing the same record. Try again in a few seconds.", 5)
TOO_LONG = ("This took longer than the portal allows. Try again later, or ask for less at a time.", 30)
CROWDED = ("The portal is very busy. Try again in a few seconds.", 5)
LOST = (
    "The portal has lost the connection to its database. Try again in a few seconds. "
    "If you were saving something, check first whether it was saved.",
    5,
)
WHY = {
    errors.LockNotAvailable: LOCKED,
    errors.DeadlockDetected: LOCKED,
    errors.QueryCanceled: TOO_LONG,
    PoolTimeout: CROWDED,
    errors.AdminShutdown: LOST,
    errors.CrashShutdown: LOST,
    errors.CannotConnectNow: LOST,
}


def wait_as(kind: str) -> None:
    """Apply the limits of this kind of work to the rest of the transaction."""
    with connection.cursor() as cursor:
        given = ", ".join(f"set_config('{name}', %s, true)" for name in NAMES)
        cursor.execute(f"SELECT {given}", [*WAITS[kind].values()])


def waited_too_long(raised: BaseException | None) -> Busy | None:
    """Return what to tell the user if `raised` is the end of a wait, or of the connection."""
    if not isinstance(raised, OperationalError):
        return None
    cause = raised.__cause__
    if type(cause) is DriverError and cause.sqlstate is None:
        return Busy(*LOST)  # not said by the database, which is gone
    return next((Busy(*why) for kind, why in WHY.items() if isinstance(cause, kind)), None)


def elsewhere(act: Callable[[], None]) -> None:
    """Call `act` on a connection of its own, because that of this thread is busy with the file.

    If it fails, the download continues.
    """

    def call() -> None:
        try:
            act()
        except Error:
            structlog.get_logger(__name__).exception("not_written_elsewhere")
        finally:
            connection.close()

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()


@contextmanager
def or_busy() -> Iterator[None]:
    """Undo this part of the transaction and raise Busy if the database takes too long."""
    try:
        with transaction.atomic():
            yield
    except OperationalError as error:
        if busy := waited_too_long(error):
            raise busy from error
        raise
