"""Lists of devices that wait for something. Each is one list and one number, and names no code."""

from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import QuerySet

from accounts import clock
from accounts.acting import Acting
from accounts.roles import Role


@dataclass(frozen=True)
class Worklist:
    """One worklist: its title, what to do, who works on it, and which of the devices visible it selects.

    For the DCC, the number of a list can leave out some of its devices; `not_counted` says which.
    """

    name: str
    title: str
    advice: str
    roles: frozenset[Role]
    select: Callable[[QuerySet, Acting], QuerySet]
    counted_for_dcc: Callable[[QuerySet], QuerySet] | None = None
    not_counted: str = ""

    def counted(self, devices: QuerySet, acting: Acting) -> QuerySet:
        """Return the devices of which the number of the list is."""
        if self.counted_for_dcc and acting.role == Role.DCC:
            return self.counted_for_dcc(devices)
        return self.select(devices, acting)

    def hint_for(self, acting: Acting) -> str:
        return self.not_counted if acting.role == Role.DCC else ""


RECORDERS = frozenset({Role.SUPPLIER, Role.DCC})

WORKLISTS: dict[str, Worklist] = {
    work.name: work
    for work in (
        Worklist(
            "map-id",
            "MAP ID missing or no longer valid",
            "SMETS2 meters without a MAP ID, or whose code is not in force in the list of all MAPs today. "
            "Open a device to record it.",
            RECORDERS,
            lambda devices, acting: devices.map_id_missing_or_no_longer_valid(clock.today()),
            # Among all devices, the end of a code would show how many meters have it.
            lambda devices: devices.map_id_missing(),
            "Meters whose MAP ID is no longer in force are listed, but not counted.",
        ),
        Worklist(
            "msn",
            "No MSN recorded",
            "Meters without a meter serial number. The responsible supplier records it from the nameplate.",
            frozenset(Role),
            lambda devices, acting: devices.msn_missing(),
        ),
        Worklist(
            "duplicate-msn",
            "MSN shared with another device",
            "Another device in your scope has the same manufacturer and MSN. Compare both with the nameplates.",
            frozenset({Role.SUPPLIER, Role.MAP}),
            lambda devices, acting: devices.msn_shared(acting),
        ),
    )
}
