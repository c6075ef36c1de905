"""What happened to one device, and how it was on a day, as far as the viewer may know."""

from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache

from accounts.access import allow, expect
from accounts.acting import Acting
from accounts.roles import Permission
from inventory.forms import PastForm
from inventory.history.record import DeviceRecord
from inventory.history.timeline import held, timeline
from inventory.identifiers import InvalidIdentifier, parse_device_id
from inventory.models import Device
from inventory.presentation import Cell, past_cells_of
from inventory.trail import note_page, note_past


@allow(Permission.VIEW_DEVICE)
@never_cache
def device_history(request: HttpRequest, device_id: str) -> HttpResponse:
    """For whoever has the device or had it once: clipped to its own days. With `as_of`, how it was on that day."""
    canonical, record = record_or_404(request.acting, device_id)
    expect(request, "as_of", "known_on")
    form = PastForm(request.GET or None)
    device = Device.objects.visible_to(request.acting).filter(pk=record.device).first()
    note_page(request, device) if device else note_past(request, canonical)
    context = {
        "device_id": canonical,
        "current": device is not None,
        "record": record,
        "held": held(record),
        "entries": timeline(record),
        "form": form,
        "past": past_of(form, record) if form.is_valid() else None,
    }
    return render(request, "inventory/device_history.html", context, status=400 if form.errors else 200)


def record_or_404(acting: Acting, device_id: str) -> tuple[str, DeviceRecord]:
    """Device ID and history of a device that `acting` has or had; one same 404 for any other."""
    try:
        canonical = parse_device_id(device_id)
    except InvalidIdentifier as invalid:
        raise Http404 from invalid
    with connection.cursor() as cursor:
        cursor.execute("SELECT acting_device(%s)", [canonical])
        (found,) = cursor.fetchone()
    if found is None:
        raise Http404
    return canonical, DeviceRecord(found, acting)


def past_of(form: PastForm, record: DeviceRecord) -> list[Cell] | None:
    """The data items on the day asked for; none if the device was not the viewer's then. None if nothing was asked."""
    day = form.cleaned_data.get("as_of")
    if day is None:
        return None
    then = Device.objects.as_of(day, form.known_at, device=record.device).visible_to(record.acting, day)
    device = then.with_parties().first()
    return past_cells_of(device, record.acting.role) if device else []
