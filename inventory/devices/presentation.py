"""How data items stand on a page: rows with their provenance, cells of a list."""

from dataclasses import dataclass, replace

from accounts.roles import Role
from inventory.data_items import ITEMS, DataItem, Group, Shown, listed_for
from inventory.history.device_history import DeviceHistory
from inventory.history.provenance import provenance_of
from inventory.models import Device, DeviceType, Status
from inventory.quality import Flag, flags_of
from inventory.wording import in_words


@dataclass(frozen=True)
class Cell:
    """The value of one data item as a page shows it; `note` is the name behind a code, `label` a status in words."""

    item: DataItem
    value: object = None
    label: str = ""
    note: str = ""
    flags: tuple[Flag, ...] = ()
    provenance: str = ""

    @property
    def shown(self) -> Shown:
        return self.item.shown


PAGE_GROUPS = (Group.ASSET, Group.SUPPLY, Group.STATUS, Group.DEVICE)


def groups_of(device: Device, history: DeviceHistory, flags: list[Flag]) -> list[tuple[Group, list[Cell]]]:
    """Every data item the role sees, in groups, each with who recorded it, when and from what."""
    shown = [item for item in ITEMS if item.visible_to(history.acting.role)]
    rows = [row_of(device, item, history, flags) for item in shown if _applies(device, item)]
    return [(group, [row for row in rows if row.item.group == group]) for group in PAGE_GROUPS]


def cells_of(device: Device, role: Role) -> list[Cell]:
    """The cells of one row of the device list, with the names behind codes; its first (the Device ID) is left out."""
    return [_cell(device, item, _name(device, item)) for item in listed_for(role)[1:]]


def past_cells_of(device: Device, role: Role) -> list[Cell]:
    """Every data item the role sees of a device as of a past day."""
    shown = [item for item in ITEMS if item.visible_to(role) and item.fields and _applies(device, item)]
    return [_cell(device, item, _note(device, item)) for item in shown]


def _applies(device: Device, item: DataItem) -> bool:
    """Whether this kind of device has the item at all."""
    if item.name in ("map_id", "map_from"):
        return device.takes_map_id
    if item.name in ("msn", "mpxn", "smets_generation", "smets_version", "fuel"):
        return device.is_meter
    return item.name != "esme_variant" or device.device_type == DeviceType.ESME


def row_of(device: Device, item: DataItem, history: DeviceHistory, flags: list[Flag]) -> Cell:
    """One row of a device's page."""
    own = tuple(flag for flag in flags if flag.item == item.name)
    provenance = provenance_of(history, item)
    return replace(_cell(device, item, _note(device, item)), flags=own, provenance=provenance)


def _cell(device: Device, item: DataItem, note: str) -> Cell:
    if item.shown is Shown.FLAGS:
        return Cell(item, flags=tuple(flags_of(device.quality_flags)))
    value = item.value_of(device)
    if item.shown is Shown.STATUS:
        return Cell(item, value, label=Status(value).label)
    return Cell(item, value() if callable(value) else in_words(value), note=note)


def _name(device: Device, item: DataItem) -> str:
    """The name behind the code of a party."""
    if item.name == "map_id" and device.asset_provider:
        return device.asset_provider.name
    return device.supplier.name if item.name == "supplier_id" else ""


def _note(device: Device, item: DataItem) -> str:
    """That name, or the words behind the device type."""
    if item.name == "device_type":
        return device.get_device_type_display().partition(", ")[2]
    return _name(device, item)
