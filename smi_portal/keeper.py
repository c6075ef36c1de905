"""The keeper: what the tables' owner does by the clock. A program of its own, which reads no queue.

The portal's login can write jobs of the worker, but nothing that the keeper reads: its duties are this list, they have
no arguments, and each finds out by itself what is due. So doing one late, twice, or beside another keeper does no harm.
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
    """Done when the keeper starts, and then every so many seconds."""

    act: Callable[[], int | None]
    every: int


DUTIES = (
    Duty(seal_audit, MINUTE),
    Duty(take_roots, HOUR),
    Duty(expire_audit, 24 * HOUR),
    Duty(expire_readings, 24 * HOUR),
)


def keep(stopped: threading.Event) -> None:
    """Do each duty when it is due, until `stopped`; one that is being done is finished first."""
    due = dict.fromkeys(DUTIES, 0.0)
    while not stopped.is_set():
        for duty in [duty for duty, moment in due.items() if moment <= time.monotonic()]:
            due[duty] = time.monotonic() + (duty.every if do(duty) else MINUTE)
        stopped.wait(max(0, min(due.values()) - time.monotonic()))


def do(duty: Duty) -> bool:
    """Do one duty over a fresh connection of the owner; False if the database fails, so that it is tried again soon."""
    try:
        with as_owner():
            duty.act()
    except Error as error:
        logger.error("duty_failed", duty=duty.act.__name__, error=str(error))
        return False
    return True


@contextmanager
def as_owner() -> Iterator[None]:
    """Within this thread, whatever asks for the portal's database comes as the owner of its tables."""
    login, owner = connections["default"], connections[OWNER]
    connections["default"] = owner
    try:
        yield
    finally:
        connections["default"] = login
        owner.close()
