"""Pages about the portal itself, open to all."""

from functools import cache

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from accounts.access import Open, allow
from inventory.data_items import ITEMS, Group, RecordedBy
from inventory.models import DeviceType
from inventory.quality import FLAGS
from smi_portal.docs.documents import document
from smi_portal.docs.reference import headers, resources, schemas, usual


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
    return {who.value: labels for who in RecordedBy if (labels := [i.label for i in items if i.recorder is who])}


@allow(Open.TO_ALL)
def open_questions(request: HttpRequest) -> HttpResponse:
    """What is assumed, from the file that developers read too."""
    return render(request, "smi_portal/open_questions.html", {"document": document("open-questions")})


@allow(Open.TO_ALL)
def api_guide(request: HttpRequest) -> HttpResponse:
    """How systems come in, and what each problem means that an answer names; from the file that developers read too."""
    return render(request, "smi_portal/api_guide.html", {"document": document("api")})


@allow(Open.TO_ALL)
def api_reference(request: HttpRequest) -> HttpResponse:
    """The description of the API for people; `api-schema` has the same for programs."""
    return render(request, "smi_portal/api_reference.html", {"operations": _operations()})


@cache
def _operations() -> SafeString:
    """Return the reference, rendered once, because it is long and the same for everyone."""
    context = {"resources": resources(), "schemas": schemas(), "headers": headers(), "usual": usual()}
    return render_to_string("smi_portal/_api_operations.html", context)
