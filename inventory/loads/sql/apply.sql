-- Mark what the file changes of known devices. Without a change nothing is written.
UPDATE inventory_stageddevice AS i SET
    other_items = staged_items_differ(i, d), other_supplier = staged_supplier_differs(i, d)
FROM inventory_device AS d
WHERE i.file_id = %(file)s AND d.id = i.known_id AND (staged_items_differ(i, d) OR staged_supplier_differs(i, d));

UPDATE inventory_device AS d SET
    smets_generation = coalesce(i.smets_generation::smallint, d.smets_generation),
    smets_version = coalesce(i.smets_version, d.smets_version),
    manufacturer = coalesce(i.manufacturer, d.manufacturer),
    model = coalesce(i.model, d.model),
    firmware = coalesce(i.firmware, d.firmware),
    esme_variant = coalesce(i.esme_variant, d.esme_variant),
    unusual_status_move = CASE
        WHEN coalesce(i.status, d.status) = d.status THEN d.unusual_status_move
        ELSE d.status || '>' || i.status <> ALL (%(usual_moves)s)
    END,
    status = coalesce(i.status, d.status),
    status_from = coalesce(i.status_from, d.status_from),
    mpxn = coalesce(i.mpxn, d.mpxn),
    installed_on = coalesce(i.installed_on, d.installed_on),
    commissioned_on = coalesce(i.commissioned_on, d.commissioned_on),
    decommissioned_on = coalesce(i.decommissioned_on, d.decommissioned_on),
    hub_device_id = coalesce(i.hub_id, d.hub_device_id)
FROM inventory_stageddevice AS i
WHERE i.file_id = %(file)s AND d.id = i.known_id AND i.other_items;

-- Another supplier from a later day is a change. A supplier whose date moves, or that was never right, is corrected.
SELECT write_steps(
    'supply', array_agg(d.id), array_agg(step.valid_from), array_agg(step.participant_id), array_agg(step.kind)
)
FROM inventory_stageddevice AS i
JOIN inventory_device AS d ON d.id = i.known_id
CROSS JOIN LATERAL (
    SELECT CASE WHEN i.supplier_code = i.known_supplier THEN d.supplier_id ELSE i.supplier_pk END AS supplier_id
) AS wanted
CROSS JOIN LATERAL (
    VALUES
        (d.supplier_from, d.supplier_id, 'cancelled'),
        (
            i.supplier_day,
            wanted.supplier_id,
            CASE
                WHEN wanted.supplier_id <> d.supplier_id AND i.supplier_day > d.supplier_from THEN 'change'
                ELSE 'correction'
            END
        )
) AS step (valid_from, participant_id, kind)
WHERE i.file_id = %(file)s AND i.other_supplier
    AND (step.kind <> 'cancelled' OR (wanted.supplier_id = d.supplier_id AND i.supplier_day <> d.supplier_from))
HAVING count(*) > 0;

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
FROM inventory_stageddevice
WHERE file_id = %(file)s AND known_id IS NULL;
