-- What happens when a step is recorded: it replaces the step known for its date, and the device adopts today's step.

-- A step replaces the one known for its device and date. Its moment is now; the operator can give another. Runs as the
-- owner, because the portal's login can add steps but not change them.
CREATE OR REPLACE FUNCTION step_supersedes() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
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

CREATE OR REPLACE FUNCTION step_applies() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
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

-- Inside the trigger of a new device (depth 1) its columns and steps already agree.
CREATE TRIGGER supersedes BEFORE INSERT ON inventory_providerperiod
    FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION step_supersedes();
CREATE TRIGGER applies AFTER INSERT ON inventory_providerperiod REFERENCING NEW TABLE AS new_steps
    FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION step_applies();

CREATE TRIGGER supersedes BEFORE INSERT ON inventory_supplyperiod
    FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION step_supersedes();
CREATE TRIGGER applies AFTER INSERT ON inventory_supplyperiod REFERENCING NEW TABLE AS new_steps
    FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION step_applies();
