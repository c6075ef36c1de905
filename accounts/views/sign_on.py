"""The DCC's pages of single sign-on: an organisation's provider, and the e-mail domains that it vouches for."""

import smtplib

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache

from accounts.access import allow, expect
from accounts.actions import sign_on as actions
from accounts.errors import BadRequest, NotAllowed
from accounts.forms.sign_on import DomainForm, ProviderForm
from accounts.models import MailDomain, Organisation, SingleSignOn
from accounts.roles import Permission
from accounts.sign_in.kept_forms import refilled

MAILED = "A link went to {}. It works for 72 hours."
NOT_MAILED = "The mail to the postmaster could not be sent, so nothing has been saved. Try again later."


@allow(Permission.MANAGE_ORGANISATIONS)
@never_cache
def sign_on(request: HttpRequest, pk: int) -> HttpResponse:
    """How it is set up; the client secret is never shown."""
    organisation = _organisation_or_404(pk)
    expect(request)
    found = _of(organisation)
    context = {
        "organisation": organisation,
        "sign_on": found,
        "domains": found.domains.current() if found else [],
        "callback": actions.callback_address(organisation),
    }
    return render(request, "accounts/sign_on.html", context)


@allow(Permission.MANAGE_ORGANISATIONS, "GET", "HEAD", "POST", fresh=True)
@never_cache
def sign_on_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Issuer, client and secret."""
    organisation = _organisation_or_404(pk)
    expect(request)
    shown = _shown(_of(organisation))
    form = refilled(request, ProviderForm(request.POST if request.method == "POST" else None, initial=shown))
    if form.is_valid():
        try:
            actions.set_provider(organisation=organisation, **form.cleaned_data, by=request.acting)
        except NotAllowed as refusal:
            form.add_error(refusal.field, str(refusal))
        else:
            messages.success(request, f"Saved. The provider of {organisation} answers and names itself so.")
            return redirect("sign-on", pk=pk)
    context = {"organisation": organisation, "form": form, "callback": actions.callback_address(organisation)}
    return render(request, "accounts/sign_on_edit.html", context, status=400 if form.is_bound else 200)


def _shown(found: SingleSignOn | None) -> dict[str, str]:
    return {"issuer": found.app.settings.get("issuer", ""), "client_id": found.app.client_id} if found else {}


@allow(Permission.MANAGE_ORGANISATIONS, "GET", "HEAD", "POST", fresh=True)
@never_cache
def sign_on_switch(request: HttpRequest, pk: int) -> HttpResponse:
    """Off or on again, after a page that says what follows."""
    found = _sign_on_or_404(pk)
    expect(request)
    if request.method == "POST":
        if (to := request.POST.get("to")) not in ("on", "off"):
            raise BadRequest("The form does not say whether on or off. Open its page again.")
        switched = actions.switch_sign_on(sign_on=found, on=to == "on", by=request.acting)
        messages.success(request, f"Single sign-on is {'on' if switched.is_active else 'off'}.")
        return redirect("sign-on", pk=pk)
    return render(request, "accounts/sign_on_switch.html", {"sign_on": found, "organisation": found.organisation})


@allow(Permission.MANAGE_ORGANISATIONS, "GET", "HEAD", "POST", fresh=True)
@never_cache
def mail_domain_add(request: HttpRequest, pk: int) -> HttpResponse:
    found = _sign_on_or_404(pk)
    expect(request)
    form = refilled(request, DomainForm(request.POST if request.method == "POST" else None))
    if form.is_valid():
        try:
            added = actions.add_domain(sign_on=found, domain=form.cleaned_data["domain"], by=request.acting)
        except NotAllowed as refusal:
            form.add_error(refusal.field, str(refusal))
        except (OSError, smtplib.SMTPException):
            form.add_error(None, NOT_MAILED)
        else:
            messages.success(request, f"{added} has been added. {MAILED.format(added.postmaster)}")
            return redirect("sign-on", pk=pk)
    context = {"organisation": found.organisation, "form": form}
    return render(request, "accounts/mail_domain_add.html", context, status=400 if form.is_bound else 200)


@allow(Permission.MANAGE_ORGANISATIONS, "POST", fresh=True)
@never_cache
def mail_domain_send(request: HttpRequest, pk: int, domain: str) -> HttpResponse:
    """Another link to the postmaster."""
    found = _domain_or_404(pk, domain)
    expect(request)
    try:
        sent = actions.send_proof(domain=found, by=request.acting)
        messages.success(request, f"{MAILED.format(sent.postmaster)} The earlier link no longer works.")
    except NotAllowed as refusal:
        messages.error(request, f"{refusal} Nothing was sent.")
    except (OSError, smtplib.SMTPException):
        messages.error(request, NOT_MAILED)
    return redirect("sign-on", pk=pk)


@allow(Permission.MANAGE_ORGANISATIONS, "GET", "HEAD", "POST", fresh=True)
@never_cache
def mail_domain_give_up(request: HttpRequest, pk: int, domain: str) -> HttpResponse:
    found = _domain_or_404(pk, domain)
    expect(request)
    if request.method == "POST":
        try:
            actions.give_up_domain(domain=found, by=request.acting)
            messages.success(request, f"{found} has been given up.")
        except NotAllowed as refusal:
            messages.error(request, str(refusal))
        return redirect("sign-on", pk=pk)
    context = {"domain": found, "organisation": found.single_sign_on.organisation}
    return render(request, "accounts/mail_domain_give_up.html", context)


def _organisation_or_404(pk: int) -> Organisation:
    if (found := Organisation.objects.filter(pk=pk).first()) is None:
        raise Http404
    return found


def _of(organisation: Organisation) -> SingleSignOn | None:
    return SingleSignOn.objects.select_related("app").filter(organisation=organisation).first()


def _sign_on_or_404(pk: int) -> SingleSignOn:
    found = SingleSignOn.objects.select_related("organisation", "app").filter(organisation=pk).first()
    if found is None:
        raise Http404
    return found


def _domain_or_404(pk: int, domain: str) -> MailDomain:
    current = MailDomain.objects.current().select_related("single_sign_on__organisation")
    if (found := current.filter(single_sign_on__organisation=pk, domain=domain).first()) is None:
        raise Http404
    return found
