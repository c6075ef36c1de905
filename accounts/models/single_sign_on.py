"""An organisation's own sign-in provider, and the email domains whose people are sent there."""

from datetime import datetime, timedelta
from typing import Self

from allauth.socialaccount.models import SocialApp
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.mail_domains import domain_of
from accounts.models.people import Organisation, User


class SingleSignOnQuerySet(models.QuerySet):
    def active(self) -> Self:
        """Return those that are switched on, of organisations that take part."""
        return self.filter(is_active=True, organisation__is_active=True)

    def vouching_for(self, email: str) -> Self:
        """Return the active one with the proven domain of this address; at most one."""
        proven = MailDomain.objects.proven().filter(domain=domain_of(email))
        return self.active().filter(pk__in=proven.values("single_sign_on"))


class SingleSignOn(models.Model):
    """The provider of one organisation: an OpenID Connect client, stored as django-allauth stores it."""

    organisation = models.OneToOneField(Organisation, models.PROTECT, related_name="single_sign_on")
    app = models.OneToOneField(SocialApp, models.PROTECT, related_name="single_sign_on")
    is_active = models.BooleanField(default=True)

    objects = SingleSignOnQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.organisation}: {self.app.name}"


class MailDomainQuerySet(models.QuerySet):
    def current(self) -> Self:
        """Return those not removed; they may not be proven yet."""
        return self.filter(given_up_at=None)

    def proven(self) -> Self:
        return self.current().filter(proven_at__isnull=False)

    def provable(self) -> Self:
        """Return those whose link works now."""
        return self.current().filter(proven_at=None, added_at__gt=timezone.now() - MailDomain.VALID_FOR)


class MailDomain(models.Model):
    """An email domain of one organisation; it counts once its postmaster has proved it.

    `added_at`: when it was added, or a proof last asked for. Only the SHA-256 of the link's secret is kept.
    """

    VALID_FOR = timedelta(hours=72)

    single_sign_on = models.ForeignKey(SingleSignOn, models.PROTECT, related_name="domains")
    domain = models.CharField(max_length=253)
    secret_hash = models.CharField(max_length=64)
    added_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    added_at = models.DateTimeField(default=timezone.now)
    proven_at = models.DateTimeField(null=True)
    given_up_at = models.DateTimeField(null=True)

    objects = MailDomainQuerySet.as_manager()

    class Meta:
        ordering = ["domain"]
        constraints = [
            models.UniqueConstraint(
                Lower("domain"), name="mail_domain_of_one_organisation", condition=Q(given_up_at=None)
            ),
            models.CheckConstraint(condition=Q(domain=Lower("domain")), name="mail_domain_lower_case"),
        ]

    def __str__(self) -> str:
        return self.domain

    @property
    def postmaster(self) -> str:
        """Return the mailbox that every email domain has (RFC 2142, section 5)."""
        return f"postmaster@{self.domain}"

    @property
    def expires_at(self) -> datetime:
        return self.added_at + self.VALID_FOR

    @property
    def has_expired(self) -> bool:
        return self.expires_at <= timezone.now()
