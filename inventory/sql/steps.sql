-- How steps are written: by this function alone, as sets. The portal's login can neither add steps nor change them.

-- Write steps of the MAP ID (`provider`) or of the responsible supplier (`supply`): of each of the `devices`, who it is
-- from which of the `days`. A step replaces the one known for its device and date; then the device adopts today's step.
--
-- Devices are locked in order of id, so that two calls never wait for one another. Steps are known from the moment at
-- which all are locked: no one chooses it. Words and batch are those that history keeps. Refuses devices outside the
-- scope of the acting organisation; the responsible supplier is for the operator only.
CREATE OR REPLACE FUNCTION write_steps(
    track text, devices bigint[], days date[], participants bigint[], kinds text[]
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    former text := reading_within('steps');
    of_table regclass := CASE track
        WHEN 'provider' THEN 'inventory_providerperiod' WHEN 'supply' THEN 'inventory_supplyperiod'
    END;
    words jsonb := acting_words();
    moment timestamptz;
BEGIN
    IF EXISTS (SELECT FROM unnest(days) AS day WHERE day > uk_day(portal_moment())) THEN
        -- An adoption waits until planned steps are committed: none of them is written before midnight and seen after.
        PERFORM pg_advisory_xact_lock_shared(hashtext('adopt_today'));
    END IF;
    PERFORM FROM inventory_device WHERE id = ANY (devices) ORDER BY id FOR NO KEY UPDATE;
    PERFORM refuse_steps_out_of_scope(track, devices);
    moment := portal_moment();
    EXECUTE format(
        'UPDATE %s AS s SET known = tstzrange(lower(s.known), greatest($1, lower(s.known) + interval ''1 microsecond''))'
        ' FROM unnest($2, $3) AS given (device, day)'
        ' WHERE s.device_id = given.device AND s.valid_from = given.day AND upper_inf(s.known)', of_table
    ) USING moment, devices, days;
    EXECUTE format(
        'INSERT INTO %s ('
        '    device_id, valid_from, participant_id, known, ahead, kind, via, recorded_by_id, organisation_id,'
        '    recorded_for, source, reason, batch'
        ') SELECT device, day, participant, tstzrange($1, NULL), day > uk_day($1), kind, $2, $3, $4, $5, $6, $7, $8'
        ' FROM unnest($9, $10, $11, $12) AS given (device, day, participant, kind)', of_table
    ) USING
        moment, coalesce(words ->> 'via', 'sql'), (words ->> 'person')::bigint, acting_organisation(),
        coalesce(words ->> 'code', 'DCC'), coalesce(words ->> 'source', ''), coalesce(words ->> 'reason', ''),
        acting_batch(), devices, days, participants, kinds;
    IF track = 'provider' THEN
        PERFORM adopt_provider_steps(ARRAY(SELECT DISTINCT unnest(devices)), false);
    ELSE
        PERFORM adopt_supply_steps(ARRAY(SELECT DISTINCT unnest(devices)), false);
    END IF;
    PERFORM reading_within(former);
END
$$;

-- The operator writes steps of all devices, the DCC those of the MAP ID, a supplier those of the MAP ID of its devices.
CREATE OR REPLACE FUNCTION refuse_steps_out_of_scope(track text, devices bigint[]) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$
DECLARE
    everything boolean := acting_operator() OR coalesce(acting_role() = 'dcc', false);
    own bigint[] := acting_participants('supplier');
BEGIN
    IF track = 'supply' AND NOT acting_operator() THEN
        RAISE EXCEPTION 'Only a load records the responsible supplier' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF EXISTS (
        SELECT FROM unnest(devices) AS given (id)
        LEFT JOIN inventory_device AS d ON d.id = given.id
        WHERE d.id IS NULL OR NOT (everything OR d.supplier_id = ANY (own))
    ) THEN
        RAISE EXCEPTION 'A device is not in the scope of the acting organisation'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
END
$$;
