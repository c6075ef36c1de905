"""Acts of the DCC that need two of its administrators: one asks for them, another approves or rejects them."""

from datetime import date, datetime, time, timedelta
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.models.moments import within_time
from accounts.models.people import Organisation, User


class ProposalQuerySet(models.QuerySet):
    def open(self) -> Self:
        """Return those waiting for a decision."""
        return self.filter(decision="", expires_at__gt=timezone.now())


class Proposal(models.Model):
    """An act that gives or withdraws access to assets, resets a way in, or lets a provider say who people are.

    It takes effect once someone else approves. `details` are the arguments of the act's function: codes, dates, access
    levels, row ids, and of a provider issuer and client. Name and address of a person without an account are in `name`
    and `email`. `secret`: of a provider's client, encrypted, until it is decided.
    """

    VALID_FOR = timedelta(days=14)

    class Act(models.TextChoices):
        APPOINT = "appoint", "Appoint an administrator"
        BIND = "bind", "Bind a code"
        UNBIND = "unbind", "Unbind a code"
        DEACTIVATE = "deactivate", "Deactivate the organisation"
        REACTIVATE = "reactivate", "Reactivate the organisation"
        CHANGE_JOB = "change_job", "Change a DCC administrator’s access level"
        END_MEMBERSHIP = "end_membership", "End a DCC administrator’s membership"
        RESET_FACTORS = "reset_factors", "Reset someone’s second factors"
        NAME_PROVIDER = "name_provider", "Name a provider for single sign-on"
        ADD_DOMAIN = "add_domain", "Add an email domain for single sign-on"
        SWITCH_ON = "switch_on", "Switch on single sign-on"

    @classmethod
    def end_of_validity(cls) -> datetime:
        """Return when a request made now expires: after the last date on which it can be decided, which emails name."""
        last = timezone.localdate() + cls.VALID_FOR
        return timezone.make_aware(datetime.combine(last + timedelta(days=1), time()))

    @property
    def last_date(self) -> date:
        return timezone.localdate(self.expires_at - timedelta(microseconds=1))

    class Decision(models.TextChoices):
        APPROVED = "approved", "Approved"
        REJECTED = "rejected", "Rejected"
        WITHDRAWN = "withdrawn", "Withdrawn"

    act = models.CharField(max_length=16, choices=Act)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+")
    details = models.JSONField(default=dict)
    email = models.EmailField(max_length=254, blank=True)
    name = models.CharField(max_length=120, blank=True)
    reason = models.CharField(max_length=240, blank=True)
    secret = models.TextField(blank=True)
    proposed_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    decision = models.CharField(max_length=9, choices=Decision, blank=True)
    decided_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)

    objects = ProposalQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    act__in=[
                        "appoint",
                        "bind",
                        "unbind",
                        "deactivate",
                        "reactivate",
                        "change_job",
                        "end_membership",
                        "reset_factors",
                        "name_provider",
                        "add_domain",
                        "switch_on",
                    ]
                ),
                name="proposal_act_known",
            ),
            models.CheckConstraint(
                condition=Q(decision="", decided_by=None, decided_at=None)
                | Q(
                    decision__in=["approved", "rejected", "withdrawn"],
                    decided_by__isnull=False,
                    decided_at__isnull=False,
                ),
                name="proposal_decided_by_somebody",
            ),
            models.CheckConstraint(
                condition=~Q(decision="approved", decided_by=F("proposed_by")), name="proposal_approved_by_another"
            ),
            within_time("proposed_at", "expires_at", "decided_at", name="proposal_within_time"),
        ]

    def __str__(self) -> str:
        return f"{self.get_act_display()}, {self.organisation}"

    @property
    def is_open(self) -> bool:
        return not self.decision and self.expires_at > timezone.now()
