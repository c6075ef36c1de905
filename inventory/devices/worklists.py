"""Lists of devices that wait for something. Each is one list and one number, and names no code."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.db.models import Q

from accounts import clock
from accounts.acting import Acting
from accounts.files.paging import MANY
from accounts.models import Participant
from accounts.roles import Role
from inventory.models import Device
from inventory.querysets import NO_MAP_ID, NO_MSN


class Chosen(NamedTuple):
    """Conditions that do not overlap, each served by an index: of the devices of a list, and of those it counts."""

    listed: Sequence[Q]
    counted: Sequence[Q]


ALL = Chosen([Q()], [Q()])


@dataclass(frozen=True)
class Worklist:
    """One worklist: its title, what to do, who works on it, and which of the devices visible it chooses.

    For the DCC, the number of a list can leave out some of its devices; `not_counted` says which.
    """

    name: str
    title: str
    advice: str
    roles: frozenset[Role]
    choose: Callable[[Acting], Chosen]
    not_counted: str = ""

    def hint_for(self, acting: Acting) -> str:
        return self.not_counted if acting.role == Role.DCC else ""


def without_valid_map_id(acting: Acting) -> Chosen:
    ended = Participant.objects.not_valid(clock.today()).filter(role=Role.MAP)
    both = [NO_MAP_ID, Q(asset_provider__in=list(ended.values_list("pk", flat=True)))]
    # Among all devices, the end of a code would show how many meters have it.
    return Chosen(both, [NO_MAP_ID] if acting.role == Role.DCC else both)


def without_msn(acting: Acting) -> Chosen:
    return Chosen([NO_MSN], [NO_MSN])


def with_msn_of_another(acting: Acting) -> Chosen:
    """A few are looked up; where there are many, a page of them is soon found by asking device after device."""
    found = Device.objects.shared_msn(acting)
    these = [Q(pk__in=found)]
    return Chosen(these if len(found) <= MANY else [Device.objects.another_has_msn(acting)], these)


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
            without_valid_map_id,
            "Meters whose MAP ID is no longer in force are listed, but not counted.",
        ),
        Worklist(
            "msn",
            "No MSN recorded",
            "Meters without a meter serial number. The responsible supplier records it from the nameplate.",
            frozenset(Role),
            without_msn,
        ),
        Worklist(
            "duplicate-msn",
            "MSN shared with another device",
            "Another device in your scope has the same manufacturer and MSN. Compare both with the nameplates.",
            frozenset({Role.SUPPLIER, Role.MAP}),
            with_msn_of_another,
        ),
    )
}
