"""What happened to one device, and how it was on a day, as far as the viewer may know."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.access import allow, expect
from accounts.roles import Permission
from inventory.devices.find import device_as_of, history_or_404
from inventory.devices.presentation import Cell, past_cells_of
from inventory.forms.past import PastForm
from inventory.history.device_history import DeviceHistory
from inventory.history.timeline import held, timeline
from inventory.models import Device
from inventory.trail.notes import note_page, note_past


@allow(Permission.VIEW_DEVICE)
def device_history(request: HttpRequest, device_id: str) -> HttpResponse:
    """For whoever has the device or had it once: clipped to its own days. With `as_of`, how it was on that day."""
    canonical, history = history_or_404(request, device_id)
    expect(request, "as_of", "known_on")
    form = PastForm(request.GET or None)
    device = Device.objects.visible_to(request.acting).filter(pk=history.device).first()
    note_page(request, device) if device else note_past(request, canonical)
    context = {
        "device_id": canonical,
        "current": device is not None,
        "history": history,
        "held": held(history),
        "entries": timeline(history),
        "names": {period.party: period.name for period in (*history.providers, *history.suppliers) if period.name},
        "form": form,
        "past": past_of(form, history) if form.is_valid() else None,
    }
    return render(request, "inventory/device_history.html", context, status=400 if form.errors else 200)


def past_of(form: PastForm, history: DeviceHistory) -> list[Cell] | None:
    """The data items on the day asked for; none if the device was not the viewer's then. None if nothing was asked."""
    day = form.cleaned_data.get("as_of")
    if day is None:
        return None
    device = device_as_of(history, day, form.known_at)
    return past_cells_of(device, history.acting.role) if device else []
