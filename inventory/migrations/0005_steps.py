"""Triggers that keep devices and their steps together: columns of a device are today's step, whoever writes."""

from django.db import migrations

FIRST_STEPS = """
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
"""

SUPERSEDE = """
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
"""

ADOPT = """
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
"""

# Inside the trigger of a new device (depth 1) its columns and steps agree as they are.
STEP_TRIGGERS = """
CREATE TRIGGER supersedes BEFORE INSERT ON {table} FOR EACH ROW WHEN (pg_trigger_depth() = 0)
    EXECUTE FUNCTION step_supersedes();
CREATE TRIGGER applies AFTER INSERT ON {table} REFERENCING NEW TABLE AS new_steps FOR EACH STATEMENT
    WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION step_applies();
CREATE TRIGGER append_only BEFORE DELETE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_but_known BEFORE UPDATE ON {table} FOR EACH ROW
    WHEN (
        (OLD.id, OLD.device_id, OLD.valid_from, OLD.participant_id, OLD.ahead, OLD.kind, OLD.via, OLD.recorded_by_id)
        IS DISTINCT FROM
        (NEW.id, NEW.device_id, NEW.valid_from, NEW.participant_id, NEW.ahead, NEW.kind, NEW.via, NEW.recorded_by_id)
        OR (OLD.organisation_id, OLD.recorded_for, OLD.source, OLD.reason)
            IS DISTINCT FROM (NEW.organisation_id, NEW.recorded_for, NEW.source, NEW.reason)
        OR NOT upper_inf(OLD.known) OR lower(OLD.known) <> lower(NEW.known)
    )
    EXECUTE FUNCTION refuse_change();
"""

GUARDS = """
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
"""
UNDO = """
DROP TRIGGER next_version ON inventory_device;
DROP TRIGGER items_of_loads ON inventory_device;
DROP TRIGGER parties_by_steps ON inventory_device;
DROP TRIGGER first_steps ON inventory_device;
DROP FUNCTION device_next_version(), refuse_unless_operator(), refuse_party(), device_first_steps();
"""
UNDO_STEPS = """
DROP FUNCTION step_applies(), due_steps(regclass), step_supersedes(), adopt_supply_steps(bigint[], boolean),
    adopt_provider_steps(bigint[], boolean);
"""
UNDO_TRIGGERS = "".join(
    f"DROP TRIGGER {name} ON {{table}};"
    for name in ("supersedes", "applies", "append_only", "append_only_truncate", "append_only_but_known")
)
TABLES = ("inventory_providerperiod", "inventory_supplyperiod")


class Migration(migrations.Migration):
    dependencies = [("inventory", "0004_device_by_triggers"), ("accounts", "0002_scope")]

    operations = [
        migrations.RunSQL(FIRST_STEPS + GUARDS, UNDO),
        migrations.RunSQL(SUPERSEDE + ADOPT, UNDO_STEPS),
        *(migrations.RunSQL(STEP_TRIGGERS.format(table=t), UNDO_TRIGGERS.format(table=t)) for t in TABLES),
    ]
