"""All accounts as a download: here, as it joins the accounts and the portal's streams (inventory)."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.access import allow, expect
from accounts.audit import record
from accounts.audit.models import Kind
from accounts.files.streams import csv_answer
from accounts.roles import Permission
from smi_portal.oversight.accounts_file import chunks


@allow(Permission.MANAGE_ORGANISATIONS)
def accounts_download(request: HttpRequest) -> HttpResponse:
    """Every membership of everybody, past ones too."""
    expect(request)
    name = f"accounts_{timezone.localdate():%Y-%m-%d}.csv"
    answer = csv_answer(request, name, lambda: chunks(request.acting))
    if request.method == "GET":
        record(Kind.ACCOUNTS_DOWNLOADED, by=request.acting)
    return answer
