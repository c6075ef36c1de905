"""The MAP portfolio report as of past days, beside today's: what reading history costs a file."""

from collections.abc import Callable
from datetime import timedelta

from django.utils import timezone

from accounts.acting import Acting
from accounts.models import Organisation
from accounts.roles import Job
from bench.measure import Outcome, compare, in_turn
from bench.row_security import report

NAME = "MAP portfolio report of the past"
ROUNDS = 9
DAYS_AGO = {"as of four weeks ago": 28, "as of a year ago": 365}


def run() -> list[Outcome]:
    """After `map_report`, which gives the MAP its devices."""
    acting = Acting(Organisation.objects.get(name="Bench MAP"), Job.VIEWER)
    asked = {"as of today": 0} | DAYS_AGO
    todays, *past = in_turn(NAME, {name: of(acting, days) for name, days in asked.items()}, ROUNDS).values()
    return [todays, *(compare(outcome, todays) for outcome in past)]


def of(acting: Acting, days_ago: int) -> Callable[[], object]:
    day = timezone.localdate() - timedelta(days=days_ago)
    return lambda: report(acting, day)
