"""The first page of each role, and the public pages on data items and rules."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.access import Open, allow, expect
from accounts.acting import Acting
from accounts.files.paging import how_many
from accounts.models import Proposal
from accounts.proposal_words import with_words
from accounts.roles import Permission, Role
from inventory.data_items import ITEMS, MAP_PORTFOLIO
from inventory.devices.filters import DeviceFilter
from inventory.devices.worklists import WORKLISTS, Worklist
from inventory.models import WATCHED, Device, ReportRun
from inventory.reports.run import runs_of
from inventory.rules.table import by_item
from inventory.views.reports import download_url


@allow(Open.MEMBERS)
def dashboard(request: HttpRequest) -> HttpResponse:
    expect(request)
    acting: Acting = request.acting
    devices = Device.objects.visible_to(acting)
    context: dict[str, object] = {"work": _work(acting), "requests": _requests_to_decide(acting)}
    if acting.role == Role.MAP:
        context["download_url"] = download_url(acting)
        complete = runs_of(acting).filter(report=MAP_PORTFOLIO, outcome=ReportRun.Outcome.COMPLETE)
        context["last_run"] = complete.of_today().first()
        context["tiles"] = [(status, how_many(devices.filter(status=status))) for status in WATCHED]
    else:
        context["search"] = DeviceFilter(request.GET, devices, acting)
    return render(request, f"inventory/dashboard_{acting.role}.html", context)


def _work(acting: Acting) -> list[tuple[Worklist, int | None, str]]:
    devices = Device.objects.visible_to(acting)
    mine = [work for work in WORKLISTS.values() if acting.role in work.roles]
    return [(work, how_many(devices, work.choose(acting).counted), work.hint_for(acting)) for work in mine]


def _requests_to_decide(acting: Acting) -> list[tuple[Proposal, str]]:
    """Return the requests of others that whoever acts can approve or reject, in words; the first to expire first."""
    if not acting.may(Permission.MANAGE_ORGANISATIONS):
        return []
    others = Proposal.objects.open().exclude(proposed_by=acting.user).select_related("organisation", "proposed_by")
    return with_words(others.order_by("expires_at", "pk"))


@allow(Open.TO_ALL)
def data_items(request: HttpRequest) -> HttpResponse:
    return render(request, "inventory/data_items.html", {"items": ITEMS})


@allow(Open.TO_ALL)
def rules(request: HttpRequest) -> HttpResponse:
    return render(request, "inventory/rules.html", {"items": by_item()})
