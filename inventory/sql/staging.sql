-- Rows of files until they are applied: who sees them, what their cells mean, and what they change.

-- An organisation sees its own, and the operator all.
ALTER TABLE inventory_stagedfile ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON inventory_stagedfile USING (
    (SELECT acting_operator()) OR organisation_id = (SELECT acting_organisation())
);

ALTER TABLE inventory_stagedrow ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON inventory_stagedrow USING (
    (SELECT acting_operator()) OR file_id IN (SELECT id FROM inventory_stagedfile)
);

-- Files of devices are the operator's.
ALTER TABLE inventory_stageddevice ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY of_operator ON inventory_stageddevice USING ((SELECT acting_operator()));

-- A cell without the spaces around it; NULL for none.
CREATE OR REPLACE FUNCTION bare(given text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT nullif(btrim(translate(given, U&'\00a0', ' ')), '') $$;

-- The day that a cell gives, since the year 2000, in one of the two ways in which it can be written; NULL for no day.
CREATE OR REPLACE FUNCTION day_of(given text) RETURNS date
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
DECLARE
    parts integer[];  -- year, month, day
    found date;
BEGIN
    IF given ~ '^20\d\d-\d\d-\d\d$' THEN
        parts := string_to_array(given, '-');
    ELSIF given ~ '^\d\d/\d\d/20\d\d$' THEN
        parts := ARRAY[right(given, 4), substr(given, 4, 2), left(given, 2)];
    END IF;
    IF parts[2] BETWEEN 1 AND 12 AND parts[3] BETWEEN 1 AND 31 THEN
        found := make_date(parts[1], parts[2], 1) + parts[3] - 1;
    END IF;
    RETURN CASE WHEN extract(month FROM found) = parts[2] THEN found END;
END
$$;

-- Whether a row of a file gives another value of an item than the device has; a cell left empty gives none.
CREATE OR REPLACE FUNCTION staged_items_differ(i inventory_stageddevice, d inventory_device) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT coalesce(
        i.smets_generation <> d.smets_generation::text OR i.smets_version <> d.smets_version
        OR i.manufacturer <> d.manufacturer OR i.model <> d.model OR i.firmware <> d.firmware
        OR i.esme_variant <> d.esme_variant OR i.status <> d.status OR i.status_from <> d.status_from
        OR i.mpxn <> d.mpxn OR i.hub_id <> d.hub_device_id
        OR (i.installed_on IS NOT NULL AND i.installed_on IS DISTINCT FROM d.installed_on)
        OR (i.commissioned_on IS NOT NULL AND i.commissioned_on IS DISTINCT FROM d.commissioned_on)
        OR (i.decommissioned_on IS NOT NULL AND i.decommissioned_on IS DISTINCT FROM d.decommissioned_on),
        false
    )
$$;

-- Whether it gives another responsible supplier, or another day from which the supplier is responsible.
CREATE OR REPLACE FUNCTION staged_supplier_differs(i inventory_stageddevice, d inventory_device) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT (CASE WHEN i.supplier_code = i.known_supplier THEN d.supplier_id ELSE i.supplier_pk END, i.supplier_day)
        IS DISTINCT FROM (d.supplier_id, d.supplier_from)
$$;
