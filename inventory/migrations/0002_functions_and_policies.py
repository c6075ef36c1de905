"""Functions, policies and triggers."""

from django.db import migrations

SQL = r"""
-- A new device begins with the parties it is loaded with; the one before as far back as its installation tells.
CREATE FUNCTION device_first_steps() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        context jsonb := nullif(current_setting('pghistory.context_metadata', true), '')::jsonb;
        how text := coalesce(context ->> 'via', 'load');
        origin text := coalesce(context ->> 'source', '');
    BEGIN
        INSERT INTO inventory_supplyperiod (
            device_id, valid_from, participant_id, known, ahead, kind, via, recorded_for, source, reason
        )
        SELECT
            d.id, step.valid_from, step.participant_id, tstzrange(statement_timestamp(), NULL), false, step.kind, how,
            'DCC', origin, ''
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
            device_id, valid_from, participant_id, known, ahead, kind, via, recorded_for, source, reason
        )
        SELECT
            id, map_from, asset_provider_id, tstzrange(map_recorded_at, NULL), false, 'first', how, map_recorded_for,
            origin, ''
        FROM new_devices
        WHERE asset_provider_id IS NOT NULL;
        RETURN NULL;
    END
$$;
CREATE TRIGGER first_steps AFTER INSERT ON inventory_device REFERENCING NEW TABLE AS new_devices
    FOR EACH STATEMENT EXECUTE FUNCTION device_first_steps();

-- Parties of a device are written by its steps only.
CREATE FUNCTION refuse_party() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'Record a step in inventory_providerperiod or inventory_supplyperiod: a device''s parties follow it'
            USING ERRCODE = 'insufficient_privilege';
    END
$$;
CREATE TRIGGER parties_by_steps BEFORE UPDATE ON inventory_device FOR EACH ROW
    WHEN (
        coalesce(current_setting('portal.within', true), '') = ''
        AND (
            OLD.supplier_id, OLD.supplier_from, OLD.previous_supplier_id, OLD.previous_supplier_to,
            OLD.asset_provider_id, OLD.map_from, OLD.map_recorded_at, OLD.map_recorded_for
        ) IS DISTINCT FROM (
            NEW.supplier_id, NEW.supplier_from, NEW.previous_supplier_id, NEW.previous_supplier_to,
            NEW.asset_provider_id, NEW.map_from, NEW.map_recorded_at, NEW.map_recorded_for
        )
    )
    EXECUTE FUNCTION refuse_party();

-- What suppliers notify by service request comes by a load, which is the operator's.
CREATE FUNCTION refuse_unless_operator() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF acting_operator() THEN
            RETURN NEW;
        END IF;
        RAISE EXCEPTION 'Only a load changes this item of a device' USING ERRCODE = 'insufficient_privilege';
    END
$$;
CREATE TRIGGER items_of_loads BEFORE UPDATE ON inventory_device FOR EACH ROW
    WHEN (
        (
            OLD.id, OLD.device_id, OLD.device_type, OLD.smets_generation, OLD.smets_version, OLD.manufacturer, OLD.model,
            OLD.firmware, OLD.esme_variant, OLD.status, OLD.status_from, OLD.unusual_status_move, OLD.mpxn,
            OLD.installed_on, OLD.commissioned_on, OLD.decommissioned_on, OLD.hub_device_id
        ) IS DISTINCT FROM (
            NEW.id, NEW.device_id, NEW.device_type, NEW.smets_generation, NEW.smets_version, NEW.manufacturer, NEW.model,
            NEW.firmware, NEW.esme_variant, NEW.status, NEW.status_from, NEW.unusual_status_move, NEW.mpxn,
            NEW.installed_on, NEW.commissioned_on, NEW.decommissioned_on, NEW.hub_device_id
        )
    )
    EXECUTE FUNCTION refuse_unless_operator();

-- Whoever changes what others record or rely on makes their forms stale.
CREATE FUNCTION device_next_version() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.version := OLD.version + 1;
        RETURN NEW;
    END
$$;
CREATE TRIGGER next_version BEFORE UPDATE ON inventory_device FOR EACH ROW
    WHEN ((OLD.msn, OLD.mpxn) IS DISTINCT FROM (NEW.msn, NEW.mpxn)) EXECUTE FUNCTION device_next_version();

-- A step takes the place of the one known for its device and day. Its moment is now; the operator may give another.
-- Runs as the owner: the portal's login may add steps, not change them.
CREATE FUNCTION step_supersedes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp
AS $$
    DECLARE
        moment timestamptz;
        former text := reading_within('steps');
    BEGIN
        PERFORM FROM inventory_device WHERE id = NEW.device_id FOR NO KEY UPDATE;
        IF NEW.known IS NULL OR NOT acting_operator() THEN
            NEW.known := tstzrange(statement_timestamp(), NULL);
        END IF;
        moment := lower(NEW.known);
        NEW.ahead := NEW.valid_from > uk_day(moment);
        EXECUTE format(
            'UPDATE %I SET known = tstzrange(lower(known), greatest($1, lower(known) + interval ''1 microsecond''))'
            ' WHERE device_id = $2 AND valid_from = $3 AND upper_inf(known)', TG_TABLE_NAME
        ) USING moment, NEW.device_id, NEW.valid_from;
        PERFORM reading_within(former);
        RETURN NEW;
    END
$$;

-- Write today's step of the MAP ID into each of these devices; or only where it does not stand yet. Gives their number.
CREATE FUNCTION adopt_provider_steps(devices bigint[], only_other boolean) RETURNS bigint LANGUAGE plpgsql AS $$
    DECLARE
        former text := reading_within('steps');
        written bigint;
    BEGIN
        UPDATE inventory_device AS d SET
            asset_provider_id = today.participant_id,
            map_from = CASE WHEN today.participant_id IS NOT NULL THEN today.valid_from END,
            map_recorded_at = CASE WHEN today.participant_id IS NOT NULL THEN lower(today.known) END,
            map_recorded_for = CASE WHEN today.participant_id IS NOT NULL THEN today.recorded_for ELSE '' END,
            version = d.version + 1
        FROM unnest(devices) AS given (id)
        LEFT JOIN LATERAL (
            SELECT * FROM inventory_providerperiod AS p
            WHERE p.device_id = given.id AND p.valid_from <= uk_day(clock_timestamp()) AND upper_inf(p.known)
                AND p.kind <> 'cancelled'
            ORDER BY p.valid_from DESC
            LIMIT 1
        ) AS today ON true
        WHERE d.id = given.id AND NOT (
            only_other
            AND d.asset_provider_id IS NOT DISTINCT FROM today.participant_id
            AND (d.map_from IS NOT DISTINCT FROM today.valid_from OR today.participant_id IS NULL)
        );
        GET DIAGNOSTICS written = ROW_COUNT;
        PERFORM reading_within(former);
        RETURN written;
    END
$$;

-- The same of the responsible supplier, with the one before.
CREATE FUNCTION adopt_supply_steps(devices bigint[], only_other boolean) RETURNS bigint LANGUAGE plpgsql AS $$
    DECLARE
        former text := reading_within('steps');
        written bigint;
    BEGIN
        UPDATE inventory_device AS d SET
            supplier_id = today.participant_id,
            supplier_from = today.valid_from,
            previous_supplier_id = before.participant_id,
            previous_supplier_to = CASE WHEN before.participant_id IS NOT NULL THEN today.valid_from - 1 END,
            version = d.version + 1
        FROM unnest(devices) AS given (id)
        CROSS JOIN LATERAL (
            SELECT * FROM inventory_supplyperiod AS p
            WHERE p.device_id = given.id AND p.valid_from <= uk_day(clock_timestamp()) AND upper_inf(p.known)
                AND p.kind <> 'cancelled'
            ORDER BY p.valid_from DESC
            LIMIT 1
        ) AS today
        LEFT JOIN LATERAL (
            SELECT * FROM inventory_supplyperiod AS p
            WHERE p.device_id = given.id AND p.valid_from < today.valid_from AND upper_inf(p.known)
                AND p.kind <> 'cancelled'
            ORDER BY p.valid_from DESC
            LIMIT 1
        ) AS before ON true
        WHERE d.id = given.id AND NOT (
            only_other AND (d.supplier_id, d.supplier_from) = (today.participant_id, today.valid_from)
        );
        GET DIAGNOSTICS written = ROW_COUNT;
        PERFORM reading_within(former);
        RETURN written;
    END
$$;

-- Devices with a step recorded before its day, which has come.
CREATE FUNCTION due_steps(of_table regclass) RETURNS bigint[] LANGUAGE plpgsql STABLE AS $$
    DECLARE
        due bigint[];
    BEGIN
        EXECUTE format(
            'SELECT array_agg(DISTINCT device_id) FROM %s'
            ' WHERE ahead AND upper_inf(known) AND valid_from <= uk_day(clock_timestamp())', of_table
        ) INTO due;
        RETURN coalesce(due, '{}');
    END
$$;

CREATE FUNCTION step_applies() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        devices bigint[] := ARRAY(SELECT DISTINCT device_id FROM new_steps);
    BEGIN
        IF TG_TABLE_NAME = 'inventory_providerperiod' THEN
            PERFORM adopt_provider_steps(devices, false);
        ELSE
            PERFORM adopt_supply_steps(devices, false);
        END IF;
        RETURN NULL;
    END
$$;

CREATE TRIGGER supersedes BEFORE INSERT ON inventory_providerperiod FOR EACH ROW WHEN (pg_trigger_depth() = 0)
    EXECUTE FUNCTION step_supersedes();
CREATE TRIGGER applies AFTER INSERT ON inventory_providerperiod REFERENCING NEW TABLE AS new_steps FOR EACH STATEMENT
    WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION step_applies();
CREATE TRIGGER append_only BEFORE DELETE ON inventory_providerperiod FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON inventory_providerperiod FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_but_known BEFORE UPDATE ON inventory_providerperiod FOR EACH ROW
    WHEN (
        (OLD.id, OLD.device_id, OLD.valid_from, OLD.participant_id, OLD.ahead, OLD.kind, OLD.via, OLD.recorded_by_id)
        IS DISTINCT FROM
        (NEW.id, NEW.device_id, NEW.valid_from, NEW.participant_id, NEW.ahead, NEW.kind, NEW.via, NEW.recorded_by_id)
        OR (OLD.organisation_id, OLD.recorded_for, OLD.source, OLD.reason)
            IS DISTINCT FROM (NEW.organisation_id, NEW.recorded_for, NEW.source, NEW.reason)
        OR NOT upper_inf(OLD.known) OR lower(OLD.known) <> lower(NEW.known)
    )
    EXECUTE FUNCTION refuse_change();

CREATE TRIGGER supersedes BEFORE INSERT ON inventory_supplyperiod FOR EACH ROW WHEN (pg_trigger_depth() = 0)
    EXECUTE FUNCTION step_supersedes();
CREATE TRIGGER applies AFTER INSERT ON inventory_supplyperiod REFERENCING NEW TABLE AS new_steps FOR EACH STATEMENT
    WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION step_applies();
CREATE TRIGGER append_only BEFORE DELETE ON inventory_supplyperiod FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON inventory_supplyperiod FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_but_known BEFORE UPDATE ON inventory_supplyperiod FOR EACH ROW
    WHEN (
        (OLD.id, OLD.device_id, OLD.valid_from, OLD.participant_id, OLD.ahead, OLD.kind, OLD.via, OLD.recorded_by_id)
        IS DISTINCT FROM
        (NEW.id, NEW.device_id, NEW.valid_from, NEW.participant_id, NEW.ahead, NEW.kind, NEW.via, NEW.recorded_by_id)
        OR (OLD.organisation_id, OLD.recorded_for, OLD.source, OLD.reason)
            IS DISTINCT FROM (NEW.organisation_id, NEW.recorded_for, NEW.source, NEW.reason)
        OR NOT upper_inf(OLD.known) OR lower(OLD.known) <> lower(NEW.known)
    )
    EXECUTE FUNCTION refuse_change();

-- The days on which the organisation acted for had the device in its scope, as known now: its steps while the code was
-- bound to it. Nothing that begins on a day to come.
CREATE FUNCTION acting_windows(device bigint) RETURNS datemultirange LANGUAGE plpgsql STABLE AS $$
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
        WHERE begins < coalesce(ends, 'infinity') AND begins <= uk_day(clock_timestamp());
        PERFORM reading_within(former);
        RETURN coalesce(windows, '{}');
    END
$$;

-- Whether a row of the device's history is for the organisation acted for: written on a day of its own, or the state
-- in which it got the device.
CREATE FUNCTION acting_sees_event(device bigint, event bigint, moment timestamptz) RETURNS boolean
    LANGUAGE plpgsql STABLE
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

-- Whether a step is for the organisation acted for: recorded on a day of its own, or true on one.
CREATE FUNCTION acting_sees_step(of_table regclass, device bigint, begins date, known tstzrange, kind text)
    RETURNS boolean LANGUAGE plpgsql STABLE
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

-- The row id of a device of which the organisation acted for has or had sight; NULL for any other Device ID.
CREATE FUNCTION acting_device(of_device_id text) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
    DECLARE
        former text := reading_within('device');
        found bigint := (SELECT id FROM inventory_device WHERE device_id = of_device_id);
    BEGIN
        PERFORM reading_within(former);
        RETURN CASE WHEN NOT isempty(acting_windows(found)) THEN found END;
    END
$$;

-- Recordings made on a day of its own that are about another MAP or supplier: when, by which code, never about whom.
CREATE FUNCTION acting_steps_of_others(of_table regclass, device bigint)
    RETURNS TABLE (recorded_at timestamptz, known_until timestamptz, valid_from date, kind text, via text, code text)
    LANGUAGE plpgsql STABLE
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

ALTER TABLE inventory_device ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY read ON inventory_device FOR SELECT USING (
    (SELECT acting_reads_all())
    OR supplier_id = ANY ((SELECT acting_participants('supplier'))::bigint[])
    OR asset_provider_id = ANY ((SELECT acting_participants('map'))::bigint[])
);
CREATE POLICY add ON inventory_device FOR INSERT WITH CHECK ((SELECT acting_operator()));
-- A MAP changes none.
CREATE POLICY change ON inventory_device FOR UPDATE USING (
    (SELECT acting_reads_all()) OR supplier_id = ANY ((SELECT acting_participants('supplier'))::bigint[])
);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON inventory_deviceevent
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON inventory_deviceevent
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE inventory_deviceevent ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY written_by_triggers ON inventory_deviceevent FOR INSERT WITH CHECK (pg_trigger_depth() > 0);
CREATE POLICY read ON inventory_deviceevent FOR SELECT USING (
    (SELECT acting_reads_all()) OR acting_sees_event(pgh_obj_id, pgh_id, pgh_created_at)
);

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

ALTER TABLE inventory_reportrun ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON inventory_reportrun USING (
    (SELECT acting_operator()) OR organisation_id = (SELECT acting_organisation())
);

-- In columns and order those of inventory_device. The scope is that of the day: its parties, and the codes bound then.
-- Items without a valid time are as known at the moment; to a party that has lost the device or the code since, as known
-- when that was both true and recorded. Of days to come only the operator and the DCC read.
CREATE FUNCTION device_as_of(on_day date, at_moment timestamptz, only_device bigint DEFAULT NULL)
    RETURNS SETOF inventory_device
    LANGUAGE plpgsql STABLE ROWS 10000
AS $$
    DECLARE
        everything boolean := acting_reads_all();
        former text := reading_within('as of');
    BEGIN
        RETURN QUERY
        WITH mine AS MATERIALIZED (
            SELECT
                p.id AS participant_id,
                b.role,
                CASE WHEN b.valid_to IS NOT NULL THEN greatest(
                    (b.valid_to + 1)::timestamp AT TIME ZONE 'Europe/London',
                    (SELECT max(e.pgh_created_at) FROM accounts_bindingevent AS e WHERE e.pgh_obj_id = b.id)
                ) END AS unbound_at
            FROM accounts_binding AS b
            JOIN accounts_participant AS p ON p.fuel = b.fuel AND p.role = b.role AND p.code = b.code
            WHERE b.organisation_id = acting_organisation() AND b.role = acting_role()
                AND on_day BETWEEN b.valid_from AND coalesce(b.valid_to, 'infinity')
                AND on_day <= uk_day(clock_timestamp())
        ),
        candidate AS (
            SELECT d.id FROM inventory_device AS d WHERE everything AND (only_device IS NULL OR d.id = only_device)
            UNION ALL
            SELECT DISTINCT s.device_id
            FROM inventory_supplyperiod AS s JOIN mine AS m ON m.participant_id = s.participant_id
            WHERE m.role = 'supplier' AND NOT everything AND (only_device IS NULL OR s.device_id = only_device)
            UNION ALL
            SELECT DISTINCT p.device_id
            FROM inventory_providerperiod AS p JOIN mine AS m ON m.participant_id = p.participant_id
            WHERE m.role = 'map' AND NOT everything AND (only_device IS NULL OR p.device_id = only_device)
        )
        SELECT
            c.id, e.device_id, e.device_type,
            (CASE e.device_type WHEN 'ESME' THEN 'E' WHEN 'GSME' THEN 'G' ELSE '' END)::varchar(1),
            e.smets_generation, e.smets_version, e.manufacturer, e.model, e.firmware, e.esme_variant, e.status,
            e.status_from, e.unusual_status_move, e.mpxn, e.installed_on, e.commissioned_on, e.decommissioned_on,
            e.hub_device_id,
            s.valid_from, CASE WHEN b.participant_id IS NOT NULL THEN s.valid_from - 1 END,
            e.msn, replace(e.msn, ' ', '')::varchar(14),
            CASE WHEN p.participant_id IS NOT NULL THEN p.valid_from END,
            CASE WHEN p.participant_id IS NOT NULL THEN lower(p.known) END,
            (CASE WHEN p.participant_id IS NOT NULL THEN p.recorded_for ELSE '' END)::varchar(4),
            e.version, p.participant_id, b.participant_id, s.participant_id
        FROM candidate AS c
        CROSS JOIN LATERAL (
            SELECT x.participant_id, x.valid_from FROM inventory_supplyperiod AS x
            WHERE x.device_id = c.id AND x.valid_from <= on_day AND x.known @> at_moment AND x.kind <> 'cancelled'
            ORDER BY x.valid_from DESC LIMIT 1
        ) AS s
        LEFT JOIN LATERAL (
            SELECT x.participant_id FROM inventory_supplyperiod AS x
            WHERE x.device_id = c.id AND x.valid_from < s.valid_from AND x.known @> at_moment AND x.kind <> 'cancelled'
            ORDER BY x.valid_from DESC LIMIT 1
        ) AS b ON true
        LEFT JOIN LATERAL (
            SELECT x.participant_id, x.valid_from, x.known, x.recorded_for FROM inventory_providerperiod AS x
            WHERE x.device_id = c.id AND x.valid_from <= on_day AND x.known @> at_moment AND x.kind <> 'cancelled'
            ORDER BY x.valid_from DESC LIMIT 1
        ) AS p ON true
        LEFT JOIN mine AS m
            ON m.participant_id = CASE m.role WHEN 'map' THEN p.participant_id ELSE s.participant_id END
        LEFT JOIN LATERAL (
            SELECT x.valid_from, lower(x.known) AS recorded_at
            FROM (
                SELECT * FROM inventory_providerperiod WHERE device_id = c.id AND m.role = 'map'
                UNION ALL
                SELECT * FROM inventory_supplyperiod WHERE device_id = c.id AND m.role = 'supplier'
            ) AS x
            WHERE x.valid_from > on_day AND x.valid_from <= uk_day(clock_timestamp()) AND upper_inf(x.known)
                AND x.kind <> 'cancelled'
                AND NOT EXISTS (SELECT FROM mine AS also WHERE also.participant_id = x.participant_id)
            ORDER BY x.valid_from LIMIT 1
        ) AS lost ON true
        CROSS JOIN LATERAL (
            SELECT * FROM inventory_deviceevent AS x
            WHERE x.pgh_obj_id = c.id AND x.pgh_created_at <= at_moment
                AND (
                    lost.valid_from IS NULL
                    OR x.pgh_created_at
                        < greatest(lost.valid_from::timestamp AT TIME ZONE 'Europe/London', lost.recorded_at)
                )
                AND (everything OR m.unbound_at IS NULL OR x.pgh_created_at < m.unbound_at)
            ORDER BY x.pgh_id DESC LIMIT 1
        ) AS e
        WHERE everything OR m.participant_id IS NOT NULL;
        PERFORM reading_within(former);
    END
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("inventory", "0001_initial"), ("accounts", "0003_functions_and_policies")]

    operations = [migrations.RunSQL(SQL, migrations.RunSQL.noop)]
