"""Whom to act for, and the public lists."""

from dataclasses import replace

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache

from accounts import acting
from accounts.access import Open, allow, expect
from accounts.audit import record
from accounts.audit_models import Kind
from accounts.forms import ParticipantSearch
from accounts.models import Membership, Participant
from accounts.roles import Job, Permission, Role, allows


class SeeOtherWithForm(HttpResponseRedirect):
    """307: the browser sends the same form again, now under the membership it was made for."""

    status_code = 307


@allow(Open.SIGNED_IN, "GET", "HEAD", "POST")
@never_cache
def acting_choice(request: HttpRequest) -> HttpResponse:
    """Choose the membership to act under; then on to `next`, with the form that was stopped if there is one."""
    onward = safe_next(request)
    if request.method != "POST":
        return render(request, "accounts/acting_choice.html", {"next": onward})
    chosen = [m for m in request.memberships if str(m.pk) == request.POST.get("membership")]
    if not chosen:
        raise Http404
    request.session[acting.SESSION_KEY] = chosen[0].pk
    _record_switch(request, chosen[0])
    return SeeOtherWithForm(onward) if "replay" in request.POST else redirect(onward)


def _record_switch(request: HttpRequest, membership: Membership) -> None:
    by = replace(acting.Acting.under(membership), origin=acting.Origin.of(request))
    with acting.scope(by):
        record(Kind.SWITCH, by=by, membership=membership.pk)


def safe_next(request: HttpRequest) -> str:
    """Where to go on: a path of this site, else the dashboard."""
    onward = request.GET.get("next", "")
    safe = url_has_allowed_host_and_scheme(onward, allowed_hosts=None) and onward.startswith("/")
    return onward if safe else "/"


@allow(Open.TO_ALL)
def no_sign_up(request: HttpRequest) -> HttpResponse:
    """Accounts are made by administrators: the help page says whom to ask."""
    return redirect("help")


@allow(Open.MEMBERS)
def participant_list(request: HttpRequest) -> HttpResponse:
    """The public list of MAPs and suppliers: codes, names and dates; never devices."""
    expect(request, "name")
    form = ParticipantSearch(request.GET)
    participants = Participant.objects.order_by("role", "fuel", "code", "effective_from")
    if form.is_valid() and (name := form.cleaned_data["name"]):
        participants = participants.filter(Q(name__icontains=name) | Q(code__iexact=name))
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
