"""The DCC's pages of organisations: one administrator asks for what gives or withdraws access, another decides."""

from collections.abc import Callable

from django.db.models import Count, Q, QuerySet
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from accounts.access import allow, expect
from accounts.actions import add_organisation, proposals
from accounts.errors import NotAllowed
from accounts.forms.page import Given, done, form_page, posted
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
from accounts.proposal_words import act_in_words, requested, what_follows, with_words
from accounts.roles import Job, Permission, Role
from accounts.sign_in.kept_forms import keeps, refilled

Act = Proposal.Act
LEVEL_CHANGED = "This member’s access level has changed since this was requested. Reject this, and ask again."
SHOWN_DECIDED = 20


@allow(Permission.MANAGE_ORGANISATIONS)
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
@keeps(OrganisationForm)
def organisation_add(request: HttpRequest) -> HttpResponse:
    expect(request)

    def add(given: Given) -> HttpResponse:
        organisation = add_organisation(name=given["name"], role=Role(given["role"]), by=request.acting)
        words = f"{organisation} has been added. Bind its codes, and appoint an administrator."
        return done(request, words, "organisation-detail", pk=organisation.pk)

    return form_page(request, OrganisationForm(posted(request)), "accounts/organisation_add.html", add)


@allow(Permission.MANAGE_ORGANISATIONS)
def organisation_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Its codes, its administrators, and what is proposed for it."""
    organisation = get_object_or_404(Organisation, pk=pk)
    expect(request)
    administrators = Membership.objects.current().administrators().filter(organisation=organisation)
    context = {
        "organisation": organisation,
        "bindings": organisation.bindings.select_related("bound_by", "approved_by"),
        "administrators": administrators.select_related("user").order_by("user__name"),
        "appointable": organisation.is_active and not administrators.in_force().exists(),
        "invited": organisation.invitations.open().filter(job=Job.ADMINISTRATOR),
        "proposals": with_words(_proposals().open().filter(organisation=organisation)),
    }
    return render(request, "accounts/organisation_detail.html", context)


def _partner_or_404(pk: int) -> Organisation:
    """Return an organisation other than the DCC, which has no codes and always takes part."""
    return get_object_or_404(Organisation.objects.exclude(role=Role.DCC), pk=pk)


def _proposals() -> QuerySet[Proposal]:
    return Proposal.objects.select_related("organisation", "proposed_by", "decided_by")


@allow(Permission.MANAGE_ORGANISATIONS, "GET", "HEAD", "POST", fresh=True)
@keeps(BindForm)
def code_bind(request: HttpRequest, pk: int) -> HttpResponse:
    organisation = _partner_or_404(pk)
    expect(request)
    form = BindForm(posted(request), initial={"valid_from": timezone.localdate()})
    words = {"heading": f"Bind a code to {organisation}", "button": "Request approval"}

    def propose(given: Given) -> Proposal:
        code, day = given["code"].strip().upper(), given["valid_from"].isoformat()
        return _propose(request, Act.BIND, organisation, fuel=given["fuel"], code=code, valid_from=day)

    return _proposal_page(request, organisation, form, propose, words)


@allow(Permission.MANAGE_ORGANISATIONS, "GET", "HEAD", "POST", fresh=True)
@keeps(UnbindForm)
def code_unbind(request: HttpRequest, pk: int) -> HttpResponse:
    binding = get_object_or_404(Binding.objects.select_related("organisation"), pk=pk, valid_to=None)
    expect(request)
    form = UnbindForm(posted(request), initial={"last_day": timezone.localdate()})
    words = {"heading": f"Unbind {binding.code} from {binding.organisation}", "button": "Request approval"}

    def propose(given: Given) -> Proposal:
        details = {"binding": binding.pk, "last_day": given["last_day"].isoformat()}
        return _propose(request, Act.UNBIND, binding.organisation, reason=given["reason"], **details)

    return _proposal_page(request, binding.organisation, form, propose, words)


@allow(Permission.MANAGE_ORGANISATIONS, "GET", "HEAD", "POST", fresh=True)
@keeps(PersonForm)
def administrator_appoint(request: HttpRequest, pk: int) -> HttpResponse:
    """The first administrator of an organisation, or a new one where none is left."""
    organisation = get_object_or_404(Organisation, pk=pk)
    expect(request)
    words = {"heading": f"Appoint an administrator of {organisation}", "button": "Request approval"}

    def propose(given: Given) -> Proposal:
        return _propose(request, Act.APPOINT, organisation, email=given["email"].strip().lower(), name=given["name"])

    return _proposal_page(request, organisation, PersonForm(posted(request)), propose, words)


@allow(Permission.MANAGE_ORGANISATIONS, "GET", "HEAD", "POST", fresh=True)
@keeps(ReasonForm)
def organisation_activity(request: HttpRequest, pk: int) -> HttpResponse:
    """Let an organisation take part no longer, or again."""
    organisation = _partner_or_404(pk)
    expect(request)
    act = Act.DEACTIVATE if organisation.is_active else Act.REACTIVATE
    verb = "Deactivate" if organisation.is_active else "Reactivate"
    words = {"heading": f"{verb} {organisation}", "button": "Request approval"}

    def propose(given: Given) -> Proposal:
        return _propose(request, act, organisation, reason=given["reason"])

    return _proposal_page(request, organisation, ReasonForm(posted(request)), propose, words)


@allow(Permission.MANAGE_ORGANISATIONS, "GET", "HEAD", "POST", fresh=True)
@keeps(MemberReasonForm)
def member_factors_reset(request: HttpRequest, pk: int) -> HttpResponse:
    """A way back in for a member whom no administrator of their own can let in."""
    organisation = get_object_or_404(Organisation, pk=pk)
    expect(request)
    words = {"heading": f"Reset the second factors of a member of {organisation}", "button": "Request approval"}

    def propose(given: Given) -> Proposal:
        email = given["email"].strip().lower()
        member = Membership.objects.current().filter(organisation=organisation, user__email=email).first()
        if member is None:
            raise NotAllowed(f"Nobody with this address is a member of {organisation}.", "email")
        return _propose(request, Act.RESET_FACTORS, organisation, reason=given["reason"], membership=member.pk)

    return _proposal_page(request, organisation, MemberReasonForm(posted(request)), propose, words)


def _propose(request: HttpRequest, act: Act, organisation: Organisation, **given: object) -> Proposal:
    return proposals.propose(act=act, organisation=organisation, by=request.acting, **given)


def _proposal_page(
    request: HttpRequest,
    organisation: Organisation,
    form: Form,
    propose: Callable[[Given], Proposal],
    words: dict[str, str],
) -> HttpResponse:
    """The form of a request of two people; back to the organisation once it is made."""

    def act(given: Given) -> HttpResponse:
        return done(request, requested(propose(given)), "organisation-detail", pk=organisation.pk)

    return form_page(request, form, "accounts/proposal_add.html", act, {"organisation": organisation, **words})


@allow(Permission.MANAGE_ORGANISATIONS)
def proposal_list(request: HttpRequest) -> HttpResponse:
    """What waits for a second administrator, and what was decided last."""
    expect(request)
    waiting = _proposals().open().order_by("pk")
    decided = _proposals().exclude(decision="")[:SHOWN_DECIDED]
    context = {
        "waiting": with_words(waiting),
        "decided": with_words(decided),
    }
    return render(request, "accounts/proposal_list.html", context)


def _invited(proposal: Proposal) -> str:
    """That an invitation follows, unless a member has been appointed."""
    if proposal.act != Act.APPOINT or proposal.decision != Proposal.Decision.APPROVED:
        return ""
    invited = proposal.organisation.invitations.open().filter(email=proposal.email).exists()
    return f" We will email the invitation to {proposal.email}." if invited else ""


@allow(Permission.MANAGE_ORGANISATIONS, "GET", "HEAD", "POST", fresh=True)
@keeps(DecisionForm)
def proposal_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Approve, reject or withdraw one."""
    proposal = get_object_or_404(_proposals(), pk=pk)
    expect(request)
    form = refilled(request, DecisionForm(posted(request)), without=["decision"])

    def decide(given: Given) -> HttpResponse:
        decision = Proposal.Decision(given["decision"])
        decided = proposals.decide(proposal=proposal, decision=decision, by=request.acting)
        words = f"{decided.get_decision_display()}: {act_in_words(decided)}.{_invited(decided)}"
        return done(request, words, "proposal-list")

    own = proposal.proposed_by_id == request.user.pk
    context = {"proposal": proposal, "act": act_in_words(proposal), "own": own, "follows": what_follows(proposal)}
    template = "accounts/proposal_detail.html"
    return form_page(request, form, template, decide, context, meanwhile=LEVEL_CHANGED)
