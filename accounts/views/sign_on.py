"""The DCC's pages of single sign-on: an organisation's provider, and the email domains that it vouches for."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from accounts.access import allow, expect
from accounts.actions import sign_on as actions
from accounts.forms.page import Given, button, done, form_page, posted
from accounts.forms.people import ConfirmForm
from accounts.forms.sign_on import DomainForm, ProviderForm, SwitchForm
from accounts.models import MailDomain, Organisation, SingleSignOn
from accounts.roles import Permission
from accounts.sign_in.kept_forms import keeps

MAILED = "We will email a link to {}, which works for 72 hours."


@allow(Permission.MANAGE_ORGANISATIONS)
def sign_on(request: HttpRequest, pk: int) -> HttpResponse:
    """How it is set up; the client secret is never shown."""
    organisation = get_object_or_404(Organisation, pk=pk)
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
@keeps(ProviderForm)
def sign_on_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Issuer, client and secret."""
    organisation = get_object_or_404(Organisation, pk=pk)
    expect(request)
    form = ProviderForm(posted(request), initial=_shown(_of(organisation)))

    def save(given: Given) -> HttpResponse:
        actions.set_provider(organisation=organisation, **given, by=request.acting)
        return done(
            request, f"Saved. The provider of {organisation} answers, and its issuer matches.", "sign-on", pk=pk
        )

    context = {"organisation": organisation, "callback": actions.callback_address(organisation)}
    return form_page(request, form, "accounts/sign_on_edit.html", save, context)


def _shown(found: SingleSignOn | None) -> dict[str, str]:
    return {"issuer": found.app.settings.get("issuer", ""), "client_id": found.app.client_id} if found else {}


@allow(Permission.MANAGE_ORGANISATIONS, "GET", "HEAD", "POST", fresh=True)
@keeps(SwitchForm)
def sign_on_switch(request: HttpRequest, pk: int) -> HttpResponse:
    """Off or on again, after a page that says what follows."""
    found = _sign_on_or_404(pk)
    expect(request)

    def switch(given: Given) -> HttpResponse:
        switched = actions.switch_sign_on(sign_on=found, on=given["to"] == "on", by=request.acting)
        return done(request, f"Single sign-on is {'on' if switched.is_active else 'off'}.", "sign-on", pk=pk)

    context = {"sign_on": found, "organisation": found.organisation}
    return form_page(request, SwitchForm(posted(request)), "accounts/sign_on_switch.html", switch, context)


@allow(Permission.MANAGE_ORGANISATIONS, "GET", "HEAD", "POST", fresh=True)
@keeps(DomainForm)
def mail_domain_add(request: HttpRequest, pk: int) -> HttpResponse:
    found = _sign_on_or_404(pk)
    expect(request)

    def add(given: Given) -> HttpResponse:
        added = actions.add_domain(sign_on=found, domain=given["domain"], by=request.acting)
        return done(request, f"{added} has been added. {MAILED.format(added.postmaster)}", "sign-on", pk=pk)

    context = {"organisation": found.organisation}
    return form_page(request, DomainForm(posted(request)), "accounts/mail_domain_add.html", add, context)


@allow(Permission.MANAGE_ORGANISATIONS, "POST", fresh=True)
def mail_domain_send(request: HttpRequest, pk: int, domain: str) -> HttpResponse:
    """Another link to the postmaster."""
    found = _domain_or_404(pk, domain)
    expect(request)

    def send() -> str:
        sent = actions.send_proof(domain=found, by=request.acting)
        return f"{MAILED.format(sent.postmaster)} The earlier link no longer works."

    return button(request, send, "sign-on", pk=pk)


@allow(Permission.MANAGE_ORGANISATIONS, "GET", "HEAD", "POST", fresh=True)
def mail_domain_give_up(request: HttpRequest, pk: int, domain: str) -> HttpResponse:
    found = _domain_or_404(pk, domain)
    expect(request)

    def give_up(_given: Given) -> HttpResponse:
        actions.give_up_domain(domain=found, by=request.acting)
        return done(request, f"{found} has been removed.", "sign-on", pk=pk)

    context = {"domain": found, "organisation": found.single_sign_on.organisation}
    return form_page(request, ConfirmForm(posted(request)), "accounts/mail_domain_give_up.html", give_up, context)


def _of(organisation: Organisation) -> SingleSignOn | None:
    return SingleSignOn.objects.select_related("app").filter(organisation=organisation).first()


def _sign_on_or_404(pk: int) -> SingleSignOn:
    return get_object_or_404(SingleSignOn.objects.select_related("organisation", "app"), organisation=pk)


def _domain_or_404(pk: int, domain: str) -> MailDomain:
    current = MailDomain.objects.current().select_related("single_sign_on__organisation")
    return get_object_or_404(current, single_sign_on__organisation=pk, domain=domain)
