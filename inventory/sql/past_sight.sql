-- What a past party sees of a device: what was recorded or true while it had the device, and nothing of other parties.

-- The last moment whose recordings the acting organisation is told of a device: any, while it has the device; else the
-- one before the act or date by which it lost it last. Where its time was over before it was recorded, the moment of
-- that recording. NULL for a device that it never had.
CREATE OR REPLACE FUNCTION acting_told_until(device bigint) RETURNS timestamptz
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    of_role text := acting_role();
    former text;
    has_it boolean;
    told_until timestamptz;
BEGIN
    IF acting_operator() OR of_role = 'dcc' THEN
        RETURN 'infinity';
    END IF;
    former := reading_within('told until');
    SELECT CASE of_role WHEN 'map' THEN d.asset_provider_id ELSE d.supplier_id END = ANY (acting_participants(of_role))
    INTO has_it FROM inventory_device AS d WHERE d.id = device;
    IF has_it THEN
        PERFORM reading_within(former);
        RETURN 'infinity';
    END IF;
    WITH step AS MATERIALIZED (
        SELECT participant_id, valid_from, known, kind FROM inventory_supplyperiod
        WHERE of_role = 'supplier' AND device_id = device AND kind <> 'cancelled'
        UNION ALL
        SELECT participant_id, valid_from, known, kind FROM inventory_providerperiod
        WHERE of_role = 'map' AND device_id = device AND kind <> 'cancelled'
    ),
    -- A code is bound until the end of its last date or, if that was recorded later, until then.
    mine AS MATERIALIZED (
        SELECT
            p.id AS participant_id, b.valid_from,
            CASE WHEN b.valid_to IS NOT NULL THEN greatest(
                (b.valid_to + 1)::timestamp AT TIME ZONE 'Europe/London',
                (SELECT max(e.pgh_created_at) FROM accounts_bindingevent AS e WHERE e.pgh_obj_id = b.id)
            ) END AS unbound_at
        FROM accounts_binding AS b
        JOIN accounts_participant AS p ON p.fuel = b.fuel AND p.role = b.role AND p.code = b.code
        WHERE b.organisation_id = acting_organisation()
    ),
    -- Only at these moments a device changes hands.
    change AS (
        SELECT lower(known) AS moment FROM step
        UNION SELECT upper(known) FROM step
        UNION SELECT valid_from::timestamp AT TIME ZONE 'Europe/London' FROM step
        UNION SELECT unbound_at FROM mine
    ),
    -- The moments before them at which it was the acting organisation's.
    had_until AS (
        SELECT before.moment
        FROM change AS c
        CROSS JOIN LATERAL (SELECT c.moment - interval '1 microsecond' AS moment) AS before
        CROSS JOIN LATERAL (
            SELECT s.participant_id FROM step AS s
            WHERE s.known @> before.moment AND s.valid_from <= uk_day(before.moment)
            ORDER BY s.valid_from DESC
            LIMIT 1
        ) AS party
        JOIN mine AS m ON m.participant_id = party.participant_id
            AND m.valid_from <= uk_day(before.moment) AND before.moment < coalesce(m.unbound_at, 'infinity')
        WHERE c.moment <= portal_moment()
    )
    SELECT coalesce(
        (SELECT max(moment) FROM had_until),
        (
            SELECT min(lower(s.known)) FROM step AS s
            WHERE s.valid_from <= uk_day(lower(s.known)) AND s.participant_id IN (SELECT participant_id FROM mine)
        )
    ) INTO told_until;
    PERFORM reading_within(former);
    RETURN told_until;
END
$$;

-- The moment whose steps count: `acting_told_until`, with the act by which the acting organisation lost the device.
CREATE OR REPLACE FUNCTION acting_lost_at(device bigint) RETURNS timestamptz
    LANGUAGE sql STABLE SET search_path = public, pg_temp
AS $$ SELECT acting_told_until(device) + interval '1 microsecond' $$;

-- The dates on which the acting organisation had the device in its scope, as known when it lost it: its steps while the
-- code was bound to it, without steps that begin on a future date. Evaluated for each row, so used only where the past
-- of single devices is read.
CREATE OR REPLACE FUNCTION acting_windows(device bigint) RETURNS datemultirange
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    lost_at timestamptz;
    former text;
    windows datemultirange;
BEGIN
    IF acting_operator() OR acting_role() = 'dcc' THEN
        RETURN '{(,)}';
    END IF;
    lost_at := acting_lost_at(device);
    former := reading_within('windows');
    WITH step AS (
        SELECT participant_id, valid_from, lead(valid_from) OVER (ORDER BY valid_from) AS valid_to
        FROM inventory_supplyperiod
        WHERE acting_role() = 'supplier' AND device_id = device AND known @> lost_at AND kind <> 'cancelled'
        UNION ALL
        SELECT participant_id, valid_from, lead(valid_from) OVER (ORDER BY valid_from)
        FROM inventory_providerperiod
        WHERE acting_role() = 'map' AND device_id = device AND known @> lost_at AND kind <> 'cancelled'
    ),
    held AS (
        SELECT greatest(s.valid_from, b.valid_from) AS begins, least(s.valid_to, b.valid_to + 1) AS ends
        FROM step AS s
        JOIN accounts_participant AS p ON p.id = s.participant_id
        JOIN accounts_binding AS b ON b.fuel = p.fuel AND b.role = p.role AND b.code = p.code
        WHERE b.organisation_id = acting_organisation()
    )
    SELECT range_agg(daterange(begins, ends)) INTO windows
    FROM held
    WHERE begins < coalesce(ends, 'infinity') AND begins <= least(uk_day(lost_at), portal_today());
    PERFORM reading_within(former);
    RETURN coalesce(windows, '{}');
END
$$;

-- Whether the acting organisation sees a row of the device's history: one written while it had the device, or the state
-- in which it received the device.
CREATE OR REPLACE FUNCTION acting_sees_event(device bigint, event bigint, moment timestamptz) RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    windows datemultirange := acting_windows(device);
    former text;
    sees boolean;
BEGIN
    IF windows @> uk_day(moment) OR isempty(windows) THEN
        RETURN NOT isempty(windows);
    END IF;
    former := reading_within('history');
    SELECT bool_or(event = (
        SELECT max(e.pgh_id) FROM inventory_deviceevent AS e
        WHERE e.pgh_obj_id = device AND uk_day(e.pgh_created_at) < lower(own)
    )) INTO sees
    FROM unnest(windows) AS own;
    PERFORM reading_within(former);
    RETURN sees;
END
$$;

-- Whether the acting organisation sees a step: one that was recorded while it had the device, or true then, as known
-- when it lost the device.
CREATE OR REPLACE FUNCTION acting_sees_step(of_table regclass, device bigint, begins date, known tstzrange, kind text)
    RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    windows datemultirange := acting_windows(device);
    lost_at timestamptz;
    former text;
    ends date;
BEGIN
    IF windows @> uk_day(lower(known)) THEN
        RETURN true;
    ELSIF isempty(windows) OR kind = 'cancelled' THEN
        RETURN false;
    END IF;
    lost_at := acting_lost_at(device);
    IF NOT known @> lost_at THEN
        RETURN false;
    END IF;
    former := reading_within('history');
    EXECUTE format(
        'SELECT min(valid_from) FROM %s'
        ' WHERE device_id = $1 AND valid_from > $2 AND known @> $3 AND kind <> $4', of_table
    ) INTO ends USING device, begins, lost_at, 'cancelled';
    PERFORM reading_within(former);
    RETURN windows && daterange(begins, ends);
END
$$;

-- The row id of a device that the acting organisation sees now or once saw; NULL for any other Device ID.
CREATE OR REPLACE FUNCTION acting_device(of_device_id text) RETURNS bigint
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    former text := reading_within('device');
    found bigint := (SELECT id FROM inventory_device WHERE device_id = of_device_id);
BEGIN
    PERFORM reading_within(former);
    RETURN CASE WHEN NOT isempty(acting_windows(found)) THEN found END;
END
$$;

-- Recordings about another MAP or supplier, made while the acting organisation had the device: when and by which code,
-- but never which MAP or supplier they are about.
CREATE OR REPLACE FUNCTION acting_steps_of_others(of_table regclass, device bigint)
    RETURNS TABLE (recorded_at timestamptz, known_until timestamptz, valid_from date, kind text, via text, code text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    windows datemultirange := acting_windows(device);
    lost_at timestamptz := acting_lost_at(device);
    own bigint[] := acting_participants(acting_role(), NULL);
    former text := reading_within('history');
BEGIN
    RETURN QUERY EXECUTE format(
        'SELECT lower(known), CASE WHEN upper(known) <= $4 THEN upper(known) END, valid_from, kind::text, via::text,'
        ' recorded_for::text FROM %s'
        ' WHERE device_id = $1 AND participant_id <> ALL ($2) AND $3 @> uk_day(lower(known))', of_table
    ) USING device, own, windows, lost_at;
    PERFORM reading_within(former);
END
$$;

ALTER TABLE inventory_deviceevent ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY add ON inventory_deviceevent FOR INSERT WITH CHECK (true);
CREATE POLICY read ON inventory_deviceevent FOR SELECT USING (
    (SELECT acting_reads_all()) OR acting_sees_event(pgh_obj_id, pgh_id, pgh_created_at)
);

-- A MAP never reads another MAP's steps, a supplier never another supplier's.
ALTER TABLE inventory_providerperiod ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY read ON inventory_providerperiod FOR SELECT USING (
    (SELECT acting_reads_all())
    OR (
        (
            (SELECT acting_role()) = 'supplier'
            OR participant_id IS NULL
            OR participant_id = ANY ((SELECT acting_participants('map', NULL))::bigint[])
        )
        AND acting_sees_step('inventory_providerperiod', device_id, valid_from, known, kind)
    )
);
CREATE POLICY add ON inventory_providerperiod FOR INSERT WITH CHECK (
    (SELECT acting_operator())
    OR (
        (SELECT acting_role()) IN ('supplier', 'dcc')
        AND EXISTS (SELECT FROM inventory_device AS d WHERE d.id = inventory_providerperiod.device_id)
    )
);
CREATE POLICY close ON inventory_providerperiod FOR UPDATE USING ((SELECT acting_reads_all()));

ALTER TABLE inventory_supplyperiod ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY read ON inventory_supplyperiod FOR SELECT USING (
    (SELECT acting_reads_all())
    OR (
        (
            (SELECT acting_role()) = 'map'
            OR participant_id = ANY ((SELECT acting_participants('supplier', NULL))::bigint[])
        )
        AND acting_sees_step('inventory_supplyperiod', device_id, valid_from, known, kind)
    )
);
CREATE POLICY add ON inventory_supplyperiod FOR INSERT WITH CHECK ((SELECT acting_operator()));
CREATE POLICY close ON inventory_supplyperiod FOR UPDATE USING ((SELECT acting_reads_all()));
