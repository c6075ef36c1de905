"""Answers of the API that are repeated when a request is sent again."""

from datetime import timedelta

from django.db import models
from django.utils import timezone

from accounts.models.people import Organisation


class KeptAnswer(models.Model):
    """The answer to a request with an Idempotency-Key; `subject` is the token or person that sent it.

    `fingerprint` is the SHA-256 of the request; without a status it is being answered.
    """

    FOR = timedelta(hours=24)

    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+")
    subject = models.CharField(max_length=40)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    status = models.SmallIntegerField(null=True)
    content_type = models.CharField(max_length=80, blank=True)
    body = models.TextField(blank=True)  # JSON; it may hold what PostgreSQL's own type refuses
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organisation", "subject", "key"], name="kept_answer_key_once")]
        indexes = [models.Index(fields=["created_at"], name="kept_answer_age")]

    def __str__(self) -> str:
        return f"{self.subject} {self.key}"
