"""The members of the own organisation: their jobs, and their end."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache

from accounts.access import allow, expect
from accounts.actions import change_job, end_membership, proposals, takes_two
from accounts.errors import NotAllowed, Stale
from accounts.forms.people import ConfirmForm, JobForm
from accounts.models import Invitation, Membership, Proposal
from accounts.roles import Job, Permission
from accounts.sign_in.kept_forms import refilled
from accounts.views.reviews import own_members, review_to_come

PROPOSED = "Proposed. Another DCC administrator decides; until then nothing changes."


@allow(Permission.MANAGE_MEMBERS)
@never_cache
def member_list(request: HttpRequest) -> HttpResponse:
    expect(request)
    invited = Invitation.objects.open().filter(organisation=request.acting.organisation).select_related("invited_by")
    members = own_members(request.acting).order_by("user__name", "pk")
    context = {"members": members, "invited": invited.order_by("name", "pk"), "review": review_to_come(members)}
    return render(request, "accounts/member_list.html", context)


def _member_or_404(request: HttpRequest, pk: int) -> Membership:
    if (found := own_members(request.acting).filter(pk=pk).first()) is None:
        raise Http404
    return found


@allow(Permission.MANAGE_MEMBERS, "GET", "HEAD", "POST", fresh=True)
@never_cache
def member_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change one member's job; a DCC administrator's is proposed."""
    membership = _member_or_404(request, pk)
    expect(request)
    shown = {"job": membership.job, "job_shown": membership.job}
    form = refilled(request, JobForm(request.POST if request.method == "POST" else None, initial=shown))
    status = 400 if form.is_bound else 200
    if form.is_valid():
        job, expected = Job(form.cleaned_data["job"]), Job(form.cleaned_data["job_shown"])
        try:
            messages.success(request, _change_job(request, membership, job, expected))
            return redirect("member-list")
        except NotAllowed as refusal:
            form.add_error("job", str(refusal))
        except Stale:
            form = JobForm(initial={"job": job, "job_shown": membership.job})
            now = f"Somebody else made {membership.user} {membership.get_job_display()} in the meantime."
            messages.error(request, f"{now} Nothing was saved. Save again if your choice still stands.")
            status = 409
    return render(request, "accounts/member_edit.html", {"membership": membership, "form": form}, status=status)


def _change_job(request: HttpRequest, membership: Membership, job: Job, expected: Job) -> str:
    """What was done, in a sentence."""
    if membership.job == job or not takes_two(membership, job):
        change_job(membership=membership, job=job, expected_job=expected, by=request.acting)
        return f"{membership.user} is now {membership.get_job_display()}."
    jobs = {"job": job.value, "expected_job": expected.value}
    proposals.propose(
        act=Proposal.Act.CHANGE_JOB,
        organisation=membership.organisation,
        by=request.acting,
        membership=membership.pk,
        **jobs,
    )
    return PROPOSED


@allow(Permission.MANAGE_MEMBERS, "GET", "HEAD", "POST", fresh=True)
@never_cache
def member_end(request: HttpRequest, pk: int) -> HttpResponse:
    """End one membership; a DCC administrator's is proposed."""
    membership = _member_or_404(request, pk)
    expect(request)
    form = refilled(request, ConfirmForm(request.POST if request.method == "POST" else None))
    if form.is_valid():
        try:
            messages.success(request, _end(request, membership))
            return redirect("member-list")
        except NotAllowed as refusal:
            form.add_error(None, str(refusal))
    context = {"membership": membership, "two": takes_two(membership), "form": form}
    return render(request, "accounts/member_end.html", context, status=400 if form.is_bound else 200)


def _end(request: HttpRequest, membership: Membership) -> str:
    if not takes_two(membership):
        end_membership(membership=membership, by=request.acting)
        return f"The membership of {membership.user} has ended."
    end = {"act": Proposal.Act.END_MEMBERSHIP, "organisation": membership.organisation, "membership": membership.pk}
    proposals.propose(by=request.acting, **end)
    return PROPOSED
