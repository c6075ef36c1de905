"""What happened to a device, as JSON."""

from datetime import date

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from inventory.api.serializers.devices import DEVICE_ID, MomentField, TextField
from inventory.data_items import ITEMS, DataItem


@extend_schema_field({"type": "string", "enum": [item.name for item in ITEMS]})
class DataItemField(serializers.Field):
    """A data item by its name."""

    def to_representation(self, item: DataItem) -> str:
        return item.name


@extend_schema_field({"type": ["string", "integer", "boolean"]})  # and null, as `allow_null` says
class ValueField(serializers.Field):
    """A value of a data item, as in files; words such as `another MAP` where it is not shown."""

    def to_representation(self, value: object) -> object:
        return value.isoformat() if isinstance(value, date) else value


class DifferenceSerializer(serializers.Serializer):
    """One item before and after: as in files, or words in place of a value (see the guide)."""

    item = DataItemField(help_text="The name of the data item.")
    before = ValueField(source="old", allow_null=True, help_text="The value before; null if there was none.")
    after = ValueField(source="new", allow_null=True, help_text="The value afterwards; null if there is none.")


class EntryOfHistorySerializer(serializers.Serializer):
    """One recording. The person is named to their own organisation and the DCC only."""

    title = serializers.CharField(help_text="What happened, in words.")
    at = MomentField(source="author.at", help_text="When it was recorded.")
    by = serializers.CharField(
        source="author.code",
        help_text="The code of the participant on whose behalf it was recorded, or DCC; `a supplier` where suppliers "
        "are withheld from MAPs.",
    )
    person = TextField(
        source="author.person",
        allow_null=True,
        help_text="The person who recorded it; null if that is not disclosed, and for a system or a load.",
    )
    kind = TextField(
        source="author.kind",
        allow_null=True,
        help_text="Such as `first`, `correction`, `change`, `ended` or `cancelled`.",
    )
    via = TextField(source="author.via", allow_null=True, help_text="How it was recorded: `page`, `api` or `load`.")
    source = TextField(source="author.source", allow_null=True, help_text="Where the value came from.")
    reason = TextField(source="author.reason", allow_null=True, help_text="The reason, if one was given.")
    changes = DifferenceSerializer(
        source="differences", many=True, help_text="The changes of each item, before and after."
    )


class HeldSerializer(serializers.Serializer):
    """A party and its days, both included; `until` null while it lasts."""

    item = DataItemField(help_text="The kind of party: `map_id` or `supplier_id`.")
    code = TextField(allow_null=True, help_text="Its code.")
    name = TextField(allow_null=True, help_text="Its name in the public list.")
    since = serializers.DateField(help_text="The first date.")
    until = serializers.DateField(allow_null=True, help_text="The last date; null if it has not ended.")


class HistorySerializer(serializers.Serializer):
    """What happened to a device on the days it was in scope; newest first."""

    device_id = serializers.CharField(help_text=DEVICE_ID)
    current = serializers.BooleanField(help_text="Whether it is in scope today.")
    held = HeldSerializer(many=True, help_text="The parties that it had, while it was in your scope.")
    entries = EntryOfHistorySerializer(many=True, help_text="The recordings, newest first.")
