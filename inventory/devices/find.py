"""One device by its Device ID, for pages and API alike: one same 404 for what is not there and what is not yours.

A look-up that finds nothing is counted (`accounts.limits`).
"""

import re
from datetime import date, datetime

from django.db import connection
from django.http import Http404, HttpRequest

from accounts import clock
from inventory.history.device_history import DeviceHistory
from inventory.identifiers import DEVICE_ID_PATTERN, InvalidIdentifier, parse_device_id
from inventory.models import Device


def device_or_404(request: HttpRequest, device_id: str, *, flagged: bool = True) -> Device:
    """The device of this ID in the scope of whom the request acts for; `flagged` with its quality flags."""
    canonical = _canonical(request, device_id)
    devices = Device.objects.visible_to(request.acting).with_parties().filter(device_id=canonical)
    if flagged:
        devices = devices.with_quality_flags(request.acting, clock.today())
    device = devices.first()
    if device is None:
        raise not_found(request)
    return device


def history_or_404(request: HttpRequest, device_id: str) -> tuple[str, DeviceHistory]:
    """Device ID and history of a device that whom the request acts for has, or had once."""
    canonical = _canonical(request, device_id)
    found = _device_with_history(canonical)
    if found is None:
        raise not_found(request)
    return canonical, DeviceHistory(found, request.acting)


def has_history(device_id: str) -> bool:
    """Whether this is the whole Device ID of a device in the scope of the transaction, or once in it."""
    return bool(re.fullmatch(DEVICE_ID_PATTERN, device_id)) and _device_with_history(device_id) is not None


def _device_with_history(canonical: str) -> int | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT acting_device(%s)", [canonical])
        return cursor.fetchone()[0]


def device_as_of(history: DeviceHistory, day: date, known_at: datetime | None) -> Device | None:
    """The device as it was on a UK day, as known at a moment (None: now); None unless it was the viewer's then."""
    then = Device.objects.as_of(day, known_at, device=history.device).visible_to(history.acting, day)
    return then.with_parties().first()


def not_found(request: HttpRequest) -> Http404:
    """To be raised for a device that was looked for and is not there."""
    request.look_ups.nothing()
    return Http404()


def _canonical(request: HttpRequest, device_id: str) -> str:
    try:
        canonical = parse_device_id(device_id)
    except InvalidIdentifier as invalid:
        raise Http404 from invalid
    request.look_ups.check()
    return canonical
