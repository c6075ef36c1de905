"""Pages about the portal itself, open to all."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.access import Open, allow
from inventory.data_items import ITEMS, Group, Recorder
from inventory.models import DeviceType
from inventory.quality import FLAGS


@allow(Open.TO_ALL)
def help_page(request: HttpRequest) -> HttpResponse:
    context = {"recorders": recorders(), "flags": FLAGS, "device_types": DeviceType.labels}
    return render(request, "smi_portal/help.html", context)


@allow(Open.TO_ALL)
def accessibility(request: HttpRequest) -> HttpResponse:
    return render(request, "smi_portal/accessibility.html")


@allow(Open.TO_ALL)
def privacy(request: HttpRequest) -> HttpResponse:
    return render(request, "smi_portal/privacy.html")


def recorders() -> dict[str, list[str]]:
    """Who records what: the labels of the data items under the words for their recorder."""
    items = [item for item in ITEMS if item.group is not Group.REPORT]
    return {who.value: labels for who in Recorder if (labels := [i.label for i in items if i.recorder is who])}
