"""The list from which someone opened a device: breadcrumbs of its pages lead back to it, its filters and its page.

The browser says which list it was when the device is opened; it is kept for the session, encrypted, as the filters may
hold an MPxN. So the address of a device holds its Device ID alone.
"""

from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from django.urls import Resolver404, ResolverMatch, resolve, reverse

from accounts.sign_in.encryption import Unreadable, decrypt, encrypt
from inventory.devices.worklists import WORKLISTS

LONGEST = 2_000  # characters of an address that are kept
LABELS = {"device-list": "Devices", "device-search": "Search results"}


class WayBack(NamedTuple):
    url: str
    label: str


def remember_list(request: HttpRequest, device_id: str) -> None:
    """Keep the address of the list, if the request follows a link there."""
    came_from = _of_this_site(request)
    if request.method == "GET" and came_from and _label(came_from.path):
        address = came_from._replace(scheme="", netloc="", fragment="").geturl()
        if len(address) <= LONGEST:
            cache.set(_key(request, device_id), encrypt(address), settings.SESSION_ABSOLUTE_SECONDS)


def way_back(request: HttpRequest, device_id: str) -> WayBack:
    """Return the list from which the device was opened; otherwise the list of all devices."""
    try:
        address = decrypt(cache.get(_key(request, device_id), ""))
    except Unreadable:
        address = reverse("device-list")
    return WayBack(address, _label(urlsplit(address).path))


def _of_this_site(request: HttpRequest) -> SplitResult | None:
    try:
        address = urlsplit(request.headers.get("Referer", ""))
    except ValueError:
        return None
    return address if address.netloc == request.get_host() else None


def _label(path: str) -> str:
    """Return the name of the list at this path; empty if it is not a list of devices."""
    try:
        match: ResolverMatch = resolve(path)
    except Resolver404:
        return ""
    if match.url_name == "worklist":
        work = WORKLISTS.get(match.kwargs["name"])
        return work.title if work else ""
    return LABELS.get(match.url_name, "")


def _key(request: HttpRequest, device_id: str) -> str:
    return f"list of {request.acting.membership_id} {request.session.session_key} {device_id}"
