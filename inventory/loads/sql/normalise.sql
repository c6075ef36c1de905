-- Rows on `lines` that are compared again
DELETE FROM inventory_stageddevice WHERE file_id = %(file)s AND line = ANY (%(lines)s);

-- Rows of the file in canonical form, beside what is recorded of devices that are known: neither their MSN nor which
-- MAP ID they have. An empty cell is NULL. Without `lines` all rows; with them, those only.
INSERT INTO inventory_stageddevice (
    file_id, line, device_id, device_type, smets_generation, smets_version, manufacturer, model, firmware, esme_variant,
    status, mpxn, msn, map_id, supplier_id, hub_id, status_from, installed_on, commissioned_on, decommissioned_on,
    map_from, supplier_from, known_id, known_row, known_type, known_mpxn, known_has_map_id, known_supplier,
    known_supplier_from, kind, fuel, generation, installed, supplier_code, supplier_day, map_day, supplier_pk,
    provider_pk, other_items, other_supplier
)
-- In the order of `TEXTS`, in `rules/loading.py`.
WITH staging AS (
    SELECT
        line,
        bare(cells[1]) AS device_id,
        bare(cells[2]) AS device_type,
        bare(cells[3]) AS smets_generation,
        bare(cells[4]) AS smets_version,
        bare(cells[5]) AS manufacturer,
        bare(cells[6]) AS model,
        bare(cells[7]) AS firmware,
        bare(cells[8]) AS esme_variant,
        bare(cells[9]) AS status,
        bare(cells[10]) AS status_from,
        bare(cells[11]) AS mpxn,
        bare(cells[12]) AS msn,
        bare(cells[13]) AS map_id,
        bare(cells[14]) AS supplier_id,
        bare(cells[15]) AS installed_on,
        bare(cells[16]) AS commissioned_on,
        bare(cells[17]) AS hub_id,
        bare(cells[18]) AS map_from,
        bare(cells[19]) AS supplier_from,
        bare(cells[20]) AS decommissioned_on
    FROM inventory_stagedrow
    WHERE file_id = %(file)s AND (%(lines)s::integer[] IS NULL OR line = ANY (%(lines)s))
),
canonical AS (
    SELECT
        s.line,
        regexp_replace(translate(upper(s.device_id), '-:', ''), '(..)(?=.)', '\1-', 'g') AS device_id,
        upper(s.device_type) AS device_type,
        s.smets_generation,
        s.smets_version,
        upper(s.manufacturer) AS manufacturer,
        upper(s.model) AS model,
        upper(s.firmware) AS firmware,
        upper(s.esme_variant) AS esme_variant,
        s.status,
        translate(s.mpxn, '- ', '') AS mpxn,
        upper(regexp_replace(s.msn, '\s+', ' ', 'g')) AS msn,
        upper(s.map_id) AS map_id,
        upper(s.supplier_id) AS supplier_id,
        regexp_replace(translate(upper(s.hub_id), '-:', ''), '(..)(?=.)', '\1-', 'g') AS hub_id,
        day_of(s.status_from) AS status_from,
        day_of(s.installed_on) AS installed_on,
        day_of(s.commissioned_on) AS commissioned_on,
        day_of(s.decommissioned_on) AS decommissioned_on,
        day_of(s.map_from) AS map_from,
        day_of(s.supplier_from) AS supplier_from
    FROM staging AS s
),
compared AS (
    SELECT
        c.*,
        k.id AS known_id,
        k.xmin::text || k.ctid::text AS known_row,
        k.device_type AS known_type,
        k.mpxn AS known_mpxn,
        k.asset_provider_id IS NOT NULL AS known_has_map_id,
        ks.code AS known_supplier,
        k.supplier_from AS known_supplier_from,
        coalesce(k.device_type, c.device_type) AS kind,
        CASE coalesce(k.device_type, c.device_type) WHEN 'ESME' THEN 'E' WHEN 'GSME' THEN 'G' END AS fuel,
        coalesce(c.smets_generation, k.smets_generation::text) AS generation,
        coalesce(c.installed_on, k.installed_on) AS installed,
        coalesce(c.supplier_id, ks.code) AS supplier_code,
        -- For a new device MAP ID and supplier apply from its installation, else from its status.
        CASE
            WHEN k.id IS NULL THEN coalesce(c.supplier_from, c.installed_on, c.status_from)
            WHEN c.supplier_id IS NULL OR c.supplier_id = ks.code THEN coalesce(c.supplier_from, k.supplier_from)
            ELSE c.supplier_from
        END AS supplier_day,
        CASE
            WHEN k.id IS NULL AND c.map_id IS NOT NULL THEN coalesce(c.map_from, c.installed_on, c.status_from)
        END AS map_day
    FROM canonical AS c
    LEFT JOIN inventory_device AS k ON k.device_id = c.device_id
    LEFT JOIN accounts_participant AS ks ON ks.id = k.supplier_id
)
SELECT
    %(file)s, line, device_id, device_type, smets_generation, smets_version, manufacturer, model, firmware,
    esme_variant, status, mpxn, msn, map_id, supplier_id, hub_id, status_from, installed_on, commissioned_on,
    decommissioned_on, map_from, supplier_from, known_id, known_row, known_type, known_mpxn, known_has_map_id,
    known_supplier, known_supplier_from, kind, fuel, generation, installed, supplier_code, supplier_day, map_day,
    -- The entries of the list in force on those days; a code of 4 characters is electricity's, of 3 gas's.
    (
        SELECT p.id FROM accounts_participant AS p
        WHERE p.role = 'supplier' AND p.code = c.supplier_code
            AND p.fuel = coalesce(c.fuel, CASE length(c.supplier_code) WHEN 4 THEN 'E' ELSE 'G' END)
            AND c.supplier_day BETWEEN p.effective_from AND coalesce(p.effective_to, 'infinity')
        LIMIT 1
    ),
    (
        SELECT p.id FROM accounts_participant AS p
        WHERE p.role = 'map' AND p.code = c.map_id AND p.fuel = c.fuel AND p.kind = 'live'
            AND c.map_day BETWEEN p.effective_from AND coalesce(p.effective_to, 'infinity')
        LIMIT 1
    ),
    false,
    false
FROM compared AS c;
