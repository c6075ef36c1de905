INSERT INTO inventory_device (
    device_id, device_type, smets_generation, smets_version, manufacturer, model, firmware, esme_variant, status,
    status_from, unusual_status_move, mpxn, installed_on, commissioned_on, decommissioned_on, hub_device_id,
    supplier_id, supplier_from, msn, asset_provider_id, map_from, map_recorded_at, map_recorded_for, version
)
SELECT
    device_id, device_type, smets_generation::smallint, coalesce(smets_version, ''), coalesce(manufacturer, ''),
    coalesce(model, ''), coalesce(firmware, ''), coalesce(esme_variant, ''), status, status_from, false,
    coalesce(mpxn, ''), installed_on, commissioned_on, decommissioned_on, coalesce(hub_id, ''), supplier_pk,
    supplier_day, coalesce(msn, ''), provider_pk, map_day,
    CASE WHEN provider_pk IS NOT NULL THEN now() END,
    CASE WHEN provider_pk IS NOT NULL THEN supplier_id ELSE '' END,
    1
FROM incoming
WHERE known_id IS NULL
