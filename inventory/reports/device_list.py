"""Lists of devices as files: what a search found, and what waits for something."""

from datetime import date
from functools import reduce
from operator import or_

from django.db.models import QuerySet

from accounts.acting import Acting
from inventory.devices.filters import DeviceFilter
from inventory.devices.worklists import Worklist
from inventory.models import Device


def listed(acting: Acting, day: date, search: DeviceFilter) -> QuerySet:
    """Return what `search` found; duplicates are looked for among all devices that `acting` can see."""
    return search.qs.with_quality_flags(acting, day, among=Device.objects.visible_to(acting))


def waiting(acting: Acting, day: date, work: Worklist) -> QuerySet:
    """Return the devices that `work` counts: a file with others would tell their number."""
    visible = Device.objects.visible_to(acting)
    return visible.filter(reduce(or_, work.choose(acting).counted)).with_quality_flags(acting, day, among=visible)
