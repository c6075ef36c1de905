"""The MAP portfolio report: every device recorded against the MAP IDs of one organisation (design: SECMP0011)."""

from datetime import date, datetime

from django.db.models import QuerySet

from accounts import clock
from accounts.acting import Acting
from accounts.roles import Role
from inventory.models import Device


def portfolio(acting: Acting, day: date, known_at: datetime | None = None) -> QuerySet:
    """The devices of a MAP on `day`, as known at a moment; of today and as known now, the live table.

    Others than MAPs have no portfolio.
    """
    is_live = day == clock.today() and known_at is None
    devices = Device.objects.all() if is_live else Device.objects.as_of(day, known_at)
    mine = devices.visible_to(acting if acting.role == Role.MAP else None, day)
    return mine.with_quality_flags(acting, day, among=mine)
