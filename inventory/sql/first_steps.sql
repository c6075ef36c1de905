-- The first steps of a new device: its parties as loaded, and the previous supplier from the installation, if known.

-- A MAP ID is known from now on: only made-up devices, of the manufacturers ZT…, have a made-up past.
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
    IF EXISTS (
        SELECT FROM new_devices
        WHERE map_recorded_at NOT BETWEEN now() AND clock_timestamp() AND manufacturer NOT LIKE 'ZT%'
    ) THEN
        RAISE EXCEPTION 'A MAP ID is recorded now, not at another moment' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF EXISTS (
        SELECT FROM new_devices AS d
        LEFT JOIN accounts_participant AS s ON s.id = d.supplier_id
        LEFT JOIN accounts_participant AS p ON p.id = d.asset_provider_id
        WHERE s.role <> 'supplier' OR p.role <> 'map'
    ) THEN
        RAISE EXCEPTION 'The supplier of a device is a supplier, and its MAP a MAP' USING ERRCODE = 'check_violation';
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
