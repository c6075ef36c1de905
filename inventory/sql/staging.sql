-- Rows of files until they are applied: an organisation sees its own, and the operator all.

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
