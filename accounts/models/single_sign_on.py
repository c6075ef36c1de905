"""An organisation's own provider of sign-in, and the e-mail domains that are sent there."""

from typing import Self

from allauth.socialaccount.models import SocialApp
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.models.people import Organisation, User


class SingleSignOn(models.Model):
    """The provider of one organisation: an OpenID Connect client, kept as django-allauth keeps it."""

    organisation = models.OneToOneField(Organisation, models.PROTECT, related_name="single_sign_on")
    app = models.OneToOneField(SocialApp, models.PROTECT, related_name="single_sign_on")
    is_active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return f"{self.organisation}: {self.app.name}"


class MailDomainQuerySet(models.QuerySet):
    def proven(self) -> Self:
        return self.filter(proven_at__isnull=False, given_up_at=None)


class MailDomain(models.Model):
    """An e-mail domain of one organisation, once somebody who reads its postmaster's mail has proved it."""

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
