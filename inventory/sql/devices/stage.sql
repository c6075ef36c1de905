-- The file as it is, a row a line. The first device stands on line 2.
DROP TABLE IF EXISTS pg_temp.staging, pg_temp.problem, pg_temp.incoming;
CREATE TEMPORARY TABLE staging (
    id integer GENERATED ALWAYS AS IDENTITY,
    device_id text, device_type text, smets_generation text, smets_version text, manufacturer text, model text,
    firmware text, esme_variant text, status text, status_from text, mpxn text, msn text, map_id text,
    supplier_id text, installed_on text, commissioned_on text, hub_id text, map_from text, supplier_from text,
    decommissioned_on text
) ON COMMIT DROP;
CREATE TEMPORARY TABLE problem (line integer, item text, given text, sentence text) ON COMMIT DROP;

-- A day written as 2026-11-23 or 23/11/2026; NULL for anything else, 31 February included.
CREATE OR REPLACE FUNCTION pg_temp.day_of(given text) RETURNS date LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN m BETWEEN 1 AND 12 AND y BETWEEN 1 AND 9999
        AND d BETWEEN 1 AND extract(day FROM make_date(y, m, 1) + interval '1 month' - interval '1 day')
        THEN make_date(y, m, d)
    END
    FROM (
        SELECT
            CASE WHEN given ~ '^\d{4}-\d\d-\d\d$' THEN left(given, 4)::int
                 WHEN given ~ '^\d\d/\d\d/\d{4}$' THEN right(given, 4)::int END AS y,
            CASE WHEN given ~ '^\d{4}-\d\d-\d\d$' THEN substr(given, 6, 2)::int
                 WHEN given ~ '^\d\d/\d\d/\d{4}$' THEN substr(given, 4, 2)::int END AS m,
            CASE WHEN given ~ '^\d{4}-\d\d-\d\d$' THEN right(given, 2)::int
                 WHEN given ~ '^\d\d/\d\d/\d{4}$' THEN left(given, 2)::int END AS d
    ) AS parts
$$;

-- Text without the spaces around it; NULL for none.
CREATE OR REPLACE FUNCTION pg_temp.bare(given text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT nullif(btrim(translate(given, U&'\00a0', ' ')), '')
$$;
