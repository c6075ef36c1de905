-- What a past party sees of a device: what was recorded or true while it had the device, and nothing of other parties.

-- The dates on which the acting organisation had the device in its scope, as known now: its steps while the code was
-- bound to it, without steps that begin on a future date. Evaluated for each row, so used only where the past of single
-- devices is read.
CREATE OR REPLACE FUNCTION acting_windows(device bigint) RETURNS datemultirange
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    former text;
    windows datemultirange;
BEGIN
    IF acting_operator() OR acting_role() = 'dcc' THEN
        RETURN '{(,)}';
    END IF;
    former := reading_within('windows');
    WITH step AS (
        SELECT participant_id, valid_from, lead(valid_from) OVER (ORDER BY valid_from) AS valid_to
        FROM inventory_supplyperiod
        WHERE acting_role() = 'supplier' AND device_id = device AND upper_inf(known) AND kind <> 'cancelled'
        UNION ALL
        SELECT participant_id, valid_from, lead(valid_from) OVER (ORDER BY valid_from)
        FROM inventory_providerperiod
        WHERE acting_role() = 'map' AND device_id = device AND upper_inf(known) AND kind <> 'cancelled'
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
    WHERE begins < coalesce(ends, 'infinity') AND begins <= portal_today();
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

-- Whether the acting organisation sees a step: one that was recorded, or true, while it had the device.
CREATE OR REPLACE FUNCTION acting_sees_step(of_table regclass, device bigint, begins date, known tstzrange, kind text)
    RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    windows datemultirange := acting_windows(device);
    former text;
    ends date;
BEGIN
    IF windows @> uk_day(lower(known)) THEN
        RETURN true;
    ELSIF isempty(windows) OR NOT upper_inf(known) OR kind = 'cancelled' THEN
        RETURN false;
    END IF;
    former := reading_within('history');
    EXECUTE format(
        'SELECT min(valid_from) FROM %s'
        ' WHERE device_id = $1 AND valid_from > $2 AND upper_inf(known) AND kind <> $3', of_table
    ) INTO ends USING device, begins, 'cancelled';
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
    own bigint[] := acting_participants(acting_role(), NULL);
    former text := reading_within('history');
BEGIN
    RETURN QUERY EXECUTE format(
        'SELECT lower(known), upper(known), valid_from, kind::text, via::text, recorded_for::text FROM %s'
        ' WHERE device_id = $1 AND participant_id <> ALL ($2) AND $3 @> uk_day(lower(known))', of_table
    ) USING device, own, windows;
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
