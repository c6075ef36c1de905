"""A limit on look-ups that find no device, so that no one can try out numbers, on pages or through the API.

They are counted by the UK day, for each token or person, outside the request's transaction.
"""

from collections.abc import Callable
from datetime import datetime, time, timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.acting import Acting, scope
from accounts.audit import note
from accounts.errors import TooMany
from accounts.limits import count, counted, subject_of
from accounts.mail import queue_for
from accounts.models import Membership
from inventory.trail.kinds import DeviceAuditKind

TOLD_AT = 0.8  # share of the day's limit at which the organisation's administrators are told


class LookUps:
    """The look-ups of one request; those that find nothing are counted."""

    def __init__(self, acting: Acting) -> None:
        self.acting, self.in_vain = acting, 0

    def check(self) -> None:
        """Raise TooMany once the day's limit is used up; from then on no device can be looked up at all."""
        if counted(_midnight(), self._subject) >= settings.LOOK_UPS_IN_VAIN:
            left = _midnight(1) - timezone.now()
            sentence = "Too many look-ups found nothing today. Try again after midnight, UK time."
            raise TooMany(sentence, round(left.total_seconds()))

    def nothing(self, number: int = 1) -> None:
        """Note that `number` look-ups found nothing."""
        self.in_vain += number

    def spend(self) -> None:
        """Count the look-ups that found nothing; tell the administrators once, at 80 % of the day's limit."""
        if not self.in_vain:
            return
        (now,) = count(_midnight(), self._subject, by=self.in_vain).values()
        if now - self.in_vain < TOLD_AT * settings.LOOK_UPS_IN_VAIN <= now:
            _tell(self.acting, now)

    @property
    def _subject(self) -> str:
        return f"in vain:{subject_of(self.acting)}"


def _midnight(days: int = 0) -> datetime:
    """Return the moment at which today began in the UK, or at which the day `days` later begins."""
    return timezone.make_aware(datetime.combine(timezone.localdate() + timedelta(days), time.min))


def _tell(acting: Acting, number: int) -> None:
    with scope(acting):
        note(DeviceAuditKind.LOOK_UPS_IN_VAIN, by=acting, number=number)
        administrators = Membership.objects.in_force().administrators().filter(organisation=acting.organisation)
        who = {"token": acting.token_id} if acting.token_id else {"user": acting.user and acting.user.pk}
        queue_for("look_ups_in_vain", administrators.values_list("user_id", flat=True), number=number, **who)


class LookUpMiddleware:
    """Sets `look_ups` on each request that acts for an organisation, and counts its misses after the answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.acting is None:
            return self.get_response(request)
        request.look_ups = LookUps(request.acting)
        response = self.get_response(request)
        request.look_ups.spend()
        return response
