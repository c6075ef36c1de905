-- When the version of a device goes up: here with a change of MSN or MPxN, in `todays_parties.sql` with each step.

-- A change of an item that others record or rely on makes their forms stale.
CREATE OR REPLACE FUNCTION device_next_version() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
    NEW.version := OLD.version + 1;
    RETURN NEW;
END
$$;

CREATE TRIGGER next_version BEFORE UPDATE ON inventory_device FOR EACH ROW
    WHEN ((OLD.msn, OLD.mpxn) IS DISTINCT FROM (NEW.msn, NEW.mpxn)) EXECUTE FUNCTION device_next_version();
