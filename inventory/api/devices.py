"""Devices as resources. Docstrings of view sets and actions are public: they stand in the description of the API."""

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import clock
from accounts.errors import BadRequest, NotAllowed
from accounts.idempotency import answered_once
from accounts.roles import Permission
from inventory.api.paging import PARAMETERS, DevicePagination
from inventory.api.parameters import (
    ETAG,
    FILTERS,
    IDEMPOTENCY_KEY,
    IF_MATCH,
    IF_NONE_MATCH,
    PAGES,
    PAST_NEEDED,
    REPLAYED,
)
from inventory.api.resource import Resource
from inventory.api.serializers.devices import AsOfSerializer, DeviceSerializer
from inventory.api.serializers.history import HistorySerializer
from inventory.api.serializers.recording import (
    BatchAnswerSerializer,
    BatchSerializer,
    ItemsSerializer,
    asked_of,
    entries_of,
)
from inventory.api.versions import expected_version, tagged
from inventory.devices.filters import DeviceFilter
from inventory.devices.find import device_as_of, device_or_404, history_or_404, not_found
from inventory.forms.past import PastForm
from inventory.history.timeline import held, timeline
from inventory.models import Device
from inventory.querysets import DeviceQuerySet
from inventory.recording.batch import NOT_THERE, record_batch
from inventory.recording.record import record_items
from inventory.trail.notes import note_page, note_past, note_search


class DeviceViewSet(Resource):
    """The devices in the own scope."""

    permission = {
        "list": Permission.VIEW_DEVICE,
        "retrieve": Permission.VIEW_DEVICE,
        "partial_update": Permission.RECORD_ITEM,
        "history": Permission.VIEW_DEVICE,
        "as_of": Permission.VIEW_DEVICE,
        "batch": Permission.RECORD_ITEM,
    }
    queryset = Device.objects.none()
    serializer_class = DeviceSerializer
    pagination_class = DevicePagination
    lookup_field = "device_id"

    def detailed(self, devices: DeviceQuerySet) -> DeviceQuerySet:
        """Those of them in scope, with all that is told of each."""
        acting = self.request.acting
        return devices.visible_to(acting).with_parties().with_quality_flags(acting, clock.today())

    @extend_schema(parameters=[*FILTERS, *PAGES])
    def list(self, request: Request) -> Response:
        """The devices in scope, by Device ID, narrowed by the same filters as on the portal's page."""
        self.expect(*DeviceFilter.base_filters, *PARAMETERS)
        visible = Device.objects.visible_to(request.acting)
        search = DeviceFilter(request.query_params, visible, request.acting, beside=PARAMETERS)
        devices = search.narrowed_or_refused()
        if search.looks_up:
            request.look_ups.check()
        page = self.paginate_queryset(devices)
        if search.looks_up and not page:
            request.look_ups.nothing()
        note_search(request, search, page)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(parameters=[IF_NONE_MATCH, *ETAG])
    def retrieve(self, request: Request, device_id: str) -> Response:
        """One device, with the tag to change it by."""
        device = device_or_404(request, device_id)
        self.expect()
        note_page(request, device)
        return tagged(self.get_serializer(device).data, request)

    @extend_schema(parameters=[IF_MATCH, *ETAG], request=ItemsSerializer)
    def partial_update(self, request: Request, device_id: str) -> Response:
        """Record or replace MAP ID and MSN of the version that `If-Match` names."""
        device = device_or_404(request, device_id, flagged=False)
        self.expect()
        version = expected_version(request, device.version)
        asked = asked_of(ItemsSerializer(data=request.data))
        record_items(device_id=device.device_id, recording=asked, expected_version=version, by=request.acting)
        changed = self.detailed(Device.objects.filter(pk=device.pk)).get()
        return tagged(self.get_serializer(changed).data, request)

    @extend_schema(responses=HistorySerializer)
    @action(detail=True)
    def history(self, request: Request, device_id: str) -> Response:
        """What happened to one device, for whoever has it or had it once: clipped to its own days."""
        canonical, history = history_or_404(request, device_id)
        self.expect()
        device = Device.objects.visible_to(request.acting).filter(pk=history.device).first()
        note_page(request, device) if device else note_past(request, canonical)
        told = {"device_id": canonical, "current": device is not None, "held": held(history)}
        return Response(HistorySerializer(told | {"entries": timeline(history)}).data)

    @extend_schema(parameters=PAST_NEEDED, responses=AsOfSerializer)
    @action(detail=True, url_path="as-of")
    def as_of(self, request: Request, device_id: str) -> Response:
        """One device as it was on the UK day `as_of`, as known at the end of the day `known_on` (left out: now)."""
        canonical, history = history_or_404(request, device_id)
        self.expect("as_of", "known_on")
        form = PastForm({"as_of": ""} | request.query_params.dict(), day_needed=True)
        asked = form.cleaned_or_refused()
        device = device_as_of(history, asked["as_of"], form.known_at)
        if device is None:
            raise not_found(request)
        note_past(request, canonical)
        told = {"as_of": asked["as_of"], "known_on": asked["known_on"], "device": device}
        return Response(AsOfSerializer(told, context=self.get_serializer_context()).data)

    @extend_schema(parameters=[IDEMPOTENCY_KEY, REPLAYED], request=BatchSerializer, responses=BatchAnswerSerializer)
    @action(detail=False, methods=["post"])
    def batch(self, request: Request) -> Response:
        """Record or replace MAP ID and MSN of up to 1,000 devices: all of them, or none."""
        self.expect()
        request.look_ups.check()
        return answered_once(self, request, lambda: self._record(request))

    def _record(self, request: Request) -> Response:
        entries = entries_of(BatchSerializer(data=request.data))
        try:
            changed = record_batch(entries=entries, by=request.acting)
        except NotAllowed as refusal:
            problems = [problem.of_part("devices") for problem in refusal.problems]
            request.look_ups.nothing(sum(problem.code == NOT_THERE.code for problem in problems))
            raise BadRequest(*problems, within="body") from refusal
        return Response(BatchAnswerSerializer({"devices": changed}).data)
