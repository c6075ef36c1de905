"""Sessions, one row for each browser, with a column for everything that queries need."""

from datetime import datetime, timedelta
from enum import StrEnum
from importlib import import_module
from typing import Self

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.base_session import AbstractBaseSession, BaseSessionManager
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models.moments import within_time
from accounts.models.people import User
from accounts.models.single_sign_on import SingleSignOn


class End(StrEnum):
    """Which of the two limits has ended a session."""

    IDLE = "idle"
    LONGEST = "longest"


class SessionQuerySet(models.QuerySet):
    def signed_in(self) -> Self:
        """Return those of people, whose time is not up."""
        now = timezone.now()
        return self.filter(
            user__isnull=False,
            last_seen_at__gt=now - timedelta(seconds=settings.SESSION_IDLE_SECONDS),
            signed_in_at__gt=now - timedelta(seconds=settings.SESSION_ABSOLUTE_SECONDS),
        )

    def stored(self) -> Self:
        """Return those that Django still reads."""
        return self.filter(expire_date__gt=timezone.now())

    def of_nobody(self, first: str | None, last: str | None) -> Self:
        """Return those without a person, from the network addresses `first` to `last`, or from an unknown one."""
        return self.filter(Q(address__range=(first, last)) if first else Q(address=None), user=None)


class Session(AbstractBaseSession):
    """A session of one browser; without `user`, nobody has signed in to it, or it has timed out.

    `signed_in_through` is the provider that was used, if any. `address` and `user_agent` are those of the request that
    signed in.
    """

    LONGEST_AGENT = 200

    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="sessions")
    signed_in_through = models.ForeignKey(SingleSignOn, models.CASCADE, null=True, related_name="sessions")
    signed_in_at = models.DateTimeField(null=True)
    last_seen_at = models.DateTimeField(null=True)
    address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=LONGEST_AGENT)

    objects = BaseSessionManager.from_queryset(SessionQuerySet)()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(user=None) | Q(signed_in_at__isnull=False, last_seen_at__isnull=False),
                name="session_of_somebody_has_times",
            ),
            within_time("expire_date", "signed_in_at", "last_seen_at", name="session_within_time"),
        ]
        indexes = [
            models.Index(fields=["address", "expire_date"], name="session_of_nobody", condition=Q(user=None)),
        ]

    @classmethod
    def get_session_store_class(cls) -> type[SessionBase]:
        return import_module(settings.SESSION_ENGINE).SessionStore

    @property
    def idle_end(self) -> datetime:
        return self.last_seen_at + timedelta(seconds=settings.SESSION_IDLE_SECONDS)

    @property
    def longest_end(self) -> datetime:
        return self.signed_in_at + timedelta(seconds=settings.SESSION_ABSOLUTE_SECONDS)

    @property
    def over(self) -> End | None:
        """Return which limit has ended the person's session, if any."""
        now = timezone.now()
        if self.user_id is None:
            return None
        if self.longest_end <= now:
            return End.LONGEST
        return End.IDLE if self.idle_end <= now else None
