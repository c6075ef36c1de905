"""Invitations by email to a membership of an organisation."""

from datetime import timedelta
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models.moments import within_time
from accounts.models.people import Organisation, User
from accounts.roles import Job


class InvitationQuerySet(models.QuerySet):
    def open(self) -> Self:
        """Return those neither accepted nor revoked; their links may have expired."""
        return self.filter(accepted_at=None, revoked_at=None)

    def valid(self) -> Self:
        """Return those whose link works now."""
        return self.open().filter(expires_at__gt=timezone.now())


class Invitation(models.Model):
    """An invitation of one email address to one access level; only the SHA-256 of the link's secret is kept.

    `invited_by` is None if the operator invited, `approved_by` a second DCC administrator if one had to approve.
    """

    VALID_FOR = timedelta(hours=72)

    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="invitations")
    email = models.EmailField("email address", max_length=254)
    name = models.CharField(max_length=120)
    job = models.CharField(max_length=16, choices=Job)
    secret_hash = models.CharField(max_length=64)
    invited_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    approved_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", db_index=False)
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["secret_hash"], name="invitation_secret_unique"),
            models.UniqueConstraint(
                fields=["organisation", "email"],
                name="invitation_open_once",
                condition=Q(accepted_at=None, revoked_at=None),
            ),
            models.CheckConstraint(condition=Q(job__in=Job.values), name="invitation_job_known"),
            within_time(
                "created_at", "sent_at", "expires_at", "accepted_at", "revoked_at", name="invitation_within_time"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.email}, {self.organisation}, {self.get_job_display()}"

    @property
    def level(self) -> Job:
        return Job(self.job)

    @property
    def has_expired(self) -> bool:
        return self.expires_at <= timezone.now()
