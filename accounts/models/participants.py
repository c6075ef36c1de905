"""The list of all MAPs and suppliers, and which organisation acts under which code."""

from datetime import date
from typing import Self

from django.contrib.postgres.expressions import ArraySubquery
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from accounts.history import history_of
from accounts.models.moments import DATES, within_time
from accounts.models.people import Organisation, User
from accounts.roles import Role


class Fuel(models.TextChoices):
    ELECTRICITY = "E", "electricity"
    GAS = "G", "gas"


class PeriodQuerySet(models.QuerySet):
    """Rows in force from one date to another, both included; without an end, indefinitely."""

    start, end = "effective_from", "effective_to"

    def on(self, day: date) -> Self:
        """Return those in force on `day`."""
        return self.filter(
            Q(**{f"{self.start}__lte": day}),
            Q(**{f"{self.end}__isnull": True}) | Q(**{f"{self.end}__gte": day}),
        )


class BindingQuerySet(PeriodQuerySet):
    start, end = "valid_from", "valid_to"

    def with_entries(self) -> Self:
        """Add `entries`: the row ids of all list entries under the code, of whatever period."""
        same = Participant.objects.filter(fuel=OuterRef("fuel"), role=OuterRef("role"), code=OuterRef("code"))
        return self.annotate(entries=ArraySubquery(same.order_by().values("pk")))


class ParticipantQuerySet(PeriodQuerySet):
    def named(self, text: str) -> Self:
        """Return entries whose name contains the text or whose code it is, or all; by role, fuel and code."""
        found = self.filter(Q(name__icontains=text) | Q(code__iexact=text)) if text else self
        return found.order_by("role", "fuel", "code", "effective_from")

    def not_valid(self, day: date) -> Self:
        """Return entries whose code is not in force on `day` under any entry."""
        same_code = Participant.objects.on(day).filter(
            fuel=OuterRef("fuel"), role=OuterRef("role"), code=OuterRef("code")
        )
        return self.filter(~Exists(same_code))


class Participant(models.Model):
    """One entry of the list of all MAPs and suppliers (market domain data; gas codes from a list of their own)."""

    class Kind(models.TextChoices):
        LIVE = "live", "Live"
        DUMMY = "dummy", "Dummy"
        TEST = "test", "Test"

    fuel = models.CharField(max_length=1, choices=Fuel)
    role = models.CharField(max_length=8, choices=[(r.value, r.label) for r in (Role.SUPPLIER, Role.MAP)])
    code = models.CharField(max_length=4, db_collation="C")
    name = models.CharField(max_length=120)
    effective_from = models.DateField()
    effective_to = models.DateField(null=True, blank=True, help_text="The last day it is in force")
    kind = models.CharField(max_length=5, choices=Kind, default=Kind.LIVE)

    objects = ParticipantQuerySet.as_manager()

    class Meta:
        ordering = ["code", "role", "effective_from"]
        constraints = [
            models.UniqueConstraint(fields=["fuel", "role", "code", "effective_from"], name="participant_unique"),
            models.CheckConstraint(condition=Q(code__regex=r"^[0-9A-Z]{3,4}$"), name="participant_code_form"),
            models.CheckConstraint(
                condition=(Q(fuel=Fuel.ELECTRICITY) & Q(code__regex=r"^.{4}$"))
                | (Q(fuel=Fuel.GAS) & Q(code__regex=r"^.{3}$")),
                name="participant_code_length_of_fuel",
            ),
            models.CheckConstraint(condition=~Q(role=Role.DCC), name="participant_role_known"),
            models.CheckConstraint(
                condition=Q(effective_to=None) | Q(effective_to__gte=F("effective_from")),
                name="participant_ends_after_start",
            ),
            within_time("effective_from", "effective_to", name="participant_within_time", among=DATES),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"

    def in_force(self, day: date) -> bool:
        return self.effective_from <= day and (self.effective_to is None or day <= self.effective_to)


class Binding(models.Model):
    """Which organisation acts under a code, and when: an act of the DCC, as it grants sight of assets."""

    fuel = models.CharField(max_length=1, choices=Fuel)
    role = models.CharField(max_length=8, choices=[(r.value, r.label) for r in (Role.SUPPLIER, Role.MAP)])
    code = models.CharField(max_length=4, db_collation="C")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="bindings")
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)
    bound_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    approved_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    objects = BindingQuerySet.as_manager()

    class Meta:
        ordering = ["fuel", "code", "valid_from"]
        constraints = [
            models.UniqueConstraint(fields=["fuel", "role", "code", "valid_from"], name="binding_unique"),
            models.CheckConstraint(
                condition=Q(valid_to=None) | Q(valid_to__gte=F("valid_from")), name="binding_ends_after_start"
            ),
            within_time("valid_from", "valid_to", name="binding_within_time", among=DATES),
        ]

    def __str__(self) -> str:
        return f"{self.code} ({self.get_fuel_display()}) → {self.organisation}"

    def clean(self) -> None:
        if self.organisation.role != self.role:
            raise ValidationError("Code and organisation must have the same role.")


class ParticipantEvent(history_of(Participant)):
    """What an entry of the list was after each write."""


class BindingEvent(history_of(Binding)):
    """What a binding was after each write."""
