import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.fields.json
import django.db.models.functions.comparison
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_audit_batch"),
        ("inventory", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="StagedFile",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                (
                    "organisation",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.organisation",
                    ),
                ),
                ("staged_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("kept_until", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="StagedDevice",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "line", "file_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "file",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="devices",
                        to="inventory.stagedfile",
                    ),
                ),
                ("line", models.IntegerField()),
                ("device_id", models.TextField(db_collation="C", null=True)),
                ("device_type", models.TextField(null=True)),
                ("smets_generation", models.TextField(null=True)),
                ("smets_version", models.TextField(null=True)),
                ("manufacturer", models.TextField(null=True)),
                ("model", models.TextField(null=True)),
                ("firmware", models.TextField(null=True)),
                ("esme_variant", models.TextField(null=True)),
                ("status", models.TextField(null=True)),
                ("mpxn", models.TextField(null=True)),
                ("msn", models.TextField(null=True)),
                ("map_id", models.TextField(null=True)),
                ("supplier_id", models.TextField(null=True)),
                ("hub_id", models.TextField(db_collation="C", null=True)),
                ("status_from", models.DateField(null=True)),
                ("installed_on", models.DateField(null=True)),
                ("commissioned_on", models.DateField(null=True)),
                ("decommissioned_on", models.DateField(null=True)),
                ("map_from", models.DateField(null=True)),
                ("supplier_from", models.DateField(null=True)),
                ("known_id", models.BigIntegerField(null=True)),
                ("known_row", models.TextField(null=True)),
                ("known_type", models.TextField(null=True)),
                ("known_mpxn", models.TextField(null=True)),
                ("known_msn", models.TextField(null=True)),
                ("known_supplier", models.TextField(null=True)),
                ("known_supplier_from", models.DateField(null=True)),
                ("known_map_id", models.TextField(null=True)),
                ("known_map_from", models.DateField(null=True)),
                ("kind", models.TextField(null=True)),
                ("fuel", models.TextField(null=True)),
                ("generation", models.TextField(null=True)),
                ("installed", models.DateField(null=True)),
                ("supplier_code", models.TextField(null=True)),
                ("supplier_day", models.DateField(null=True)),
                ("map_day", models.DateField(null=True)),
                ("supplier_pk", models.BigIntegerField(null=True)),
                ("provider_pk", models.BigIntegerField(null=True)),
                ("other_items", models.BooleanField(default=False)),
                ("other_supplier", models.BooleanField(default=False)),
            ],
        ),
        migrations.CreateModel(
            name="StagedRow",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "line", "file_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "file",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="rows",
                        to="inventory.stagedfile",
                    ),
                ),
                ("line", models.IntegerField()),
                ("cells", django.contrib.postgres.fields.ArrayField(base_field=models.TextField(null=True), size=None)),
            ],
        ),
        migrations.AddField(
            model_name="deviceevent",
            name="pgh_batch",
            field=models.GeneratedField(
                db_index=True,
                db_persist=True,
                expression=django.db.models.functions.comparison.Cast(
                    django.db.models.fields.json.KeyTextTransform("batch", "pgh_context"), models.UUIDField()
                ),
                output_field=models.UUIDField(null=True),
            ),
        ),
        migrations.AddField(
            model_name="providerperiod",
            name="batch",
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name="supplyperiod",
            name="batch",
            field=models.UUIDField(null=True),
        ),
        migrations.AddIndex(
            model_name="providerperiod",
            index=models.Index(
                condition=models.Q(("batch__isnull", False)), fields=["batch"], name="providerperiod_batch"
            ),
        ),
        migrations.AddIndex(
            model_name="supplyperiod",
            index=models.Index(
                condition=models.Q(("batch__isnull", False)), fields=["batch"], name="supplyperiod_batch"
            ),
        ),
        migrations.AddIndex(
            model_name="stageddevice",
            index=models.Index(fields=["device_id", "file"], name="staged_device"),
        ),
        migrations.RunSQL(
            "; ".join(
                f"ALTER TABLE inventory_{table} SET UNLOGGED" for table in ("stageddevice", "stagedrow", "stagedfile")
            ),
            migrations.RunSQL.noop,
        ),
    ]
