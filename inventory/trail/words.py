"""Acts about devices in plain words, for readers of the audit trail."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date

from django.utils.formats import date_format

from accounts.models.audit import AuditRow
from inventory.devices.worklists import WORKLISTS
from inventory.reports.catalogue import CATALOGUE
from inventory.trail.kinds import DeviceAuditKind

LABELS = {
    "q": "Device ID, MSN or MPxN",  # in the header
    "device_id": "Device ID",
    "mpxn": "MPxN",
    "msn": "MSN",
    "device_type": "device type",
    "smi_status": "SMI Status",
    "installed_from": "first date of installation",
    "installed_to": "last date of installation",
    "map_id": "MAP ID",
    "map_from": "date from which the MAP ID applies",
}


def act_on_devices(row: AuditRow) -> str:
    """Return what was done, as words that follow the person’s name; empty for kinds that are not about devices.

    The row is one that is `told_to` its reader.
    """
    words = WORDS.get(row.kind)
    return words(row) if words else ""


def listed(names: Iterable[str], labels: Mapping[str, str]) -> str:
    """Such as `MSN and MAP ID`."""
    found = [labels.get(name, name.replace("_", " ")) for name in names]
    return " and ".join([", ".join(found[:-1]), found[-1]] if len(found) > 1 else found)


def _searched(row: AuditRow) -> str:
    return f"searched for devices by {listed(row.details.get('keys', []), LABELS)}"


def _list_read(row: AuditRow) -> str:
    name = row.details.get("worklist")
    title = WORKLISTS[name].title if name in WORKLISTS else name
    return f"looked at the list “{title}”" if name else "looked at the list of devices"


def _list_downloaded(row: AuditRow) -> str:
    keys = row.details.get("keys")
    return f"downloaded the devices found by {listed(keys, LABELS)}" if keys else "downloaded the list of devices"


def _report(row: AuditRow) -> str:
    name = row.details.get("report")
    title = CATALOGUE[name].title if name in CATALOGUE else name
    as_of = date_format(date.fromisoformat(row.details["as_of"]), "DATE_FORMAT")
    return f"downloaded the {title} as of {as_of}"


def _recorded(row: AuditRow) -> str:
    version = f", version {row.told_version}" if row.told_device else ""
    return f"recorded {listed(row.details.get('items', []), LABELS)} of {_device(row)}{version}"


def _device(row: AuditRow) -> str:
    """Such as `device 00-DB-…`; `a device` for readers who are not told which."""
    return f"device {row.told_device}" if row.told_device else "a device"


WORDS: dict[str, Callable[[AuditRow], str]] = {
    DeviceAuditKind.DEVICE_READ: lambda row: f"looked at {_device(row)}",
    DeviceAuditKind.SEARCH: _searched,
    DeviceAuditKind.LIST_READ: _list_read,
    DeviceAuditKind.LIST_DOWNLOADED: _list_downloaded,
    DeviceAuditKind.REPORT_DOWNLOADED: _report,
    DeviceAuditKind.ITEMS_RECORDED: _recorded,
    DeviceAuditKind.LOOK_UPS_IN_VAIN: lambda row: (
        f"made {row.details.get('number')} searches that found nothing on one date"
    ),
}
