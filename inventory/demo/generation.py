"""A made-up, plausible inventory over the participants in the list, made by the database itself."""

from collections.abc import Callable, Collection
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

from django.db import IntegrityError, connection
from django.db.backends.utils import CursorWrapper

from accounts.acting import explaining
from accounts.errors import NotAllowed
from accounts.models import Fuel, Participant
from accounts.roles import Role
from inventory.statements import statements

SMETS1_FROM, SMETS2_FROM = date(2016, 1, 1), date(2018, 11, 1)
FIRST_TODAY, LAST_TODAY = date(2019, 1, 1), date(2099, 12, 31)
MOST_DEVICES = 100_000_000  # so many made-up MPRNs there are
BLOCKS_AT_ONCE = 500  # rows of homes that one statement makes: some 100,000 devices

SQL = Path(__file__).with_name("generate_devices.sql")
SLOTS, SHARES, INSERT = statements(SQL)
# Many small steps for each row: caching them, or compiling them, costs more than it saves.
TUNING = "SET LOCAL work_mem = '64MB'; SET LOCAL jit = off; SET LOCAL enable_memoize = off"
# A link takes its target by index: found by reading the list of participants through, the links take twice as long.
CHECK = "SET LOCAL enable_seqscan = off; SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED"
UNTUNING = "; ".join(f"SET LOCAL {name} TO DEFAULT" for name in ("work_mem", "jit", "enable_memoize", "enable_seqscan"))


def generate_devices(
    *,
    count: int,
    seed: int,
    today: date,
    favour: Collection[str] = (),
    tell: Callable[[str], object] = lambda line: None,
) -> int:
    """Add `count` devices, the same for the same seed, day and list of participants; the number added.

    The codes in `favour` get the largest shares. `tell` is given a line of progress now and then. Raises NotAllowed,
    and changes nothing, if it cannot be done or the inventory holds devices of this seed already.
    """
    _refuse_odd(count, today)
    parameters = _parameters(seed, today, favour) | {"count": count, "fuels": _fuels_with_meters(today)}
    try:
        with explaining(via="load", source=parameters["source"]), connection.cursor() as cursor:
            _generate(cursor, parameters, tell)
    except IntegrityError as error:
        if "device_id_unique" not in str(error):
            raise
        raise NotAllowed(f"The inventory holds devices made with seed {seed} already. Take another seed.") from error
    return count


def _refuse_odd(count: int, today: date) -> None:
    if not 0 <= count <= MOST_DEVICES:
        raise NotAllowed(f"From 0 to {MOST_DEVICES:,} devices can be made at once.")
    if not FIRST_TODAY <= today <= LAST_TODAY:
        raise NotAllowed(f"Devices can be made as of a day from {FIRST_TODAY} to {LAST_TODAY}.")


def _fuels_with_meters(today: date) -> list[str]:
    """Electricity where a supplier is in force, gas where a supplier and a MAP are."""
    live = Participant.objects.on(today).filter(kind=Participant.Kind.LIVE)
    listed = set(live.values_list("fuel", "role"))
    needed = {Fuel.ELECTRICITY: {Role.SUPPLIER}, Fuel.GAS: {Role.SUPPLIER, Role.MAP}}
    fuels = [fuel.value for fuel, roles in needed.items() if {(fuel, role) for role in roles} <= listed]
    if not fuels:
        raise NotAllowed(
            f"The list of participants holds no live supplier in force on {today}. Load it first with "
            "load_participants."
        )
    return fuels


def _parameters(seed: int, today: date, favour: Collection[str]) -> dict[str, Any]:
    """What the statements are bound to; where each kind of number starts comes from the seed."""
    key = sha256(str(seed).encode()).digest()
    kinds = ("device", "mprn", "mpan", "asset")
    starts = {f"{kind}_start": int.from_bytes(key[at : at + 5]) for at, kind in enumerate(kinds)}
    days = {"today": today, "smets1": SMETS1_FROM, "smets2": SMETS2_FROM}
    return {"key": key, "favour": list(favour), "source": f"made up, seed {seed}"[:120], **days, **starts}


def _generate(cursor: CursorWrapper, parameters: dict[str, Any], tell: Callable[[str], object]) -> None:
    cursor.execute(TUNING)
    tell("Dividing the market …")
    cursor.execute(SLOTS, parameters)
    per_block, parameters["slots"] = cursor.fetchone()
    cursor.execute(SHARES, parameters)
    (parameters["shares"],) = cursor.fetchone()
    count = parameters["count"]
    for first in range(0, -(-count // per_block), BLOCKS_AT_ONCE):
        last = first + BLOCKS_AT_ONCE - 1
        cursor.execute(INSERT, parameters | {"first": first, "last": last})
        tell(f"{min((last + 1) * per_block, count):,} of {count:,} devices made.")
    tell("Checking their links …")
    for statement in (CHECK, UNTUNING):
        cursor.execute(statement)
