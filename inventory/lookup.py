"""One device by its Device ID, for pages and API alike."""

from django.http import Http404
from django.utils import timezone

from accounts.acting import Acting
from inventory.identifiers import InvalidIdentifier, parse_device_id
from inventory.models import Device


def device_or_404(acting: Acting, device_id: str) -> Device:
    """The device of this ID in the scope of `acting`, with its flags; one same 404 for any other."""
    try:
        canonical = parse_device_id(device_id)
    except InvalidIdentifier as invalid:
        raise Http404 from invalid
    devices = Device.objects.visible_to(acting).with_quality_flags(acting, timezone.localdate())
    device = devices.with_parties().filter(device_id=canonical).first()
    if device is None:
        raise Http404
    return device
