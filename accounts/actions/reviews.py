"""The verbs of the yearly review of access: each organisation's administrators confirm its members or end them.

A review is no thing of its own. A membership is due `ACCESS_REVIEW_DAYS` after it was confirmed, or began; an
organisation as soon as one of its memberships is.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.acting import Acting, explaining
from accounts.actions.members import end_membership, may_manage_still
from accounts.audit import note
from accounts.audit.kinds import AuditKind
from accounts.errors import NotAllowed, Stale
from accounts.mail import queue_mails
from accounts.models import Membership, Organisation, review_due_on
from accounts.models.audit import AuditRow
from accounts.operator import system_scope
from accounts.roles import Job

TOLD_BEFORE = timedelta(days=settings.ACCESS_REVIEW_TOLD_DAYS)
# When an organisation's administrators are told, from the day on which its review is due.
STEPS = (-TOLD_BEFORE, timedelta(0), TOLD_BEFORE)
REASON = "reminders of the yearly reviews of access"


@dataclass(frozen=True)
class Decision:
    """What an administrator says about one member, having been shown this level; ending takes a reason."""

    member: int
    job_shown: Job
    keep: bool
    reason: str = ""


@transaction.atomic
def review_members(*, decisions: list[Decision], by: Acting) -> tuple[int, int]:
    """Confirm or end memberships of the acting organisation, all of them or none: how many of each.

    Nobody decides on themselves while there is another administrator. Raises Stale, with the numbers of the
    memberships, if any has ended or has another level by now than was shown; NotAllowed names the membership as field.
    """
    Organisation.objects.select_for_update(no_key=True).get(pk=by.organisation.pk)
    if not may_manage_still(by):
        raise NotAllowed(f"Only an administrator of {by.organisation} can review its members.")
    own = Membership.objects.current().filter(organisation=by.organisation).select_related("user", "organisation")
    members = own.in_bulk([decision.member for decision in decisions])
    _check_shown(decisions, members)
    kept = [members[decision.member] for decision in decisions if decision.keep]
    ended = [(members[decision.member], decision.reason) for decision in decisions if not decision.keep]
    for member in [*kept, *(member for member, _ in ended)]:
        _check_not_oneself(member, by)
    _confirm(kept, by)
    for member, reason in ended:
        _end(member, reason, by)
    return len(kept), len(ended)


def _check_shown(decisions: list[Decision], members: dict[int, Membership]) -> None:
    job = {number: member.job for number, member in members.items()}
    if changed := [decision.member for decision in decisions if job.get(decision.member) != decision.job_shown]:
        raise Stale(*changed)


def _check_not_oneself(member: Membership, by: Acting) -> None:
    if member.user == by.user and has_other_administrators(by):
        raise NotAllowed("You cannot confirm or end your own membership. Ask another administrator.", str(member.pk))


def has_other_administrators(by: Acting) -> bool:
    """Whether somebody else could review whoever acts."""
    administrators = Membership.objects.in_force().administrators().filter(organisation=by.organisation)
    return administrators.exclude(user=by.user).exists()


def _confirm(members: list[Membership], by: Acting) -> None:
    confirmed = Membership.objects.filter(pk__in=[member.pk for member in members])
    confirmed.update(confirmed_at=timezone.now(), confirmed_by=by.user)
    for member in members:
        note(AuditKind.MEMBERSHIP_CONFIRMED, by=by, member=member.user_id, job=member.job)


def _end(member: Membership, reason: str, by: Acting) -> None:
    try:
        with explaining(reason=reason):
            end_membership(membership=member, by=by)
    except NotAllowed as refusal:
        raise NotAllowed(str(refusal), str(member.pk)) from refusal


def remind_of_reviews(*, today: date, since: date | None = None) -> int:
    """Mail the administrators of organisations that came to a step after the day `since`; the number of mails.

    By itself that is the day of the last run, known from the trail, to which a run is added in the transaction in which
    its emails are queued. So days missed are made up for.
    """
    with system_scope(REASON, via="task", audited=False):
        told = _remind(since or _last_reminded() or today - timedelta(days=1), today)
        note(AuditKind.SYSTEM_SCOPE, by=None, via="task", reason=REASON)
    return told


def _last_reminded() -> date | None:
    """The UK day of the last run."""
    runs = AuditRow.objects.filter(kind=AuditKind.SYSTEM_SCOPE, details__reason=REASON)
    last = runs.order_by("-pk").values_list("at", flat=True).first()
    return last and timezone.localdate(last)


def _remind(since: date, today: date) -> int:
    """Of steps after the day `since`, up to `today`: one email to each administrator."""
    reviewed = Organisation.objects.filter(is_active=True).with_review().exclude(confirmed_at=None)
    due = {organisation.pk: review_due_on(organisation.confirmed_at) for organisation in reviewed}
    come = [number for number, day in due.items() if any(since < day + step <= today for step in STEPS)]
    administrators = Membership.objects.in_force().administrators().filter(organisation__in=come)
    told = [{"membership": one.pk} | _words(one.organisation_id, due, today) for one in administrators]
    queue_mails("review_reminder", told)
    return len(told)


def _words(organisation: int, due: dict[int, date], today: date) -> dict[str, object]:
    members = Membership.objects.due_by(today + TOLD_BEFORE).filter(organisation=organisation)
    due_on = due[organisation]
    return {"due_on": due_on.isoformat(), "overdue": due_on < today, "number": members.count()}
