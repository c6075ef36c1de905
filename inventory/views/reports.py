"""The list of reports, their files, the page of the MAP portfolio report, and the manifests of runs."""

from functools import partial

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.formats import date_format
from django.utils.http import urlencode

from accounts.access import Open, View, allow, expect
from accounts.acting import FIELD, Acting
from accounts.errors import BadRequest
from accounts.files.streams import CSV, XLSX, file_answer
from accounts.roles import Permission
from inventory.data_items import MAP_PORTFOLIO
from inventory.devices.worklists import WORKLISTS
from inventory.forms.past import PortfolioForm, remembers_from
from inventory.models import ReportRun
from inventory.reports.catalogue import CATALOGUE, THE_PAST, Asked, Report, reports_of
from inventory.reports.run import chunks_of, file_name, manifest, plan_run, runs_of

SHOWN_RUNS = 20
HTML = "text/html"
FORMS_OF_MANIFEST = ["application/json", HTML]
MEDIA_TYPES = {ReportRun.Format.CSV: CSV, ReportRun.Format.XLSX: XLSX}


@allow(Open.MEMBERS)
def report_list(request: HttpRequest) -> HttpResponse:
    expect(request)
    last = {run.report: run for run in runs_of(request.acting).last_of_each_report()}
    reports = [(report, last.get(report.name)) for report in reports_of(request.acting)]
    return render(request, "inventory/report_list.html", {"reports": reports})


def report_download(report: Report) -> View:
    """Return the view that answers with the file of `report`: each GET is a separate run, HEAD returns only headers."""

    @allow(report.permission)
    def download(request: HttpRequest) -> HttpResponse:
        if report.worklist and request.acting.role not in WORKLISTS[report.worklist].roles:
            raise Http404
        expect(request, "format", *report.question.parameters)
        if request.GET.get("format", "csv") not in report.formats and len(report.formats) == 1:
            raise BadRequest("This report is only available as CSV. Leave out “format”, or set it to csv.")
        try:
            asked = report.question.read(request.GET, request.acting)
        except BadRequest:
            if report.question is THE_PAST:
                return map_portfolio(request)  # says what is wrong beside its fields
            raise
        return _file(request, report, asked)

    download.page_above = True
    return download


def _file(request: HttpRequest, report: Report, asked: Asked) -> HttpResponse:
    if asked.search:
        request.look_ups.search(asked.search)
    run = plan_run(report, asked, by=request.acting)
    begin = partial(chunks_of, run, asked, request.acting)
    answer = file_answer(request, file_name(run), begin, MEDIA_TYPES[asked.format])
    if report.keeps_runs and request.method == "GET":
        answer.headers["Link"] = f'<{reverse("report-run-manifest", args=[run.pk])}>; rel="describedby"'
    return answer


@allow(Permission.DOWNLOAD_MAP_PORTFOLIO)
def map_portfolio(request: HttpRequest) -> HttpResponse:
    """The report's page, whose form asks for the file; a link to a file can fill it in."""
    expect(request, "format", *THE_PAST.parameters)
    asked = any(name in request.GET for name in ("format", *THE_PAST.parameters))
    form = PortfolioForm(request.GET if asked else None)
    if first := remembers_from():
        form.fields["known_on"].help_text += f" The inventory remembers from {date_format(first, 'DATE_FORMAT')}."
    context = {
        "report": CATALOGUE[MAP_PORTFOLIO],
        "form": form,
        "runs": runs_of(request.acting).filter(report=MAP_PORTFOLIO)[:SHOWN_RUNS],
    }
    return render(request, "inventory/map_portfolio.html", context, status=400 if form.errors else 200)


def download_url(acting: Acting) -> str:
    """Where today's report comes from, for the membership it is offered to."""
    return f"{reverse('map-portfolio-download')}?{urlencode({'format': 'csv', FIELD: acting.membership_id})}"


@allow(Permission.DOWNLOAD_MAP_PORTFOLIO)
def report_run_manifest(request: HttpRequest, pk: str) -> HttpResponse:
    """The manifest as JSON, or as a page for a browser that does not ask for `format=json`."""
    run = get_object_or_404(runs_of(request.acting), pk=pk)
    expect(request, "format")
    told = manifest(run)
    if request.GET.get("format") != "json" and request.get_preferred_type(FORMS_OF_MANIFEST) == HTML:
        context = {"run": run, "manifest": told, "report": CATALOGUE[run.report]}
        answer = render(request, "inventory/report_manifest.html", context)
    else:
        answer = JsonResponse(told, json_dumps_params={"indent": 2, "ensure_ascii": False})
        answer.headers["Content-Disposition"] = f'inline; filename="{file_name(run)}.manifest.json"'
    patch_vary_headers(answer, ["Accept"])
    return answer
