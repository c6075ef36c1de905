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

    name = serializers.CharField(help_text="Its name in addresses, files and answers.")
    label = serializers.CharField(help_text="Its name on pages.")
    help = serializers.CharField(help_text="Its meaning.")
    recorder = serializers.CharField(help_text="The party that records it, and that you ask for a correction.")
    seen_by = NamesField(help_text="The roles that see it.")
    search = serializers.CharField(allow_null=True, help_text="How devices may be looked for by it; null: not at all.")
    sortable = serializers.BooleanField(help_text="Whether files are ordered by it.")
    reports = NamesField(help_text="The reports that carry it.")
    source = TextField(allow_null=True, help_text="Where its definition comes from.")


class ParticipantSerializer(serializers.ModelSerializer):
    """An entry of the public list of MAPs and suppliers."""

    class Meta:
        model = Participant
        fields = ("code", "name", "role", "fuel", "effective_from", "effective_to", "kind")
        extra_kwargs = {
            "code": {"help_text": "The MAP ID or supplier ID."},
            "name": {"help_text": "The name of the participant with this code."},
            "role": {"help_text": "The role that the code belongs to."},
            "effective_from": {"help_text": "The first date on which it is in force."},
            "kind": {"help_text": "`dummy` codes stand for meters that customers own, `test` codes are not recorded."},
        }


class OwnRightsSerializer(serializers.Serializer):
    """For whom you act, and what you may."""

    organisation = serializers.CharField(help_text="The organisation that you act for.")
    role = serializers.ChoiceField(Role.choices, help_text="The role of that organisation.")
    job = serializers.ChoiceField(Job.choices, help_text="Your access level there, or the token’s.")
    permissions = serializers.ListField(
        child=serializers.CharField(), help_text="The names of the rights that you have."
    )


class RightSerializer(serializers.Serializer):
    """A right, and the access levels that have it, by role."""

    name = serializers.CharField(help_text="Its name.")
    label = serializers.CharField(help_text="What it lets you do.")
    granted = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()),
        help_text="The access levels that have it, for each role.",
    )


class RightsSerializer(serializers.Serializer):
    """Your rights, and everybody’s."""

    own = OwnRightsSerializer(help_text="Yours.")
    permissions = RightSerializer(many=True, help_text="All rights.")
