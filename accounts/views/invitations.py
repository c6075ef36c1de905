"""Inviting people, and accepting: the one page that somebody without an account may open."""

import smtplib

from allauth.account.models import Login
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache

from accounts.access import Open, allow, expect
from accounts.acting import Acting, Origin
from accounts.actions import invitations, proposals
from accounts.errors import NotAllowed
from accounts.forms.people import AcceptForm, ConfirmForm, InviteForm
from accounts.models import Invitation, Proposal, User
from accounts.roles import Job, Permission, Role
from accounts.sign_in.allauth_internals import perform_password_login
from accounts.sign_in.kept_forms import refilled

NOT_SENT = "The mail could not be sent, so nobody has been invited. Try again later."


@allow(Permission.MANAGE_MEMBERS, "GET", "HEAD", "POST", fresh=True)
@never_cache
def invitation_add(request: HttpRequest) -> HttpResponse:
    """Invite somebody to the own organisation; for the DCC, an administrator is proposed."""
    expect(request)
    form = refilled(request, InviteForm(request.POST if request.method == "POST" else None))
    if form.is_valid():
        try:
            messages.success(request, _invite(request.acting, form.cleaned_data))
            return redirect("member-list")
        except NotAllowed as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
        except (OSError, smtplib.SMTPException):
            form.add_error(None, NOT_SENT)
    return render(request, "accounts/invitation_add.html", {"form": form}, status=400 if form.is_bound else 200)


def _invite(acting: Acting, given: dict[str, str]) -> str:
    """What was done, in a sentence."""
    job = Job(given["job"])
    if acting.role == Role.DCC and job == Job.ADMINISTRATOR:
        whom = {"email": given["email"].strip().lower(), "name": given["name"]}
        proposals.propose(act=Proposal.Act.APPOINT, organisation=acting.organisation, by=acting, **whom)
        return f"Proposed: {given['name']} as Administrator. Another DCC administrator decides."
    invitation = invitations.invite(email=given["email"], name=given["name"], job=job, by=acting)
    return f"{invitation.name} has been invited as {job.label}. {mailed(invitation)}"


def mailed(invitation: Invitation) -> str:
    """Where the mail went, and how long its link works."""
    is_kept = settings.EMAIL_BACKEND.endswith("filebased.EmailBackend")
    where = " This is the demo: the mail lies in .local/mail/." if is_kept else ""
    return f"The link in the mail to {invitation.email} works for 72 hours.{where}"


@allow(Permission.MANAGE_MEMBERS, "POST", fresh=True)
def invitation_send(request: HttpRequest, pk: int) -> HttpResponse:
    """Send an open invitation again, with a new link."""
    invitation = _own_or_404(request, pk)
    expect(request)
    try:
        invitations.send_again(invitation=invitation, by=request.acting)
        messages.success(request, f"Sent again. {mailed(invitation)} The earlier link no longer works.")
    except NotAllowed as refusal:
        messages.error(request, f"{refusal} Nothing was sent.")
    except (OSError, smtplib.SMTPException):
        messages.error(request, "The mail could not be sent; the earlier link still works. Try again later.")
    return redirect("member-list")


@allow(Permission.MANAGE_MEMBERS, "POST", fresh=True)
def invitation_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    invitation = _own_or_404(request, pk)
    expect(request)
    try:
        invitations.revoke(invitation=invitation, by=request.acting)
        messages.success(request, f"The invitation of {invitation.name} has been revoked.")
    except NotAllowed as refusal:
        messages.error(request, f"{refusal} Nothing was changed.")
    return redirect("member-list")


def _own_or_404(request: HttpRequest, pk: int) -> Invitation:
    own = Invitation.objects.open().filter(organisation=request.acting.organisation, pk=pk)
    if (found := own.select_related("organisation").first()) is None:
        raise Http404
    return found


@allow(Open.TO_ALL, "GET", "HEAD", "POST")
@never_cache
def invitation_accept(request: HttpRequest, secret: str) -> HttpResponse:
    """What an invitation offers; accepted by its person only, signed in or new. Opening it changes nothing."""
    invitation = invitations.invitation_of(secret)
    if invitation is None:
        return render(request, "accounts/invitation_gone.html", status=404)
    person = request.user if request.user.is_authenticated else None
    if person is None and User.objects.filter(email=invitation.email).exists():
        return _sign_in_first(request, invitation)
    if person is not None and person.email != invitation.email:
        return render(request, "accounts/invitation_other.html", {"invitation": invitation}, status=403)
    return _accept_page(request, invitation, secret, person)


def _sign_in_first(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    onward = f"{reverse('account_login')}?{urlencode({'next': request.path})}"
    return render(request, "accounts/invitation_sign_in.html", {"invitation": invitation, "onward": onward})


def _accept_page(request: HttpRequest, invitation: Invitation, secret: str, person: User | None) -> HttpResponse:
    posted = request.POST if request.method == "POST" else None
    is_new = person is None
    form = AcceptForm(posted, email=invitation.email, name=invitation.name) if is_new else ConfirmForm(posted)
    if form.is_valid():
        try:
            return _accepted(request, secret, person, form.cleaned_data)
        except NotAllowed as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
    context = {"invitation": invitation, "form": form, "is_new": is_new}
    return render(request, "accounts/invitation_accept.html", context, status=400 if form.is_bound else 200)


def _accepted(request: HttpRequest, secret: str, person: User | None, given: dict[str, str]) -> HttpResponse:
    """On to the portal; a new person is signed in, by the steps of every sign-in."""
    membership = invitations.accept(secret=secret, person=person, origin=Origin.of(request), **given)
    messages.success(request, f"You are {membership.get_job_display()} of {membership.organisation} now.")
    if person is None:
        user = membership.user
        return perform_password_login(request, {"email": user.email}, Login(user=user, email=user.email))
    return redirect("acting-choice")
