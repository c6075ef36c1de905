"""Runs of reports on devices."""

import uuid
from datetime import timedelta

from django.db import models
from django.utils import timezone

from accounts.models import Organisation, ServiceToken, User
from inventory.querysets import ReportRunQuerySet


class ReportRun(models.Model):
    """One download of a report: who, acting for whom, when, and what it held."""

    class Outcome(models.TextChoices):
        RUNNING = "running", "Running"
        COMPLETE = "complete", "Complete"
        BROKEN_OFF = "broken_off", "Broken off"
        FAILED = "failed", "Failed"

    GIVEN_UP_AFTER = timedelta(hours=1)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    report = models.CharField(max_length=40)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="report_runs")
    requested_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    token = models.ForeignKey(ServiceToken, models.PROTECT, null=True, related_name="+", db_index=False)
    started_at = models.DateTimeField(default=timezone.now)
    as_of = models.DateField()
    asked_known_at = models.DateTimeField(null=True)  # of a report of the past; else what is known when it runs
    known_at = models.DateTimeField(null=True)
    participants = models.JSONField(default=list)
    outcome = models.CharField(max_length=12, choices=Outcome, default=Outcome.RUNNING)
    rows = models.BigIntegerField(null=True)
    bytes = models.BigIntegerField(null=True)
    sha256 = models.CharField(max_length=64, blank=True)

    objects = ReportRunQuerySet.as_manager()

    class Meta:
        ordering = ["-started_at"]
        indexes = [models.Index(fields=["organisation", "report", "-started_at"], name="report_run_of_organisation")]

    def __str__(self) -> str:
        return f"{self.report} for {self.organisation}, {self.started_at:%Y-%m-%d %H:%M}"

    @property
    def asked_by(self) -> str:
        """The person, or the system by the name of its token; nobody of the organisation if it was the operator."""
        return str(self.requested_by or (self.token and f"API token “{self.token.name}”") or "")

    @property
    def outcome_now(self) -> "ReportRun.Outcome":
        """A run without an outcome after an hour was broken off: its process is gone."""
        given_up = self.started_at < timezone.now() - self.GIVEN_UP_AFTER
        if self.outcome == self.Outcome.RUNNING and given_up:
            return self.Outcome.BROKEN_OFF
        return self.Outcome(self.outcome)
