"""The audit trail: who did what, the seals by which an altered or removed row is found, and who read whose devices.

People, organisations and devices are stored as ids, without foreign keys: the trail outlives them.
"""

from datetime import date, datetime, time, timedelta
from typing import Self

from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, Subquery, Value, When
from django.db.models.expressions import RawSQL
from django.db.models.functions import NullIf
from django.utils import timezone

from accounts.models.people import Organisation
from accounts.roles import Role

# A row can become visible after others with ids this much higher; one that is even later is sealed before a daily root.
LATECOMERS = 20_000
# A row takes its id and its time one after the other, so rows this close can have them in a different order.
NEIGHBOURS = 1_000


class Retention(models.TextChoices):
    """How long a row is kept; all rows of a chain have the same retention, so that it can be cut at its front."""

    SHORT = "short", "Reads and sign-ins"
    LONG = "long", "Changes"


class AuditRowQuerySet(models.QuerySet):
    def readable_by(self, organisation: Organisation) -> Self:
        """Return the organisation's own rows; all rows for the DCC."""
        return self.all() if organisation.role == Role.DCC else self.filter(organisation_id=organisation.pk)

    def told_to(self, organisation: Organisation) -> Self:
        """Return the rows it can read, as pages and files tell them, each with three `told_…` values.

        A trail that named the devices of a MAP's people to the DCC would be a list of the MAP's meters, so those rows
        name their devices to that MAP alone. `device_id` itself is not read. `told_number` is the row's place in the
        organisation's chain, None until it is sealed: ids would tell how much the others do. The DCC is told ids.
        """
        place = AuditSeal.objects.filter(row_id=OuterRef("pk")).values("organisation_position")
        number = F("pk") if organisation.role == Role.DCC else Subquery(place)
        maps = Organisation.objects.filter(role=Role.MAP).exclude(pk=organisation.pk)
        others = When(organisation_id__in=maps.values("pk"), then=None)
        rows = self.readable_by(organisation).defer("device_id", "version")
        return rows.annotate(
            told_device=Case(others, default=NullIf("device_id", Value(""))),
            told_version=Case(others, default="version"),
            told_number=number,
        )

    def unsealed(self) -> Self:
        return self.filter(~Exists(AuditSeal.objects.filter(row_id=OuterRef("pk"))))

    def recent(self) -> Self:
        """Return the rows that include all unsealed ones, except those of a very long transaction.

        A row with an id that has not been given out yet does not hide others.
        """
        given = RawSQL("(SELECT last_value FROM accounts_auditrow_id_seq)", [])
        seals = AuditSeal.objects.filter(row_id__lte=given).order_by("-row_id")
        last = seals.values_list("row_id", flat=True).first()
        return self.filter(pk__gt=(last or 0) - LATECOMERS)

    def between(self, first: date | None, last: date | None) -> Self:
        """Return the rows of these UK dates, both included; found by id, by which rows are listed."""
        rows = self
        if first:
            rows = rows.filter(at__gte=_midnight(first), pk__gt=rows._id_at(first) - NEIGHBOURS)
        if last:
            after = last + timedelta(days=1)
            rows = rows.filter(at__lt=_midnight(after), pk__lt=rows._id_at(after) + NEIGHBOURS)
        return rows

    def _id_at(self, day: date) -> int:
        """Return the id of the first row of `day`, or one that no row has reached yet."""
        found = AuditRow.objects.filter(at__gte=_midnight(day)).order_by("at").values_list("pk", flat=True).first()
        return found or 2**62


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))


class AuditRow(models.Model):
    """One act: ids, names of keys and hashes of personal values; never a MAP ID, never a personal value.

    `hashes`: name → SHA-256, in hex, of the salt and the value in AuditValue.
    """

    at = models.DateTimeField()
    kind = models.CharField(max_length=24)  # registered in accounts.audit.kinds
    person_id = models.BigIntegerField(null=True)
    organisation_id = models.BigIntegerField(null=True)
    via = models.CharField(max_length=12)
    request_id = models.CharField(max_length=36, blank=True)
    device_id = models.CharField(max_length=23, blank=True, db_collation="C")
    version = models.IntegerField(null=True)
    details = models.JSONField(default=dict)
    hashes = models.JSONField(default=dict)
    batch = models.UUIDField(null=True)  # of all that one request or load wrote

    objects = AuditRowQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["organisation_id", "id"], name="audit_of_organisation"),
            models.Index(fields=["person_id", "id"], name="audit_of_person"),
            models.Index(fields=["kind", "id"], name="audit_of_kind"),
            models.Index(fields=["organisation_id", "kind", "id"], name="audit_of_organisation_by_kind"),
            models.Index(fields=["at"], name="audit_at"),
            models.Index(fields=["batch"], name="audit_of_batch", condition=Q(batch__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.pk} {self.kind}"


class AuditValue(models.Model):
    """A personal value beside its row: it can be corrected, or erased together with its salt.

    `told_in`: the row that records the correction or erasure.
    """

    row = models.ForeignKey(AuditRow, models.DO_NOTHING, related_name="values", db_index=False)
    organisation_id = models.BigIntegerField(null=True)
    name = models.CharField(max_length=24)
    salt = models.BinaryField(null=True)
    value = models.TextField(null=True)  # noqa: DJ001  (erased is not empty)
    corrected_at = models.DateTimeField(null=True)
    erased_at = models.DateTimeField(null=True)
    told_in = models.BigIntegerField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["row", "name"], name="audit_value_once")]

    def __str__(self) -> str:
        return f"{self.name} of row {self.row_id}"


class AuditSeal(models.Model):
    """The place of a row in two chains, the overall one and its organisation's, and their hashes up to there."""

    row_id = models.BigIntegerField(primary_key=True)
    retention = models.CharField(max_length=5, choices=Retention)
    position = models.BigIntegerField()
    hash = models.BinaryField()
    organisation_id = models.BigIntegerField(null=True)
    organisation_position = models.BigIntegerField(null=True)
    organisation_hash = models.BinaryField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["retention", "position"], name="audit_seal_place"),
            models.UniqueConstraint(
                fields=["organisation_id", "retention", "organisation_position"],
                name="audit_seal_place_of_organisation",
                condition=models.Q(organisation_id__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.retention} {self.position}"


class ChainMark(models.Model):
    """The last position of a chain at one time, and the hash there; without an organisation, the overall chain."""

    at = models.DateTimeField(default=timezone.now)
    organisation_id = models.BigIntegerField(null=True)
    retention = models.CharField(max_length=5, choices=Retention)
    position = models.BigIntegerField()
    hash = models.BinaryField()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.retention} {self.position}"

    @property
    def hex(self) -> str:
        return bytes(self.hash).hex()


class AuditHead(ChainMark):
    """The end of a chain after a sealing; the next one continues from here."""

    class Meta:
        indexes = [models.Index(fields=["organisation_id", "retention", "position"], name="audit_head_of_chain")]


class AuditRoot(ChainMark):
    """The end of a chain after a UK date, for its organisation to note."""

    day = models.DateField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation_id", "retention", "day"], name="audit_root_once_a_day", nulls_distinct=False
            )
        ]


class AuditCut(ChainMark):
    """The new beginning of a chain whose front has expired: after the position of a daily root.

    `told_in`: the row that tells of it, and how old the expired rows were.
    """

    told_in = models.BigIntegerField(null=True)

    class Meta:
        indexes = [models.Index(fields=["organisation_id", "retention", "position"], name="audit_cut_of_chain")]


class AuditTally(models.Model):
    """How many rows of this retention have ever been sealed: where the overall chain must end, whatever is there."""

    retention = models.CharField(max_length=5, choices=Retention, primary_key=True)
    sealed = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.retention} {self.sealed}"
