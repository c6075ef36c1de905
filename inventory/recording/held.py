"""A device held for update, in the scope of the person or system that changes it."""

from accounts.acting import Acting
from accounts.errors import Stale
from inventory.models import Device


def held_device(device_id: str, expected_version: int, by: Acting) -> Device:
    """Return the device for update, in the scope of `by`; check the scope before the version."""
    visible = Device.objects.visible_to(by).with_parties().select_for_update(of=("self",))
    device = visible.get(device_id=device_id)
    if device.version != expected_version:
        raise Stale
    return device
