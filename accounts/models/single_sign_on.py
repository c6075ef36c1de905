"""An organisation's own sign-in provider, and the email domains whose people are sent there."""

from typing import Self

from allauth.socialaccount.models import SocialApp
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.mail_domains import domain_of
from accounts.models.moments import within_time
from accounts.models.people import Organisation, User


class SingleSignOnQuerySet(models.QuerySet):
    def active(self) -> Self:
        """Return those that are switched on, of organisations that take part."""
        return self.filter(is_active=True, organisation__is_active=True)

    def vouching_for(self, email: str) -> Self:
        """Return the active one with a proof for the domain of this address; at most one."""
        proven = MailDomain.objects.proven().filter(domain=domain_of(email))
        return self.active().filter(pk__in=proven.values("single_sign_on"))


class SingleSignOn(models.Model):
    """The provider of one organisation: an OpenID Connect client, kept as django-allauth keeps it.

    Two people named its issuer and client: one proposed them, another approved; while it is switched on, the database
    holds to that. Sessions that began before `named_at` came through another provider.
    """

    organisation = models.OneToOneField(Organisation, models.PROTECT, related_name="single_sign_on")
    app = models.OneToOneField(SocialApp, models.PROTECT, related_name="single_sign_on")
    is_active = models.BooleanField(default=True)
    named_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    approved_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    named_at = models.DateTimeField(default=timezone.now)

    objects = SingleSignOnQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(is_active=False)
                | Q(named_by__isnull=False, approved_by__isnull=False) & ~Q(approved_by=F("named_by")),
                name="sign_on_named_by_two",
            ),
            within_time("named_at", name="sign_on_within_time"),
        ]

    def __str__(self) -> str:
        return f"{self.organisation}: {self.app.name}"

    @property
    def issuer(self) -> str:
        return self.app.settings["issuer"]


class MailDomainQuerySet(models.QuerySet):
    def current(self) -> Self:
        """Return those not removed; they may not be proven yet."""
        return self.filter(given_up_at=None)

    def proven(self) -> Self:
        return self.current().filter(proven_at__isnull=False)


class MailDomain(models.Model):
    """An email domain of one organisation, added by two people and proved by a DNS record (`accounts.domain_records`).

    The proof is for the provider as it was then: a new issuer or client takes `proven_at` away.
    """

    single_sign_on = models.ForeignKey(SingleSignOn, models.PROTECT, related_name="domains")
    domain = models.CharField(max_length=253)
    added_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    approved_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
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
            models.CheckConstraint(
                condition=Q(proven_at=None)
                | Q(added_by__isnull=False, approved_by__isnull=False) & ~Q(approved_by=F("added_by")),
                name="mail_domain_added_by_two",
            ),
            within_time("added_at", "proven_at", "given_up_at", name="mail_domain_within_time"),
        ]

    def __str__(self) -> str:
        return self.domain
