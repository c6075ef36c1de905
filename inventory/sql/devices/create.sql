-- New devices; hubs stand first, so that the others find them.
INSERT INTO inventory_device (
    device_id, device_type, smets_generation, smets_version, manufacturer, model, firmware, esme_variant, status,
    status_from, unusual_status_move, mpxn, installed_on, commissioned_on, decommissioned_on, hub_id, supplier_id,
    supplier_from, msn, msn_recorded_at, msn_recorded_for, msn_source, asset_provider_id, map_from, map_recorded_at,
    map_recorded_for, map_source, map_reason, load_recorded_at, load_source, version
)
SELECT
    i.device_id, i.device_type, i.smets_generation::smallint, coalesce(i.smets_version, ''),
    coalesce(i.manufacturer, ''), coalesce(i.model, ''), coalesce(i.firmware, ''), coalesce(i.esme_variant, ''),
    i.status, i.status_from, false, coalesce(i.mpxn, ''), i.installed_on, i.commissioned_on, i.decommissioned_on,
    h.id, i.supplier_pk, i.supplier_day,
    coalesce(i.msn, ''),
    CASE WHEN i.msn IS NOT NULL THEN now() END,
    CASE WHEN i.msn IS NOT NULL THEN i.supplier_id ELSE '' END,
    CASE WHEN i.msn IS NOT NULL THEN %(source)s ELSE '' END,
    i.provider_pk,
    i.map_day,
    CASE WHEN i.provider_pk IS NOT NULL THEN now() END,
    CASE WHEN i.provider_pk IS NOT NULL THEN i.supplier_id ELSE '' END,
    CASE WHEN i.provider_pk IS NOT NULL THEN %(source)s ELSE '' END,
    '', now(), %(source)s, 1
FROM incoming AS i
LEFT JOIN inventory_device AS h ON h.device_id = i.hub_id
WHERE i.known_id IS NULL AND (i.device_type = 'CHF') = %(hubs)s
