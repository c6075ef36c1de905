"""What one text can mean as a Device ID, an MPxN or an MSN: the search in the header of every page.

It knows these three identifiers and nothing else. A MAP ID is a word like any other here: it is read as an MSN, and
found only on a device that has it as its MSN.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import Q

from accounts.roles import Role
from inventory.data_items import BY_NAME, DataItem
from inventory.devices.filters import IDENTIFIERS
from inventory.devices.worklists import Chosen
from inventory.identifiers import InvalidIdentifier, msn_key
from inventory.models import Device

NOWHERE = Q(pk__in=[])
HAS: dict[str, Callable[[Device, str], bool]] = {
    "device_id": lambda device, value: device.device_id.startswith(value),
    "mpxn": lambda device, value: device.mpxn == value,
    "msn": lambda device, value: device.msn_key == msn_key(value),
}
# Slips that a page can explain; any other text is simply not found.
EXPLAINED = frozenset({"check_digit", "invisible", "look_alike", "shortened"})


@dataclass(frozen=True)
class Meaning:
    """One identifier that the text can be, in its canonical form, and the condition of the devices that have it."""

    item: DataItem
    value: str
    condition: Q


@dataclass(frozen=True)
class Sought:
    """A text that is looked for: everything it can mean, and a likely slip in it."""

    text: str
    meanings: tuple[Meaning, ...]
    advice: str = ""

    @property
    def chosen(self) -> Chosen:
        """Return conditions that do not overlap, so that a device that has the text twice is found once."""
        conditions = [meaning.condition for meaning in self.meanings]
        apart = [Q(each, *(~former for former in conditions[:at])) for at, each in enumerate(conditions)]
        return Chosen(apart or [NOWHERE], apart or [NOWHERE])

    def value_of(self, name: str) -> str:
        """Return the text as the data item `name`; empty if it cannot be one."""
        return next((meaning.value for meaning in self.meanings if meaning.item.name == name), "")

    def found_by(self, device: Device) -> str:
        """Return the identifiers by which `device` was found, such as `MSN`."""
        found = (meaning.item for meaning in self.meanings if HAS[meaning.item.name](device, meaning.value))
        return ", ".join(item.label for item in found)


def sought(text: str, role: Role) -> Sought:
    """Read `text` as each of the identifiers that `role` can see."""
    meanings, slips = [], []
    for name, (parse, conditions, *_) in IDENTIFIERS.items():
        if not BY_NAME[name].visible_to(role):
            continue
        try:
            value = parse(text)
        except InvalidIdentifier as invalid:
            slips += [str(invalid)] if invalid.code in EXPLAINED else []
        else:
            meanings.append(Meaning(BY_NAME[name], value, Q(**conditions(value))))
    return Sought(text, tuple(meanings), next(iter(slips), ""))
