"""Reports: what there is, the MAP portfolio report, its runs and their manifests."""

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache

from accounts.access import allow, expect
from accounts.acting import FIELD, Acting
from accounts.errors import BadRequest
from accounts.roles import Permission
from inventory.models import ReportRun
from inventory.reports import map_portfolio as report
from inventory.reports.runs import file_name, manifest, plan_run
from inventory.reports.stream import csv_answer

SHOWN_RUNS = 20


@allow(Permission.DOWNLOAD_MAP_PORTFOLIO)
@never_cache
def report_list(request: HttpRequest) -> HttpResponse:
    expect(request)
    last = ReportRun.objects.visible_to(request.acting).filter(report=report.NAME).first()
    return render(request, "inventory/report_list.html", {"last_run": last})


@allow(Permission.DOWNLOAD_MAP_PORTFOLIO)
@never_cache
def map_portfolio(request: HttpRequest) -> HttpResponse:
    expect(request)
    runs = ReportRun.objects.visible_to(request.acting).filter(report=report.NAME).select_related("requested_by")
    context = {"runs": runs[:SHOWN_RUNS], "columns": report.COLUMNS, "download_url": download_url(request.acting)}
    return render(request, "inventory/map_portfolio.html", context)


def download_url(acting: Acting) -> str:
    """Where the report comes from, for the membership it is offered to."""
    return f"{reverse('map-portfolio-download')}?{urlencode({'format': 'csv', FIELD: acting.membership_id})}"


@allow(Permission.DOWNLOAD_MAP_PORTFOLIO)
def map_portfolio_download(request: HttpRequest) -> HttpResponse:
    """The report as a stream; each GET is a run of its own, HEAD answers headers only."""
    expect(request, "format")
    if request.GET.get("format", "csv") != "csv":
        raise BadRequest("The report comes as CSV: leave “format” away or set it to csv.")
    run = plan_run(report=report.NAME, by=request.acting)
    answer = csv_answer(request, file_name(run), lambda: report.chunks(run, request.acting))
    if answer.streaming:
        answer.headers["Link"] = f'<{reverse("report-run-manifest", args=[run.pk])}>; rel="describedby"'
    return answer


@allow(Permission.DOWNLOAD_MAP_PORTFOLIO)
@never_cache
def report_run_manifest(request: HttpRequest, pk: str) -> HttpResponse:
    run = ReportRun.objects.visible_to(request.acting).select_related("organisation").filter(pk=pk).first()
    if run is None:
        raise Http404
    expect(request)
    answer = JsonResponse(manifest(run), json_dumps_params={"indent": 2, "ensure_ascii": False})
    answer.headers["Content-Disposition"] = f'inline; filename="{file_name(run)}.manifest.json"'
    return answer
