-- The first steps of a new device: its parties as loaded, and the previous supplier from the installation, if known.

CREATE OR REPLACE FUNCTION device_first_steps() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    how text := coalesce(acting_words() ->> 'via', 'load');
    origin text := coalesce(acting_words() ->> 'source', '');
    same_batch uuid := acting_batch();
BEGIN
    IF TG_RELID <> 'inventory_device'::regclass THEN
        RAISE EXCEPTION 'Only a new device has first steps' USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO inventory_supplyperiod (
        device_id, valid_from, participant_id, known, ahead, kind, via, recorded_for, source, reason, batch
    )
    SELECT
        d.id, step.valid_from, step.participant_id, tstzrange(statement_timestamp(), NULL), false, step.kind, how,
        'DCC', origin, '', same_batch
    FROM new_devices AS d
    CROSS JOIN LATERAL (
        VALUES
            (d.supplier_from, d.supplier_id, CASE WHEN d.previous_supplier_id IS NULL THEN 'first' ELSE 'change' END),
            (
                least(coalesce(d.installed_on, d.previous_supplier_to), d.previous_supplier_to, d.supplier_from - 1),
                d.previous_supplier_id,
                'first'
            )
    ) AS step (valid_from, participant_id, kind)
    WHERE step.participant_id IS NOT NULL;
    INSERT INTO inventory_providerperiod (
        device_id, valid_from, participant_id, known, ahead, kind, via, recorded_for, source, reason, batch
    )
    SELECT
        id, map_from, asset_provider_id, tstzrange(map_recorded_at, NULL), false, 'first', how, map_recorded_for,
        origin, '', same_batch
    FROM new_devices
    WHERE asset_provider_id IS NOT NULL;
    RETURN NULL;
END
$$;

CREATE TRIGGER first_steps AFTER INSERT ON inventory_device REFERENCING NEW TABLE AS new_devices
    FOR EACH STATEMENT EXECUTE FUNCTION device_first_steps();
