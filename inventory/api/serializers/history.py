"""What happened to a device, as JSON."""

from datetime import UTC, date

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from inventory.api.serializers.devices import TextField
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

    item = DataItemField()
    before = ValueField(source="old", allow_null=True)
    after = ValueField(source="new", allow_null=True)


class EntryOfHistorySerializer(serializers.Serializer):
    """One recording. The person is named to their own organisation and the DCC only."""

    title = serializers.CharField()
    at = serializers.DateTimeField(source="recorder.at", format="%Y-%m-%dT%H:%M:%SZ", default_timezone=UTC)
    by = serializers.CharField(source="recorder.code")
    person = TextField(source="recorder.person", allow_null=True)
    kind = TextField(source="recorder.kind", allow_null=True)
    via = TextField(source="recorder.via", allow_null=True)
    source = TextField(source="recorder.source", allow_null=True)
    reason = TextField(source="recorder.reason", allow_null=True)
    changes = DifferenceSerializer(source="differences", many=True)


class HeldSerializer(serializers.Serializer):
    """A party and its days, both included; `until` null while it lasts."""

    item = DataItemField()
    code = TextField(allow_null=True)
    name = TextField(allow_null=True)
    since = serializers.DateField()
    until = serializers.DateField(allow_null=True)


class HistorySerializer(serializers.Serializer):
    """What happened to a device on the days it was in scope; newest first."""

    device_id = serializers.CharField()
    current = serializers.BooleanField(help_text="Whether it is in scope today.")
    held = HeldSerializer(many=True)
    entries = EntryOfHistorySerializer(many=True)
