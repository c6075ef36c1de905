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
