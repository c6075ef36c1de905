"""Tokens with which an organisation's own systems act for it."""

from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.models.people import Organisation, User
from accounts.roles import Job


class ServiceTokenQuerySet(models.QuerySet):
    def valid(self) -> Self:
        """Those that open a door now: neither revoked nor expired, of an organisation that takes part."""
        return self.filter(revoked_at=None, expires_at__gt=timezone.now(), organisation__is_active=True)


class ServiceToken(models.Model):
    """A token of an organisation, of which SHA-256 and the first characters are kept; the whole is shown once.

    `networks`: in CIDR notation, from which it may be used; none given, from everywhere.
    """

    JOBS = (Job.VIEWER, Job.EDITOR)

    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="service_tokens")
    name = models.CharField(max_length=60)
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
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def has_expired(self) -> bool:
        return self.expires_at <= timezone.now()
