-- How steps are written: by this function alone, as sets. The portal's login can neither add steps nor change them.

-- Write steps of the MAP ID (`provider`) or of the responsible supplier (`supply`): for each of the `devices`,
-- the participant from the one of the `days` beside it. A step replaces the one known for its device and date; then the device adopts today's step.
--
-- Devices are locked in order of id, so that two calls never wait for one another. Steps are known from the moment at
-- which all are locked: no one chooses it. Words and batch are those that history keeps; a supplier records under the
-- code of the device's supplier. Refuses devices outside the scope of the acting organisation, what no rule allows
-- (`refuse_unfit_steps`), and the batch and the people of others; the responsible supplier is for the operator only.
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
    recorder text := CASE  -- NULL: the code of the device's supplier
        WHEN acting_operator() THEN coalesce(words ->> 'code', 'DCC') WHEN acting_role() = 'dcc' THEN 'DCC'
    END;
    moment timestamptz;
BEGIN
    IF EXISTS (SELECT FROM unnest(days) AS day WHERE day > uk_day(portal_moment())) THEN
        -- An adoption waits until planned steps are committed: none of them is written before midnight and seen after.
        PERFORM pg_advisory_xact_lock_shared(hashtext('adopt_today'));
    END IF;
    PERFORM FROM inventory_device WHERE id = ANY (devices) ORDER BY id FOR NO KEY UPDATE;
    PERFORM refuse_steps_out_of_scope(track, devices);
    PERFORM refuse_unfit_steps(track, devices, days, participants, kinds);
    PERFORM refuse_words_of_others();
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
        ') SELECT'
        '    g.device, g.day, g.participant, tstzrange($1, NULL), g.day > uk_day($1), g.kind, $2, $3, $4,'
        '    coalesce($5, supplier.code), $6, $7, $8'
        ' FROM unnest($9, $10, $11, $12) AS g (device, day, participant, kind)'
        ' JOIN inventory_device AS d ON d.id = g.device'
        ' JOIN accounts_participant AS supplier ON supplier.id = d.supplier_id', of_table
    ) USING
        moment, coalesce(words ->> 'via', 'sql'), (words ->> 'person')::bigint, acting_organisation(), recorder,
        coalesce(words ->> 'source', ''), coalesce(words ->> 'reason', ''), acting_batch(), devices, days, participants,
        kinds;
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

-- What no step can be, by whichever route it comes; `inventory/rules` tells people beforehand. A step that cancels another
-- names the participant of that one, whatever the list says about it now.
CREATE OR REPLACE FUNCTION refuse_unfit_steps(
    track text, devices bigint[], days date[], participants bigint[], kinds text[]
) RETURNS void LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$
DECLARE
    of_role text := CASE track WHEN 'provider' THEN 'map' WHEN 'supply' THEN 'supplier' END;
    problem text;
BEGIN
    IF of_role IS NULL OR (cardinality(devices), cardinality(devices), cardinality(devices))
        IS DISTINCT FROM (cardinality(days), cardinality(participants), cardinality(kinds))
    THEN
        RAISE EXCEPTION 'Give the track, and a date, a participant and a kind for each device'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT checked.found INTO problem
    FROM unnest(devices, days, participants, kinds) AS given (device, day, participant, kind)
    JOIN inventory_device AS d ON d.id = given.device
    LEFT JOIN accounts_participant AS p ON p.id = given.participant
    CROSS JOIN LATERAL (
        SELECT CASE
            WHEN given.day IS NULL OR given.kind IS NULL THEN 'A step has a date and a kind'
            WHEN given.day NOT BETWEEN '1900-01-01' AND '2199-12-31' THEN 'A step is from 1900 to 2199'
            WHEN track = 'provider' AND (d.fuel = '' OR d.smets_generation <> 2) THEN 'A MAP ID is of a SMETS2 meter'
            WHEN p.id IS NULL AND (given.participant IS NOT NULL OR given.kind IN ('first', 'change'))
                THEN 'Name a participant'
            WHEN p.role <> of_role THEN 'The participant is not a ' || of_role
            WHEN track = 'provider' AND p.fuel <> d.fuel THEN 'The MAP is one of another fuel'
            WHEN track = 'supply' OR given.kind = 'cancelled' THEN NULL
            WHEN p.kind = 'test' THEN 'A test code is no MAP ID'
            WHEN given.day NOT BETWEEN p.effective_from AND coalesce(p.effective_to, 'infinity')
                THEN 'The MAP is not in force on that date'
        END AS found
    ) AS checked
    WHERE checked.found IS NOT NULL
    LIMIT 1;
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION '%', problem USING ERRCODE = 'check_violation';
    END IF;
END
$$;

-- Steps name the person who acts, and their batch: someone in the acting organisation, and never another one's batch.
CREATE OR REPLACE FUNCTION refuse_words_of_others() RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$
DECLARE
    person bigint := (acting_words() ->> 'person')::bigint;
BEGIN
    IF person IS NOT NULL AND NOT EXISTS (
        SELECT FROM accounts_membership
        WHERE user_id = person AND organisation_id = acting_organisation() AND ended_at IS NULL
    ) THEN
        RAISE EXCEPTION 'The person is not a member of the acting organisation'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF EXISTS (
        SELECT FROM inventory_providerperiod
        WHERE batch = acting_batch() AND organisation_id IS DISTINCT FROM acting_organisation()
    ) THEN
        RAISE EXCEPTION 'The batch is one of another organisation' USING ERRCODE = 'insufficient_privilege';
    END IF;
END
$$;
