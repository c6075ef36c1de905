"""Inviting people, and accepting: the one page that somebody without an account may open."""

from allauth.account.models import Login
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode

from accounts.access import Open, allow, expect
from accounts.acting import Acting, Origin
from accounts.actions import invitations, proposals
from accounts.forms.page import Given, button, done, form_page, posted
from accounts.forms.people import AcceptForm, ConfirmForm, InviteForm
from accounts.models import Invitation, Proposal, User
from accounts.proposal_words import requested
from accounts.roles import Job, Permission, Role
from accounts.sign_in.allauth_internals import perform_password_login
from accounts.sign_in.kept_forms import keeps, sent_from


@allow(Permission.MANAGE_MEMBERS, "GET", "HEAD", "POST", fresh=True)
@keeps(InviteForm)
def invitation_add(request: HttpRequest) -> HttpResponse:
    """Invite somebody to the own organisation; for the DCC, an administrator is proposed."""
    expect(request)

    def invite(given: Given) -> HttpResponse:
        return done(request, _invite(request.acting, given), "member-list")

    return form_page(request, InviteForm(posted(request)), "accounts/invitation_add.html", invite)


def _invite(acting: Acting, given: Given) -> str:
    """What was done, in a sentence."""
    job = Job(given["job"])
    if acting.role == Role.DCC and job == Job.ADMINISTRATOR:
        whom = {"email": given["email"].strip().lower(), "name": given["name"]}
        return requested(
            proposals.propose(act=Proposal.Act.APPOINT, organisation=acting.organisation, by=acting, **whom)
        )
    invitation = invitations.invite(email=given["email"], name=given["name"], job=job, by=acting)
    return f"{invitation.name} has been invited to be {job.as_one}. {mailed(invitation)}"


def mailed(invitation: Invitation) -> str:
    """Where the email will go, and how long its link works."""
    is_kept = settings.EMAIL_BACKEND.endswith("filebased.EmailBackend")
    where = " This is the demo: the email will be in .local/mail/." if is_kept else ""
    return f"We will email a link to {invitation.email}, which works for 72 hours.{where}"


@allow(Permission.MANAGE_MEMBERS, "POST", fresh=True)
@sent_from("member-list")
def invitation_send(request: HttpRequest, pk: int) -> HttpResponse:
    """Send an open invitation again, with a new link."""
    invitation = _own_or_404(request, pk)
    expect(request)

    def send() -> str:
        invitations.send_again(invitation=invitation, by=request.acting)
        return f"{mailed(invitation)} The earlier link no longer works."

    return button(request, send, "member-list")


@allow(Permission.MANAGE_MEMBERS, "POST", fresh=True)
@sent_from("member-list")
def invitation_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    invitation = _own_or_404(request, pk)
    expect(request)

    def revoke() -> str:
        invitations.revoke(invitation=invitation, by=request.acting)
        return f"The invitation of {invitation.name} has been revoked."

    return button(request, revoke, "member-list")


def _own_or_404(request: HttpRequest, pk: int) -> Invitation:
    own = Invitation.objects.open().filter(organisation=request.acting.organisation)
    return get_object_or_404(own.select_related("organisation"), pk=pk)


@allow(Open.TO_ALL, "GET", "HEAD", "POST")
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
    data, is_new = posted(request), person is None
    form = AcceptForm(data, email=invitation.email, name=invitation.name) if is_new else ConfirmForm(data)

    def accept(given: Given) -> HttpResponse:
        return _accepted(request, secret, person, given)

    context = {"invitation": invitation, "is_new": is_new}
    return form_page(request, form, "accounts/invitation_accept.html", accept, context)


def _accepted(request: HttpRequest, secret: str, person: User | None, given: Given) -> HttpResponse:
    """On to the portal; a new person is signed in, by the steps of every sign-in."""
    membership = invitations.accept(secret=secret, person=person, origin=Origin.of(request), **given)
    messages.success(request, f"You can now act for {membership.organisation} as {membership.level.as_one}.")
    if person is None:
        user = membership.user
        return perform_password_login(request, {"email": user.email}, Login(user=user, email=user.email))
    return redirect("acting-choice")
