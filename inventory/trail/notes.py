"""What reading devices leaves in the audit trail. HEAD answers without a body, so nothing has been read."""

from django.http import HttpRequest

from accounts.acting import Acting
from accounts.audit import note, note_of_devices
from inventory.devices.filters import DeviceFilter
from inventory.devices.search import Sought
from inventory.models import Device
from inventory.trail.kinds import DeviceAuditKind
from inventory.trail.readings import How, note_readings, parties_of


def note_page(request: HttpRequest, device: Device) -> None:
    """The page of one device was read."""
    if request.method != "HEAD":
        note(DeviceAuditKind.DEVICE_READ, by=request.acting, device_id=device.device_id, version=device.version)
        note_readings(How.PAGE, parties_of([device]), by=request.acting)


def note_past(request: HttpRequest, device_id: str) -> None:
    """The history of a device that the viewer had once: it reads its own past, nobody else's device."""
    if request.method != "HEAD":
        note(DeviceAuditKind.DEVICE_READ, by=request.acting, device_id=device_id)


def note_worklist(request: HttpRequest, name: str, devices: list[Device]) -> None:
    if request.method != "HEAD":
        note(DeviceAuditKind.LIST_READ, by=request.acting, worklist=name)
        note_readings(How.LIST, parties_of(devices), by=request.acting)


def note_search(request: HttpRequest, search: DeviceFilter, devices: list[Device]) -> None:
    """A search, with the names of its keys, or the list as it stands without one."""
    if request.method != "HEAD":
        note(DeviceAuditKind.SEARCH if search.given else DeviceAuditKind.LIST_READ, by=request.acting, **_keys(search))
        how = How.LOOK_UP if search.looks_up else How.LIST
        note_readings(how, parties_of(devices), by=request.acting)


def note_sought(request: HttpRequest, search: Sought, devices: list[Device]) -> None:
    """A search from the header: of its text only an MPxN is kept, as what it is: personal."""
    if request.method != "HEAD":
        mpxn = search.value_of("mpxn")
        note(DeviceAuditKind.SEARCH, by=request.acting, keys=["q"], personal={"mpxn": mpxn} if mpxn else {})
        note_readings(How.LOOK_UP, parties_of(devices), by=request.acting)


def note_file(search: DeviceFilter, *, by: Acting) -> None:
    """Note that a file of search results was begun; whose devices it includes is noted as it is read."""
    note(DeviceAuditKind.LIST_DOWNLOADED, by=by, **_keys(search))


def _keys(search: DeviceFilter) -> dict[str, object]:
    """The names alone; of the values only an MPxN, which is kept as what it is: personal."""
    values = {"mpxn": search.form.cleaned_data["mpxn"]} if "mpxn" in search.given else {}
    return {"keys": sorted(search.given), "personal": values}


def note_recorded(changed: list[tuple[Device, list[str]]], by: Acting) -> None:
    """Note each device, its new version and the items, never a value."""
    rows = [(device.device_id, device.version, {"items": items}) for device, items in changed]
    note_of_devices(DeviceAuditKind.ITEMS_RECORDED, rows, by=by)
