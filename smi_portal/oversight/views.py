"""The audit trail of an organisation (for the DCC, of all), readers of its devices, and the DCC's list of accounts."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import conditional_escape, format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.text import slugify

from accounts.access import allow, expect
from accounts.acting import FIELD, Acting
from accounts.audit import note
from accounts.audit.kinds import AuditKind
from accounts.errors import BadRequest
from accounts.files.paging import PAGING, Keyset, keyset_page
from accounts.files.streams import file_answer
from accounts.models import Organisation
from accounts.models.audit import AuditRoot, AuditRow
from accounts.roles import Permission, Role
from inventory.models import Device, DeviceReading
from inventory.trail.readings import How
from smi_portal.oversight.accounts_file import chunks as account_chunks
from smi_portal.oversight.file import chunks as audit_chunks
from smi_portal.oversight.names import Names
from smi_portal.oversight.search import FILTERS, AuditSearch
from smi_portal.oversight.words import act_of, number_of


@allow(Permission.READ_AUDIT)
def audit(request: HttpRequest) -> HttpResponse:
    expect(request, *FILTERS, *PAGING)
    search = AuditSearch(request.GET, request.acting)
    if not search.is_valid():
        return render(request, "oversight/audit.html", {"form": search}, status=400)
    page = keyset_page(Keyset(search.rows(), "-pk", request.acting.colleagues), request.GET)
    context = {
        "form": search,
        "page": page,
        "rows": _told(page.rows, request.acting),
        "download": urlencode(search.given | {FIELD: request.acting.membership_id}),
        "roots": _latest_roots(request.acting),
        "unsealed": AuditRow.objects.readable_by(request.acting.organisation).recent().unsealed().count(),
        "keep_days": settings.AUDIT_KEEP_SHORT_DAYS,
    }
    return render(request, "oversight/audit.html", context)


def _told(rows: list[AuditRow], acting: Acting) -> list[tuple[AuditRow, str, SafeString, str, str]]:
    """Return each row with who did it, what, the organisation they acted for, and its number."""
    names, devices = Names.of(rows, acting), _devices_in_sight(rows, acting)
    return [
        (row, names.who(row), _linked(row, names, devices), names.acted_for(row), number_of(row, acting))
        for row in rows
    ]


def _devices_in_sight(rows: list[AuditRow], acting: Acting) -> set[str]:
    """Return those of the Device IDs told in these rows that have a page for the reader today."""
    told = {row.told_device for row in rows if row.told_device}
    found = Device.objects.visible_to(acting).filter(device_id__in=told) if told else Device.objects.none()
    return set(found.values_list("device_id", flat=True))


def _linked(row: AuditRow, names: Names, devices: set[str]) -> SafeString:
    """Return what was done, with a link for its Device ID if that device is one of `devices`."""
    before, told, after = act_of(row, names).partition(row.told_device or "\0")
    if told not in devices:
        return conditional_escape(before + told + after)
    link = format_html('<a class="govuk-link smi-id" href="{}">{}</a>', reverse("device-detail", args=[told]), told)
    return format_html("{}{}{}", before, link, after)


def _latest_roots(acting: Acting) -> list[AuditRoot]:
    """Return the last daily roots of the organisation's chains; for the DCC, of the overall ones."""
    chain = None if acting.role == Role.DCC else acting.organisation.pk
    roots = AuditRoot.objects.filter(organisation_id=chain)
    last = roots.order_by("-day").first()
    return list(roots.filter(day=last.day).order_by("retention")) if last else []


@allow(Permission.READ_AUDIT)
def audit_readers(request: HttpRequest) -> HttpResponse:
    """The page of who read the organisation's devices, by date: yes or no, never how many."""
    expect(request, *PAGING)
    acting: Acting = request.acting
    readings = DeviceReading.objects.all()
    if acting.role != Role.DCC:
        readings = readings.filter(subject_id=acting.organisation.pk)
    page = keyset_page(Keyset(readings, "-pk", acting.colleagues), request.GET)
    names = dict(Organisation.objects.values_list("pk", "name"))
    rows = [(reading, _reader(reading, names, acting), names.get(reading.subject_id)) for reading in page.rows]
    return render(request, "oversight/audit_readers.html", {"page": page, "rows": rows})


def _reader(reading: DeviceReading, names: dict[int, str], acting: Acting) -> str:
    """Name the reader; a MAP is told which supplier only if this installation lets MAPs see suppliers."""
    if reading.how == How.PORTFOLIO:
        return "A MAP"
    if acting.role == Role.MAP and not settings.MAP_SEES_SUPPLIER:
        return "A supplier or the DCC"
    return names.get(reading.reader_id, f"Organisation {reading.reader_id}")


@allow(Permission.READ_AUDIT, fresh=True)
def audit_download(request: HttpRequest) -> HttpResponse:
    """The file of all rows that the filters let through, newest first."""
    expect(request, *FILTERS)
    search = AuditSearch(request.GET, request.acting)
    if not search.is_valid():
        raise BadRequest(*(sentence for sentences in search.errors.values() for sentence in sentences))
    name = f"audit_{slugify(request.acting.organisation.name)}_{timezone.localdate():%Y-%m-%d}.csv"
    answer = file_answer(request, name, lambda: audit_chunks(search.rows(), request.acting))
    if request.method == "GET":
        note(AuditKind.AUDIT_DOWNLOADED, by=request.acting, keys=sorted(search.given))
    return answer


@allow(Permission.MANAGE_ORGANISATIONS, fresh=True)
def accounts_download(request: HttpRequest) -> HttpResponse:
    """The file of all memberships, including past ones."""
    expect(request)
    name = f"accounts_{timezone.localdate():%Y-%m-%d}.csv"
    answer = file_answer(request, name, lambda: account_chunks(request.acting))
    if request.method == "GET":
        note(AuditKind.ACCOUNTS_DOWNLOADED, by=request.acting)
    return answer
