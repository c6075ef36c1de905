-- The MAP ID and suppliers that a device has today, taken from its steps. Each adoption raises its version.

-- The two functions that adopt steps are called by functions of the owner: the login cannot write the parties of a
-- device (`guarded_items.sql`).

-- Write today's step of the MAP ID to each of these devices or, with `only_other`, where it is not written yet. Return
-- the number of devices written.
CREATE OR REPLACE FUNCTION adopt_provider_steps(devices bigint[], only_other boolean) RETURNS bigint
    LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
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
        WHERE p.device_id = given.id AND p.valid_from <= uk_day(portal_moment()) AND upper_inf(p.known)
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
    RETURN written;
END
$$;

-- The same for the responsible supplier and the previous one.
CREATE OR REPLACE FUNCTION adopt_supply_steps(devices bigint[], only_other boolean) RETURNS bigint
    LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
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
        WHERE p.device_id = given.id AND p.valid_from <= uk_day(portal_moment()) AND upper_inf(p.known)
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
    RETURN written;
END
$$;

-- Devices with a planned step whose date has come. Those of the dates before the last adoption are done; the last two
-- dates are looked at again.
CREATE OR REPLACE FUNCTION due_steps(of_table regclass) RETURNS bigint[]
    LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$
DECLARE
    due bigint[];
BEGIN
    EXECUTE format(
        'SELECT array_agg(DISTINCT device_id) FROM %s'
        ' WHERE ahead AND upper_inf(known) AND valid_from <= portal_today() AND valid_from > $1', of_table
    ) INTO due USING coalesce((SELECT least(day, portal_today()) FROM inventory_adoption), '-infinity') - 2;
    RETURN coalesce(due, '{}');
END
$$;

-- Devices adopt the planned steps whose date has come; return the number of devices written. A second call changes
-- nothing.
CREATE OR REPLACE FUNCTION adopt_due_steps() RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    former text := reading_within('steps');
    providers bigint[] := due_steps('inventory_providerperiod');
    suppliers bigint[] := due_steps('inventory_supplyperiod');
    written bigint;
BEGIN
    PERFORM FROM inventory_device WHERE id = ANY (providers || suppliers) ORDER BY id FOR NO KEY UPDATE;
    written := adopt_provider_steps(providers, true) + adopt_supply_steps(suppliers, true);
    PERFORM reading_within(former);
    RETURN written;
END
$$;
