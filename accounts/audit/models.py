"""The audit trail: who did what, the seals by which an altered or removed row is found, and who read whose devices.

People, organisations and devices stand here by their ids alone, without foreign keys: the trail outlives them.
"""

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Exists, OuterRef
from django.utils import timezone

from accounts.roles import Role

if TYPE_CHECKING:
    from accounts.acting import Acting

# Of ids: a row may become visible after others with higher ids. What comes later still is sealed before a daily root.
LATECOMERS = 20_000
# The ids and the moments of rows are taken one after the other: neighbours may have them in another order.
NEIGHBOURS = 1_000


class Retention(models.TextChoices):
    """How long a row is kept; each chain holds rows of one, so that it can be cut at its front."""

    SHORT = "short", "Reads and sign-ins"
    LONG = "long", "Changes"


class Kind(models.TextChoices):
    """What was done."""

    LOG_IN = "log_in", "Signed in"
    FAILED_LOG_IN = "failed_log_in", "Failed to sign in"
    LOG_OUT = "log_out", "Signed out"
    SWITCH = "switch", "Chose whom to act for"
    PASSWORD_CHANGED = "password_changed", "Changed the password"
    PASSWORD_RESET = "password_reset", "Set the password anew"
    DEVICE_READ = "device_read", "Looked at a device"
    SEARCH = "search", "Searched devices"
    LIST_READ = "list_read", "Looked at a list of devices"
    LIST_DOWNLOADED = "list_downloaded", "Downloaded a list of devices"
    REPORT_DOWNLOADED = "report_downloaded", "Downloaded a report"
    AUDIT_DOWNLOADED = "audit_downloaded", "Downloaded the audit trail"
    ITEMS_RECORDED = "items_recorded", "Recorded values of a device"
    ORGANISATION_ADDED = "organisation_added", "Added an organisation"
    ORGANISATION_DEACTIVATED = "organisation_deactivated", "Deactivated an organisation"
    ORGANISATION_REACTIVATED = "organisation_reactivated", "Reactivated an organisation"
    CODE_BOUND = "code_bound", "Bound a code"
    CODE_UNBOUND = "code_unbound", "Unbound a code"
    PROPOSED = "proposed", "Proposed an act that takes two people"
    DECIDED = "decided", "Decided on a proposal"
    INVITED = "invited", "Invited somebody"
    INVITATION_SENT = "invitation_sent", "Sent an invitation again"
    INVITATION_REVOKED = "invitation_revoked", "Revoked an invitation"
    INVITATION_ACCEPTED = "invitation_accepted", "Accepted an invitation"
    MEMBER_ADDED = "member_added", "Added a member"
    JOB_CHANGED = "job_changed", "Changed a job"
    MEMBERSHIP_ENDED = "membership_ended", "Ended a membership"
    MEMBERSHIP_SUSPENDED = "membership_suspended", "Suspended a membership"
    MEMBERSHIP_REINSTATED = "membership_reinstated", "Reinstated a membership"
    MEMBERSHIP_CONFIRMED = "membership_confirmed", "Confirmed a membership"
    ACCOUNTS_DOWNLOADED = "accounts_downloaded", "Downloaded the list of accounts"
    FACTOR_ADDED = "factor_added", "Added a second factor"
    FACTOR_REMOVED = "factor_removed", "Removed a second factor"
    FACTORS_RESET = "factors_reset", "Reset somebody’s second factors"
    SESSIONS_ENDED = "sessions_ended", "Ended sessions"
    TOKEN_MADE = "token_made", "Made a token"
    TOKEN_REVOKED = "token_revoked", "Revoked a token"
    TOKEN_USED = "token_used", "Came with a token"
    LOOK_UPS_IN_VAIN = "look_ups_in_vain", "Looked up many devices that were not there"
    SIGN_ON_CHANGED = "sign_on_changed", "Changed single sign-on"
    DOMAIN_ADDED = "domain_added", "Added an e-mail domain"
    DOMAIN_PROVEN = "domain_proven", "Proved an e-mail domain"
    DOMAIN_GIVEN_UP = "domain_given_up", "Gave an e-mail domain up"
    PARTICIPANTS_LOADED = "participants_loaded", "Loaded the list of MAPs and suppliers"
    DEVICES_LOADED = "devices_loaded", "Loaded devices"
    SYSTEM_SCOPE = "system_scope", "Worked as the operator"
    VALUES_ERASED = "values_erased", "Erased personal values"
    VALUE_CORRECTED = "value_corrected", "Corrected a personal value"
    EXPIRED = "expired", "Removed expired rows"

    @property
    def retention(self) -> Retention:
        return Retention.SHORT if self in SHORT_LIVED else Retention.LONG


SHORT_LIVED = frozenset(
    {
        Kind.LOG_IN,
        Kind.FAILED_LOG_IN,
        Kind.LOG_OUT,
        Kind.SWITCH,
        Kind.DEVICE_READ,
        Kind.SEARCH,
        Kind.LIST_READ,
        Kind.LIST_DOWNLOADED,
        Kind.REPORT_DOWNLOADED,
        Kind.AUDIT_DOWNLOADED,
        Kind.TOKEN_USED,
        Kind.LOOK_UPS_IN_VAIN,
        Kind.SYSTEM_SCOPE,
    }
)


class AuditRowQuerySet(models.QuerySet):
    def visible_to(self, acting: "Acting") -> Self:
        """The own organisation's rows; for the DCC, all."""
        return self.all() if acting.role == Role.DCC else self.filter(organisation_id=acting.organisation.pk)

    def unsealed(self) -> Self:
        return self.filter(~Exists(AuditSeal.objects.filter(row_id=OuterRef("pk"))))

    def recent(self) -> Self:
        """Where all rows are that no seal can have yet, but for those of a transaction that took very long."""
        last = AuditSeal.objects.order_by("-row_id").values_list("row_id", flat=True).first()
        return self.filter(pk__gt=(last or 0) - LATECOMERS)

    def between(self, first: date | None, last: date | None) -> Self:
        """Of these UK days, both included; found by id, in the order of which rows are listed."""
        rows = self
        if first:
            rows = rows.filter(at__gte=_midnight(first), pk__gt=rows._id_at(first) - NEIGHBOURS)
        if last:
            after = last + timedelta(days=1)
            rows = rows.filter(at__lt=_midnight(after), pk__lt=rows._id_at(after) + NEIGHBOURS)
        return rows

    def _id_at(self, day: date) -> int:
        """The id of the first row of `day`, or one that no row has reached yet."""
        found = AuditRow.objects.filter(at__gte=_midnight(day)).order_by("at").values_list("pk", flat=True).first()
        return found or 2**62


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))


class AuditRow(models.Model):
    """One act: ids, names of keys and hashes of personal values; never a MAP ID, never a personal value.

    `hashes`: name → SHA-256, in hex, of the salt and the value that lie in AuditValue.
    """

    at = models.DateTimeField()
    kind = models.CharField(max_length=24, choices=Kind)
    person_id = models.BigIntegerField(null=True)
    organisation_id = models.BigIntegerField(null=True)
    via = models.CharField(max_length=12)
    request_id = models.CharField(max_length=36, blank=True)
    device_id = models.CharField(max_length=23, blank=True, db_collation="C")
    version = models.IntegerField(null=True)
    details = models.JSONField(default=dict)
    hashes = models.JSONField(default=dict)

    objects = AuditRowQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["organisation_id", "id"], name="audit_of_organisation"),
            models.Index(fields=["person_id", "id"], name="audit_of_person"),
            models.Index(fields=["kind", "id"], name="audit_of_kind"),
            models.Index(fields=["at"], name="audit_at"),
        ]

    def __str__(self) -> str:
        return f"{self.pk} {self.kind}"


class AuditValue(models.Model):
    """A personal value beside its row: it can be corrected, or erased together with its salt.

    `told_in`: the row that tells of the correction or erasure.
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
    """How far a chain had come: its last position, and the hash there. Without an organisation: the overall chain."""

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
    """The end of a chain after a sealing: the next one goes on from here."""

    class Meta:
        indexes = [models.Index(fields=["organisation_id", "retention", "position"], name="audit_head_of_chain")]


class AuditRoot(ChainMark):
    """The end of a chain after a UK day, for everybody to note."""

    day = models.DateField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation_id", "retention", "day"], name="audit_root_once_a_day", nulls_distinct=False
            )
        ]


class AuditCut(ChainMark):
    """Where a chain begins since its front expired: after the position of a daily root."""

    class Meta:
        indexes = [models.Index(fields=["organisation_id", "retention", "position"], name="audit_cut_of_chain")]


class DeviceReading(models.Model):
    """That an organisation read devices of another on a day, and how; never how many.

    Without a reader, of a portfolio report: suppliers learn that there was one, not whose.
    """

    class How(models.TextChoices):
        PAGE = "page", "Pages of single devices"
        LOOK_UP = "look_up", "Look-ups by Device ID, MPxN or MSN"
        LIST = "list", "Lists in which at least one stood"
        FILE = "file", "Files in which at least one stood"
        PORTFOLIO = "portfolio", "MAP portfolio reports in which at least one stood"

    day = models.DateField()
    reader_id = models.BigIntegerField(null=True)
    subject_id = models.BigIntegerField()
    how = models.CharField(max_length=9, choices=How)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["subject_id", "day", "reader_id", "how"], name="device_reading_once", nulls_distinct=False
            )
        ]
        indexes = [models.Index(fields=["subject_id", "id"], name="device_reading_of_subject")]

    def __str__(self) -> str:
        return f"{self.day} {self.how}"
