-- Recordings, each beside what is recorded of its device: what each asks for, which rules it breaks, and the entry of
-- the list of all MAPs that it would write. NULL is an item that stays as it is; an empty text would remove it.
WITH given AS (
    SELECT
        r.*,
        r.map_id <> '' AND r.fuel IS NOT NULL AND r.generation = '2' AND (
            r.map_id IS DISTINCT FROM r.known_map_id
            OR (r.map_from IS NOT NULL AND r.map_from IS DISTINCT FROM r.known_map_from)
        ) AS asks_for_map,
        r.msn <> '' AND r.fuel IS NOT NULL AND r.msn <> r.known_msn AS writes_msn
    FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (
        line integer, fuel text, generation text, installed_on date, known_msn text, known_map_id text,
        known_map_from date, msn text, map_id text, map_from date, kind text, source text, reason text,
        is_unread boolean, by_dcc boolean
    )
),
asked AS (
    SELECT
        g.*,
        CASE WHEN g.asks_for_map THEN coalesce(
            g.map_from,
            CASE WHEN g.kind IS DISTINCT FROM 'change' THEN coalesce(g.known_map_from, g.installed_on) END
        ) END AS asked_day
    FROM given AS g
),
dated AS (
    SELECT
        a.*,
        -- A first MAP ID is no correction, though an MSN is corrected beside it.
        CASE
            WHEN a.asked_day > %(today)s AND a.kind = 'correction' AND a.known_map_id IS NOT NULL THEN NULL
            ELSE a.asked_day
        END AS map_day
    FROM asked AS a
),
timely AS (
    SELECT
        d.*,
        CASE
            WHEN %(map_id_from)s::date IS NULL OR d.installed_on >= %(map_id_from)s::date THEN d.map_day
        END AS list_day
    FROM dated AS d
),
listed AS (
    SELECT
        t.*,
        EXISTS (
            SELECT FROM accounts_participant AS p WHERE p.role = 'map' AND p.fuel = t.fuel AND p.code = t.map_id
        ) AS is_listed,
        f.id AS provider_pk,
        f.kind AS provider_kind,
        f.id IS NOT NULL AND f.kind <> 'test' AND (f.kind <> 'dummy' OR t.reason <> '') AS writes_map
    FROM timely AS t
    LEFT JOIN LATERAL (
        SELECT p.id, p.kind FROM accounts_participant AS p
        WHERE p.role = 'map' AND p.fuel = t.fuel AND p.code = t.map_id
            AND t.list_day BETWEEN p.effective_from AND coalesce(p.effective_to, 'infinity')
        LIMIT 1
    ) AS f ON true
),
incoming AS (
    SELECT
        l.*,
        coalesce(l.writes_msn AND l.known_msn <> '', false)
        OR coalesce(l.writes_map AND (
            (l.known_map_id IS NOT NULL AND l.map_id <> l.known_map_id)
            OR (l.known_map_from IS NOT NULL AND l.map_day <> l.known_map_from)
        ), false) AS replaces,
        l.is_unread OR coalesce(
            l.map_id = '' OR (l.map_id IS NOT NULL AND l.generation IS DISTINCT FROM '2')
            OR (l.asks_for_map AND NOT l.writes_map), false
        ) AS is_unfit
    FROM listed AS l
)
SELECT i.line, {broken}, coalesce(i.writes_msn, false), i.asked_day, i.map_day, {provider}
FROM incoming AS i
LEFT JOIN accounts_participant AS p ON p.id = i.provider_pk AND i.writes_map
ORDER BY i.line
