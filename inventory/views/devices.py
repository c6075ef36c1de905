"""Finding devices, and one device's page."""

from typing import NamedTuple

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import urlencode

from accounts import clock
from accounts.access import allow, expect
from accounts.acting import FIELD, Acting
from accounts.files.paging import PAGING, Page, how_many, keyset_page
from accounts.roles import Permission
from inventory.data_items import listed_for
from inventory.devices.filters import DeviceFilter
from inventory.devices.find import device_or_404
from inventory.devices.presentation import Cell, cells_of, groups_of
from inventory.devices.way_back import remember_list
from inventory.devices.worklists import ALL, WORKLISTS, Chosen
from inventory.history.device_history import DeviceHistory
from inventory.models import Device
from inventory.quality import flags_of
from inventory.querysets import by_device_id
from inventory.trail.notes import note_page, note_search, note_worklist


@allow(Permission.VIEW_DEVICE)
def device_list(request: HttpRequest) -> HttpResponse:
    search = DeviceFilter(request.GET, Device.objects.visible_to(request.acting), request.acting)
    if not search.is_valid():
        return render(request, "inventory/device_list.html", {"search": search}, status=400)
    context = {
        "search": search,
        "tags": tags_of(search),
        "download": urlencode(search.given | {FIELD: request.acting.membership_id}),
        "may_download": request.acting.may(Permission.DOWNLOAD_DEVICE_LIST),
    }
    if search.looks_up:
        request.look_ups.check()
    context |= found(request, search.qs)
    if search.looks_up and not context["rows"]:
        request.look_ups.nothing()
    note_search(request, search, [device for device, _ in context["rows"]])
    return render(request, "inventory/device_list.html", context)


@allow(Permission.VIEW_DEVICE)
def worklist(request: HttpRequest, name: str) -> HttpResponse:
    """A list of devices that wait for something; each is one number on the dashboard."""
    work = WORKLISTS.get(name)
    if work is None or request.acting.role not in work.roles:
        raise Http404
    expect(request, *PAGING)
    visible = Device.objects.visible_to(request.acting)
    context = found(request, visible, work.choose(request.acting)) | {
        "work": work,
        "hint": work.hint_for(request.acting),
        "may_record": request.acting.may(Permission.RECORD_ITEM),
    }
    note_worklist(request, name, [device for device, _ in context["rows"]])
    return render(request, "inventory/worklist.html", context)


@allow(Permission.VIEW_DEVICE)
def device_detail(request: HttpRequest, device_id: str) -> HttpResponse:
    device = device_or_404(request, device_id)
    expect(request)
    remember_list(request, device.device_id)
    note_page(request, device)
    flags = flags_of(device.quality_flags)
    visible = Device.objects.visible_to(request.acting)
    history = DeviceHistory(device.pk, request.acting)
    context = {
        "device": device,
        "groups": groups_of(device, history, flags),
        "flags": flags,
        "twins": visible.sharing_msn_with(device)[:5],
        "may_edit": request.acting.may(Permission.RECORD_ITEM) and device.is_meter,
        "may_blank": request.acting.may(Permission.BLANK_MAP_ID) and device.asset_provider,
        "may_remove_msn": request.acting.may(Permission.REMOVE_MSN) and device.msn,
        "planned": history.providers_to_come,
        "may_take_back": request.acting.may(Permission.REPLACE_ITEM),
    }
    return render(request, "inventory/device_detail.html", context)


def found(request: HttpRequest, devices: QuerySet, chosen: Chosen = ALL) -> dict[str, object]:
    """What a list of devices shows: one page of rows, the columns, and the number up to 1,000."""
    acting: Acting = request.acting
    page = keyset_page(by_device_id(devices, acting, chosen.listed), request.GET)
    return {
        "page": page,
        "columns": listed_for(acting.role),
        "rows": _rows(page, acting),
        "count": how_many(devices, chosen.counted),
    }


def _rows(page: Page, acting: Acting) -> list[tuple[Device, list[Cell]]]:
    day = clock.today()
    devices = Device.objects.visible_to(acting).filter(pk__in=[row.pk for row in page.rows]).with_parties()
    flagged = devices.with_quality_flags(acting, day).order_by("device_id")
    return [(device, cells_of(device, acting.role)) for device in flagged]


class Tag(NamedTuple):
    """An applied filter in words, and the address without it."""

    label: str
    url: str


def tags_of(search: DeviceFilter) -> list[Tag]:
    return [
        Tag(words, "?" + urlencode({other: value for other, value in search.given.items() if other != name}))
        for name, words in search.applied.items()
    ]
