"""The device list: the devices a search found, for suppliers and the DCC."""

from datetime import date

from django.db.models import QuerySet

from accounts.acting import Acting
from inventory.devices.filters import DeviceFilter
from inventory.models import Device


def listed(acting: Acting, day: date, search: DeviceFilter) -> QuerySet:
    """Return what `search` found; duplicates are looked for among all devices that `acting` can see."""
    return search.qs.with_quality_flags(acting, day, among=Device.objects.visible_to(acting))
