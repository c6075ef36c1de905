"""Devices as JSON, built from the table of data items."""

from datetime import UTC
from functools import cached_property

from django.db.models import IntegerField
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.roles import Role
from inventory.data_items import ITEMS, DataItem, Shown
from inventory.models import Device
from inventory.quality import FLAGS

DEVICE_ID = "The EUI-64 of the device."


class TextField(serializers.CharField):
    """Nothing rather than an empty text, as in files."""

    def to_representation(self, value: str) -> str | None:
        return super().to_representation(value) or None


class MomentField(serializers.DateTimeField):
    """A moment in UTC, to the second."""

    def __init__(self, **options: object) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M:%SZ", default_timezone=UTC, **options)


@extend_schema_field({"type": "array", "items": {"type": "string", "enum": sorted(FLAGS)}})
class FlagsField(serializers.Field):
    """The quality flags as a list of their codes, in alphabetical order."""

    def to_representation(self, value: str) -> list[str]:
        return [code for code in value.split(";") if code]


def field_of(item: DataItem) -> serializers.Field:
    """What is not recorded is null, and so is the code of a party that is not."""
    source = item.code_path if item.code_path != item.name else None
    given = {"read_only": True, "allow_null": True, "help_text": item.help, "source": source}
    if item.shown is Shown.FLAGS:
        return FlagsField(**given)
    if item.shown is Shown.DATE:
        return serializers.DateField(**given)
    if item.shown is Shown.MOMENT:
        return MomentField(**given)
    is_number = isinstance(Device._meta.get_field(item.fields[0]), IntegerField)
    return serializers.IntegerField(**given) if is_number else TextField(**given)


OF_DEVICE = [item for item in ITEMS if item.fields or item.shown is Shown.FLAGS]


class DeviceSerializer(serializers.Serializer):
    """A device with the data items that the role sees, named as in files.

    What an installation withholds from MAPs is null, as its column stays, empty, in a file.
    """

    version = serializers.IntegerField(
        read_only=True, help_text="Raised when MAP ID, its day, MSN, MPxN or supplier change."
    )

    @property
    def role(self) -> Role | None:
        """Of whom the answer is for; None while the API is described, for all of them."""
        acting = getattr(self.context.get("request"), "acting", None)
        return acting and acting.role

    def get_fields(self) -> dict[str, serializers.Field]:
        items = [item for item in OF_DEVICE if self.role is None or self.role in item.seen_by]
        return {item.name: field_of(item) for item in items} | super().get_fields()

    @cached_property
    def withheld(self) -> dict[str, None]:
        items = [item for item in OF_DEVICE if self.role in item.seen_by and not item.visible_to(self.role)]
        return dict.fromkeys(item.name for item in items)

    def to_representation(self, device: Device) -> dict[str, object]:
        return super().to_representation(device) | self.withheld


class PastDeviceSerializer(DeviceSerializer):
    """A device as it was on a day: without what is only true of today."""

    def get_fields(self) -> dict[str, serializers.Field]:
        return {name: field for name, field in super().get_fields().items() if name not in ("quality_flags", "version")}


class AsOfSerializer(serializers.Serializer):
    """A device as it was on a UK day, as known at the end of another (null: as known now)."""

    as_of = serializers.DateField(help_text="The UK date that you asked for.")
    known_on = serializers.DateField(
        allow_null=True, help_text="Anything recorded after this UK date is left out; null if everything is included."
    )
    device = PastDeviceSerializer(help_text="The device as it was on that date.")
