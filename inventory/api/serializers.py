"""The inventory's resources as JSON, built from the table of data items."""

from datetime import UTC

from django.db.models import IntegerField
from rest_framework import serializers

from accounts.roles import Role
from inventory.data_items import ITEMS, DataItem, Shown
from inventory.models import Device


class TextField(serializers.CharField):
    """Nothing rather than an empty text, as in files."""

    def to_representation(self, value: str) -> str | None:
        return super().to_representation(value) or None


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
        return serializers.DateTimeField(format="%Y-%m-%dT%H:%M:%SZ", default_timezone=UTC, **given)
    is_number = isinstance(Device._meta.get_field(item.fields[0]), IntegerField)
    return serializers.IntegerField(**given) if is_number else TextField(**given)


OF_DEVICE = [item for item in ITEMS if item.fields or item.shown is Shown.FLAGS]


class DeviceSerializer(serializers.Serializer):
    """A device with the data items that the role sees, named as in files.

    What an installation withholds from MAPs is null, as its column stays, empty, in a file.
    """

    version = serializers.IntegerField(read_only=True)

    @property
    def role(self) -> Role:
        return self.context["request"].acting.role

    def get_fields(self) -> dict[str, serializers.Field]:
        items = [item for item in OF_DEVICE if self.role in item.seen_by]
        return {item.name: field_of(item) for item in items} | super().get_fields()

    def to_representation(self, device: Device) -> dict[str, object]:
        withheld = [item.name for item in OF_DEVICE if self.role in item.seen_by and not item.visible_to(self.role)]
        return super().to_representation(device) | dict.fromkeys(withheld)
