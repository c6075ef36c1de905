"""Reports, their runs and manifests as JSON."""

from datetime import UTC

from rest_framework import serializers

from inventory.api.serializers.devices import TextField
from inventory.models import ReportRun


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
