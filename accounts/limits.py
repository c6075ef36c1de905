"""How often anyone can ask: counted in the database, so that all processes count together.

Requests of systems and people to the API are counted by the minute, for each token (or person) and its organisation.
Counts are written outside the request's transaction, which neither waits for others nor undoes the counts.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.acting import Acting
from accounts.expiry import remove_older

COUNT = """
INSERT INTO portal_count AS c (subject, since, number)
SELECT subject, %s, %s FROM unnest(%s::text[]) AS subject ORDER BY subject
ON CONFLICT (subject, since) DO UPDATE SET number = c.number + EXCLUDED.number
RETURNING subject, number
"""
READ = "SELECT subject, number FROM portal_count WHERE subject = ANY (%s) AND since = %s"
MINUTE = timedelta(minutes=1)


def count(since: datetime, *subjects: str, by: int = 1) -> dict[str, int]:
    """Add `by` to what each of the subjects has taken `since` then; what each has taken now."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT, [since, by, list(subjects)])
        return dict(cursor.fetchall())


def counted(since: datetime, *subjects: str) -> dict[str, int]:
    """Return how much each of the subjects has taken `since` then."""
    with connection.cursor() as cursor:
        cursor.execute(READ, [list(subjects), since])
        return dict.fromkeys(subjects, 0) | dict(cursor.fetchall())


def forget_counts() -> int:
    """Remove counts of days that are over; how many."""
    return remove_older("portal_count", "since", timezone.now() - timedelta(days=2))


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
