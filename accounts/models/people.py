"""Who takes part: people, organisations, and who does what for whom."""

from typing import Self

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.history import history_of
from accounts.roles import Job, Permission, Role, allows


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, name: str, password: str | None = None) -> "User":
        """A person who may sign in once they have a membership; without a password, they must set one."""
        user = self.model(email=email.strip().lower(), name=name)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser):
    """A person. What they may do follows from their memberships alone."""

    email = models.EmailField("e-mail address", max_length=254)
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
        ]

    def __str__(self) -> str:
        return self.name

    def get_full_name(self) -> str:
        return self.name


class Organisation(models.Model):
    """A party that acts in exactly one role."""

    name = models.CharField(max_length=120)
    role = models.CharField(max_length=8, choices=Role)
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(Lower("name"), name="organisation_name_unique"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="organisation_role_known"),
        ]

    def __str__(self) -> str:
        return self.name


class MembershipQuerySet(models.QuerySet):
    def current(self) -> Self:
        """Not ended; perhaps suspended."""
        return self.filter(ended_at=None)

    def in_force(self) -> Self:
        """Under which somebody can act: of an organisation that takes part, neither ended nor suspended."""
        return self.current().filter(suspended_at=None, organisation__is_active=True, user__is_active=True)

    def administrators(self) -> Self:
        return self.filter(job=Job.ADMINISTRATOR)


class Membership(models.Model):
    """One person's job for one organisation. It ends, and is never removed."""

    user = models.ForeignKey(User, models.PROTECT, related_name="memberships")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="memberships")
    job = models.CharField(max_length=16, choices=Job)
    began_at = models.DateTimeField(default=timezone.now, editable=False)
    # By the yearly review of access: when an administrator last said that it is right, and who.
    confirmed_at = models.DateTimeField(default=timezone.now)
    confirmed_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", db_index=False)
    # Of an account that nobody signs in to: when its person was told, and when the membership was withheld.
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
        ]

    def __str__(self) -> str:
        return f"{self.user}, {self.organisation}, {self.get_job_display()}"

    def may(self, permission: Permission) -> bool:
        return allows(Role(self.organisation.role), Job(self.job), permission)


class MembershipEvent(history_of(Membership)):
    """What a membership was after each write."""


class OrganisationEvent(history_of(Organisation)):
    """What an organisation was after each write."""
