-- The inventory as it was on a date, as it was known at a moment, for reports of the past.

-- Columns and order are those of inventory_device. The scope is that of the date: its parties, and the codes bound
-- then. Items without a valid time are as known at the moment; a party that has since lost the device or code sees
-- them as known when the loss was both true and recorded. Only the operator and the DCC read future dates.
CREATE OR REPLACE FUNCTION device_as_of(on_day date, at_moment timestamptz, only_device bigint DEFAULT NULL)
    RETURNS SETOF inventory_device LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 10000 SET search_path = public, pg_temp
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
            AND on_day <= portal_today()
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
        WHERE x.valid_from > on_day AND x.valid_from <= portal_today() AND upper_inf(x.known)
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
