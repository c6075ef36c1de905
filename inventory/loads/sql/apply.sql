-- Known devices first: what is created afterwards would be known too.
CREATE TEMPORARY TABLE wanted ON COMMIT DROP AS
WITH filled AS (
    SELECT
        d.id,
        coalesce(i.smets_generation::smallint, d.smets_generation) AS smets_generation,
        coalesce(i.smets_version, d.smets_version) AS smets_version,
        coalesce(i.manufacturer, d.manufacturer) AS manufacturer,
        coalesce(i.model, d.model) AS model,
        coalesce(i.firmware, d.firmware) AS firmware,
        coalesce(i.esme_variant, d.esme_variant) AS esme_variant,
        coalesce(i.status, d.status) AS status,
        coalesce(i.status_from, d.status_from) AS status_from,
        coalesce(i.mpxn, d.mpxn) AS mpxn,
        coalesce(i.installed_on, d.installed_on) AS installed_on,
        coalesce(i.commissioned_on, d.commissioned_on) AS commissioned_on,
        coalesce(i.decommissioned_on, d.decommissioned_on) AS decommissioned_on,
        coalesce(i.hub_id, d.hub_device_id) AS hub_device_id,
        d.status AS former_status,
        d.supplier_id AS former_supplier_id,
        d.supplier_from AS former_supplier_from,
        CASE WHEN i.supplier_code = i.known_supplier THEN d.supplier_id ELSE i.supplier_pk END AS supplier_id,
        i.supplier_day AS supplier_from,
        (
            d.smets_generation, d.smets_version, d.manufacturer, d.model, d.firmware, d.esme_variant, d.status,
            d.status_from, d.mpxn, d.installed_on, d.commissioned_on, d.decommissioned_on, d.hub_device_id
        )::text AS former_items
    FROM incoming AS i
    JOIN inventory_device AS d ON d.id = i.known_id
),
compared AS (
    SELECT
        *,
        former_items <> (
            smets_generation, smets_version, manufacturer, model, firmware, esme_variant, status, status_from, mpxn,
            installed_on, commissioned_on, decommissioned_on, hub_device_id
        )::text AS has_other_items,
        (supplier_id, supplier_from) IS DISTINCT FROM (former_supplier_id, former_supplier_from) AS has_other_supplier
    FROM filled
)
SELECT * FROM compared WHERE has_other_items OR has_other_supplier;

UPDATE inventory_device AS d SET
    smets_generation = w.smets_generation,
    smets_version = w.smets_version,
    manufacturer = w.manufacturer,
    model = w.model,
    firmware = w.firmware,
    esme_variant = w.esme_variant,
    unusual_status_move = CASE
        WHEN w.status = d.status THEN d.unusual_status_move
        ELSE d.status || '>' || w.status <> ALL (%(usual_moves)s)
    END,
    status = w.status,
    status_from = w.status_from,
    mpxn = w.mpxn,
    installed_on = w.installed_on,
    commissioned_on = w.commissioned_on,
    decommissioned_on = w.decommissioned_on,
    hub_device_id = w.hub_device_id
FROM wanted AS w
WHERE d.id = w.id AND w.has_other_items;

-- Another supplier from a later day is a change. A supplier whose day moves, or who was never right, is corrected.
INSERT INTO inventory_supplyperiod (
    device_id, valid_from, participant_id, ahead, kind, via, recorded_for, source, reason
)
SELECT w.id, step.valid_from, step.participant_id, false, step.kind, 'load', 'DCC', %(source)s, ''
FROM wanted AS w
CROSS JOIN LATERAL (
    VALUES
        (w.former_supplier_from, w.former_supplier_id, 'cancelled'),
        (
            w.supplier_from,
            w.supplier_id,
            CASE
                WHEN w.supplier_id <> w.former_supplier_id AND w.supplier_from > w.former_supplier_from THEN 'change'
                ELSE 'correction'
            END
        )
) AS step (valid_from, participant_id, kind)
WHERE w.has_other_supplier
    AND (step.kind <> 'cancelled' OR (w.supplier_id = w.former_supplier_id AND w.supplier_from <> w.former_supplier_from))
ORDER BY w.id, step.valid_from;
