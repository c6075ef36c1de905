"""Periods and history of the devices that are there already: what their columns know."""

from django.db import migrations

ITEMS = (
    "id, device_id, device_type, smets_generation, smets_version, manufacturer, model, firmware, esme_variant, status, "
    "status_from, unusual_status_move, mpxn, installed_on, commissioned_on, decommissioned_on, hub_device_id, msn, version"
)


class Migration(migrations.Migration):
    dependencies = [("inventory", "0002_periods_and_history")]

    operations = [
        migrations.RunSQL(statement, migrations.RunSQL.noop)
        for statement in (
            """
            UPDATE inventory_device AS d SET hub_device_id = h.device_id
            FROM inventory_device AS h WHERE h.id = d.hub_id
            """,
            f"""
            INSERT INTO inventory_deviceevent ({ITEMS}, pgh_created_at, pgh_label, pgh_obj_id, pgh_context)
            SELECT {ITEMS}, load_recorded_at, 'insert', id, jsonb_build_object('via', 'load', 'source', load_source)
            FROM inventory_device
            """,  # noqa: S608  (constants of this file)
            """
            INSERT INTO inventory_supplyperiod (
                device_id, valid_from, participant_id, known, ahead, kind, via, recorded_for, source, reason
            )
            SELECT
                id, valid_from, participant_id, tstzrange(load_recorded_at, NULL), false, kind, 'load', 'DCC',
                load_source, ''
            FROM inventory_device
            CROSS JOIN LATERAL (
                VALUES
                    (supplier_from, supplier_id, CASE WHEN previous_supplier_id IS NULL THEN 'first' ELSE 'change' END),
                    (
                        least(coalesce(installed_on, previous_supplier_to), previous_supplier_to, supplier_from - 1),
                        previous_supplier_id,
                        'first'
                    )
            ) AS step (valid_from, participant_id, kind)
            WHERE participant_id IS NOT NULL
            """,
            """
            INSERT INTO inventory_providerperiod (
                device_id, valid_from, participant_id, known, ahead, kind, via, recorded_by_id, recorded_for, source, reason
            )
            SELECT
                id, coalesce(map_from, map_blank_from), asset_provider_id, tstzrange(map_recorded_at, NULL), false,
                CASE WHEN asset_provider_id IS NULL THEN 'ended' ELSE 'first' END, 'page', map_recorded_by_id,
                map_recorded_for, map_source, map_reason
            FROM inventory_device
            WHERE asset_provider_id IS NOT NULL OR map_blank_from IS NOT NULL
            """,
        )
    ]
