import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models
from django_migration_linter.operations import IgnoreMigration


class Migration(migrations.Migration):
    """What columns of the device held stands in its periods and its history now; the portal is stopped meanwhile."""

    dependencies = [("inventory", "0003_history_begins")]

    operations = [
        IgnoreMigration(),
        migrations.RemoveConstraint(
            model_name="device",
            name="device_map_id_with_day_and_provenance",
        ),
        migrations.RemoveConstraint(
            model_name="device",
            name="device_msn_with_provenance",
        ),
        migrations.RemoveField(
            model_name="device",
            name="hub",
        ),
        migrations.RemoveField(
            model_name="device",
            name="load_recorded_at",
        ),
        migrations.RemoveField(
            model_name="device",
            name="load_source",
        ),
        migrations.RemoveField(
            model_name="device",
            name="map_blank_from",
        ),
        migrations.RemoveField(
            model_name="device",
            name="map_reason",
        ),
        migrations.RemoveField(
            model_name="device",
            name="map_recorded_by",
        ),
        migrations.RemoveField(
            model_name="device",
            name="map_source",
        ),
        migrations.RemoveField(
            model_name="device",
            name="msn_recorded_at",
        ),
        migrations.RemoveField(
            model_name="device",
            name="msn_recorded_by",
        ),
        migrations.RemoveField(
            model_name="device",
            name="msn_recorded_for",
        ),
        migrations.RemoveField(
            model_name="device",
            name="msn_source",
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="device",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "inventory_deviceevent" ("commissioned_on", "decommissioned_on", "device_id", "device_type", "esme_variant", "firmware", "hub_device_id", "id", "installed_on", "manufacturer", "model", "mpxn", "msn", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "smets_generation", "smets_version", "status", "status_from", "unusual_status_move", "version") SELECT new_values."commissioned_on", new_values."decommissioned_on", new_values."device_id", new_values."device_type", new_values."esme_variant", new_values."firmware", new_values."hub_device_id", new_values."id", new_values."installed_on", new_values."manufacturer", new_values."model", new_values."mpxn", new_values."msn", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, clock_timestamp(), \'insert\', new_values."id", new_values."smets_generation", new_values."smets_version", new_values."status", new_values."status_from", new_values."unusual_status_move", new_values."version" FROM ( SELECT new_values.* FROM new_values  ) AS new_values, _pgh_attached_context; RETURN NULL;',
                    hash="75834f39dfe4299db6edccac92aab55be86726d3",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_00452",
                    referencing="REFERENCING NEW TABLE AS new_values ",
                    table="inventory_device",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="device",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "inventory_deviceevent" ("commissioned_on", "decommissioned_on", "device_id", "device_type", "esme_variant", "firmware", "hub_device_id", "id", "installed_on", "manufacturer", "model", "mpxn", "msn", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "smets_generation", "smets_version", "status", "status_from", "unusual_status_move", "version") SELECT new_values."commissioned_on", new_values."decommissioned_on", new_values."device_id", new_values."device_type", new_values."esme_variant", new_values."firmware", new_values."hub_device_id", new_values."id", new_values."installed_on", new_values."manufacturer", new_values."model", new_values."mpxn", new_values."msn", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, clock_timestamp(), \'update\', new_values."id", new_values."smets_generation", new_values."smets_version", new_values."status", new_values."status_from", new_values."unusual_status_move", new_values."version" FROM ( SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values."commissioned_on" IS DISTINCT FROM (new_values."commissioned_on") OR old_values."decommissioned_on" IS DISTINCT FROM (new_values."decommissioned_on") OR old_values."device_id" IS DISTINCT FROM (new_values."device_id") OR old_values."device_type" IS DISTINCT FROM (new_values."device_type") OR old_values."esme_variant" IS DISTINCT FROM (new_values."esme_variant") OR old_values."firmware" IS DISTINCT FROM (new_values."firmware") OR old_values."hub_device_id" IS DISTINCT FROM (new_values."hub_device_id") OR old_values."id" IS DISTINCT FROM (new_values."id") OR old_values."installed_on" IS DISTINCT FROM (new_values."installed_on") OR old_values."manufacturer" IS DISTINCT FROM (new_values."manufacturer") OR old_values."model" IS DISTINCT FROM (new_values."model") OR old_values."mpxn" IS DISTINCT FROM (new_values."mpxn") OR old_values."msn" IS DISTINCT FROM (new_values."msn") OR old_values."smets_generation" IS DISTINCT FROM (new_values."smets_generation") OR old_values."smets_version" IS DISTINCT FROM (new_values."smets_version") OR old_values."status" IS DISTINCT FROM (new_values."status") OR old_values."status_from" IS DISTINCT FROM (new_values."status_from") OR old_values."unusual_status_move" IS DISTINCT FROM (new_values."unusual_status_move") OR old_values."version" IS DISTINCT FROM (new_values."version")) ) AS new_values, _pgh_attached_context; RETURN NULL;',
                    hash="5b839af1dc8e1c553d3f17784332a0fb29fcf603",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_c9e9b",
                    referencing="REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ",
                    table="inventory_device",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="device",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("asset_provider", None), ("map_from", None)),
                    models.Q(
                        ("asset_provider__isnull", False),
                        ("map_from__isnull", False),
                        ("map_recorded_at__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="device_map_id_with_day_and_moment",
            ),
        ),
    ]
