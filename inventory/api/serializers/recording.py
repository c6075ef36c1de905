"""What may be said about MAP ID and MSN, of one device or of a batch."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from accounts.errors import BadRequest, Problem
from inventory.api.bodies import Day, Number, Text, YesOrNo, problems_of, readable
from inventory.api.serializers.devices import DEVICE_ID
from inventory.data_items import BY_NAME
from inventory.identifiers import InvalidIdentifier, parse_device_id
from inventory.models import StepKind
from inventory.rules.recording import BatchEntry, Recording


class ItemsSerializer(serializers.Serializer):
    """MAP ID and MSN of one device, as its page takes them. Fields that you leave out do not change."""

    msn = Text(required=False, max_length=100, trim_whitespace=False, help_text=BY_NAME["msn"].help)
    map_id = Text(required=False, max_length=100, trim_whitespace=False, help_text=BY_NAME["map_id"].help)
    map_from = Day(required=False, help_text=BY_NAME["map_from"].help)
    kind = serializers.ChoiceField(
        required=False,
        choices=[(kind.value, kind.label) for kind in (StepKind.CORRECTION, StepKind.CHANGE)],
        help_text="Why you are changing a recorded value: it was incorrect, or the MAP changed on `map_from`.",
    )
    source = Text(required=False, max_length=120, help_text="Where you got the value; needed to replace a value.")
    reason = Text(required=False, max_length=240, help_text="Needed from the DCC, and for a dummy MAP ID.")
    confirm = YesOrNo(default=False, help_text="Whether you confirm a doubtful date; see the code needs_confirmation.")

    def validate(self, given: dict[str, object]) -> dict[str, object]:
        if "map_from" in given and not given.get("map_id", "").strip():
            sentence = "Give the MAP ID that applies from this date, even if only the date changes."
            raise serializers.ValidationError({"map_id": sentence}, "required")
        return given


def asked_of(serializer: ItemsSerializer) -> Recording:
    """What a body asks to record, with what is wrong with its form."""
    problems = problems_of(serializer)
    given = readable(serializer, serializer.initial_data, problems) if problems else serializer.validated_data
    return _recording(given, problems)


def _recording(given: dict[str, object], refused: Sequence[Problem]) -> Recording:
    items = {name: given.get(name) for name in ("msn", "map_id", "map_from")}
    kind = StepKind(given["kind"]) if "kind" in given else None
    words = {name: given.get(name, "") for name in ("source", "reason")}
    return Recording(**items, **words, kind=kind, confirmed=given.get("confirm", False), refused=tuple(refused))


class DeviceId(Text):
    """In whatever form it is written; read as the inventory has it."""

    def run_validation(self, data: object = serializers.empty) -> str:
        try:
            return parse_device_id(super().run_validation(data))
        except InvalidIdentifier as invalid:
            raise serializers.ValidationError(str(invalid), invalid.code) from invalid


@extend_schema_serializer(component_name="BatchEntry")
class EntrySerializer(ItemsSerializer):
    """One device of a batch."""

    device_id = DeviceId(max_length=40, help_text=BY_NAME["device_id"].help)
    version = Number(min_value=1, max_value=2**31 - 1, help_text="The version of the device that you read.")


class BatchSerializer(serializers.Serializer):
    """Up to 1,000 devices, each once: all are changed, or none."""

    MOST = 1000

    devices = EntrySerializer(
        many=True, allow_empty=False, max_length=MOST, help_text="The devices, each of them once."
    )


def entries_of(serializer: BatchSerializer) -> list[BatchEntry]:
    """What a batch asks, each entry with what is wrong with its form; BadRequest where the whole is no batch."""
    problems = problems_of(serializer)
    if not problems:
        return [_entry(given, ()) for given in serializer.validated_data["devices"]]
    if any("/" not in problem.item for problem in problems):
        raise BadRequest(*problems, within="body")
    of = defaultdict(list)
    for problem in problems:
        _, number, *name = problem.item.split("/", 2)
        of[int(number)].append(replace(problem, item="".join(name)))
    child, devices = serializer.fields["devices"].child, serializer.initial_data["devices"]
    return [_entry(readable(child, data, of[number]), of[number]) for number, data in enumerate(devices)]


def _entry(given: dict[str, object], refused: Sequence[Problem]) -> BatchEntry:
    return BatchEntry(given.get("device_id"), _recording(given, refused), given.get("version"))


class ChangedSerializer(serializers.Serializer):
    """A device of a batch, and its version now."""

    device_id = serializers.CharField(read_only=True, help_text=DEVICE_ID)
    version = serializers.IntegerField(read_only=True, help_text="Its new version.")


class BatchAnswerSerializer(serializers.Serializer):
    """The devices of a batch that was recorded."""

    devices = ChangedSerializer(many=True, help_text="The devices of the request, in the same order.")
