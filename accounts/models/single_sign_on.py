"""An organisation's own provider of sign-in, and the e-mail domains that are sent there."""

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
        """Those that people are sent to: switched on, of an organisation that takes part."""
        return self.filter(is_active=True, organisation__is_active=True)

    def vouching_for(self, email: str) -> Self:
        """The active one that has proved the domain of this address; at most one."""
        proven = MailDomain.objects.proven().filter(domain=domain_of(email))
        return self.active().filter(pk__in=proven.values("single_sign_on"))


class SingleSignOn(models.Model):
    """The provider of one organisation: an OpenID Connect client, kept as django-allauth keeps it."""

    organisation = models.OneToOneField(Organisation, models.PROTECT, related_name="single_sign_on")
    app = models.OneToOneField(SocialApp, models.PROTECT, related_name="single_sign_on")
    is_active = models.BooleanField(default=True)

    objects = SingleSignOnQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.organisation}: {self.app.name}"


class MailDomainQuerySet(models.QuerySet):
    def current(self) -> Self:
        """Not given up; perhaps not proven yet."""
        return self.filter(given_up_at=None)

    def proven(self) -> Self:
        return self.current().filter(proven_at__isnull=False)

    def provable(self) -> Self:
        """Those whose link works now."""
        return self.current().filter(proven_at=None, added_at__gt=timezone.now() - MailDomain.VALID_FOR)


class MailDomain(models.Model):
    """An e-mail domain of one organisation, once somebody who reads its postmaster's mail has proved it.

    `added_at`: when it was added, or the proof last asked for. The link's secret is kept as its SHA-256 alone.
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
        """The mailbox that every mail domain has (RFC 2142, section 5)."""
        return f"postmaster@{self.domain}"

    @property
    def expires_at(self) -> datetime:
        return self.added_at + self.VALID_FOR

    @property
    def has_expired(self) -> bool:
        return self.expires_at <= timezone.now()
