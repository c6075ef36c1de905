"""Moments and dates that a page can show. PostgreSQL has others that Python has not: infinity, and years before 1."""

from datetime import UTC, date, datetime

from django.db import models
from django.db.models import Q

MOMENTS = datetime(2000, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
DATES = date(1900, 1, 1), date(9999, 12, 31)


def within_time(*fields: str, name: str, among: tuple[date, date] = MOMENTS) -> models.CheckConstraint:
    """Whoever writes the row, even by SQL: one such moment would make each page fail that lists it."""
    condition = Q()
    for field in fields:
        condition &= Q(**{f"{field}__range": among})
    return models.CheckConstraint(condition=condition, name=name)
