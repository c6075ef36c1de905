-- Known devices first: what is created below is known afterwards.
WITH wanted AS (
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
        i.installed AS installed_on,
        coalesce(i.commissioned_on, d.commissioned_on) AS commissioned_on,
        coalesce(i.decommissioned_on, d.decommissioned_on) AS decommissioned_on,
        coalesce(h.id, d.hub_id) AS hub_id,
        CASE WHEN i.supplier_code = i.known_supplier THEN d.supplier_id ELSE i.supplier_pk END AS supplier_id,
        i.supplier_day AS supplier_from,
        i.supplier_code <> i.known_supplier AND i.supplier_day > d.supplier_from AS has_changed_supplier
    FROM incoming AS i
    JOIN inventory_device AS d ON d.id = i.known_id
    LEFT JOIN inventory_device AS h ON h.device_id = i.hub_id
)
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
    hub_id = w.hub_id,
    previous_supplier_id = CASE WHEN w.has_changed_supplier THEN d.supplier_id ELSE d.previous_supplier_id END,
    previous_supplier_to = CASE WHEN w.has_changed_supplier THEN w.supplier_from - 1 ELSE d.previous_supplier_to END,
    supplier_id = w.supplier_id,
    supplier_from = w.supplier_from,
    version = d.version
        + (w.mpxn <> d.mpxn OR w.supplier_id <> d.supplier_id OR w.supplier_from <> d.supplier_from)::int,
    load_recorded_at = now(),
    load_source = %(source)s
FROM wanted AS w
WHERE d.id = w.id
  AND (
    w.smets_generation, w.smets_version, w.manufacturer, w.model, w.firmware, w.esme_variant, w.status, w.status_from,
    w.mpxn, w.installed_on, w.commissioned_on, w.decommissioned_on, w.hub_id, w.supplier_id, w.supplier_from
  ) IS DISTINCT FROM (
    d.smets_generation, d.smets_version, d.manufacturer, d.model, d.firmware, d.esme_variant, d.status, d.status_from,
    d.mpxn, d.installed_on, d.commissioned_on, d.decommissioned_on, d.hub_id, d.supplier_id, d.supplier_from
  )
