"""The devices of the inventory, and their history."""

from django.db import models
from django.db.models import Case, Q, Value, When
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Replace

from accounts.history import history_of
from accounts.models import Fuel, Participant
from accounts.models.moments import DATES, within_time
from inventory.identifiers import DEVICE_ID_PATTERN, MPAN_PATTERN, MPRN_PATTERN, MSN_PATTERN
from inventory.querysets import DeviceQuerySet


class DeviceType(models.TextChoices):
    """Device types of the SMI."""

    ESME = "ESME", "ESME, electricity smart metering equipment"
    GSME = "GSME", "GSME, gas smart metering equipment"
    CHF = "CHF", "CHF, communications hub function"
    GPF = "GPF", "GPF, gas proxy function"
    PPMID = "PPMID", "PPMID, prepayment interface device"
    HCALCS = "HCALCS", "HCALCS, auxiliary load control switch"
    SAPC = "SAPC", "SAPC, standalone auxiliary proportional controller"
    IHD = "IHD", "IHD, in-home display"
    CAD = "CAD", "CAD, consumer access device"


FUEL_OF_TYPE = {DeviceType.ESME: Fuel.ELECTRICITY, DeviceType.GSME: Fuel.GAS}
METERS = tuple(FUEL_OF_TYPE)


class Status(models.TextChoices):
    """SMI Status, in the words of DUIS."""

    PENDING = "Pending", "Pending"
    WHITELISTED = "Whitelisted", "Whitelisted"
    INSTALLED_NOT_COMMISSIONED = "InstalledNotCommissioned", "Installed, not commissioned"
    COMMISSIONED = "Commissioned", "Commissioned"
    DECOMMISSIONED = "Decommissioned", "Decommissioned"
    WITHDRAWN = "Withdrawn", "Withdrawn"
    SUSPENDED = "Suspended", "Suspended"
    RECOVERY = "Recovery", "Recovery"
    RECOVERED = "Recovered", "Recovered"
    NOT_APPLICABLE = "NotApplicable", "Not applicable"


# A MAP's first page counts its devices of these.
WATCHED = (Status.SUSPENDED, Status.DECOMMISSIONED, Status.WITHDRAWN)

# Which moves are usual is an assumption (docs/open-questions.md): another move is kept and flagged, not refused.
USUAL_STATUS_MOVES: dict[Status, frozenset[Status]] = {
    Status.PENDING: frozenset({Status.WHITELISTED}),
    Status.WHITELISTED: frozenset({Status.INSTALLED_NOT_COMMISSIONED, Status.COMMISSIONED, Status.PENDING}),
    Status.INSTALLED_NOT_COMMISSIONED: frozenset({Status.COMMISSIONED, Status.PENDING, Status.DECOMMISSIONED}),
    Status.COMMISSIONED: frozenset({Status.SUSPENDED, Status.DECOMMISSIONED, Status.WITHDRAWN, Status.RECOVERY}),
    Status.SUSPENDED: frozenset({Status.COMMISSIONED, Status.DECOMMISSIONED}),
    Status.DECOMMISSIONED: frozenset({Status.PENDING}),
    Status.WITHDRAWN: frozenset(),
    Status.RECOVERY: frozenset({Status.RECOVERED}),
    Status.RECOVERED: frozenset({Status.COMMISSIONED}),
    Status.NOT_APPLICABLE: frozenset(),
}


class Device(models.Model):
    """One device of the SMI, with the MAP ID and MSN that suppliers record for it.

    Its parties are today's steps of `ProviderPeriod` and `SupplyPeriod`: triggers of the database write them here when
    a step is recorded, and nothing else does. `map_recorded_for` is the code of the participant on whose behalf.
    """

    device_id = models.CharField(max_length=23, db_collation="C")
    device_type = models.CharField(max_length=6, choices=DeviceType)
    fuel = models.GeneratedField(
        expression=Case(
            *(When(device_type=kind, then=Value(fuel)) for kind, fuel in FUEL_OF_TYPE.items()), default=Value("")
        ),
        output_field=models.CharField(max_length=1, choices=Fuel),
        db_persist=True,
    )
    smets_generation = models.SmallIntegerField(null=True, choices=[(1, "SMETS1"), (2, "SMETS2")])
    smets_version = models.CharField(max_length=16, blank=True)
    manufacturer = models.CharField(max_length=4, blank=True, db_collation="C")
    model = models.CharField(max_length=8, blank=True, db_collation="C")
    firmware = models.CharField(max_length=8, blank=True, db_collation="C")
    esme_variant = models.CharField(max_length=3, blank=True)
    status = models.CharField(max_length=24, choices=Status)
    status_from = models.DateField()
    unusual_status_move = models.BooleanField(default=False)
    mpxn = models.CharField(max_length=13, blank=True, db_collation="C")
    installed_on = models.DateField(null=True)
    commissioned_on = models.DateField(null=True)
    decommissioned_on = models.DateField(null=True)
    # Of the communications hub, which another supplier may be responsible for: its ID, not its row.
    hub_device_id = models.CharField(max_length=23, blank=True, db_collation="C")

    supplier = models.ForeignKey(Participant, models.PROTECT, related_name="+", db_index=False)
    supplier_from = models.DateField()
    previous_supplier = models.ForeignKey(Participant, models.PROTECT, null=True, related_name="+", db_index=False)
    previous_supplier_to = models.DateField(null=True)

    msn = models.CharField(max_length=14, blank=True, db_collation="C")
    msn_key = models.GeneratedField(
        expression=Replace("msn", Value(" "), Value("")),
        output_field=models.CharField(max_length=14, db_collation="C"),
        db_persist=True,
    )

    asset_provider = models.ForeignKey(Participant, models.PROTECT, null=True, related_name="+", db_index=False)
    map_from = models.DateField(null=True)
    map_recorded_at = models.DateTimeField(null=True)
    map_recorded_for = models.CharField(max_length=4, blank=True)

    version = models.IntegerField(default=1)

    objects = DeviceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["device_id"], name="device_id_unique"),
            models.CheckConstraint(condition=Q(device_id__regex=DEVICE_ID_PATTERN), name="device_id_form"),
            models.CheckConstraint(condition=Q(device_type__in=DeviceType.values), name="device_type_known"),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="device_status_known"),
            within_time("status_from", "supplier_from", "map_from", name="device_periods_within_time", among=DATES),
            within_time(
                "installed_on", "commissioned_on", "decommissioned_on", name="device_life_within_time", among=DATES
            ),
            models.CheckConstraint(
                condition=Q(device_type__in=METERS, smets_generation__in=(1, 2), smets_generation__isnull=False)
                | (~Q(device_type__in=METERS) & Q(smets_generation=None)),
                name="device_smets_generation_of_meters",
            ),
            models.CheckConstraint(
                condition=Q(mpxn="")
                | Q(device_type=DeviceType.ESME, mpxn__regex=MPAN_PATTERN)
                | Q(device_type=DeviceType.GSME, mpxn__regex=MPRN_PATTERN),
                name="device_mpxn_form",
            ),
            models.CheckConstraint(
                condition=Q(msn="")
                | (Q(device_type=DeviceType.ESME, msn__regex=MSN_PATTERN) & Q(msn__regex=r"^.{1,10}$"))
                | Q(device_type=DeviceType.GSME, msn__regex=MSN_PATTERN),
                name="device_msn_form",
            ),
            models.CheckConstraint(
                condition=Q(asset_provider=None, map_from=None)
                | Q(asset_provider__isnull=False, map_from__isnull=False, map_recorded_at__isnull=False),
                name="device_map_id_with_day_and_moment",
            ),
            models.CheckConstraint(
                condition=Q(asset_provider=None) | Q(device_type__in=METERS, smets_generation=2),
                name="device_map_id_on_smets2_meters_only",
            ),
            models.CheckConstraint(
                condition=Q(esme_variant="") | Q(device_type=DeviceType.ESME), name="device_esme_variant_of_esme"
            ),
            models.CheckConstraint(
                condition=Q(previous_supplier=None, previous_supplier_to=None)
                | Q(previous_supplier__isnull=False, previous_supplier_to__isnull=False),
                name="device_previous_supplier_with_day",
            ),
            models.CheckConstraint(condition=Q(version__gte=1), name="device_version_positive"),
        ]
        indexes = [
            models.Index(fields=["supplier", "device_id"], name="device_supplier_scope"),
            models.Index(fields=["asset_provider", "device_id"], name="device_map_scope"),
            models.Index(fields=["mpxn"], name="device_mpxn", condition=~Q(mpxn="")),
            models.Index(fields=["msn_key", "manufacturer"], name="device_msn_key", condition=~Q(msn_key="")),
            models.Index(
                fields=["supplier", "device_id"],
                name="device_map_id_missing",
                condition=Q(asset_provider=None, device_type__in=METERS, smets_generation=2),
            ),
            models.Index(
                fields=["supplier", "device_id"], name="device_msn_missing", condition=Q(msn="", device_type__in=METERS)
            ),
            # For the worklists and counts of the first page. Those with columns included are read without the rows,
            # row security and all.
            models.Index(
                fields=["supplier", "asset_provider"],
                name="device_supplier_and_map",
                condition=Q(asset_provider__isnull=False),
            ),
            models.Index(
                fields=["supplier", "msn_key", "manufacturer"],
                name="device_supplier_msn",
                condition=~Q(msn_key=""),
                include=["id", "asset_provider"],
            ),
            models.Index(
                fields=["asset_provider", "msn_key", "manufacturer"],
                name="device_map_msn",
                condition=~Q(msn_key="") & Q(asset_provider__isnull=False),
                include=["id", "supplier"],
            ),
            models.Index(
                fields=["asset_provider", "device_id"],
                name="device_map_msn_missing",
                condition=Q(msn="", device_type__in=METERS, asset_provider__isnull=False),
            ),
            models.Index(
                fields=["asset_provider", "status", "device_id"],
                name="device_map_status",
                condition=Q(status__in=WATCHED, asset_provider__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.device_id

    @property
    def fuel_name(self) -> str:
        return Fuel(self.fuel).label if self.fuel else ""

    @property
    def is_meter(self) -> bool:
        return self.device_type in METERS

    @property
    def takes_map_id(self) -> bool:
        """The MAP ID is for SMETS2 meters only (SECMP0011)."""
        return self.is_meter and self.smets_generation == 2


# Written by triggers from the steps, which are their history.
DERIVED = (
    "supplier", "supplier_from", "previous_supplier", "previous_supplier_to",
    "asset_provider", "map_from", "map_recorded_at", "map_recorded_for",
)  # fmt: skip
GENERATED = ("fuel", "msn_key")


BATCH = models.GeneratedField(
    expression=Cast(KT("pgh_context__batch"), models.UUIDField()),
    output_field=models.UUIDField(null=True),
    db_persist=True,
    db_index=True,
)


class DeviceEvent(history_of(Device, exclude=[*DERIVED, *GENERATED], pgh_batch=BATCH)):
    """What a device was after each write, but for its parties: their history is in the periods."""
