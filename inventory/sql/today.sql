-- Today is today: scope and reports speak of the UK date of their transaction, whether a worker has run or not.

-- The date for which devices have adopted their planned steps; noted last. It goes back with a clock that does, but not
-- for a transaction that began before midnight.
CREATE OR REPLACE FUNCTION adopt_today() RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    written bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('adopt_today'));
    written := adopt_due_steps();
    INSERT INTO inventory_adoption AS a (id, day) VALUES (1, portal_today())
    ON CONFLICT (id) DO UPDATE
    SET day = least(greatest(a.day, EXCLUDED.day), uk_day(portal_now() + (clock_timestamp() - now())));
    RETURN written;
END
$$;

-- Whether they have for today, or nothing is due.
CREATE OR REPLACE FUNCTION is_adopted() RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    RETURN EXISTS (SELECT FROM inventory_adoption WHERE day >= portal_today())
        OR (due_steps('inventory_providerperiod') = '{}' AND due_steps('inventory_supplyperiod') = '{}');
END
$$;

-- Whether devices can be shown: not before they have adopted the steps of today. The operator's work, and functions
-- that narrow rows themselves, read them in any case.
CREATE OR REPLACE FUNCTION devices_are_of_today() RETURNS boolean
    LANGUAGE sql STABLE SET search_path = public, pg_temp
AS $$
    SELECT acting_operator() OR acting_within() OR is_adopted()
$$;
