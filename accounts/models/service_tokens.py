"""API tokens, with which an organisation's own systems act for it."""

from datetime import datetime, timedelta
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.models.moments import within_time
from accounts.models.people import Organisation, User
from accounts.roles import Job


class ServiceTokenQuerySet(models.QuerySet):
    def of(self, organisation: Organisation) -> Self:
        return self.filter(organisation=organisation)

    def valid(self) -> Self:
        """Return those that work now: neither revoked nor expired, of an organisation that takes part."""
        return self.filter(revoked_at=None, expires_at__gt=timezone.now(), organisation__is_active=True)

    def current(self) -> Self:
        """Return those not revoked; they may have expired, and keep their names until they are revoked."""
        return self.filter(revoked_at=None)

    def to_be_told_of(self, now: datetime) -> Self:
        """Return those not revoked for which an email has become due since their creation or the last email."""
        tokens = self.current().filter(organisation__is_active=True)
        untold = Q()
        for ahead in ServiceToken.TELL_AHEAD:
            untold |= Q(expires_at__lte=now + ahead, last_told__lt=F("expires_at") - ahead)
        return tokens.annotate(last_told=Coalesce("warned_at", "created_at")).filter(untold)


class ServiceToken(models.Model):
    """A token of an organisation. Only its SHA-256 and its first characters are kept; it is shown in full once.

    `networks`, in CIDR notation, from which it can be used; if empty, from everywhere.
    """

    JOBS = (Job.VIEWER, Job.EDITOR)
    LONGEST_NAME = 60
    USUAL_DAYS, MOST_DAYS = 90, 365
    # How long before the end the organisation's administrators get an email; the last one is at the end.
    TELL_AHEAD = (timedelta(days=14), timedelta(days=2), timedelta(0))

    class State(models.TextChoices):
        VALID = "valid", "Valid"
        EXPIRES_SOON = "expires_soon", "Expires soon"
        EXPIRED = "expired", "Expired"
        REVOKED = "revoked", "Revoked"

    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="service_tokens")
    name = models.CharField(max_length=LONGEST_NAME)
    job = models.CharField(max_length=16, choices=[(job.value, job.label) for job in JOBS])
    prefix = models.CharField(max_length=16)
    secret_hash = models.CharField(max_length=64)
    networks = ArrayField(models.CharField(max_length=43), default=list, blank=True)
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    warned_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    objects = ServiceTokenQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["secret_hash"], name="service_token_secret_unique"),
            models.UniqueConstraint(
                fields=["organisation", "name"], name="service_token_name_once", condition=Q(revoked_at=None)
            ),
            models.CheckConstraint(condition=Q(job__in=["viewer", "editor"]), name="service_token_job_no_higher"),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")), name="service_token_expires_after_creation"
            ),
            within_time(
                "created_at", "expires_at", "warned_at", "last_used_at", "revoked_at", name="service_token_within_time"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def has_expired(self) -> bool:
        return self.expires_at <= timezone.now()

    @property
    def state(self) -> State:
        if self.revoked_at:
            return self.State.REVOKED
        if self.has_expired:
            return self.State.EXPIRED
        soon = self.expires_at - self.TELL_AHEAD[0] <= timezone.now()
        return self.State.EXPIRES_SOON if soon else self.State.VALID
