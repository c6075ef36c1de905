"""Reports: what there is, the MAP portfolio report, its runs and their manifests."""

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache

from accounts.access import allow, expect
from accounts.acting import FIELD, Acting
from accounts.errors import BadRequest
from accounts.files.streams import csv_answer
from accounts.roles import Permission
from inventory.forms.past import PastForm
from inventory.models import ReportRun
from inventory.reports import map_portfolio as report
from inventory.reports.runs import file_name, manifest, plan_run

SHOWN_RUNS = 20
PAST = ("as_of", "known_on")


@allow(Permission.DOWNLOAD_MAP_PORTFOLIO)
@never_cache
def report_list(request: HttpRequest) -> HttpResponse:
    expect(request)
    last = ReportRun.objects.visible_to(request.acting).filter(report=report.NAME).first()
    return render(request, "inventory/report_list.html", {"last_run": last})


@allow(Permission.DOWNLOAD_MAP_PORTFOLIO)
@never_cache
def map_portfolio(request: HttpRequest) -> HttpResponse:
    """The report's page; with `as_of`, it offers the report of that day."""
    expect(request, *PAST)
    form = PastForm(request.GET or None)
    runs = ReportRun.objects.visible_to(request.acting).filter(report=report.NAME).select_related("requested_by")
    context = {
        "form": form,
        "past_url": download_url(request.acting, request.GET) if form.is_valid() and form.cleaned_data["as_of"] else "",
        "runs": runs[:SHOWN_RUNS],
        "columns": report.COLUMNS,
        "download_url": download_url(request.acting),
    }
    return render(request, "inventory/map_portfolio.html", context, status=400 if form.errors else 200)


def download_url(acting: Acting, asked: QueryDict | None = None) -> str:
    """Where the report comes from, for the membership it is offered to: of now, or of the past that was `asked`."""
    past = {name: asked[name] for name in PAST if asked and asked.get(name)}
    query = {"format": "csv"} | past | {FIELD: acting.membership_id}
    return f"{reverse('map-portfolio-download')}?{urlencode(query)}"


@allow(Permission.DOWNLOAD_MAP_PORTFOLIO)
def map_portfolio_download(request: HttpRequest) -> HttpResponse:
    """The report as a stream; each GET is a run of its own, HEAD answers headers only."""
    expect(request, "format", *PAST)
    if request.GET.get("format", "csv") != "csv":
        raise BadRequest("The report comes as CSV: leave “format” away or set it to csv.")
    form = PastForm(request.GET)
    as_of, known_at = form.cleaned_or_refused()["as_of"], form.known_at
    run = plan_run(report=report.NAME, by=request.acting, as_of=as_of, known_at=known_at)
    answer = csv_answer(request, file_name(run), lambda: report.chunks(run, request.acting))
    if request.method == "GET":
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
