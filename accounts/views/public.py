"""The public list of MAPs and suppliers, and the table of rights."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from accounts.access import Open, allow, expect
from accounts.forms.people import ParticipantSearch
from accounts.models import Participant
from accounts.roles import Job, Permission, Role, allows


@allow(Open.MEMBERS)
def participant_list(request: HttpRequest) -> HttpResponse:
    """The public list of MAPs and suppliers: codes, names and dates; never devices."""
    expect(request, "name")
    form = ParticipantSearch(request.GET)
    participants = Participant.objects.named(form.cleaned_data["name"] if form.is_valid() else "")
    context = {"form": form, "participants": participants, "today": timezone.localdate()}
    return render(request, "accounts/participant_list.html", context, status=200 if form.is_valid() else 400)


@allow(Open.TO_ALL)
def who_may_do_what(request: HttpRequest) -> HttpResponse:
    """The table of rights, as it decides them."""
    own = (request.acting.role, request.acting.job) if request.acting else None
    columns = [(role, job) for role in Role for job in Job]
    rows = [
        (permission.label, [(allows(role, job, permission), (role, job) == own) for role, job in columns])
        for permission in Permission
    ]
    heads = [(Job(job).label, (role, job) == own) for role, job in columns]
    return render(request, "accounts/who_may_do_what.html", {"roles": Role, "heads": heads, "rows": rows})
