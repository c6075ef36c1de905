-- The file as it is, each row with the line it begins on.
DROP TABLE IF EXISTS pg_temp.staging, pg_temp.problem, pg_temp.incoming, pg_temp.calendar, pg_temp.wanted;
CREATE TEMPORARY TABLE staging (
    line integer,
    device_id text, device_type text, smets_generation text, smets_version text, manufacturer text, model text,
    firmware text, esme_variant text, status text, status_from text, mpxn text, msn text, map_id text,
    supplier_id text, installed_on text, commissioned_on text, hub_id text, map_from text, supplier_from text,
    decommissioned_on text
) ON COMMIT DROP;
CREATE TEMPORARY TABLE problem (line integer, item text, sentence text) ON COMMIT DROP;

-- Every day that may be given, in the two ways it may be written.
CREATE TEMPORARY TABLE calendar ON COMMIT DROP AS
SELECT written.given, written.day
FROM generate_series(date '2000-01-01', date '2099-12-31', interval '1 day') AS every (moment)
CROSS JOIN LATERAL (
    VALUES (to_char(moment, 'YYYY-MM-DD'), moment::date), (to_char(moment, 'DD/MM/YYYY'), moment::date)
) AS written (given, day);
ANALYZE calendar;

-- Text without the spaces around it; NULL for none.
CREATE OR REPLACE FUNCTION pg_temp.bare(given text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT nullif(btrim(translate(given, U&'\00a0', ' ')), '')
$$;
