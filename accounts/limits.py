"""How often somebody may ask: counted in the database, so that all processes count together.

Requests of systems and people to the API are counted by the minute, of each token (or person) and of its organisation.
Look-ups of devices that found nothing are counted by the UK day, of each token or person, on pages too: a brake on
trying numbers out. Counts are written outside the request's transaction: it neither waits for others nor undoes them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.acting import API, Acting, scope
from accounts.audit import record
from accounts.audit.models import Kind
from accounts.errors import TooMany
from accounts.mail import link_to, tell
from accounts.models import Membership, ServiceToken

COUNT = """
INSERT INTO portal_count AS c (subject, since, number)
SELECT subject, %s, %s FROM unnest(%s::text[]) AS subject ORDER BY subject
ON CONFLICT (subject, since) DO UPDATE SET number = c.number + EXCLUDED.number
RETURNING subject, number
"""
READ = "SELECT number FROM portal_count WHERE subject = %s AND since = %s"
FORGET = "DELETE FROM portal_count WHERE since < %s"
MINUTE = timedelta(minutes=1)
TOLD_AT = 0.8  # of the day's look-ups in vain, when the organisation's administrators are told


def count(since: datetime, *subjects: str, by: int = 1) -> dict[str, int]:
    """Add `by` to what each of the subjects has taken `since` then; what each has taken now."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT, [since, by, list(subjects)])
        return dict(cursor.fetchall())


def forget_counts() -> int:
    """Remove counts of days that are over; how many."""
    with connection.cursor() as cursor:
        cursor.execute(FORGET, [timezone.now() - timedelta(days=2)])
        return cursor.rowcount


def subject_of(acting: Acting) -> str:
    """Who asks: one token, or one person, wherever they act."""
    return f"token:{acting.token_id}" if acting.token_id else f"person:{acting.user.pk}"


@dataclass(frozen=True)
class Rate:
    """What is left of one limit in this minute."""

    name: str
    limit: int
    taken: int
    seconds: int  # until there is more

    @property
    def left(self) -> int:
        return max(0, self.limit - self.taken)


def take_request(acting: Acting) -> list[Rate]:
    """Count one request to the API, and say what is left; that of the token or person first."""
    now = timezone.now()
    since = now.replace(second=0, microsecond=0)
    seconds = max(1, round((since + MINUTE - now).total_seconds()))
    own, whole = subject_of(acting), f"organisation:{acting.organisation.pk}"
    taken = count(since, own, whole)
    return [
        Rate(own.partition(":")[0], settings.API_RATE, taken[own], seconds),
        Rate("organisation", settings.API_RATE_OF_ORGANISATION, taken[whole], seconds),
    ]


class RateThrottle(BaseThrottle):
    """429 for requests over a rate that `LimitMiddleware` counted."""

    def allow_request(self, request: Request, view: object) -> bool:
        self.exceeded = [rate for rate in getattr(request, "rates", ()) if rate.taken > rate.limit]
        return not self.exceeded

    def wait(self) -> int:
        return self.exceeded[0].seconds


class LookUps:
    """Of one request: its look-ups of devices, of which those that find nothing are counted."""

    def __init__(self, acting: Acting) -> None:
        self.acting, self.in_vain = acting, 0

    def check(self) -> None:
        """Raises TooMany once the day's look-ups in vain are used up: then nothing is looked up, found or not."""
        with connection.cursor() as cursor:
            cursor.execute(READ, [self._subject, _midnight()])
            row = cursor.fetchone()
        if row and row[0] >= settings.LOOK_UPS_IN_VAIN:
            left = _midnight(1) - timezone.now()
            sentence = "Too many look-ups found nothing today. They are answered again after midnight, UK time."
            raise TooMany(sentence, round(left.total_seconds()))

    def nothing(self, number: int = 1) -> None:
        """So many found nothing."""
        self.in_vain += number

    def spend(self) -> None:
        """Count what found nothing; at 80 % of the day's the administrators are told, once."""
        if not self.in_vain:
            return
        (now,) = count(_midnight(), self._subject, by=self.in_vain).values()
        if now - self.in_vain < TOLD_AT * settings.LOOK_UPS_IN_VAIN <= now:
            _tell(self.acting, now)

    @property
    def _subject(self) -> str:
        return f"in vain:{subject_of(self.acting)}"


def _midnight(days: int = 0) -> datetime:
    """At which the UK day began, or one so many days later begins."""
    return timezone.make_aware(datetime.combine(timezone.localdate() + timedelta(days), time.min))


def _tell(acting: Acting, number: int) -> None:
    with scope(acting):
        record(Kind.LOOK_UPS_IN_VAIN, by=acting, number=number)
        administrators = Membership.objects.in_force().administrators().filter(organisation=acting.organisation)
        addresses = list(administrators.values_list("user__email", flat=True))
        token = acting.token_id and ServiceToken.objects.get(pk=acting.token_id)
    who = f"The system “{token.name}”" if token else str(acting.user)
    most, link = settings.LOOK_UPS_IN_VAIN, link_to(reverse("audit"))
    tell("look_ups_in_vain", addresses, who=who, number=number, most=most, link=link)


class LimitMiddleware:
    """Counts requests to the API and look-ups that found nothing; stands outside of the request's scope."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.acting is None:
            return self.get_response(request)
        request.look_ups = LookUps(request.acting)
        request.rates = take_request(request.acting) if request.path_info.startswith(API) else []
        response = self.get_response(request)
        request.look_ups.spend()
        if request.rates:
            policies = (f'"{rate.name}";q={rate.limit};w={round(MINUTE.total_seconds())}' for rate in request.rates)
            states = (f'"{rate.name}";r={rate.left};t={rate.seconds}' for rate in request.rates)
            response.headers["RateLimit-Policy"] = ", ".join(policies)
            response.headers["RateLimit"] = ", ".join(states)
        return response
