"""Pages that record and replace MAP ID and MSN of one device; those that remove and cancel are in `removing`."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from accounts.access import allow, expect
from accounts.errors import Busy, NotAllowed, Stale
from accounts.forms.page import done, show_refusal
from accounts.roles import Permission
from accounts.sign_in.kept_forms import forget, keep_for_return, keeps, refilled
from accounts.waits import or_busy
from inventory.data_items import BY_NAME
from inventory.devices.find import device_or_404
from inventory.devices.presentation import row_of
from inventory.forms.recording import DeviceEditForm
from inventory.history.device_history import DeviceHistory
from inventory.history.own_saves import own_save
from inventory.history.provenance import provenance_of
from inventory.models import Device
from inventory.quality import flags_of
from inventory.recording.record import record_items
from inventory.trail.notes import note_page
from inventory.views.recording_words import consequences_of, saved_in_words

AGAIN = "again"
# Choices of the conflict page only; on the form itself, the values in the fields will be saved.
CHOICES = ("keep_msn", "keep_map_id")


@allow(Permission.RECORD_ITEM, "GET", "HEAD", "POST")
@keeps(DeviceEditForm)
def device_edit(request: HttpRequest, device_id: str) -> HttpResponse:
    """The form. A MAP ID, a replacement and a doubtful date are confirmed on the next page; a first MSN is saved.

    `again` starts again from what is recorded.
    """
    device = meter_or_404(request, device_id)
    expect(request, AGAIN)
    if request.method != "POST":
        if AGAIN in request.GET:
            forget(request)
            return redirect(request.path)
        form = refilled(request, DeviceEditForm(device=device, by=request.acting), without=CHOICES)
        return _edit_page(request, device, form)
    form = DeviceEditForm(request.POST, device=device, by=request.acting)
    if not form.is_valid():
        return _edit_page(request, device, form)
    if form.stale:
        return _conflict_page(request, device, form)
    if form.needs_confirmation:
        return _confirm_page(request, device, form)
    return _record(request, device, form)


@allow(Permission.RECORD_ITEM, "POST")
def device_edit_confirm(request: HttpRequest, device_id: str) -> HttpResponse:
    """The second step: what was shown before → after is saved."""
    device = meter_or_404(request, device_id)
    expect(request)
    form = DeviceEditForm(request.POST, device=device, by=request.acting)
    if not form.is_valid():
        return _edit_page(request, device, form)
    return _conflict_page(request, device, form) if form.stale else _record(request, device, form)


def meter_or_404(request: HttpRequest, device_id: str) -> Device:
    """Return a device for which MAP ID or MSN can be recorded; note in the audit trail that its values are shown."""
    device = device_or_404(request, device_id)
    if not device.is_meter:
        raise Http404
    if request.method == "GET":
        note_page(request, device)
    return device


def _record(request: HttpRequest, device: Device, form: DeviceEditForm) -> HttpResponse:
    try:
        with or_busy():
            record_items(
                device_id=device.device_id,
                recording=form.recording(),
                expected_version=form.cleaned_data["version"],
                by=request.acting,
            )
    except Stale:
        return _conflict_page(request, device_or_404(request, device.device_id), form)
    except NotAllowed as refusal:
        show_refusal(form, refusal)
        return _edit_page(request, device, form)
    except Busy as busy:
        form.add_error(None, str(busy))
        return _edit_page(request, device, form, status=503)
    forget(request)
    return done(request, saved_in_words(form), "device-detail", device_id=device.device_id)


def _edit_page(request: HttpRequest, device: Device, form: DeviceEditForm, status: int = 400) -> HttpResponse:
    flags = flags_of(device.quality_flags)
    items = [BY_NAME[name] for name in ("map_id", "map_from", "msn") if name in form.fields]
    record = DeviceHistory(device.pk, request.acting)
    recorded = [row_of(device, item, record, flags) for item in items]
    context = {
        "device": device,
        "form": form,
        "recorded": recorded,
        "may_blank": request.acting.may(Permission.BLANK_MAP_ID) and device.asset_provider,
        "may_remove_msn": request.acting.may(Permission.REMOVE_MSN) and device.msn,
    }
    return render(request, "inventory/device_edit.html", context, status=status if form.is_bound else 200)


def _confirm_page(request: HttpRequest, device: Device, form: DeviceEditForm) -> HttpResponse:
    """What will be saved, in words and before → after; the form itself waits for the way back."""
    keep_for_return(request)
    chosen, day = form.assessment.participant, form.assessment.map_from
    context = {
        "device": device,
        "form": form,
        "consequences": consequences_of(form),
        "changes": [(change, change.label != BY_NAME["map_from"].label) for change in form.assessment.changes],
        "chosen": chosen,
        "alike": form.maps.alike(chosen, day, device.asset_provider) if chosen else [],
    }
    return render(request, "inventory/device_edit_confirm.html", context)


def _conflict_page(request: HttpRequest, device: Device, form: DeviceEditForm) -> HttpResponse:
    """409: when you opened it, theirs, yours; nothing typed is lost."""
    form.device = device
    record = DeviceHistory(device.pk, request.acting)
    changed = [side.name for side in form.sides() if side.changed_by_them]
    own = {name: saved for name in changed if (saved := own_save(record, name, request.user))}
    sides = [(side, provenance_of(record, BY_NAME[side.name])) for side in form.sides(in_another_tab=own)]
    context = {
        "device": device,
        "form": form,
        "sides": sides,
        "saved_by_oneself": max(own.values()) if own and len(own) == len(changed) else None,
    }
    return render(request, "inventory/device_conflict.html", context, status=409)
