"""A limit on look-ups that find no device, so that no one can try out numbers: on pages, in files, through the API.

They are counted by the UK day, for each token or person and for its organisation. Each is counted before its answer is
given, outside the request's transaction: however many come at once, none is answered beyond the limit.
"""

from collections.abc import Callable
from datetime import datetime, time, timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.acting import Acting, scope
from accounts.audit import note
from accounts.errors import Busy, TooMany
from accounts.limits import count, counted, subject_of
from accounts.mail import queue_for
from accounts.models import Membership
from accounts.waits import CROWDED, elsewhere
from inventory.devices.filters import DeviceFilter
from inventory.trail.kinds import DeviceAuditKind

TOLD_AT = 0.8  # share of the day's limit at which the organisation's administrators are told


class LookUps:
    """The look-ups of one request; those that find nothing are counted."""

    def __init__(self, acting: Acting) -> None:
        self.acting, self._reached = acting, dict[str, int]()
        self._own = f"in vain:{subject_of(acting)}"
        self._limits = {
            self._own: settings.LOOK_UPS_IN_VAIN,
            f"in vain:organisation:{acting.organisation.pk}": settings.LOOK_UPS_IN_VAIN_OF_ORGANISATION,
        }

    def check(self) -> None:
        """Raise TooMany once one of the day's limits is used up; from then on no device can be looked up at all."""
        taken = counted(_midnight(), *self._limits)
        if any(taken[subject] >= limit for subject, limit in self._limits.items()):
            self._refuse()

    def nothing(self, number: int = 1) -> None:
        """Count `number` look-ups that found nothing; raise TooMany, so that it is not told, beyond a limit."""
        if not number:
            return
        taken: dict[str, int] = {}
        elsewhere(lambda: taken.update(count(_midnight(), *self._limits, by=number)))
        if not taken:
            raise Busy(*CROWDED)
        for subject, limit in self._limits.items():
            if taken[subject] - number < TOLD_AT * limit <= taken[subject]:
                self._reached[subject] = taken[subject]
        if any(taken[subject] > limit for subject, limit in self._limits.items()):
            self._refuse()

    def search(self, search: DeviceFilter) -> None:
        """Check and count a search whose answer is a file, if it names single devices."""
        if search.looks_up:
            self.check()
            self.nothing(0 if search.qs.exists() else 1)

    def tell(self) -> None:
        """Tell the administrators once a day, at 80 % of a limit; in a transaction of its own."""
        for subject, number in self._reached.items():
            _tell(self.acting, number, of_organisation=subject != self._own)

    def _refuse(self) -> None:
        left = _midnight(1) - timezone.now()
        sentence = "Too many look-ups found nothing today. Try again after midnight, UK time."
        raise TooMany(sentence, round(left.total_seconds()))


def _midnight(days: int = 0) -> datetime:
    """Return the moment at which today began in the UK, or at which the day `days` later begins."""
    return timezone.make_aware(datetime.combine(timezone.localdate() + timedelta(days), time.min))


def _tell(acting: Acting, number: int, *, of_organisation: bool) -> None:
    with scope(acting):
        who = {}
        if not of_organisation:
            who = {"token": acting.token_id} if acting.token_id else {"user": acting.user and acting.user.pk}
        note(DeviceAuditKind.LOOK_UPS_IN_VAIN, by=acting, number=number)
        administrators = Membership.objects.in_force().administrators().filter(organisation=acting.organisation)
        queue_for("look_ups_in_vain", administrators.values_list("user_id", flat=True), number=number, **who)


class LookUpMiddleware:
    """Sets `look_ups` on each request that acts for an organisation; after the answer, administrators may be told."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.acting is None:
            return self.get_response(request)
        request.look_ups = LookUps(request.acting)
        response = self.get_response(request)
        request.look_ups.tell()
        return response
