"""The keeper: what the tables' owner does at fixed times. A separate program, which reads no queue.

The portal's login can write the worker's jobs, but nothing that the keeper reads: its duties are this list, without
arguments, and each finds out by itself what is due. So doing one late, twice, or beside another keeper does no harm.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog
from django.db import Error, connections

from accounts.audit.keeping import OWNER, expire_audit
from accounts.audit.sealing import seal_audit, take_roots
from inventory.trail.readings import expire_readings

logger = structlog.get_logger(__name__)
MINUTE, HOUR = 60, 3600


@dataclass(frozen=True)
class Duty:
    """Something done when the keeper starts, and then again `every` so many seconds."""

    act: Callable[[], int | None]
    every: int


DUTIES = (
    Duty(seal_audit, MINUTE),
    Duty(take_roots, HOUR),
    Duty(expire_audit, 24 * HOUR),
    Duty(expire_readings, 24 * HOUR),
)


def keep(stopped: threading.Event) -> None:
    """Do each duty when it is due, until `stopped`; a duty that has begun is finished first."""
    due = dict.fromkeys(DUTIES, 0.0)
    while not stopped.is_set():
        for duty in [duty for duty, moment in due.items() if moment <= time.monotonic()]:
            due[duty] = time.monotonic() + (duty.every if do(duty) else MINUTE)
        stopped.wait(max(0, min(due.values()) - time.monotonic()))


def do(duty: Duty) -> bool:
    """Do one duty on a fresh connection of the owner; return False if the database fails, to try again soon."""
    try:
        with as_owner():
            duty.act()
    except Error as error:
        logger.error("duty_failed", duty=duty.act.__name__, error=str(error))
        return False
    return True


@contextmanager
def as_owner() -> Iterator[None]:
    """In this thread, connect to the portal's database as the owner of its tables."""
    login, owner = connections["default"], connections[OWNER]
    connections["default"] = owner
    try:
        yield
    finally:
        connections["default"] = login
        owner.close()
