"""Who provided a device and who supplied it, and when: steps on two axes of time.

A step says who it is from a UK day on (`valid_from`), until the next step begins; `known` is the range of moments at
which the portal took it to be so. Steps are only added to: a new one for the same device and day closes the `known` of
the one before. Today's step stands on the device too. Only `write_steps` (inventory/sql/steps.sql) does all of this.
"""

from django.contrib.postgres.fields import DateTimeRangeField
from django.db import models
from django.db.models import F, Q

from accounts.models import Organisation, Participant, User
from inventory.models.devices import Device
from inventory.querysets import StepQuerySet


class StepKind(models.TextChoices):
    """What the recording of a step is."""

    FIRST = "first", "First recording"
    CORRECTION = "correction", "Correction of an incorrect entry"
    CHANGE = "change", "Change from a date"
    ENDED = "ended", "Ended from a date"
    CANCELLED = "cancelled", "Cancelled"


class Step(models.Model):
    """From `valid_from` on it is `participant`, or nobody; a step taken back (`cancelled`) is none at all."""

    # No constraint: nothing deletes devices, and checking each link of a large load would take a third of its time.
    device = models.ForeignKey(Device, models.PROTECT, related_name="%(class)ss", db_index=False, db_constraint=False)
    valid_from = models.DateField()
    participant = models.ForeignKey(Participant, models.PROTECT, null=True, related_name="+", db_index=False)
    known = DateTimeRangeField()
    ahead = models.BooleanField(default=False)  # recorded before its day
    kind = models.CharField(max_length=10, choices=StepKind)
    via = models.CharField(max_length=12)
    recorded_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", db_index=False)
    organisation = models.ForeignKey(Organisation, models.PROTECT, null=True, related_name="+", db_index=False)
    recorded_for = models.CharField(max_length=4, blank=True)  # the participant's code, or DCC
    source = models.CharField(max_length=120, blank=True)
    reason = models.CharField(max_length=240, blank=True)
    batch = models.UUIDField(null=True)  # of all that was written with it

    objects = StepQuerySet.as_manager()

    class Meta:
        abstract = True
        ordering = ["device", "valid_from", "known"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=StepKind.values), name="%(class)s_kind_known"),
            models.CheckConstraint(
                condition=Q(known__isempty=False, known__lower_inf=False), name="%(class)s_known_from_a_moment"
            ),
            # Of what is known now (without an end) one a day; the index serves every search by device.
            models.UniqueConstraint(
                "device", "valid_from", F("known__endswith"), nulls_distinct=False, name="%(class)s_one_known"
            ),
        ]
        indexes = [
            models.Index(fields=["participant", "device"], name="%(class)s_of_party"),
            models.Index(
                fields=["valid_from"], name="%(class)s_to_come", condition=Q(ahead=True, known__upper_inf=True)
            ),
            models.Index(fields=["batch"], name="%(class)s_batch", condition=Q(batch__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.device_id}: {self.participant_id} from {self.valid_from}"


class ProviderPeriod(Step):
    """A step of the MAP ID: which MAP provides the meter; nobody, once it is blanked."""


class SupplyPeriod(Step):
    """A step of the responsible supplier."""

    class Meta(Step.Meta):
        constraints = [
            *Step.Meta.constraints,
            models.CheckConstraint(condition=Q(participant__isnull=False), name="supplyperiod_somebody"),
        ]
