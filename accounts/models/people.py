"""People, organisations and memberships."""

from datetime import date, datetime, timedelta
from typing import Self

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Case, CharField, Count, Exists, F, Min, OuterRef, Q, Value, When
from django.db.models.functions import Coalesce, Greatest, Lower
from django.utils import timezone

from accounts.history import history_of
from accounts.models.moments import within_time
from accounts.roles import Job, Permission, Role, allows


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, name: str, password: str | None = None) -> "User":
        """Create a person; without a password, they must set one before they can sign in."""
        user = self.model(email=email.strip().lower(), name=name)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser):
    """A person. What they can do follows only from their memberships."""

    email = models.EmailField("email address", max_length=254)
    name = models.CharField(max_length=120)
    is_active = models.BooleanField(default=True)
    joined_at = models.DateTimeField(default=timezone.now, editable=False)
    # Set by a reset of the second factors: memberships are withheld until one is enrolled again.
    must_enrol = models.BooleanField(default=False)

    objects = UserManager()
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["email"], name="user_email_unique"),
            models.CheckConstraint(condition=Q(email=Lower("email")), name="user_email_lower_case"),
            within_time("last_login", "joined_at", name="user_within_time"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_full_name(self) -> str:
        return self.name


class OrganisationQuerySet(models.QuerySet):
    def with_review(self) -> Self:
        """Of each: `members`, `administrators` who can act, `confirmed_at` of the member whom nobody confirmed for the
        longest time, and how many confirmed themselves (`by_themselves`).
        """
        current = Q(memberships__ended_at=None, memberships__isnull=False)
        can_act = current & Q(memberships__suspended_at=None, memberships__user__is_active=True, is_active=True)
        return self.annotate(
            members=Count("memberships", filter=current),
            administrators=Count("memberships", filter=can_act & Q(memberships__job=Job.ADMINISTRATOR)),
            confirmed_at=Min("memberships__confirmed_at", filter=current),
            by_themselves=Count("memberships", filter=current & Q(memberships__confirmed_by=F("memberships__user"))),
        )


class Organisation(models.Model):
    """A party that acts in exactly one role."""

    name = models.CharField(max_length=120)
    role = models.CharField(max_length=8, choices=Role)
    is_active = models.BooleanField(default=True)
    # Whether its administrators are emailed the daily roots of its audit trail.
    receives_roots = models.BooleanField(default=False, db_default=False)

    objects = OrganisationQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(Lower("name"), name="organisation_name_unique"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="organisation_role_known"),
        ]

    def __str__(self) -> str:
        return self.name


class Factor(models.TextChoices):
    """The strongest second factor that someone has set up."""

    PASSKEY = "passkey", "Passkey"
    APP = "authenticator_app", "Authenticator app"
    NONE = "none", "Not set up"


class Standing(models.TextChoices):
    """The state of a membership; someone can act only under an active one."""

    ACTIVE = "active", "Active"
    SUSPENDED = "suspended", "Suspended"
    DEACTIVATED = "deactivated", "Organisation deactivated"
    CLOSED = "closed", "Account closed"
    ENDED = "ended", "Ended"


def review_due_on(confirmed_at: datetime) -> date:
    """Return the UK date on which a membership confirmed at this time has to be confirmed again."""
    return timezone.localdate(confirmed_at) + timedelta(days=settings.ACCESS_REVIEW_DAYS)


class MembershipQuerySet(models.QuerySet):
    def current(self) -> Self:
        """Return those not ended, including suspended ones."""
        return self.filter(ended_at=None)

    def in_force(self) -> Self:
        """Return those under which someone can act: of an active organisation and account, not ended or suspended."""
        return self.current().filter(suspended_at=None, organisation__is_active=True, user__is_active=True)

    def administrators(self) -> Self:
        return self.filter(job=Job.ADMINISTRATOR)

    def due_by(self, day: date) -> Self:
        """Return current ones whose yearly review is due by that UK date."""
        return self.current().filter(confirmed_at__date__lte=day - timedelta(days=settings.ACCESS_REVIEW_DAYS))

    def with_last_used(self) -> Self:
        """Add `last_used`: the person's last sign-in, or when the account or the membership began, if that is later."""
        return self.annotate(last_used=Greatest(Coalesce("user__last_login", "user__joined_at"), "began_at"))

    def with_factor(self) -> Self:
        """Add `factor`: the person's strongest second factor."""

        def has(kind: str) -> Exists:
            return Exists(User.objects.filter(pk=OuterRef("user_id"), authenticator__type=kind))

        strongest = Case(
            When(has("webauthn"), then=Value(Factor.PASSKEY)),
            When(has("totp"), then=Value(Factor.APP)),
            default=Value(Factor.NONE),
            output_field=CharField(),
        )
        return self.annotate(factor=strongest)


class Membership(models.Model):
    """One person's access level in one organisation. It ends, and is never removed."""

    user = models.ForeignKey(User, models.PROTECT, related_name="memberships")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="memberships")
    job = models.CharField(max_length=16, choices=Job)
    began_at = models.DateTimeField(default=timezone.now, editable=False)
    # By the yearly review of access: when an administrator last confirmed it, and who.
    confirmed_at = models.DateTimeField(default=timezone.now)
    confirmed_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", db_index=False)
    # For an account that nobody signs in to: when its owner was warned, and when the membership was suspended.
    warned_at = models.DateTimeField(null=True)
    suspended_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        ordering = ["organisation__name"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "organisation"], name="membership_once_per_organisation", condition=Q(ended_at=None)
            ),
            models.CheckConstraint(condition=Q(job__in=Job.values), name="membership_job_known"),
            within_time("began_at", "confirmed_at", "warned_at", name="membership_within_time"),
        ]

    def __str__(self) -> str:
        return f"{self.user}, {self.organisation}, {self.get_job_display()}"

    @property
    def level(self) -> Job:
        return Job(self.job)

    def may(self, permission: Permission) -> bool:
        return allows(Role(self.organisation.role), Job(self.job), permission)

    @property
    def standing(self) -> Standing:
        held_back = {
            Standing.ENDED: self.ended_at is not None,
            Standing.DEACTIVATED: not self.organisation.is_active,
            Standing.CLOSED: not self.user.is_active,
            Standing.SUSPENDED: self.suspended_at is not None,
        }
        return next((standing for standing, holds in held_back.items() if holds), Standing.ACTIVE)

    @property
    def review_due_on(self) -> date:
        return review_due_on(self.confirmed_at)


class MembershipEvent(history_of(Membership)):
    """What a membership was after each write."""


class OrganisationEvent(history_of(Organisation)):
    """What an organisation was after each write."""
