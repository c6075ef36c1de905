"""Pages that remove MAP ID or MSN of one device, and cancel a planned change."""

from datetime import date

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from accounts.access import allow, expect
from accounts.forms.page import Given, done, form_page, posted
from accounts.roles import Permission
from accounts.sign_in.kept_forms import keeps
from inventory.forms.removing import BlankMapIdForm, RemoveMsnForm, TakeBackForm
from inventory.models import StepKind
from inventory.recording.planned import take_back_step
from inventory.recording.removal import blank_map_id, remove_msn
from inventory.views.editing import meter_or_404
from inventory.views.recording_words import named, removed_in_words, shown


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
        day = given["day"] if given["kind"] == StepKind.ENDED else device.map_from
        return done(request, removed_in_words(device, day), "device-detail", device_id=device.device_id)

    form = BlankMapIdForm(posted(request), device=device)
    return form_page(request, form, "inventory/map_id_blank.html", remove, {"device": device})


@allow(Permission.REMOVE_MSN, "GET", "HEAD", "POST")
@keeps(RemoveMsnForm)
def msn_remove(request: HttpRequest, device_id: str) -> HttpResponse:
    """An administrator's act, too: where the right MSN is known, an Editor corrects it."""
    device = meter_or_404(request, device_id)
    if not device.msn:
        raise Http404
    expect(request)

    def remove(given: Given) -> HttpResponse:
        remove_msn(
            device_id=device.device_id,
            reason=given["reason"],
            expected_version=given["version"],
            by=request.acting,
        )
        words = f"MSN removed: {device.msn}. The meter is in the list “No MSN recorded” until the right one is entered."
        return done(request, words, "device-detail", device_id=device.device_id)

    form = RemoveMsnForm(posted(request), device=device)
    return form_page(request, form, "inventory/msn_remove.html", remove, {"device": device})


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
        what = named(planned.participant) if planned.participant else "no MAP"
        words = f"Planned change cancelled: {what}, from {shown(day)}. The MAP ID stays as it is."
        return done(request, words, "device-detail", device_id=device.device_id)

    context = {"device": device, "planned": planned}
    form = TakeBackForm(posted(request), device=device)
    return form_page(request, form, "inventory/map_step_take_back.html", cancel, context)
