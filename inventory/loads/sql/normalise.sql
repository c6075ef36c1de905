-- The file in canonical form, beside what is recorded of devices that are known. An empty cell is NULL.
CREATE TEMPORARY TABLE incoming ON COMMIT DROP AS
WITH canonical AS (
    SELECT
        s.line,
        regexp_replace(translate(upper(pg_temp.bare(s.device_id)), '-:', ''), '(..)(?=.)', '\1-', 'g')
            AS device_id,
        upper(pg_temp.bare(s.device_type)) AS device_type,
        pg_temp.bare(s.smets_generation) AS smets_generation,
        pg_temp.bare(s.smets_version) AS smets_version,
        upper(pg_temp.bare(s.manufacturer)) AS manufacturer,
        upper(pg_temp.bare(s.model)) AS model,
        upper(pg_temp.bare(s.firmware)) AS firmware,
        upper(pg_temp.bare(s.esme_variant)) AS esme_variant,
        pg_temp.bare(s.status) AS status,
        translate(pg_temp.bare(s.mpxn), '- ', '') AS mpxn,
        upper(regexp_replace(pg_temp.bare(s.msn), '\s+', ' ', 'g')) AS msn,
        upper(pg_temp.bare(s.map_id)) AS map_id,
        upper(pg_temp.bare(s.supplier_id)) AS supplier_id,
        regexp_replace(translate(upper(pg_temp.bare(s.hub_id)), '-:', ''), '(..)(?=.)', '\1-', 'g')
            AS hub_id,
        status_from_day.day AS status_from,
        pg_temp.bare(s.status_from) AS status_from_text,
        installed_on_day.day AS installed_on,
        pg_temp.bare(s.installed_on) AS installed_on_text,
        commissioned_on_day.day AS commissioned_on,
        pg_temp.bare(s.commissioned_on) AS commissioned_on_text,
        decommissioned_on_day.day AS decommissioned_on,
        pg_temp.bare(s.decommissioned_on) AS decommissioned_on_text,
        map_from_day.day AS map_from,
        pg_temp.bare(s.map_from) AS map_from_text,
        supplier_from_day.day AS supplier_from,
        pg_temp.bare(s.supplier_from) AS supplier_from_text
    FROM staging AS s
    LEFT JOIN calendar AS status_from_day ON status_from_day.given = pg_temp.bare(s.status_from)
    LEFT JOIN calendar AS installed_on_day ON installed_on_day.given = pg_temp.bare(s.installed_on)
    LEFT JOIN calendar AS commissioned_on_day ON commissioned_on_day.given = pg_temp.bare(s.commissioned_on)
    LEFT JOIN calendar AS decommissioned_on_day ON decommissioned_on_day.given = pg_temp.bare(s.decommissioned_on)
    LEFT JOIN calendar AS map_from_day ON map_from_day.given = pg_temp.bare(s.map_from)
    LEFT JOIN calendar AS supplier_from_day ON supplier_from_day.given = pg_temp.bare(s.supplier_from)
)
SELECT
    c.*,
    k.id AS known_id,
    k.version AS known_version,
    k.device_type AS known_type,
    k.msn AS known_msn,
    k.supplier_from AS known_supplier_from,
    ks.code AS known_supplier,
    km.code AS known_map_id,
    k.map_from AS known_map_from,
    coalesce(k.device_type, c.device_type) AS kind,
    CASE coalesce(k.device_type, c.device_type) WHEN 'ESME' THEN 'E' WHEN 'GSME' THEN 'G' END AS fuel,
    coalesce(c.smets_generation, k.smets_generation::text) AS generation,
    coalesce(c.installed_on, k.installed_on) AS installed,
    coalesce(c.supplier_id, ks.code) AS supplier_code,
    CASE
        WHEN c.supplier_id IS NULL OR c.supplier_id = ks.code THEN coalesce(c.supplier_from, k.supplier_from)
        ELSE c.supplier_from
    END AS supplier_day,
    c.map_from AS map_day,
    NULL::bigint AS supplier_pk,
    NULL::bigint AS provider_pk
FROM canonical AS c
LEFT JOIN inventory_device AS k ON k.device_id = c.device_id
LEFT JOIN accounts_participant AS ks ON ks.id = k.supplier_id
LEFT JOIN accounts_participant AS km ON km.id = k.asset_provider_id;

-- For a new device MAP ID and supplier apply from its installation, else from its status.
UPDATE incoming SET
    supplier_day = coalesce(supplier_day, installed_on, status_from),
    map_day = CASE WHEN map_id IS NOT NULL THEN coalesce(map_from, installed_on, status_from) END
WHERE known_id IS NULL;

-- The entries of the list that were in force on those days; a code of 4 characters is electricity's, of 3 gas's.
UPDATE incoming AS i SET supplier_pk = p.id
FROM accounts_participant AS p
WHERE p.role = 'supplier' AND p.code = i.supplier_code
  AND p.fuel = coalesce(i.fuel, CASE length(i.supplier_code) WHEN 4 THEN 'E' ELSE 'G' END)
  AND i.supplier_day BETWEEN p.effective_from AND coalesce(p.effective_to, 'infinity');
UPDATE incoming AS i SET provider_pk = p.id
FROM accounts_participant AS p
WHERE p.role = 'map' AND p.code = i.map_id AND p.fuel = i.fuel AND p.kind = 'live'
  AND i.map_day BETWEEN p.effective_from AND coalesce(p.effective_to, 'infinity');
CREATE INDEX ON incoming (device_id);
CREATE INDEX ON incoming (line);
ANALYZE incoming;
