"""The inventory's resources as JSON: devices from the table of data items, and what may be said about them."""

from datetime import UTC, date
from functools import cached_property

from django.db.models import IntegerField
from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from accounts.models import Membership, Participant
from accounts.roles import Job, Role
from inventory.api.bodies import Number, Text, YesOrNo
from inventory.data_items import BY_NAME, ITEMS, DataItem, Shown
from inventory.identifiers import InvalidIdentifier, parse_device_id
from inventory.models import Device, Kind, ReportRun
from inventory.quality import FLAGS
from inventory.recording import Recording


class TextField(serializers.CharField):
    """Nothing rather than an empty text, as in files."""

    def to_representation(self, value: str) -> str | None:
        return super().to_representation(value) or None


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
        return serializers.DateTimeField(format="%Y-%m-%dT%H:%M:%SZ", default_timezone=UTC, **given)
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

    as_of = serializers.DateField()
    known_on = serializers.DateField(allow_null=True)
    device = PastDeviceSerializer()


class ItemsSerializer(serializers.Serializer):
    """MAP ID and MSN of one device, as its page takes them. What is left out stays as it is."""

    msn = Text(required=False, max_length=100, trim_whitespace=False, help_text=BY_NAME["msn"].help)
    map_id = Text(required=False, max_length=100, trim_whitespace=False, help_text=BY_NAME["map_id"].help)
    map_from = serializers.DateField(required=False, help_text=BY_NAME["map_from"].help)
    kind = serializers.ChoiceField(
        required=False,
        choices=[(kind.value, kind.label) for kind in (Kind.CORRECTION, Kind.CHANGE)],
        help_text="Why a recorded value is replaced: it was typed wrongly, or another MAP provides it from `map_from`.",
    )
    source = Text(required=False, max_length=120, help_text="What it is taken from; needed to replace a value.")
    reason = Text(required=False, max_length=240, help_text="Needed from the DCC, and for a dummy MAP ID.")
    confirm = YesOrNo(default=False, help_text="That a doubtful day is meant; see the code needs_confirmation.")

    def validate(self, given: dict[str, object]) -> dict[str, object]:
        if "map_from" in given and not given.get("map_id", "").strip():
            sentence = "Give the MAP ID that applies from that day, also where only the day changes."
            raise serializers.ValidationError({"map_id": sentence}, "required")
        return given


def recording_of(given: dict[str, object]) -> Recording:
    """What valid `ItemsSerializer` data asks to record."""
    items = {name: given.get(name) for name in ("msn", "map_id", "map_from")}
    kind = Kind(given["kind"]) if "kind" in given else None
    words = {name: given.get(name, "") for name in ("source", "reason")}
    return Recording(**items, **words, kind=kind, confirmed=given["confirm"])


@extend_schema_serializer(component_name="BatchEntry")
class EntrySerializer(ItemsSerializer):
    """One device of a batch."""

    device_id = Text(max_length=40, help_text=BY_NAME["device_id"].help)
    version = Number(min_value=1, max_value=2**31 - 1, help_text="That which the device was read with.")

    def validate_device_id(self, text: str) -> str:
        try:
            return parse_device_id(text)
        except InvalidIdentifier as invalid:
            raise serializers.ValidationError(str(invalid), invalid.code) from invalid


class BatchSerializer(serializers.Serializer):
    """Up to 1,000 devices, each once: all are changed, or none."""

    MOST = 1000

    devices = EntrySerializer(many=True, allow_empty=False, max_length=MOST)


class ChangedSerializer(serializers.Serializer):
    """A device of a batch, and its version now."""

    device_id = serializers.CharField(read_only=True)
    version = serializers.IntegerField(read_only=True)


class BatchAnswerSerializer(serializers.Serializer):
    """The devices of a batch that was recorded."""

    devices = ChangedSerializer(many=True)


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


class ReportSerializer(serializers.Serializer):
    """A report: where it comes from; `runs` null where none are kept."""

    name = serializers.CharField()
    title = serializers.CharField()
    formats = serializers.ListField(child=serializers.CharField())
    columns = serializers.ListField(child=serializers.CharField())
    download = serializers.URLField()
    runs = serializers.URLField(allow_null=True)


class ManifestSerializer(serializers.Serializer):
    """What a file of a report holds. Rows, bytes and SHA-256 are null until it is complete."""

    report = serializers.CharField()
    format = serializers.CharField()
    format_version = serializers.IntegerField()
    file_name = serializers.CharField()
    run = serializers.UUIDField()
    organisation = serializers.CharField()
    role = serializers.CharField()
    codes = serializers.ListField(child=serializers.CharField())
    as_of = serializers.DateField()
    known_at = serializers.DateTimeField(allow_null=True)
    outcome = serializers.ChoiceField(ReportRun.Outcome.choices)
    rows = serializers.IntegerField(allow_null=True)
    bytes = serializers.IntegerField(allow_null=True)
    sha256 = serializers.CharField(allow_null=True)
    statement = serializers.CharField()


class RunSerializer(serializers.ModelSerializer):
    """One download of a report."""

    started_at = serializers.DateTimeField(format="%Y-%m-%dT%H:%M:%SZ", default_timezone=UTC)
    known_at = serializers.DateTimeField(format="%Y-%m-%dT%H:%M:%SZ", default_timezone=UTC, allow_null=True)
    outcome = serializers.ChoiceField(ReportRun.Outcome.choices, source="outcome_now")
    sha256 = TextField(allow_null=True)
    manifest = serializers.HyperlinkedIdentityField("api-run-manifest")

    class Meta:
        model = ReportRun
        fields = (
            "id", "report", "started_at", "as_of", "known_at", "outcome", "rows", "bytes", "sha256", "manifest",
        )  # fmt: skip


class NamesField(serializers.ListField):
    """A set of names, in alphabetical order."""

    child = serializers.CharField()

    def to_representation(self, names: frozenset[str]) -> list[str]:
        return sorted(map(str, names))


class DataItemSerializer(serializers.Serializer):
    """A data item, as on the page “Data items”."""

    name = serializers.CharField()
    label = serializers.CharField()
    help = serializers.CharField()
    recorder = serializers.CharField()
    seen_by = NamesField(help_text="The roles that see it.")
    search = serializers.CharField(allow_null=True, help_text="How devices may be looked for by it; null: not at all.")
    sortable = serializers.BooleanField()
    reports = NamesField(help_text="The reports that carry it.")
    source = TextField(allow_null=True)


class ParticipantSerializer(serializers.ModelSerializer):
    """An entry of the public list of MAPs and suppliers."""

    class Meta:
        model = Participant
        fields = ("code", "name", "role", "fuel", "effective_from", "effective_to", "kind")


class MemberSerializer(serializers.ModelSerializer):
    """A member of the own organisation."""

    name = serializers.CharField(source="user.name")
    email = serializers.CharField(source="user.email")
    suspended = serializers.SerializerMethodField()

    class Meta:
        model = Membership
        fields = ("name", "email", "job", "suspended")

    def get_suspended(self, membership: Membership) -> bool:
        return membership.suspended_at is not None


class OwnRightsSerializer(serializers.Serializer):
    """For whom you act, and what you may."""

    organisation = serializers.CharField()
    role = serializers.ChoiceField(Role.choices)
    job = serializers.ChoiceField(Job.choices)
    permissions = serializers.ListField(child=serializers.CharField())


class RightSerializer(serializers.Serializer):
    """A right, and the jobs that have it, by role."""

    name = serializers.CharField()
    label = serializers.CharField()
    granted = serializers.DictField(child=serializers.ListField(child=serializers.CharField()))


class RightsSerializer(serializers.Serializer):
    """Your rights, and everybody’s."""

    own = OwnRightsSerializer()
    permissions = RightSerializer(many=True)
