"""Whom to act for."""

from dataclasses import replace

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render

from accounts import acting
from accounts.access import Open, allow
from accounts.audit import note
from accounts.audit.kinds import AuditKind
from accounts.models import Membership
from accounts.sign_in.kept_forms import safe_next


class SeeOtherWithForm(HttpResponseRedirect):
    """307: the browser sends the same form again, now under the membership it was made for."""

    status_code = 307


@allow(Open.SIGNED_IN, "GET", "HEAD", "POST")
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
        note(AuditKind.SWITCH, by=by, membership=membership.pk)


@allow(Open.TO_ALL)
def no_sign_up(request: HttpRequest) -> HttpResponse:
    """Accounts are made by administrators: the help page says whom to ask."""
    return redirect("help")
