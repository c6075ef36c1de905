"""The verbs on memberships that nobody uses: warned about and suspended at night, reinstated by an administrator.

A membership is suspended `WARNED_BEFORE` after its owner was warned, and never without a warning. Reinstating cancels
the warning, so nobody is suspended again the next night: they are warned again first, and have as long again.
"""

from collections import Counter
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from accounts.acting import FIELD, Acting, explaining
from accounts.actions.members import may_manage_still
from accounts.errors import NotAllowed
from accounts.mail import link_to, queue_for, queue_mail, queue_mails
from accounts.models import Membership, MembershipQuerySet, Organisation, User
from accounts.operator import system_scope
from accounts.owner import ask_owner
from accounts.roles import Role

WARNED_BEFORE = timedelta(days=settings.DORMANT_TOLD_DAYS)
REASON = "memberships that nobody uses"
BATCH = 500


def warn_dormant(*, now: datetime) -> int:
    """Queue an email to everyone who must sign in to keep their memberships; return the number of people.

    They count as warned once it has been sent; until then each run queues another, of which one is sent.
    """
    people = list(to_warn(now).order_by("pk").values_list("pk", flat=True))
    queue_for("dormant_warning", people)
    return len(people)


def to_warn(now: datetime) -> QuerySet[User]:
    return User.objects.filter(Exists(_to_warn(now).filter(user=OuterRef("pk"))))


def words_of_warning(now: datetime) -> dict[str, object]:
    """Return after how many days without a sign-in people are warned, the last date to sign in, and the link."""
    return {
        "days": settings.DORMANT_DAYS - WARNED_BEFORE.days,
        "last_day": timezone.localdate(now + WARNED_BEFORE) - timedelta(days=1),
        "link": link_to("/"),
    }


def note_warning(person: User, now: datetime) -> None:
    """Note the warning for memberships that still need it: the person may just have signed in."""
    with system_scope(REASON, via="task", audited=False):
        _to_warn(now).filter(user=person).update(warned_at=now)


def suspend_dormant(*, now: datetime) -> int:
    """Suspend memberships warned about long enough ago and still unused; return their number.

    Their owners are told, each organisation's administrators how many, and the DCC's how many organisations have no
    administrator left.
    """
    suspended: Counter[int] = Counter()
    while batch := _suspend_some(now):
        suspended.update(membership.organisation_id for membership in batch)
    with transaction.atomic():
        _tell_administrators(suspended)
    return suspended.total()


def _suspend_some(now: datetime) -> list[Membership]:
    with system_scope(REASON, via="task", audited=False):
        due = _unused(now, timedelta(days=settings.DORMANT_DAYS)).filter(
            warned_at__lte=now - WARNED_BEFORE, warned_at__gte=F("last_used")
        )
        due = due.select_for_update(of=("self",), no_key=True, skip_locked=True).select_related("organisation")
        batch = list(due.order_by("pk")[:BATCH])
        ask_owner("suspend_memberships", [membership.pk for membership in batch])
        queue_mails("membership_suspended", [{"membership": membership.pk} for membership in batch])
    return batch


def _to_warn(now: datetime) -> MembershipQuerySet:
    """What nobody was told about since it was last used."""
    soon = timedelta(days=settings.DORMANT_DAYS) - WARNED_BEFORE
    return _unused(now, soon).filter(Q(warned_at=None) | Q(warned_at__lt=F("last_used")))


def _unused(now: datetime, span: timedelta) -> MembershipQuerySet:
    """In force, and unused for so long; but for the DCC administrator who signed in last.

    Nobody but the operator could let the DCC back in. Another organisation without an administrator is given one by
    the DCC, so there nobody is spared: an account with this right that nobody looks after is what this is about.
    """
    administrators = Membership.objects.in_force().administrators().filter(organisation__role=Role.DCC)
    spared = administrators.with_last_used().order_by("-last_used", "pk").values("pk")[:1]
    return Membership.objects.in_force().with_last_used().filter(last_used__lte=now - span).exclude(pk__in=spared)


def _tell_administrators(suspended: Counter[int]) -> None:
    administrators = Membership.objects.in_force().administrators()
    own = list(administrators.filter(organisation__in=suspended))
    told = [{"membership": one.pk, "number": suspended[one.organisation_id]} for one in own]
    queue_mails("memberships_suspended", told)
    if without := suspended.keys() - {one.organisation_id for one in own}:
        of_dcc = administrators.filter(organisation__role=Role.DCC)
        told = [{"membership": one.pk, "number": len(without)} for one in of_dcc]
        queue_mails("organisations_without_administrator", told)


def link_for(membership: Membership, page: str) -> str:
    """The address of a page, to be opened under this membership."""
    return link_to(f"{reverse(page)}?{urlencode({FIELD: membership.pk})}")


def take_warning_back(person: User) -> None:
    """Somebody has signed in: nothing of theirs is about to be suspended."""
    warned = person.memberships.exclude(warned_at=None)
    if warned.exists():
        with explaining(reason="signed in"):
            warned.update(warned_at=None)


@transaction.atomic
def reinstate_membership(*, membership: Membership, by: Acting) -> Membership:
    """Let a suspended member of the acting organisation act again; they are told. Nobody reinstates themselves."""
    Organisation.objects.select_for_update(no_key=True).get(pk=by.organisation.pk)
    membership.refresh_from_db(fields=["suspended_at", "ended_at"])
    _check_reinstating(membership, by)
    ask_owner("reinstate_membership", membership.pk)
    membership.suspended_at = membership.warned_at = None
    queue_mail("membership_reinstated", membership=membership.pk)
    return membership


def _check_reinstating(membership: Membership, by: Acting) -> None:
    who = membership.user
    if membership.organisation_id != by.organisation.pk or membership.ended_at:
        raise NotAllowed(f"{who} is not a member of {by.organisation}.")
    if not may_manage_still(by):
        raise NotAllowed(f"Only an administrator of {by.organisation} can reinstate members.")
    if membership.user == by.user:
        raise NotAllowed("You cannot reinstate yourself. Ask another administrator.")
    if membership.suspended_at is None:
        raise NotAllowed(f"{who} is not suspended.")
