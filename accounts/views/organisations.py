"""The DCC's pages of organisations: what grants or takes sight of assets is proposed here, and decided by another."""

from collections.abc import Callable

from django.contrib import messages
from django.db.models import Count, Q, QuerySet
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache

from accounts.access import allow, expect
from accounts.actions import add_organisation, proposals
from accounts.errors import NotAllowed, Stale
from accounts.forms.people import (
    BindForm,
    DecisionForm,
    MemberReasonForm,
    OrganisationForm,
    PersonForm,
    ReasonForm,
    UnbindForm,
)
from accounts.models import Binding, Membership, Organisation, Proposal
from accounts.roles import Job, Permission, Role
from accounts.sign_in.kept_forms import refilled
from accounts.views.proposal_words import act_in_words

Act = Proposal.Act
PROPOSED = "Proposed. Another DCC administrator decides; until then nothing changes."
SHOWN_DECIDED = 20


@allow(Permission.MANAGE_ORGANISATIONS)
@never_cache
def organisation_list(request: HttpRequest) -> HttpResponse:
    expect(request)
    in_force = Q(memberships__ended_at=None, memberships__suspended_at=None, memberships__user__is_active=True)
    administrators = Count("memberships", in_force & Q(memberships__job=Job.ADMINISTRATOR))
    counted = Organisation.objects.annotate(administrators=administrators)
    organisations = counted.order_by("name").prefetch_related("bindings")
    return render(
        request,
        "accounts/organisation_list.html",
        {
            "organisations": [(organisation, _codes(organisation)) for organisation in organisations],
            "open_proposals": Proposal.objects.open().count(),
        },
    )


def _codes(organisation: Organisation) -> list[str]:
    """The codes it acts under today."""
    today = timezone.localdate()
    return [b.code for b in organisation.bindings.all() if b.valid_from <= today and (b.valid_to or today) >= today]


@allow(Permission.MANAGE_ORGANISATIONS, "GET", "HEAD", "POST", fresh=True)
@never_cache
def organisation_add(request: HttpRequest) -> HttpResponse:
    expect(request)
    form = refilled(request, OrganisationForm(request.POST if request.method == "POST" else None))
    if form.is_valid():
        given = form.cleaned_data
        try:
            organisation = add_organisation(name=given["name"], role=Role(given["role"]), by=request.acting)
        except NotAllowed as refusal:
            form.add_error(refusal.field, str(refusal))
        else:
            messages.success(request, f"{organisation} has been added. Bind its codes, and appoint an administrator.")
            return redirect("organisation-detail", pk=organisation.pk)
    return render(request, "accounts/organisation_add.html", {"form": form}, status=400 if form.is_bound else 200)


@allow(Permission.MANAGE_ORGANISATIONS)
@never_cache
def organisation_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Its codes, its administrators, and what is proposed for it."""
    organisation = _organisation_or_404(pk)
    expect(request)
    administrators = Membership.objects.current().administrators().filter(organisation=organisation)
    context = {
        "organisation": organisation,
        "bindings": organisation.bindings.select_related("bound_by", "approved_by"),
        "administrators": administrators.select_related("user").order_by("user__name"),
        "appointable": organisation.is_active and not administrators.in_force().exists(),
        "invited": organisation.invitations.open().filter(job=Job.ADMINISTRATOR),
        "proposals": [(p, act_in_words(p)) for p in _proposals().open().filter(organisation=organisation)],
    }
    return render(request, "accounts/organisation_detail.html", context)


def _organisation_or_404(pk: int) -> Organisation:
    if (found := Organisation.objects.filter(pk=pk).first()) is None:
        raise Http404
    return found


def _binding_or_404(pk: int) -> Binding:
    if (found := Binding.objects.select_related("organisation").filter(pk=pk, valid_to=None).first()) is None:
        raise Http404
    return found


def _proposals() -> QuerySet[Proposal]:
    return Proposal.objects.select_related("organisation", "proposed_by", "decided_by")


@allow(Permission.MANAGE_ORGANISATIONS, "GET", "HEAD", "POST", fresh=True)
@never_cache
def code_bind(request: HttpRequest, pk: int) -> HttpResponse:
    organisation = _organisation_or_404(pk)
    if organisation.role == Role.DCC:
        raise Http404
    expect(request)
    today = {"valid_from": timezone.localdate()}
    form = refilled(request, BindForm(request.POST if request.method == "POST" else None, initial=today))
    words = {"heading": f"Bind a code to {organisation}", "button": "Propose binding"}

    def propose() -> None:
        given = form.cleaned_data
        code, day = given["code"].strip().upper(), given["valid_from"].isoformat()
        _propose(request, Act.BIND, organisation, fuel=given["fuel"], code=code, valid_from=day)

    return _proposal_page(request, organisation, form, propose, words)


@allow(Permission.MANAGE_ORGANISATIONS, "GET", "HEAD", "POST", fresh=True)
@never_cache
def code_unbind(request: HttpRequest, pk: int) -> HttpResponse:
    binding = _binding_or_404(pk)
    expect(request)
    today = {"last_day": timezone.localdate()}
    form = refilled(request, UnbindForm(request.POST if request.method == "POST" else None, initial=today))
    words = {"heading": f"Unbind {binding.code} from {binding.organisation}", "button": "Propose unbinding"}

    def propose() -> None:
        given = form.cleaned_data
        details = {"binding": binding.pk, "last_day": given["last_day"].isoformat()}
        _propose(request, Act.UNBIND, binding.organisation, reason=given["reason"], **details)

    return _proposal_page(request, binding.organisation, form, propose, words)


@allow(Permission.MANAGE_ORGANISATIONS, "GET", "HEAD", "POST", fresh=True)
@never_cache
def administrator_appoint(request: HttpRequest, pk: int) -> HttpResponse:
    """The first administrator of an organisation, or a new one where none is left."""
    organisation = _organisation_or_404(pk)
    expect(request)
    form = refilled(request, PersonForm(request.POST if request.method == "POST" else None))
    words = {"heading": f"Appoint an administrator of {organisation}", "button": "Propose administrator"}

    def propose() -> None:
        given = form.cleaned_data
        _propose(request, Act.APPOINT, organisation, email=given["email"].strip().lower(), name=given["name"])

    return _proposal_page(request, organisation, form, propose, words)


@allow(Permission.MANAGE_ORGANISATIONS, "GET", "HEAD", "POST", fresh=True)
@never_cache
def organisation_activity(request: HttpRequest, pk: int) -> HttpResponse:
    """Let an organisation take part no longer, or again."""
    organisation = _organisation_or_404(pk)
    if organisation.role == Role.DCC:
        raise Http404
    expect(request)
    form = refilled(request, ReasonForm(request.POST if request.method == "POST" else None))
    act = Act.DEACTIVATE if organisation.is_active else Act.REACTIVATE
    verb = "Deactivate" if organisation.is_active else "Reactivate"
    words = {"heading": f"{verb} {organisation}", "button": f"Propose to {verb.lower()}"}

    def propose() -> None:
        _propose(request, act, organisation, reason=form.cleaned_data["reason"])

    return _proposal_page(request, organisation, form, propose, words)


@allow(Permission.MANAGE_ORGANISATIONS, "GET", "HEAD", "POST", fresh=True)
@never_cache
def member_factors_reset(request: HttpRequest, pk: int) -> HttpResponse:
    """A way back in for a member whom no administrator of their own can let in."""
    organisation = _organisation_or_404(pk)
    expect(request)
    form = refilled(request, MemberReasonForm(request.POST if request.method == "POST" else None))
    words = {"heading": f"Reset the second factors of a member of {organisation}", "button": "Propose reset"}

    def propose() -> None:
        email = form.cleaned_data["email"].strip().lower()
        member = Membership.objects.current().filter(organisation=organisation, user__email=email).first()
        if member is None:
            raise NotAllowed(f"Nobody with this address is a member of {organisation}.", "email")
        _propose(request, Act.RESET_FACTORS, organisation, reason=form.cleaned_data["reason"], membership=member.pk)

    return _proposal_page(request, organisation, form, propose, words)


def _propose(request: HttpRequest, act: Act, organisation: Organisation, **given: object) -> None:
    proposals.propose(act=act, organisation=organisation, by=request.acting, **given)


def _proposal_page(
    request: HttpRequest, organisation: Organisation, form: Form, propose: Callable[[], None], words: dict[str, str]
) -> HttpResponse:
    """The form of a proposal; back to the organisation once it is made."""
    if form.is_valid():
        try:
            propose()
        except NotAllowed as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
        else:
            messages.success(request, PROPOSED)
            return redirect("organisation-detail", pk=organisation.pk)
    context = {"organisation": organisation, "form": form, **words}
    return render(request, "accounts/proposal_add.html", context, status=400 if form.is_bound else 200)


@allow(Permission.MANAGE_ORGANISATIONS)
@never_cache
def proposal_list(request: HttpRequest) -> HttpResponse:
    """What waits for a second administrator, and what was decided last."""
    expect(request)
    waiting = _proposals().open().order_by("pk")
    decided = _proposals().exclude(decision="")[:SHOWN_DECIDED]
    context = {
        "waiting": [(proposal, act_in_words(proposal)) for proposal in waiting],
        "decided": [(proposal, act_in_words(proposal)) for proposal in decided],
    }
    return render(request, "accounts/proposal_list.html", context)


@allow(Permission.MANAGE_ORGANISATIONS, "GET", "HEAD", "POST", fresh=True)
@never_cache
def proposal_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Approve, reject or withdraw one."""
    proposal = _proposals().filter(pk=pk).first()
    if proposal is None:
        raise Http404
    expect(request)
    form = refilled(request, DecisionForm(request.POST if request.method == "POST" else None), without=["decision"])
    if form.is_valid():
        try:
            return _decide(request, proposal, Proposal.Decision(form.cleaned_data["decision"]))
        except NotAllowed as refusal:
            form.add_error(None, str(refusal))
        except Stale:
            form.add_error(None, "The job has been changed in the meantime. Reject this, and propose it anew.")
    own = proposal.proposed_by_id == request.user.pk
    context = {"proposal": proposal, "act": act_in_words(proposal), "own": own, "form": form}
    return render(request, "accounts/proposal_detail.html", context, status=409 if form.errors else 200)


def _decide(request: HttpRequest, proposal: Proposal, decision: Proposal.Decision) -> HttpResponse:
    decided = proposals.decide(proposal=proposal, decision=decision, by=request.acting)
    messages.success(request, f"{decided.get_decision_display()}: {act_in_words(decided)}.")
    return redirect("proposal-list")
