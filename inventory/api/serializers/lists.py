"""The public lists and rights as JSON."""

from rest_framework import serializers

from accounts.models import Participant
from accounts.roles import Job, Role
from inventory.api.serializers.devices import TextField


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
