"""What may be said about MAP ID and MSN, of one device or of a batch."""

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from inventory.api.bodies import Number, Text, YesOrNo
from inventory.data_items import BY_NAME
from inventory.identifiers import InvalidIdentifier, parse_device_id
from inventory.models import Kind
from inventory.recording import Recording


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
