"""The one table of data items: what each is, who records and sees it, how it may be searched, which reports carry it.

Filters, list columns, the device page, forms, report columns and the public page "Data items" are built from it. The
row of the MAP ID says neither `search` nor `sortable`: that is why no page, file or parameter can choose by it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from operator import attrgetter

from django.conf import settings
from django.db.models import CharField, F, Func, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import NullIf

from accounts.roles import Role
from inventory.models import Device


class Search(StrEnum):
    """How devices may be looked for by an item."""

    EXACT = "exact"
    PREFIX = "exact, or by its first 6 or more hex digits"
    CHOICE = "by one of its values"
    RANGE = "from and to a day"


class Shown(StrEnum):
    """How a value looks on a page."""

    TEXT = "text"
    IDENTIFIER = "identifier"
    DATE = "date"
    MOMENT = "moment"
    STATUS = "status"
    FLAGS = "flags"


class Group(StrEnum):
    ASSET = "Asset provider and serial number"
    SUPPLY = "Supply point and supplier"
    STATUS = "SMI Status and dates"
    DEVICE = "Device"
    REPORT = "Of the report"


class RecordedBy(StrEnum):
    """Who records an item, and so who to ask for a correction."""

    SUPPLIER = "The responsible supplier, in the SMI portal"
    DEVICE_LOAD = "The DCC, from what suppliers notify by service request"
    PORTAL = "The SMI portal"


DEVICE_LIST, MAP_PORTFOLIO = "device-list", "map-portfolio"
BOTH = frozenset({DEVICE_LIST, MAP_PORTFOLIO})
IN_LIST = frozenset({DEVICE_LIST})
IN_PORTFOLIO = frozenset({MAP_PORTFOLIO})
ALL_ROLES = frozenset(Role)


@dataclass(frozen=True, kw_only=True)
class DataItem:
    """One data item. `name` is its name in addresses and files; `path` leads to its value from a device.

    `withheld_by` names the settings, each of which can keep it from MAPs (an assumption: docs/open-questions.md).
    """

    name: str
    label: str
    short: str = ""  # heading of its column, where the label is long
    help: str
    group: Group
    recorder: RecordedBy = RecordedBy.DEVICE_LOAD
    fields: tuple[str, ...] = ()
    path: str = ""
    shown: Shown = Shown.TEXT
    search: Search | None = None
    sortable: bool = False
    reports: frozenset[str] = frozenset()
    seen_by: frozenset[Role] = ALL_ROLES
    withheld_by: tuple[str, ...] = ()
    source: str = ""
    expression: Combinable | None = None

    def visible_to(self, role: Role) -> bool:
        """Whether `role` sees this item of the devices in its scope."""
        withheld = role == Role.MAP and not all(getattr(settings, name) for name in self.withheld_by)
        return role in self.seen_by and not withheld

    @property
    def seen_by_words(self) -> str:
        """The roles that see it, such as `Supplier, DCC`."""
        return ", ".join(role.label for role in Role if self.visible_to(role))

    def value_of(self, device: Device) -> object:
        """The value as a person reads it; None where nothing is recorded."""
        try:
            value = self._get(device)
        except AttributeError:  # a party or hub that is not recorded
            return None
        return None if value == "" else value

    @cached_property
    def _get(self) -> Callable[[Device], object]:
        return attrgetter(self.path or self.name)

    @property
    def code_path(self) -> str:
        """Leads from a device to the value as files and the API hold it: a code or number, not its words."""
        path = self.path or self.name
        return path if "." in path or not self.fields else self.fields[0]

    @property
    def column(self) -> Combinable:
        """The value in SQL, as a file holds it: nothing rather than an empty text."""
        if self.expression is not None:
            return self.expression
        lookup = F((self.path or self.name).replace(".", "__"))
        field = Device._meta.get_field(self.fields[0]) if self.fields else None
        return nothing_if_empty(lookup) if isinstance(field, CharField) and field.blank else lookup


def nothing_if_empty(text: F) -> NullIf:
    return NullIf(text, Value(""), output_field=CharField())


def utc_text(field: str) -> Func:
    """A moment as `2026-11-23T10:52:00Z`."""
    return Func(
        F(field),
        template="to_char(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')",
        output_field=CharField(),
    )


ITEMS: tuple[DataItem, ...] = (
    DataItem(
        name="as_of",
        label="As of",
        help="The day in the United Kingdom that the report speaks of, for example 2026-11-23.",
        group=Group.REPORT,
        recorder=RecordedBy.PORTAL,
        reports=IN_PORTFOLIO,
        seen_by=frozenset({Role.MAP}),
    ),
    DataItem(
        name="map_id",
        label="MAP ID",
        help=(
            "The Meter Asset Provider recorded for this meter: 4 characters for electricity, 3 for gas, from the list "
            "of all MAPs, for example ZMAP. For SMETS2 meters only. It cannot be searched for, by anyone."
        ),
        group=Group.ASSET,
        recorder=RecordedBy.SUPPLIER,
        fields=("asset_provider",),
        path="asset_provider.code",
        shown=Shown.IDENTIFIER,
        reports=BOTH,
        source="SECMP0011 working group, 9 May 2016",
    ),
    DataItem(
        name="map_from",
        label="MAP ID applies from",
        help="The first day this Meter Asset Provider provides the meter; usually the day it was installed.",
        group=Group.ASSET,
        recorder=RecordedBy.SUPPLIER,
        fields=("map_from",),
        shown=Shown.DATE,
        reports=BOTH,
    ),
    DataItem(
        name="device_id",
        label="Device ID",
        help="The EUI-64 of the device, for example 00-DB-12-34-56-78-90-A0.",
        group=Group.DEVICE,
        fields=("device_id",),
        shown=Shown.IDENTIFIER,
        search=Search.PREFIX,
        sortable=True,
        reports=BOTH,
        source="SEC, definition of Smart Metering Inventory",
    ),
    DataItem(
        name="device_type",
        label="Device type",
        short="Type",
        help="ESME is an electricity meter, GSME a gas meter, CHF a communications hub, and so on.",
        group=Group.DEVICE,
        fields=("device_type",),
        search=Search.CHOICE,
        reports=BOTH,
        source="SEC, definition of Smart Metering Inventory",
    ),
    DataItem(
        name="fuel",
        label="Fuel",
        help="E for electricity, G for gas; follows from the device type.",
        group=Group.DEVICE,
        recorder=RecordedBy.PORTAL,
        fields=("fuel",),
        path="fuel_name",
        expression=nothing_if_empty(F("fuel")),
        reports=BOTH,
    ),
    DataItem(
        name="msn",
        label="MSN",
        help=(
            "Meter serial number, as on the nameplate: at most 10 characters on an ESME, 14 on a GSME, for example "
            "S76A 13884. Spaces do not matter when searching."
        ),
        group=Group.ASSET,
        recorder=RecordedBy.SUPPLIER,
        fields=("msn", "msn_key"),
        shown=Shown.IDENTIFIER,
        search=Search.EXACT,
        reports=BOTH,
        source="SECMP0011 working group, 9 May 2016",
    ),
    DataItem(
        name="manufacturer",
        label="Manufacturer",
        help="The maker's code, for example ZT10.",
        group=Group.DEVICE,
        fields=("manufacturer",),
        shown=Shown.IDENTIFIER,
        reports=BOTH,
    ),
    DataItem(
        name="model",
        label="Model",
        help="The model's code, for example 010A030B.",
        group=Group.DEVICE,
        fields=("model",),
        shown=Shown.IDENTIFIER,
        reports=BOTH,
    ),
    DataItem(
        name="firmware",
        label="Firmware version",
        help="As last notified, for example 0002012F.",
        group=Group.DEVICE,
        fields=("firmware",),
        shown=Shown.IDENTIFIER,
        reports=BOTH,
    ),
    DataItem(
        name="smets_generation",
        label="SMETS generation",
        help="1 or 2, recorded as such: it does not follow from the version (1.58 belongs to SMETS2). Meters only.",
        group=Group.DEVICE,
        fields=("smets_generation",),
        path="get_smets_generation_display",
        expression=F("smets_generation"),
        reports=BOTH,
    ),
    DataItem(
        name="smets_version",
        label="SMETS version",
        help="The version's text, for example 4.2.",
        group=Group.DEVICE,
        fields=("smets_version",),
        reports=IN_LIST,
    ),
    DataItem(
        name="esme_variant",
        label="ESME variant",
        help="For an ESME, for example A or ADE.",
        group=Group.DEVICE,
        fields=("esme_variant",),
        shown=Shown.IDENTIFIER,
        reports=IN_LIST,
    ),
    DataItem(
        name="smi_status",
        label="SMI Status",
        help="Where the device stands in its life, for example Commissioned. In files the DUIS word.",
        group=Group.STATUS,
        fields=("status", "unusual_status_move"),
        path="status",
        shown=Shown.STATUS,
        search=Search.CHOICE,
        reports=BOTH,
        source="SEC, definition of Smart Metering Inventory; DUIS",
    ),
    DataItem(
        name="status_from",
        label="SMI Status from",
        help="The day since when this SMI Status holds.",
        group=Group.STATUS,
        fields=("status_from",),
        shown=Shown.DATE,
        reports=BOTH,
    ),
    DataItem(
        name="mpxn",
        label="MPxN",
        help="MPAN of an ESME (13 digits) or MPRN of a GSME (6 to 10 digits), for example 9910000001006.",
        group=Group.SUPPLY,
        fields=("mpxn",),
        shown=Shown.IDENTIFIER,
        search=Search.EXACT,
        reports=BOTH,
        withheld_by=("MAP_SEES_MPXN",),
        source="SEC, definition of Smart Metering Inventory",
    ),
    DataItem(
        name="supplier_id",
        label="Responsible supplier",
        short="Supplier",
        help="The supplier responsible for the device today, for example ZEPH.",
        group=Group.SUPPLY,
        fields=("supplier",),
        path="supplier.code",
        shown=Shown.IDENTIFIER,
        reports=BOTH,
        withheld_by=("MAP_SEES_SUPPLIER",),
    ),
    DataItem(
        name="supplier_from",
        label="Supplier from",
        help="The first day of this supplier's responsibility.",
        group=Group.SUPPLY,
        fields=("supplier_from",),
        shown=Shown.DATE,
        reports=BOTH,
        withheld_by=("MAP_SEES_SUPPLIER",),
    ),
    DataItem(
        name="installed_on",
        label="Installed on",
        help="The day the device was installed.",
        group=Group.STATUS,
        fields=("installed_on",),
        shown=Shown.DATE,
        search=Search.RANGE,
        reports=BOTH,
    ),
    DataItem(
        name="commissioned_on",
        label="Commissioned on",
        help="The day the device was commissioned.",
        group=Group.STATUS,
        fields=("commissioned_on",),
        shown=Shown.DATE,
        reports=BOTH,
    ),
    DataItem(
        name="decommissioned_on",
        label="Decommissioned on",
        help="The day the device was decommissioned.",
        group=Group.STATUS,
        fields=("decommissioned_on",),
        shown=Shown.DATE,
        reports=BOTH,
    ),
    DataItem(
        name="hub_id",
        label="Communications hub",
        help="The Device ID of the communications hub function it is connected through.",
        group=Group.DEVICE,
        fields=("hub_device_id",),
        path="hub_device_id",
        shown=Shown.IDENTIFIER,
        reports=IN_LIST,
        seen_by=frozenset({Role.SUPPLIER, Role.DCC}),
    ),
    DataItem(
        name="map_recorded_by",
        label="MAP ID recorded by",
        help="The code of the participant that recorded the MAP ID; never a person.",
        group=Group.REPORT,
        recorder=RecordedBy.PORTAL,
        fields=("map_recorded_for",),
        path="map_recorded_for",
        shown=Shown.IDENTIFIER,
        reports=BOTH,
        withheld_by=("MAP_SEES_SUPPLIER",),  # mostly a supplier's code
    ),
    DataItem(
        name="map_recorded_at",
        label="MAP ID recorded at",
        help="When it was recorded; in files as a UTC time such as 2026-11-23T10:52:00Z.",
        group=Group.REPORT,
        recorder=RecordedBy.PORTAL,
        fields=("map_recorded_at",),
        shown=Shown.MOMENT,
        reports=BOTH,
        expression=utc_text("map_recorded_at"),
    ),
    DataItem(
        name="quality_flags",
        label="To check",
        help="What is worth checking, for example no_msn; several are joined by a semicolon.",
        group=Group.REPORT,
        recorder=RecordedBy.PORTAL,
        shown=Shown.FLAGS,
        reports=BOTH,
        expression=nothing_if_empty(F("quality_flags")),
    ),
    DataItem(
        name="previous_supplier_id",
        label="Previous supplier",
        help="The supplier responsible before, where a change of supplier has been loaded.",
        group=Group.SUPPLY,
        fields=("previous_supplier",),
        path="previous_supplier.code",
        shown=Shown.IDENTIFIER,
        reports=IN_PORTFOLIO,
        seen_by=frozenset({Role.MAP, Role.DCC}),
        withheld_by=("MAP_SEES_SUPPLIER", "MAP_SEES_PREVIOUS_SUPPLIER"),
    ),
    DataItem(
        name="previous_supplier_to",
        label="Previous supplier to",
        help="The last day of the previous supplier's responsibility.",
        group=Group.SUPPLY,
        fields=("previous_supplier_to",),
        shown=Shown.DATE,
        reports=IN_PORTFOLIO,
        seen_by=frozenset({Role.MAP, Role.DCC}),
        withheld_by=("MAP_SEES_SUPPLIER", "MAP_SEES_PREVIOUS_SUPPLIER"),
    ),
)

BY_NAME = {item.name: item for item in ITEMS}

# Columns that are no data item: the row number and the lock.
INTERNAL_FIELDS = frozenset({"id", "version"})


LIST_COLUMNS = (
    "device_id",
    "device_type",
    "mpxn",
    "msn",
    "map_id",
    "smi_status",
    "installed_on",
    "supplier_id",
    "quality_flags",
)


def listed_for(role: Role) -> list[DataItem]:
    """The columns of the device list."""
    return [item for name in LIST_COLUMNS if (item := BY_NAME[name]).visible_to(role)]


def carried_by(report: str) -> list[DataItem]:
    """The columns of a report, in the order of this table; what a file is ordered by stands first in it."""
    columns = [item for item in ITEMS if report in item.reports]
    return sorted(columns, key=lambda item: not item.sortable) if report == DEVICE_LIST else columns
