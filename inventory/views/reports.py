"""The list of reports, their files, the page of the MAP portfolio report, and the manifests of runs."""

from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.http import urlencode

from accounts.access import Open, View, allow, expect
from accounts.acting import FIELD, Acting
from accounts.errors import BadRequest
from accounts.files.streams import csv_answer
from accounts.roles import Permission
from inventory.data_items import MAP_PORTFOLIO
from inventory.forms.past import PastForm
from inventory.reports.catalogue import CATALOGUE, THE_PAST, Report, reports_of
from inventory.reports.run import chunks_of, file_name, manifest, plan_run, runs_of

SHOWN_RUNS = 20


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
        expect(request, "format", *report.question.parameters)
        if request.GET.get("format", "csv") != "csv":
            raise BadRequest("This report is only available as CSV. Leave out “format”, or set it to csv.")
        asked = report.question.read(request.GET, request.acting)
        if asked.search:
            request.look_ups.search(asked.search)
        run = plan_run(report, asked, by=request.acting)
        answer = csv_answer(request, file_name(run), lambda: chunks_of(run, asked, request.acting))
        if report.keeps_runs and request.method == "GET":
            answer.headers["Link"] = f'<{reverse("report-run-manifest", args=[run.pk])}>; rel="describedby"'
        return answer

    return download


@allow(Permission.DOWNLOAD_MAP_PORTFOLIO)
def map_portfolio(request: HttpRequest) -> HttpResponse:
    """The report's page; with `as_of`, it offers the report of that day."""
    expect(request, *THE_PAST.parameters)
    form = PastForm(request.GET or None)
    context = {
        "report": CATALOGUE[MAP_PORTFOLIO],
        "form": form,
        "past_url": download_url(request.acting, request.GET) if form.is_valid() and form.cleaned_data["as_of"] else "",
        "runs": runs_of(request.acting).filter(report=MAP_PORTFOLIO)[:SHOWN_RUNS],
        "download_url": download_url(request.acting),
    }
    return render(request, "inventory/map_portfolio.html", context, status=400 if form.errors else 200)


def download_url(acting: Acting, asked: QueryDict | None = None) -> str:
    """Where the report comes from, for the membership it is offered to: of now, or of the past that was `asked`."""
    past = {name: asked[name] for name in THE_PAST.parameters if asked and asked.get(name)}
    query = {"format": "csv"} | past | {FIELD: acting.membership_id}
    return f"{reverse('map-portfolio-download')}?{urlencode(query)}"


@allow(Permission.DOWNLOAD_MAP_PORTFOLIO)
def report_run_manifest(request: HttpRequest, pk: str) -> HttpResponse:
    run = get_object_or_404(runs_of(request.acting), pk=pk)
    expect(request)
    answer = JsonResponse(manifest(run), json_dumps_params={"indent": 2, "ensure_ascii": False})
    answer.headers["Content-Disposition"] = f'inline; filename="{file_name(run)}.manifest.json"'
    return answer
