"""One search for Device ID, MSN and MPxN, from the header of every page."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from accounts.access import allow, expect
from accounts.files.paging import PAGING
from accounts.roles import Permission
from inventory.data_items import DataItem, Group
from inventory.devices.find import has_history
from inventory.devices.presentation import Cell
from inventory.devices.search import Sought, sought
from inventory.models import Device
from inventory.trail.notes import note_sought
from inventory.views.devices import found

FOUND_BY = DataItem(name="found_by", label="Found by", help="Which of its identifiers.", group=Group.REPORT)
SHOWN = 40  # characters of the text that the page repeats


@allow(Permission.VIEW_DEVICE)
def device_search(request: HttpRequest) -> HttpResponse:
    """The device, if there is one; the list, if there are several. The text searched for stays in no other address."""
    expect(request, "q", *PAGING)
    text = request.GET.get("q", "").strip()
    if not text:
        return render(request, "inventory/device_search.html")
    search = sought(text, request.acting.role)
    request.look_ups.check()
    context = found(request, Device.objects.visible_to(request.acting), search.chosen)
    rows = context["rows"]
    note_sought(request, search, [device for device, _ in rows])
    if not rows:
        return _nothing(request, search)
    if len(rows) == 1 and not _paged(request):
        return redirect("device-detail", device_id=rows[0][0].device_id)
    context["columns"].insert(1, FOUND_BY)
    context["rows"] = [(device, [Cell(FOUND_BY, search.found_by(device)), *cells]) for device, cells in rows]
    return render(request, "inventory/device_search.html", context | _told(search))


def _nothing(request: HttpRequest, search: Sought) -> HttpResponse:
    """The history, for the Device ID of a device that was theirs once; otherwise the same page for any text."""
    device_id = search.value_of("device_id")
    if has_history(device_id):
        return redirect("device-history", device_id=device_id)
    request.look_ups.nothing()
    return render(request, "inventory/device_search.html", _told(search) | {"count": 0, "advice": search.advice})


def _told(search: Sought) -> dict[str, object]:
    return {"q": search.text[:SHOWN]}


def _paged(request: HttpRequest) -> bool:
    return any(request.GET.get(name) for name in PAGING)
