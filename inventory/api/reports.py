"""Reports as resources: what there is, the files themselves, and what each run held."""

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.text import slugify
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from accounts.access import Open
from accounts.files.streams import csv_answer
from accounts.roles import Permission
from inventory.api.paging import Whole
from inventory.api.parameters import A_FILE, DESCRIBED_BY, FILTERS, PAST
from inventory.api.resource import Resource
from inventory.api.serializers.reports import ManifestSerializer, ReportSerializer, RunSerializer
from inventory.data_items import DEVICE_LIST, MAP_PORTFOLIO
from inventory.devices.filters import DeviceFilter
from inventory.forms.past import PastForm
from inventory.models import Device, ReportRun
from inventory.reports import device_list, map_portfolio
from inventory.reports.runs import file_name, manifest, plan_run
from inventory.trail.notes import note_file

REPORTS = {
    MAP_PORTFOLIO: (Permission.DOWNLOAD_MAP_PORTFOLIO, "MAP portfolio report", map_portfolio.HEADER),
    DEVICE_LIST: (Permission.DOWNLOAD_DEVICE_LIST, "Device list", device_list.HEADER),
}
SHOWN_RUNS = 100


class ReportViewSet(Resource):
    """The reports that you may download, and the files."""

    permission = {
        "list": Open.MEMBERS,
        "map_portfolio": Permission.DOWNLOAD_MAP_PORTFOLIO,
        "device_list": Permission.DOWNLOAD_DEVICE_LIST,
    }
    serializer_class = ReportSerializer
    pagination_class = Whole

    def list(self, request: Request) -> Response:
        """The reports that you may download, their columns and addresses."""
        self.expect()
        mine = [(name, *rest) for name, (right, *rest) in REPORTS.items() if request.acting.may(right)]
        told = [
            {
                "name": name,
                "title": title,
                "formats": ["csv"],
                "columns": columns,
                "download": reverse(f"api-{name}-download", request=request),
                "runs": reverse("api-run-list", request=request) if name == MAP_PORTFOLIO else None,
            }
            for name, title, columns in mine
        ]
        return self.get_paginated_response(self.get_serializer(self.paginate_queryset(told), many=True).data)

    @extend_schema(parameters=[*PAST, *DESCRIBED_BY], responses=A_FILE)
    @action(detail=False)
    def map_portfolio(self, request: Request) -> HttpResponse:
        """Every device recorded against your MAP IDs, of today or as it was on the UK day `as_of`.

        As known now, or at the end of the day `known_on`. `Link` leads to the manifest, against which the file is
        verified. HEAD makes no run.
        """
        self.expect("as_of", "known_on")
        form = PastForm(request.query_params)
        as_of, known_at = form.cleaned_or_refused()["as_of"], form.known_at
        run = plan_run(report=map_portfolio.NAME, by=request.acting, as_of=as_of, known_at=known_at)
        answer = csv_answer(plain(request), file_name(run), lambda: map_portfolio.chunks(run, request.acting))
        if request.method == "GET":
            about = reverse("api-run-manifest", args=[run.pk], request=request)
            answer.headers["Link"] = f'<{about}>; rel="describedby"'
        return answer

    @extend_schema(parameters=FILTERS, responses=A_FILE)
    @action(detail=False)
    def device_list(self, request: Request) -> HttpResponse:
        """The devices in scope, narrowed by the same filters as the list; as one file."""
        self.expect(*DeviceFilter.base_filters)
        visible = Device.objects.visible_to(request.acting)
        search = DeviceFilter(request.query_params, visible, request.acting, beside=())
        devices, day = search.narrowed_or_refused(), timezone.localdate()
        name = f"devices_{slugify(request.acting.organisation.name)}_{day:%Y-%m-%d}.csv"
        answer = csv_answer(plain(request), name, lambda: device_list.chunks(devices, request.acting, day))
        if request.method == "GET":
            note_file(request, search)
        return answer


def plain(request: Request) -> HttpRequest:
    """Django's own request, with the server's socket in it."""
    return request._request


class RunViewSet(Resource):
    """Downloads of the MAP portfolio report by the own organisation."""

    permission = Permission.DOWNLOAD_MAP_PORTFOLIO
    queryset = ReportRun.objects.none()
    serializer_class = RunSerializer
    pagination_class = Whole

    def list(self, request: Request) -> Response:
        """The last 100 downloads of the MAP portfolio report by your organisation, newest first."""
        self.expect()
        runs = ReportRun.objects.visible_to(request.acting).filter(report=map_portfolio.NAME)[:SHOWN_RUNS]
        return self.get_paginated_response(self.get_serializer(self.paginate_queryset(runs), many=True).data)

    def retrieve(self, request: Request, pk: str) -> Response:
        """One run, and how it ended."""
        return Response(self.get_serializer(self._run(request, pk)).data)

    @extend_schema(responses=ManifestSerializer)
    @action(detail=True)
    def manifest(self, request: Request, pk: str) -> Response:
        """What proves that a file is whole: rows, bytes and SHA-256 of the CSV before any Content-Encoding."""
        return Response(ManifestSerializer(manifest(self._run(request, pk))).data)

    def _run(self, request: Request, pk: str) -> ReportRun:
        run = ReportRun.objects.visible_to(request.acting).select_related("organisation").filter(pk=pk).first()
        if run is None:
            raise Http404
        self.expect()
        return run
