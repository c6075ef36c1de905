"""The DCC's pages of single sign-on: an organisation's provider, and the email domains that it vouches for.

What lets the provider vouch for people is proposed here, and approved by another administrator.
"""

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from accounts.access import allow, expect
from accounts.actions import sign_on as actions
from accounts.actions.proposals import propose
from accounts.domain_records import TextRecord
from accounts.forms.page import Given, button, done, form_page, posted
from accounts.forms.people import ConfirmForm
from accounts.forms.sign_on import DomainForm, ProviderForm, SwitchForm
from accounts.mail_domains import clean_domain
from accounts.models import MailDomain, Organisation, Proposal, SingleSignOn
from accounts.proposal_words import requested, with_words
from accounts.roles import Permission
from accounts.sign_in.kept_forms import keeps

Act = Proposal.Act
ANSWERS = "The provider answers, and its issuer matches."
SIGNED_IN_HERE = "People who signed in through the provider now use a password."
OF_SIGN_ON = (Act.NAME_PROVIDER, Act.ADD_DOMAIN, Act.SWITCH_ON)


@allow(Permission.MANAGE_ORGANISATIONS)
def sign_on(request: HttpRequest, pk: int) -> HttpResponse:
    """How it is set up, what its domains must have in the DNS, and what is proposed; the secret is never shown."""
    organisation = get_object_or_404(Organisation, pk=pk)
    expect(request)
    found = _of(organisation)
    domains = list(_domains().filter(single_sign_on=found)) if found else []
    proposed = Proposal.objects.open().filter(organisation=organisation, act__in=OF_SIGN_ON).order_by("pk")
    context = {
        "organisation": organisation,
        "sign_on": found,
        "domains": domains,
        "to_prove": [(domain, TextRecord.of(domain)) for domain in domains if not domain.proven_at],
        "proposals": with_words(proposed.select_related("organisation", "proposed_by")),
        "callback": actions.callback_address(organisation),
    }
    return render(request, "accounts/sign_on.html", context)


@allow(Permission.MANAGE_ORGANISATIONS, "GET", "HEAD", "POST", fresh=True)
@keeps(ProviderForm)
def sign_on_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Another issuer or client is proposed; only a new secret is saved at once."""
    organisation = get_object_or_404(Organisation, pk=pk)
    expect(request)
    found = _of(organisation)
    form = ProviderForm(posted(request), initial=_shown(found))

    def save(given: Given) -> HttpResponse:
        provider = {"issuer": given["issuer"], "client_id": given["client_id"]}
        if actions.is_named(organisation, **provider):
            actions.renew_secret(sign_on=found, secret=given["secret"], by=request.acting)
            return done(request, f"Client secret saved for {organisation}. {ANSWERS}", "sign-on", pk=pk)
        named = {"act": Act.NAME_PROVIDER, "organisation": organisation, **provider}
        proposal = propose(**named, secret=given["secret"], by=request.acting)
        return done(request, f"{ANSWERS} {requested(proposal)}", "sign-on", pk=pk)

    context = {"organisation": organisation, "sign_on": found, "callback": actions.callback_address(organisation)}
    return form_page(request, form, "accounts/sign_on_edit.html", save, context)


def _shown(found: SingleSignOn | None) -> dict[str, str]:
    return {"issuer": found.issuer, "client_id": found.app.client_id} if found else {}


@allow(Permission.MANAGE_ORGANISATIONS, "GET", "HEAD", "POST", fresh=True)
@keeps(SwitchForm)
def sign_on_switch(request: HttpRequest, pk: int) -> HttpResponse:
    """Off at once, after a page that says what follows; on again is proposed."""
    found = _sign_on_or_404(pk)
    expect(request)

    def switch(given: Given) -> HttpResponse:
        if given["to"] == "off":
            actions.switch_off(sign_on=found, by=request.acting)
            return done(request, f"Single sign-on is off. {SIGNED_IN_HERE}", "sign-on", pk=pk)
        return _propose(request, Act.SWITCH_ON, found)

    context = {"sign_on": found, "organisation": found.organisation}
    return form_page(request, SwitchForm(posted(request)), "accounts/sign_on_switch.html", switch, context)


@allow(Permission.MANAGE_ORGANISATIONS, "GET", "HEAD", "POST", fresh=True)
@keeps(DomainForm)
def mail_domain_add(request: HttpRequest, pk: int) -> HttpResponse:
    found = _sign_on_or_404(pk)
    expect(request)

    def add(given: Given) -> HttpResponse:
        return _propose(request, Act.ADD_DOMAIN, found, domain=clean_domain(given["domain"]))

    context = {"organisation": found.organisation}
    return form_page(request, DomainForm(posted(request)), "accounts/mail_domain_add.html", add, context)


def _propose(request: HttpRequest, act: Act, found: SingleSignOn, **details: str) -> HttpResponse:
    """For the provider as it is now."""
    provider = {"issuer": found.issuer, "client_id": found.app.client_id}
    proposal = propose(act=act, organisation=found.organisation, **provider, **details, by=request.acting)
    return done(request, requested(proposal), "sign-on", pk=found.organisation_id)


@allow(Permission.MANAGE_ORGANISATIONS, "POST", fresh=True)
def mail_domain_check(request: HttpRequest, pk: int, domain: str) -> HttpResponse:
    """Look for the domain's record in the DNS."""
    found = _domain_or_404(pk, domain)
    expect(request)

    def check() -> str:
        proven = actions.prove_domain(domain=found, by=request.acting)
        sign_on = proven.single_sign_on
        since = "now" if sign_on.is_active else "once single sign-on is switched on,"
        return f"{proven} is confirmed: {since} people with an address there sign in through {sign_on.organisation}."

    return button(request, check, "sign-on", pk=pk)


@allow(Permission.MANAGE_ORGANISATIONS, "GET", "HEAD", "POST", fresh=True)
def mail_domain_give_up(request: HttpRequest, pk: int, domain: str) -> HttpResponse:
    found = _domain_or_404(pk, domain)
    expect(request)

    def give_up(_given: Given) -> HttpResponse:
        actions.give_up_domain(domain=found, by=request.acting)
        return done(request, f"Domain removed: {found}. {SIGNED_IN_HERE}", "sign-on", pk=pk)

    context = {"domain": found, "organisation": found.single_sign_on.organisation}
    return form_page(request, ConfirmForm(posted(request)), "accounts/mail_domain_give_up.html", give_up, context)


def _of(organisation: Organisation) -> SingleSignOn | None:
    return SingleSignOn.objects.select_related("app").filter(organisation=organisation).first()


def _sign_on_or_404(pk: int) -> SingleSignOn:
    return get_object_or_404(SingleSignOn.objects.select_related("organisation", "app"), organisation=pk)


def _domain_or_404(pk: int, domain: str) -> MailDomain:
    return get_object_or_404(_domains(), single_sign_on__organisation=pk, domain=domain)


def _domains() -> QuerySet[MailDomain]:
    return MailDomain.objects.current().select_related("single_sign_on__organisation", "single_sign_on__app")
