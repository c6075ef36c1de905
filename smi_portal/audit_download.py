"""The audit trail as a download: here, as it joins the trail (accounts) and the portal's streams (inventory)."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.text import slugify

from accounts.access import allow, expect
from accounts.audit import record
from accounts.audit.models import Kind
from accounts.errors import BadRequest
from accounts.files.streams import csv_answer
from accounts.roles import Permission
from smi_portal.oversight.file import chunks
from smi_portal.oversight.search import FILTERS, AuditSearch


@allow(Permission.READ_AUDIT)
def audit_download(request: HttpRequest) -> HttpResponse:
    """What the filters leave of the trail, all of it, newest first."""
    expect(request, *FILTERS)
    search = AuditSearch(request.GET, request.acting)
    if not search.is_valid():
        raise BadRequest(*(sentence for sentences in search.errors.values() for sentence in sentences))
    name = f"audit_{slugify(request.acting.organisation.name)}_{timezone.localdate():%Y-%m-%d}.csv"
    answer = csv_answer(request, name, lambda: chunks(search.rows(), request.acting))
    if request.method == "GET":
        record(Kind.AUDIT_DOWNLOADED, by=request.acting, keys=sorted(search.given))
    return answer
