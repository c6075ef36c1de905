"""Who watches over members: suspended ones let back in, the yearly review of access, and the DCC's view of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.contrib import messages
from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from accounts.access import allow, expect
from accounts.acting import Acting
from accounts.actions import takes_two
from accounts.actions.dormancy import reinstate_membership
from accounts.actions.reviews import TOLD_BEFORE, has_other_administrators, review_members
from accounts.errors import BadRequest, NotAllowed, Stale
from accounts.files.paging import PAGING, Keyset, Page, keyset_page
from accounts.forms.page import button
from accounts.forms.review import KEEP, ReviewForm, numbers_in
from accounts.models import Membership, MembershipQuerySet, Organisation, review_due_on
from accounts.roles import Permission
from accounts.sign_in.kept_forms import keeps, refilled

MOST_ORGANISATIONS = 1000  # on one page, those whose review is due first


def own_members(acting: Acting) -> MembershipQuerySet:
    """The current members of the organisation acted for, with their second factors."""
    members = Membership.objects.current().filter(organisation=acting.organisation)
    return members.select_related("user", "organisation").with_factor()


@dataclass(frozen=True)
class ReviewToCome:
    """That so many members are to be reviewed, the first of them by a day."""

    number: int
    due_on: date
    overdue: bool


def review_to_come(members: Iterable[Membership]) -> ReviewToCome | None:
    """What is due within the time of which administrators are told, or overdue."""
    today = timezone.localdate()
    days = [member.review_due_on for member in members if member.review_due_on <= today + TOLD_BEFORE]
    return ReviewToCome(len(days), min(days), min(days) < today) if days else None


@allow(Permission.MANAGE_MEMBERS, "GET", "HEAD", "POST", fresh=True)
def member_reinstate(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a suspended member act again."""
    membership = get_object_or_404(own_members(request.acting), pk=pk)
    expect(request)
    if request.method != "POST" and membership.suspended_at:
        days = settings.DORMANT_DAYS
        return render(request, "accounts/member_reinstate.html", {"membership": membership, "days": days})

    def reinstate() -> str:
        reinstate_membership(membership=membership, by=request.acting)
        return f"{membership.user} can act for {membership.organisation} again."

    return button(request, reinstate, "member-list")


@allow(Permission.MANAGE_MEMBERS, "GET", "HEAD", "POST", fresh=True)
@keeps(families=("job_", "decision_", "reason_"))
def member_review(request: HttpRequest) -> HttpResponse:
    """The yearly review of access: keep or end each member, all at once or some now."""
    if request.method == "POST":
        return _reviewed(request)
    expect(request, *PAGING)
    page = keyset_page(Keyset(own_members(request.acting), "-pk", request.acting.colleagues), request.GET)
    return _review_page(request, refilled(request, _form_about(page.rows, request)), page)


def _reviewed(request: HttpRequest) -> HttpResponse:
    members = _shown(request)
    expect(request, *PAGING)
    form = _form_about(members, request, data=request.POST)
    return _review(request, form) if form.is_valid() else _review_page(request, form, status=400)


def _form_about(members: Iterable[Membership], request: HttpRequest, **given: object) -> ReviewForm:
    """Those first whose confirmation is oldest."""
    ordered = sorted(members, key=lambda member: (member.confirmed_at, member.user.name))
    return ReviewForm(ordered, _choices(ordered, request.acting), **given)


def _shown(request: HttpRequest) -> list[Membership]:
    """The members of whom a form that was sent speaks, perhaps ended by now; 404 for anybody else's."""
    numbers = numbers_in(request.POST, "job_") | numbers_in(request.POST, "decision_")
    own = Membership.objects.filter(organisation=request.acting.organisation, pk__in=numbers)
    found = list(own.select_related("user", "organisation").with_factor())
    if len(found) < len(numbers):
        raise Http404
    if not found:
        raise BadRequest("The form names no member. Open its page again.")
    return found


def _choices(members: Iterable[Membership], acting: Acting) -> dict[int, tuple]:
    """Of whom less than keep or end is offered: nothing of oneself, unless there is no other administrator; and a DCC
    administrator's membership is ended by two people, from their own page.
    """
    about_oneself = () if has_other_administrators(acting) else (KEEP,)
    fewer = {member.pk: (KEEP,) for member in members if takes_two(member)}
    return fewer | {member.pk: about_oneself for member in members if member.pk == acting.membership_id}


def _review(request: HttpRequest, form: ReviewForm) -> HttpResponse:
    try:
        kept, ended = review_members(decisions=form.decisions(), by=request.acting)
    except NotAllowed as refusal:
        field = f"decision_{refusal.field}"
        form.add_error(field if field in form.fields else None, str(refusal))
        return _review_page(request, form, status=400)
    except Stale as changed:
        return _conflict(request, form, changed.args)
    rest = review_to_come(own_members(request.acting))
    messages.success(request, _done(kept, ended, rest))
    return redirect("member-review" if rest else "member-list")


def _done(kept: int, ended: int, rest: ReviewToCome | None) -> str:
    """The result of a review in words."""
    counts = {"kept": kept, "ended": ended}
    parts = [f"{number} member{'s' if number > 1 else ''} {what}." for what, number in counts.items() if number]
    return " ".join([*parts, f"{rest.number} still to be reviewed."] if rest else parts)


def _conflict(request: HttpRequest, form: ReviewForm, changed: tuple[int, ...]) -> HttpResponse:
    """409: the choices made, over the members as they are now."""
    names = ", ".join(member.user.name for member in form.members if member.pk in changed)
    what = f"Someone else changed these memberships in the meantime: {names}."
    messages.error(request, f"{what} Nothing was saved. Look again, and save if your choices still stand.")
    members = own_members(request.acting).filter(pk__in=[member.pk for member in form.members])
    return _review_page(request, _form_about(members, request, initial=form.choices_made()), status=409)


def _review_page(request: HttpRequest, form: ReviewForm, page: Page | None = None, status: int = 200) -> HttpResponse:
    context = {"form": form, "page": page, "today": timezone.localdate(), "days": settings.ACCESS_REVIEW_DAYS}
    return render(request, "accounts/member_review.html", context, status=status)


@allow(Permission.MANAGE_ORGANISATIONS)
def organisation_reviews(request: HttpRequest) -> HttpResponse:
    """Whose yearly review of access is due when, those first that waited longest."""
    expect(request)
    today = timezone.localdate()
    organisations = Organisation.objects.filter(is_active=True).with_review()
    first = organisations.order_by(F("confirmed_at").asc(nulls_last=True), "name")[:MOST_ORGANISATIONS]
    rows = [(one, one.confirmed_at and review_due_on(one.confirmed_at)) for one in first]
    context = {
        "rows": rows,
        "today": today,
        "overdue": sum(1 for _, due_on in rows if due_on and due_on < today),
        "soon": sum(1 for _, due_on in rows if due_on and today <= due_on <= today + TOLD_BEFORE),
        "without": sum(1 for one, _ in rows if not one.administrators),
        "most": MOST_ORGANISATIONS if len(rows) == MOST_ORGANISATIONS else None,
    }
    return render(request, "accounts/organisation_reviews.html", context)
