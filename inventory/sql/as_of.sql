-- The inventory as it was on a date, as it was known at a moment, for reports of the past.

-- Columns and order are those of inventory_device. The scope is that of the date: its parties, and the codes bound
-- then. Items without a valid time are as known at the moment. A party that has lost the device or code is told of
-- dates of which it was still the party when it lost it, and all items as known then. Only the operator and the DCC
-- read future dates.
CREATE OR REPLACE FUNCTION device_as_of(on_day date, at_moment timestamptz, only_device bigint DEFAULT NULL)
    RETURNS SETOF inventory_device LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 10000 SET search_path = public, pg_temp
AS $$
DECLARE
    everything boolean := acting_reads_all();
    own bigint[] := acting_participants(acting_role());  -- today
    former text := reading_within('as of');
BEGIN
    RETURN QUERY
    WITH mine AS MATERIALIZED (
        SELECT p.id AS participant_id, b.role
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
    ),
    -- Until when each is known to the reader.
    known AS MATERIALIZED (
        SELECT
            c.id,
            CASE
                WHEN everything OR d.supplier_id = ANY (own) OR d.asset_provider_id = ANY (own) THEN 'infinity'
                ELSE acting_told_until(c.id)
            END AS until
        FROM candidate AS c
        JOIN inventory_device AS d ON d.id = c.id
    ),
    -- The moment as known at which each is told, and the one at which the reader must still be the party of the date.
    told AS (
        SELECT id, least(at_moment, until) AS known_at, least(at_moment, until + interval '1 microsecond') AS lost_at
        FROM known
        WHERE until IS NOT NULL
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
    FROM told AS c
    CROSS JOIN LATERAL (
        SELECT x.participant_id, x.valid_from FROM inventory_supplyperiod AS x
        WHERE x.device_id = c.id AND x.valid_from <= on_day AND x.known @> c.known_at AND x.kind <> 'cancelled'
        ORDER BY x.valid_from DESC LIMIT 1
    ) AS s
    LEFT JOIN LATERAL (
        SELECT x.participant_id FROM inventory_supplyperiod AS x
        WHERE x.device_id = c.id AND x.valid_from < s.valid_from AND x.known @> c.known_at AND x.kind <> 'cancelled'
        ORDER BY x.valid_from DESC LIMIT 1
    ) AS b ON true
    LEFT JOIN LATERAL (
        SELECT x.participant_id, x.valid_from, x.known, x.recorded_for FROM inventory_providerperiod AS x
        WHERE x.device_id = c.id AND x.valid_from <= on_day AND x.known @> c.known_at AND x.kind <> 'cancelled'
        ORDER BY x.valid_from DESC LIMIT 1
    ) AS p ON true
    LEFT JOIN mine AS m
        ON m.participant_id = CASE m.role WHEN 'map' THEN p.participant_id ELSE s.participant_id END
    CROSS JOIN LATERAL (
        SELECT * FROM inventory_deviceevent AS x
        WHERE x.pgh_obj_id = c.id AND (x.pgh_created_at <= c.known_at OR x.pgh_label = 'insert')
        ORDER BY x.pgh_id DESC LIMIT 1
    ) AS e
    WHERE everything OR (
        m.participant_id IS NOT NULL
        AND (
            c.lost_at = c.known_at
            OR (
                SELECT x.participant_id
                FROM (
                    SELECT y.participant_id, y.valid_from FROM inventory_providerperiod AS y
                    WHERE m.role = 'map' AND y.device_id = c.id AND y.known @> c.lost_at AND y.kind <> 'cancelled'
                    UNION ALL
                    SELECT y.participant_id, y.valid_from FROM inventory_supplyperiod AS y
                    WHERE m.role = 'supplier' AND y.device_id = c.id AND y.known @> c.lost_at AND y.kind <> 'cancelled'
                ) AS x
                WHERE x.valid_from <= on_day
                ORDER BY x.valid_from DESC LIMIT 1
            ) IN (SELECT also.participant_id FROM mine AS also)
        )
    );
    PERFORM reading_within(former);
END
$$;
