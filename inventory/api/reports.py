"""Reports as resources: what there is, the files themselves, and what each run held."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from accounts.access import Open
from accounts.files.streams import csv_answer
from accounts.roles import Permission
from inventory.api.paging import Whole
from inventory.api.parameters import A_FILE, DESCRIBED_BY, MANIFEST, QUESTIONS
from inventory.api.resource import Resource
from inventory.api.serializers.reports import ManifestSerializer, ReportSerializer, RunSerializer
from inventory.models import ReportRun
from inventory.reports.catalogue import Report, reports_of
from inventory.reports.run import chunks_of, file_name, manifest, plan_run, runs_of

SHOWN_RUNS = 100


class ReportViewSet(Resource):
    """The reports that you may download, and the files."""

    permission = Open.MEMBERS
    serializer_class = ReportSerializer
    pagination_class = Whole

    def list(self, request: Request) -> Response:
        """The reports that you may download, their columns and addresses."""
        self.expect()
        told = [
            {
                "name": report.name,
                "title": report.title,
                "formats": ["csv"],
                "columns": report.header,
                "download": reverse(f"api-{report.name}-download", request=request),
                "runs": reverse("api-run-list", request=request) if report.keeps_runs else None,
            }
            for report in reports_of(request.acting)
        ]
        return self.get_paginated_response(self.get_serializer(self.paginate_queryset(told), many=True).data)


class OneForm(BaseContentNegotiation):
    """Of an address that has one form only: whatever a client accepts, there is nothing to choose."""

    def select_renderer(
        self, request: Request, renderers: list[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type


class DownloadViewSet(Resource):
    """The file of one report."""

    content_negotiation_class = OneForm
    report: Report
    pagination_class = None

    def retrieve(self, request: Request) -> HttpResponse:
        self.expect(*self.report.question.parameters)
        asked = self.report.question.read(request.query_params, request.acting)
        if asked.search:
            request.look_ups.search(asked.search)
        run = plan_run(self.report, asked, by=request.acting)
        answer = csv_answer(plain(request), file_name(run), lambda: chunks_of(run, asked, request.acting))
        if self.report.keeps_runs and request.method == "GET":
            about = reverse("api-run-manifest", args=[run.pk], request=request)
            answer.headers["Link"] = f'<{about}>; rel="describedby"'
        return answer


def download_of(report: Report) -> type[DownloadViewSet]:
    """Return the view set that answers with the file of `report`, described by its entry in the catalogue."""
    parameters, about = QUESTIONS[report.question]
    described = extend_schema(
        description=f"{report.holds}\n\n{about}{MANIFEST if report.keeps_runs else ''}",
        parameters=[*parameters, *(DESCRIBED_BY if report.keeps_runs else ())],
        responses=A_FILE,
    )
    given = {"__doc__": report.holds, "report": report, "permission": report.permission}
    return extend_schema_view(retrieve=described)(type("DownloadViewSet", (DownloadViewSet,), given))


def plain(request: Request) -> HttpRequest:
    """Django's own request, with the server's socket in it."""
    return request._request


class RunViewSet(Resource):
    """Downloads by your organisation, of the reports whose runs are kept."""

    permission = Permission.DOWNLOAD_MAP_PORTFOLIO
    queryset = ReportRun.objects.none()
    serializer_class = RunSerializer
    pagination_class = Whole

    def list(self, request: Request) -> Response:
        """The last 100 downloads of the MAP portfolio report by your organisation, newest first."""
        self.expect()
        runs = runs_of(request.acting)[:SHOWN_RUNS]
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
        run = get_object_or_404(runs_of(request.acting), pk=pk)
        self.expect()
        return run
