"""Pages that record, replace and remove MAP ID and MSN of one device."""

from datetime import date

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.formats import date_format

from accounts.access import allow, expect
from accounts.errors import Busy, NotAllowed, Stale
from accounts.forms.page import Given, done, form_page, posted, show_refusal
from accounts.roles import Permission
from accounts.sign_in.kept_forms import keeps, refilled
from accounts.waits import or_busy
from inventory.data_items import BY_NAME
from inventory.devices.find import device_or_404
from inventory.devices.presentation import row_of
from inventory.forms.recording import BlankMapIdForm, DeviceEditForm, TakeBackForm
from inventory.history.device_history import DeviceHistory
from inventory.history.provenance import provenance_of
from inventory.models import Device, StepKind
from inventory.quality import flags_of
from inventory.recording.planned import take_back_step
from inventory.recording.record import record_items
from inventory.recording.removal import blank_map_id
from inventory.rules.recording import Assessment
from inventory.trail.notes import note_page

# Choices of the conflict page only; on the form itself, the values in the fields will be saved.
CHOICES = ("keep_msn", "keep_map_id")


@allow(Permission.RECORD_ITEM, "GET", "HEAD", "POST")
@keeps(DeviceEditForm)
def device_edit(request: HttpRequest, device_id: str) -> HttpResponse:
    """The form; a first recording is saved immediately, a replacement or a doubtful date is confirmed first."""
    device = meter_or_404(request, device_id)
    expect(request)
    if request.method != "POST":
        form = refilled(request, DeviceEditForm(device=device, by=request.acting), without=CHOICES)
        return _edit_page(request, device, form)
    form = DeviceEditForm(request.POST, device=device, by=request.acting)
    if not form.is_valid():
        return _edit_page(request, device, form)
    if form.stale:
        return _conflict_page(request, device, form)
    if form.assessment.needs_confirmation:
        return render(request, "inventory/device_edit_confirm.html", {"device": device, "form": form})
    return _record(request, device, form)


@allow(Permission.REPLACE_ITEM, "POST")
def device_edit_confirm(request: HttpRequest, device_id: str) -> HttpResponse:
    """The second step: what was shown before → after is saved."""
    device = meter_or_404(request, device_id)
    expect(request)
    form = DeviceEditForm(request.POST, device=device, by=request.acting)
    if not form.is_valid():
        return _edit_page(request, device, form)
    return _conflict_page(request, device, form) if form.stale else _record(request, device, form)


@allow(Permission.BLANK_MAP_ID, "GET", "HEAD", "POST")
@keeps(BlankMapIdForm)
def map_id_blank(request: HttpRequest, device_id: str) -> HttpResponse:
    """An administrator's act of its own."""
    device = meter_or_404(request, device_id)
    if device.asset_provider is None:
        raise Http404
    expect(request)

    def remove(given: Given) -> HttpResponse:
        blank_map_id(
            device_id=device.device_id,
            kind=StepKind(given["kind"]),
            reason=given["reason"],
            day=given["day"],
            source=given["source"],
            expected_version=given["version"],
            by=request.acting,
        )
        words = f"The MAP ID of {device.device_id} has been removed."
        return done(request, words, "device-detail", device_id=device.device_id)

    form = BlankMapIdForm(posted(request), device=device)
    return form_page(request, form, "inventory/map_id_blank.html", remove, {"device": device})


@allow(Permission.REPLACE_ITEM, "GET", "HEAD", "POST")
@keeps(TakeBackForm)
def map_step_take_back(request: HttpRequest, device_id: str, day: date) -> HttpResponse:
    """Cancel a change of the MAP ID before its day."""
    device = meter_or_404(request, device_id)
    to_come = device.providerperiods.known_now().to_come().select_related("participant")
    planned = get_object_or_404(to_come, valid_from=day)
    expect(request)

    def cancel(given: Given) -> HttpResponse:
        take_back_step(
            device_id=device.device_id,
            valid_from=day,
            reason=given["reason"],
            expected_version=given["version"],
            by=request.acting,
        )
        words = f"The planned change of the MAP ID of {device.device_id} has been cancelled."
        return done(request, words, "device-detail", device_id=device.device_id)

    context = {"device": device, "planned": planned}
    form = TakeBackForm(posted(request), device=device)
    return form_page(request, form, "inventory/map_step_take_back.html", cancel, context)


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
    return done(request, _saved(form.assessment), "device-detail", device_id=device.device_id)


def _saved(assessment: Assessment) -> str:
    """Return a banner such as “MAP ID saved: ZMAP, Zenith Meter Assets, from 2 November 2022.”"""
    saved = [f"MSN saved: {assessment.msn}."] if assessment.msn else []
    if provider := assessment.participant:
        since = date_format(assessment.map_from, "DATE_FORMAT")
        saved.append(f"MAP ID saved: {provider.code}, {provider.name}, from {since}.")
    return " ".join(saved)


def _edit_page(request: HttpRequest, device: Device, form: DeviceEditForm, status: int = 400) -> HttpResponse:
    flags = flags_of(device.quality_flags)
    items = [BY_NAME[name] for name in ("msn", "map_id", "map_from") if name in form.fields]
    record = DeviceHistory(device.pk, request.acting)
    recorded = [row_of(device, item, record, flags) for item in items]
    context = {
        "device": device,
        "form": form,
        "recorded": recorded,
        "may_blank": request.acting.may(Permission.BLANK_MAP_ID) and device.asset_provider,
    }
    return render(request, "inventory/device_edit.html", context, status=status if form.is_bound else 200)


def _conflict_page(request: HttpRequest, device: Device, form: DeviceEditForm) -> HttpResponse:
    """409: when you opened it, theirs, yours; nothing typed is lost."""
    form.device = device
    record = DeviceHistory(device.pk, request.acting)
    sides = [(side, provenance_of(record, BY_NAME[side.name])) for side in form.sides()]
    context = {"device": device, "form": form, "sides": sides}
    return render(request, "inventory/device_conflict.html", context, status=409)
