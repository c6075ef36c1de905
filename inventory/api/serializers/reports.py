"""Reports, their runs and manifests as JSON."""

from rest_framework import serializers

from inventory.api.serializers.devices import MomentField, TextField
from inventory.data_items import Kind
from inventory.models import ReportRun

REPORT_NAME = "The name of the report, as in its address."
AS_OF = "The UK date that the report describes."
KNOWN_AT = "The moment of the snapshot: the file includes everything recorded up to then."
KNOWN_ON = "The last UK date whose recordings were asked for; null if all were."
TYPE = "`date` is ISO 8601, `moment` a UTC time; `text` may look like a number, but is none: read it as text."
OUTCOME = "How it ended: `running` until that is recorded, and `broken_off` if nothing has been recorded for an hour."
ROWS = "Rows without the heading; null until it is complete."
BYTES = "Bytes of the file before any Content-Encoding; null until it is complete."
SHA256 = "SHA-256 of these bytes; null until it is complete."


class ReportSerializer(serializers.Serializer):
    """A report: where it comes from; `runs` null where none are kept."""

    name = serializers.CharField(help_text=REPORT_NAME)
    title = serializers.CharField(help_text="Its title on pages.")
    formats = serializers.ListField(
        child=serializers.CharField(), help_text="The formats in which you can download it."
    )
    columns = serializers.ListField(
        child=serializers.CharField(), help_text="The names of its columns, in their order."
    )
    download = serializers.URLField(help_text="The address of its file.")
    runs = serializers.URLField(
        allow_null=True, help_text="The address of the list of its runs; null if none are kept."
    )


class ColumnSerializer(serializers.Serializer):
    """How one column of a file is to be read."""

    name = serializers.CharField(help_text="Its name in the header.")
    type = serializers.ChoiceField([kind.value for kind in Kind], help_text=TYPE)
    empty = serializers.CharField(help_text="What an empty cell means.")


class ManifestSerializer(serializers.Serializer):
    """What a file of a report holds. Rows, bytes and SHA-256 are null until it is complete."""

    report = serializers.CharField(help_text=REPORT_NAME)
    format = serializers.CharField(help_text="`csv` or `xlsx`.")
    format_version = serializers.IntegerField(help_text="Raised when columns change.")
    file_name = serializers.CharField(help_text="The name of the file, as in Content-Disposition.")
    run = serializers.UUIDField(help_text="The id of the run.")
    organisation = serializers.CharField(help_text="The organisation that downloaded it.")
    role = serializers.CharField(help_text="The role of that organisation.")
    codes = serializers.ListField(
        child=serializers.CharField(), help_text="The codes under which it acted on that date."
    )
    as_of = serializers.DateField(help_text=AS_OF)
    known_on = serializers.DateField(allow_null=True, help_text=KNOWN_ON)
    known_at = serializers.DateTimeField(allow_null=True, help_text=KNOWN_AT)
    outcome = serializers.ChoiceField(ReportRun.Outcome.choices, help_text=OUTCOME)
    rows = serializers.IntegerField(allow_null=True, help_text=ROWS)
    bytes = serializers.IntegerField(allow_null=True, help_text=BYTES)
    sha256 = serializers.CharField(allow_null=True, help_text=SHA256)
    columns = ColumnSerializer(many=True, help_text="The columns, in their order.")
    statement = serializers.CharField(help_text="What the file does not prove.")


class RunSerializer(serializers.ModelSerializer):
    """One download of a report."""

    started_at = MomentField(help_text="When it began.")
    known_on = serializers.DateField(allow_null=True, help_text=KNOWN_ON)
    known_at = MomentField(allow_null=True, help_text=KNOWN_AT)
    outcome = serializers.ChoiceField(ReportRun.Outcome.choices, source="outcome_now", help_text=OUTCOME)
    sha256 = TextField(allow_null=True, help_text=SHA256)
    manifest = serializers.HyperlinkedIdentityField("api-run-manifest", help_text="The address of its manifest.")

    class Meta:
        model = ReportRun
        fields = (
            "id", "report", "started_at", "format", "as_of", "known_on", "known_at", "outcome", "rows", "bytes",
            "sha256", "manifest",
        )  # fmt: skip
        extra_kwargs = {
            "id": {"help_text": "The id of the run."},
            "report": {"help_text": REPORT_NAME},
            "format": {"help_text": "`csv` or `xlsx`."},
            "as_of": {"help_text": AS_OF},
            "rows": {"help_text": ROWS},
            "bytes": {"help_text": BYTES},
        }
