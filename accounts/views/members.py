"""The members of the own organisation: their jobs, and their end."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from accounts.access import allow, expect
from accounts.actions import change_job, end_membership, proposals, takes_two
from accounts.errors import Stale
from accounts.forms.page import Given, done, form_page, posted
from accounts.forms.people import ConfirmForm, JobForm
from accounts.models import Invitation, Membership, Proposal
from accounts.proposal_words import requested
from accounts.roles import Job, Permission
from accounts.sign_in.kept_forms import keeps
from accounts.views.reviews import own_members, review_to_come


@allow(Permission.MANAGE_MEMBERS)
def member_list(request: HttpRequest) -> HttpResponse:
    expect(request)
    invited = Invitation.objects.open().filter(organisation=request.acting.organisation).select_related("invited_by")
    members = own_members(request.acting).order_by("user__name", "pk")
    context = {"members": members, "invited": invited.order_by("name", "pk"), "review": review_to_come(members)}
    return render(request, "accounts/member_list.html", context)


@allow(Permission.MANAGE_MEMBERS, "GET", "HEAD", "POST", fresh=True)
@keeps(JobForm)
def member_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change one member's job; a DCC administrator's is proposed."""
    membership = get_object_or_404(own_members(request.acting), pk=pk)
    expect(request)
    form = JobForm(posted(request), initial={"job": membership.job, "job_shown": membership.job})

    def change(given: Given) -> HttpResponse:
        job, expected = Job(given["job"]), Job(given["job_shown"])
        try:
            return done(request, _change_job(request, membership, job, expected), "member-list")
        except Stale:
            return _changed_meanwhile(request, membership, job)

    return form_page(request, form, "accounts/member_edit.html", change, {"membership": membership})


def _changed_meanwhile(request: HttpRequest, membership: Membership, job: Job) -> HttpResponse:
    """Answer 409 with the user's choice, to be saved again over the job that the member has now."""
    now = f"Someone else has made {membership.user} {membership.level.as_one} since you opened this page."
    messages.error(request, f"{now} Nothing has been saved. Save again if you still want to change it.")
    form = JobForm(initial={"job": job, "job_shown": membership.job})
    return render(request, "accounts/member_edit.html", {"membership": membership, "form": form}, status=409)


def _change_job(request: HttpRequest, membership: Membership, job: Job, expected: Job) -> str:
    """What was done, in a sentence."""
    if membership.job == job or not takes_two(membership, job):
        change_job(membership=membership, job=job, expected_job=expected, by=request.acting)
        return f"Access level saved: {membership.user} is now {membership.level.as_one}. We will tell them by email."
    jobs = {"job": job.value, "expected_job": expected.value}
    proposal = proposals.propose(
        act=Proposal.Act.CHANGE_JOB,
        organisation=membership.organisation,
        by=request.acting,
        membership=membership.pk,
        **jobs,
    )
    return requested(proposal)


@allow(Permission.MANAGE_MEMBERS, "GET", "HEAD", "POST", fresh=True)
def member_end(request: HttpRequest, pk: int) -> HttpResponse:
    """End one membership; a DCC administrator's is proposed."""
    membership = get_object_or_404(own_members(request.acting), pk=pk)
    expect(request)

    def end(_given: Given) -> HttpResponse:
        return done(request, _end(request, membership), "member-list")

    context = {"membership": membership, "two": takes_two(membership)}
    return form_page(request, ConfirmForm(posted(request)), "accounts/member_end.html", end, context)


def _end(request: HttpRequest, membership: Membership) -> str:
    if not takes_two(membership):
        end_membership(membership=membership, by=request.acting)
        return f"The membership of {membership.user} has ended. We will tell them by email."
    end = {"act": Proposal.Act.END_MEMBERSHIP, "organisation": membership.organisation, "membership": membership.pk}
    return requested(proposals.propose(by=request.acting, **end))
