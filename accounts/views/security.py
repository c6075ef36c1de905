"""How somebody signs in: second factors, recovery codes, sessions, password; and the reset of others' factors.

What django-allauth's own pages do is left to them; these stand around them.
"""

import time

from allauth.account import views as account
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.webauthn import views as webauthn
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from accounts.access import Open, allow, expect
from accounts.actions import end_sessions_of, proposals, reset_factors_of_member, takes_two
from accounts.audit.kinds import AuditKind
from accounts.forms.page import Given, done, form_page, posted
from accounts.forms.people import ReasonForm
from accounts.models import Membership, Proposal
from accounts.proposal_words import requested
from accounts.receivers.audit import note_of_person
from accounts.roles import Permission
from accounts.sign_in import known_browsers
from accounts.sign_in.factors import has_factor, needs_factor
from accounts.sign_in.kept_forms import keeps, safe_next
from accounts.sign_in.mfa import FactorAdapter

# In the session: where somebody wanted to go before they enrolled, and when their recovery codes were shown.
ONWARD = "after_enrolment"
CODES_SHOWN_AT = "recovery_codes_shown_at"
CODES_STAY = 600  # seconds in which the codes shown may be downloaded too


@allow(Open.SIGNED_IN)
def security(request: HttpRequest) -> HttpResponse:
    """What the account is protected by."""
    held = list(Authenticator.objects.filter(user=request.user).order_by("pk"))
    kinds = {authenticator.type: authenticator.wrap() for authenticator in held}
    context = {
        "app": kinds.get(Authenticator.Type.TOTP),
        "passkeys": [a for a in held if a.type == Authenticator.Type.WEBAUTHN],
        "codes": kinds.get(Authenticator.Type.RECOVERY_CODES),
        "needed": needs_factor(request),
        "has_factor": has_factor(request.user),
        "session_count": request.user.sessions.signed_in().count(),
    }
    return render(request, "mfa/index.html", context)


@allow(Open.SIGNED_IN)
def enrol(request: HttpRequest) -> HttpResponse:
    """Where somebody who needs a factor is led: which one it shall be."""
    if not request.lacks_factor:
        return redirect("mfa_index")
    request.session[ONWARD] = safe_next(request)
    return render(request, "mfa/enrol.html", {"was_reset": request.user.must_enrol})


@allow(Open.SIGNED_IN)
def recovery_codes_view(request: HttpRequest) -> HttpResponse:
    """The codes, shown once; then on to where somebody wanted to go before they enrolled."""
    response = recovery_codes.view_recovery_codes(request)
    shown = getattr(response, "context_data", {})
    if shown.get("can_view_codes"):
        request.session[CODES_SHOWN_AT] = time.time()
        shown["onward"] = request.session.pop(ONWARD, reverse("mfa_index"))
    return response


@allow(Open.SIGNED_IN)
def recovery_codes_download(request: HttpRequest) -> HttpResponse:
    """The same codes as a text file, in the session that has just shown them."""
    held = get_object_or_404(Authenticator, user=request.user, type=Authenticator.Type.RECOVERY_CODES)
    if time.time() - request.session.get(CODES_SHOWN_AT, 0) > CODES_STAY:
        raise Http404
    headers = {"Content-Disposition": 'attachment; filename="recovery-codes.txt"'}
    text = "".join(f"{code}\r\n" for code in held.wrap().get_unused_codes())
    return HttpResponse(text, content_type="text/plain; charset=utf-8", headers=headers)


@allow(Open.SIGNED_IN, "GET", "HEAD", "POST")
def passkey_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """django-allauth's page, but for the only factor of somebody who needs one."""
    passkey = get_object_or_404(Authenticator, user=request.user, type=Authenticator.Type.WEBAUTHN, pk=pk)
    adapter = FactorAdapter()
    if not adapter.can_delete_authenticator(passkey):
        messages.error(request, adapter.error_messages["cannot_delete_authenticator"])
        return redirect("mfa_index")
    return webauthn.remove_webauthn(request, pk=pk)


@allow(Open.SIGNED_IN, "GET", "HEAD", "POST")
def password_change(request: HttpRequest) -> HttpResponse:
    """django-allauth's page, for who has a password; the other sessions end with the former one."""
    if not request.user.has_usable_password():
        messages.info(request, "You sign in through your organisation: there is no password to change here.")
        return redirect("mfa_index")
    response = account.password_change(request)
    if response.status_code == 302:
        messages.success(request, "Password changed. You have been signed out everywhere else.")
    return response


@allow(Open.SIGNED_IN, "GET", "HEAD", "POST")
def session_list(request: HttpRequest) -> HttpResponse:
    """Where the person is signed in; signs out everywhere else."""
    if request.method == "POST":
        ended = end_sessions_of(request.user, keep=request.session.session_key)
        note_of_person(AuditKind.SESSIONS_ENDED, request, request.user, sessions=ended)
        messages.success(request, "You have been signed out everywhere else.")
        return redirect("session-list")
    found = request.user.sessions.signed_in().defer("session_data").order_by("-signed_in_at")
    rows = [(session, known_browsers.in_words(session.user_agent)) for session in found]
    rows.sort(key=lambda row: row[0].pk != request.session.session_key)
    return render(request, "accounts/session_list.html", {"rows": rows})


@allow(Permission.MANAGE_MEMBERS, "GET", "HEAD", "POST", fresh=True)
@keeps(ReasonForm)
def factors_reset(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a member enrol new factors who has lost theirs, with a reason; a DCC administrator's reset is proposed."""
    members = Membership.objects.current().filter(organisation=request.acting.organisation)
    membership = get_object_or_404(members.select_related("user", "organisation"), pk=pk)
    expect(request)

    def reset(given: Given) -> HttpResponse:
        return done(request, _reset(request, membership, given["reason"]), "member-list")

    context = {"membership": membership, "two": takes_two(membership)}
    return form_page(request, ReasonForm(posted(request)), "accounts/factors_reset.html", reset, context)


def _reset(request: HttpRequest, membership: Membership, reason: str) -> str:
    """What was done, in a sentence."""
    if not takes_two(membership):
        reset_factors_of_member(membership=membership, reason=reason, by=request.acting)
        return f"The second factors of {membership.user} have been reset. We will email them."
    reset = {"act": Proposal.Act.RESET_FACTORS, "organisation": membership.organisation, "membership": membership.pk}
    return requested(proposals.propose(**reset, reason=reason, by=request.acting))
