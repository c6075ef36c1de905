"""How data items stand on a page: rows with their provenance, cells of a list."""

from dataclasses import dataclass
from datetime import date, datetime

from django.utils.formats import date_format
from django.utils.timezone import localtime

from accounts.acting import Acting
from accounts.roles import Role
from inventory.data_items import ITEMS, DataItem, Group, Recorder, Shown, listed_for
from inventory.models import Device, DeviceType, Status
from inventory.quality import Flag, flags_of


@dataclass(frozen=True)
class Cell:
    """One value as a page shows it; `kind` says how, `note` stands beside it."""

    item: DataItem
    text: str
    kind: str
    note: str = ""
    flags: tuple[Flag, ...] = ()
    provenance: str = ""


PAGE_GROUPS = (Group.ASSET, Group.SUPPLY, Group.STATUS, Group.DEVICE)


def groups_of(device: Device, acting: Acting, flags: list[Flag]) -> list[tuple[Group, list[Cell]]]:
    """Every data item the role sees, in groups, each with who recorded it, when and from what."""
    shown = [item for item in ITEMS if item.visible_to(acting.role)]
    return [
        (group, [_row(device, item, acting, flags) for item in shown if item.group == group and _applies(device, item)])
        for group in PAGE_GROUPS
    ]


def cells_of(device: Device, role: Role) -> list[Cell]:
    """The cells of one row of the device list, its first (the Device ID) left out."""
    return [_cell(device, item) for item in listed_for(role)[1:]]


def _applies(device: Device, item: DataItem) -> bool:
    """Whether this kind of device has the item at all."""
    if item.name in ("map_id", "map_from"):
        return device.takes_map_id
    if item.name in ("msn", "mpxn", "smets_generation", "smets_version", "fuel"):
        return device.is_meter
    return item.name != "esme_variant" or device.device_type == DeviceType.ESME


def _row(device: Device, item: DataItem, acting: Acting, flags: list[Flag]) -> Cell:
    cell = _cell(device, item)
    own = tuple(flag for flag in flags if flag.item == item.name)
    return Cell(item, cell.text, cell.kind, _note(device, item), own, provenance_of(device, item, acting))


def _cell(device: Device, item: DataItem) -> Cell:
    if item.shown is Shown.FLAGS:
        return Cell(item, "", item.shown, flags=tuple(flags_of(device.quality_flags)))
    value = item.value_of(device)
    return Cell(item, "" if value is None else _text(value, item), item.shown)


def _text(value: object, item: DataItem) -> str:
    if callable(value):
        value = value()
    if item.shown is Shown.STATUS:
        return Status(value).label
    if isinstance(value, datetime):
        return date_format(localtime(value), "DATETIME_FORMAT")
    return date_format(value, "DATE_FORMAT") if isinstance(value, date) else str(value)


def _note(device: Device, item: DataItem) -> str:
    """The name behind a code."""
    if item.name == "map_id" and device.asset_provider:
        return device.asset_provider.name
    if item.name == "device_type":
        return device.get_device_type_display().partition(", ")[2]
    return device.supplier.name if item.name == "supplier_id" else ""


def provenance_of(device: Device, item: DataItem, acting: Acting) -> str:
    """Who recorded the value, for which code, when and from what: names for the own organisation and the DCC only."""
    if item.recorder is Recorder.PORTAL:
        return ""
    if item.provenance == "load":
        present = item.value_of(device) is not None
        return f"DCC, {_moment(device.load_recorded_at)}, from {device.load_source}" if present else ""
    recorded_at = getattr(device, f"{item.provenance}_recorded_at")
    return _signature(device, item.provenance, acting) if recorded_at else ""


def _signature(device: Device, prefix: str, acting: Acting) -> str:
    code, source = getattr(device, f"{prefix}_recorded_for"), getattr(device, f"{prefix}_source")
    person = getattr(device, f"{prefix}_recorded_by")
    own = acting.role == Role.DCC or code in {binding.code for binding in acting.bindings}
    words = [str(person)] if person and own else []
    words += [code, _moment(getattr(device, f"{prefix}_recorded_at"))]
    if source:
        words.append(f"from {source}")
    if prefix == "map" and device.map_blank_from:
        words.append(f"blanked from {date_format(device.map_blank_from, 'DATE_FORMAT')}: {device.map_reason}")
    return ", ".join(words)


def _moment(moment: datetime) -> str:
    return date_format(localtime(moment), "DATETIME_FORMAT")
