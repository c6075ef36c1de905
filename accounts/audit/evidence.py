"""What must hold beside the chains themselves: one statement and one sentence for each, in a table.

A statement finds what does not hold. `{which}` is the condition for the rows asked about, on the alias that each
statement names; where it gives `organisation_id` and `retention`, the sentence speaks of that `chain`.
"""

from dataclasses import dataclass

# By how much the database's clock may go back without being taken for tampering.
CLOCK_MINUTES = 5
# Ends of sealings and daily roots: their place in their chain no longer bears their hash. Those before a cut have
# nothing left to compare with.
MARKS = """
SELECT m.organisation_id, m.retention, m.position FROM {table} AS m
WHERE m.position > 0 AND {{which}} AND NOT EXISTS (
    SELECT FROM accounts_auditcut AS c WHERE c.organisation_id IS NOT DISTINCT FROM m.organisation_id
        AND c.retention = m.retention AND c.position >= m.position AND (c.position > m.position OR c.hash = m.hash)
) AND NOT EXISTS (
    SELECT FROM accounts_auditseal AS s WHERE s.retention = m.retention AND (
        (m.organisation_id IS NULL AND s.position = m.position AND s.hash = m.hash)
        OR (s.organisation_id = m.organisation_id AND s.organisation_position = m.position
            AND s.organisation_hash = m.hash)
    )
) ORDER BY m.id
"""
# A root for each date: from the chain's first one, or from the day after its first row that is left, until the day
# before yesterday (yesterday's may still have to be taken).
MISSING_ROOTS = """
SELECT c.organisation_id, c.retention, min(missing.day)::date AS day, count(*) AS number
FROM (SELECT DISTINCT organisation_id, retention FROM accounts_audithead) AS c
CROSS JOIN LATERAL (
    SELECT min(day) AS day FROM accounts_auditroot AS r
    WHERE r.organisation_id IS NOT DISTINCT FROM c.organisation_id AND r.retention = c.retention
) AS first
CROSS JOIN LATERAL generate_series(
    least(first.day, (
        SELECT uk_day(a.at) + 1 FROM accounts_auditseal AS s JOIN accounts_auditrow AS a ON a.id = s.row_id
        WHERE c.organisation_id IS NULL AND s.retention = c.retention ORDER BY s.position LIMIT 1
    ), (
        SELECT uk_day(a.at) + 1 FROM accounts_auditseal AS s JOIN accounts_auditrow AS a ON a.id = s.row_id
        WHERE s.organisation_id = c.organisation_id AND s.retention = c.retention
        ORDER BY s.organisation_position LIMIT 1
    ))::timestamp,
    portal_today() - 2, interval '1 day'
) AS missing (day)
WHERE {which} AND NOT EXISTS (
    SELECT FROM accounts_auditroot AS r WHERE r.organisation_id IS NOT DISTINCT FROM c.organisation_id
        AND r.retention = c.retention AND r.day = missing.day
) GROUP BY c.organisation_id, c.retention ORDER BY 1 NULLS FIRST, 2
"""
# A chain never becomes shorter, and a root is taken after its date.
UNORDERED_ROOTS = """
SELECT m.organisation_id, m.retention, m.day FROM (
    SELECT r.*, lag(position) OVER later AS former, lag(at) OVER later AS former_at FROM accounts_auditroot AS r
    WINDOW later AS (PARTITION BY organisation_id, retention ORDER BY day)
) AS m WHERE {which} AND (m.position < m.former OR m.at < m.former_at OR uk_day(m.at) <= m.day) ORDER BY m.id
"""
# Only short-lived rows expire, and only up to a root that is as old as the row that tells of it says.
CUTS = """
SELECT c.organisation_id, c.retention, c.position FROM accounts_auditcut AS c
WHERE {which} AND (c.retention <> 'short' OR NOT EXISTS (
    SELECT FROM accounts_auditroot AS r WHERE r.organisation_id IS NOT DISTINCT FROM c.organisation_id
        AND r.retention = c.retention AND r.position = c.position AND r.hash = c.hash
)) ORDER BY c.id
"""
UNTOLD_CUTS = """
SELECT c.organisation_id, c.retention, c.position FROM accounts_auditcut AS c
WHERE {which} AND NOT EXISTS (
    SELECT FROM accounts_auditrow AS t JOIN accounts_auditroot AS r ON true WHERE t.id = c.told_in
        AND t.kind = 'expired'
        AND t.details -> 'cuts' -> coalesce(c.organisation_id::text, 'overall') = to_jsonb(c.position)
        AND r.organisation_id IS NOT DISTINCT FROM c.organisation_id AND r.retention = c.retention
        AND r.position = c.position AND r.hash = c.hash
        AND r.at <= c.at - make_interval(days => (t.details ->> 'days')::int)
        AND r.day < uk_day(c.at) - (t.details ->> 'days')::int
        AND t.at BETWEEN c.at - interval '1 hour' AND c.at + interval '1 hour'
) ORDER BY c.id
"""
# A row that tells of a cut which is not there.
LOST_CUTS = """
SELECT t.id FROM accounts_auditrow AS t CROSS JOIN LATERAL jsonb_each(
    CASE jsonb_typeof(t.details -> 'cuts') WHEN 'object' THEN t.details -> 'cuts' ELSE '{{}}' END
) AS told (chain, position)
WHERE {overall} AND t.kind = 'expired' AND NOT EXISTS (
    SELECT FROM accounts_auditcut AS c WHERE c.told_in = t.id AND to_jsonb(c.position) = told.position
        AND coalesce(c.organisation_id::text, 'overall') = told.chain
) ORDER BY t.id
"""
# How many rows were ever sealed, beside where the chain ends; for everybody's rows alone.
TALLIES = """
SELECT NULL::bigint AS organisation_id, r.retention, coalesce(t.sealed, 0) AS sealed,
    coalesce(e.position, 0) AS position
FROM (VALUES ('short'), ('long')) AS r (retention)
LEFT JOIN accounts_audittally AS t ON t.retention = r.retention
CROSS JOIN LATERAL (
    SELECT greatest(
        (SELECT max(position) FROM accounts_auditseal AS s WHERE s.retention = r.retention),
        (SELECT max(position) FROM accounts_auditcut AS c WHERE c.retention = r.retention AND organisation_id IS NULL)
    ) AS position
) AS e
WHERE {overall} AND coalesce(t.sealed, 0) <> coalesce(e.position, 0)
"""
# Ids come from a sequence.
FOREIGN_IDS = """
SELECT a.id FROM accounts_auditrow AS a, accounts_auditrow_id_seq AS q
WHERE {which} AND NOT a.id BETWEEN 1 AND q.last_value ORDER BY a.id
"""
NOTHING_LEFT = """
SELECT q.last_value AS number FROM accounts_auditrow_id_seq AS q
WHERE {overall} AND q.is_called AND NOT EXISTS (SELECT FROM accounts_auditrow) AND NOT EXISTS (
    SELECT FROM accounts_auditseal
)
"""
# The moments of rows follow their numbers, as both are given one after the other.
UNORDERED_ROWS = f"""
SELECT r.id, r.at FROM (
    SELECT id, at, organisation_id, lag(at) OVER (ORDER BY id) AS former FROM accounts_auditrow
) AS r WHERE {{which}} AND r.at < r.former - interval '{CLOCK_MINUTES} minutes' ORDER BY r.id
"""  # noqa: S608  (a constant)
MISPLACED = """
SELECT DISTINCT m.id FROM (
    SELECT a.id, unnest(ARRAY[a.organisation_id, s.organisation_id]) AS organisation_id
    FROM accounts_auditseal AS s JOIN accounts_auditrow AS a ON a.id = s.row_id
    WHERE a.organisation_id IS DISTINCT FROM s.organisation_id
) AS m WHERE {which} ORDER BY m.id
"""
# Values that are not what the row has hashes of; those that were erased or corrected, unless the row that tells of it
# is about this value.
VALUES = """
SELECT r.id, h.name FROM accounts_auditrow AS r CROSS JOIN LATERAL jsonb_each_text(r.hashes) AS h (name, hash)
LEFT JOIN accounts_auditvalue AS v ON v.row_id = r.id AND v.name = h.name
LEFT JOIN accounts_auditrow AS t ON t.id = v.told_in
WHERE {which} AND r.hashes <> '{{}}' AND NOT coalesce(CASE
    WHEN v.erased_at IS NOT NULL THEN v.value IS NULL AND v.salt IS NULL AND t.kind = 'values_erased'
        AND t.details -> 'member' IN (to_jsonb(r.person_id), r.details -> 'member')
    WHEN v.corrected_at IS NOT NULL THEN t.kind = 'value_corrected' AND t.details -> 'row' = to_jsonb(r.id)
        AND t.details ->> 'name' = h.name
        AND t.details ->> 'hash' = encode(sha256(v.salt || convert_to(v.value, 'UTF8')), 'hex')
    ELSE encode(sha256(v.salt || convert_to(v.value, 'UTF8')), 'hex') = h.hash
END, false) ORDER BY r.id, h.name
"""
UNKNOWN = """
SELECT r.id, r.name FROM (SELECT v.row_id AS id, v.name, v.organisation_id, a.hashes FROM accounts_auditvalue AS v
LEFT JOIN accounts_auditrow AS a ON a.id = v.row_id) AS r
WHERE {which} AND NOT coalesce(r.hashes ? r.name, false) ORDER BY r.id
"""
# Whose value it is decides who reads it.
MISPLACED_VALUES = """
SELECT DISTINCT m.id, m.name FROM (
    SELECT a.id, v.name, unnest(ARRAY[a.organisation_id, v.organisation_id]) AS organisation_id
    FROM accounts_auditvalue AS v JOIN accounts_auditrow AS a ON a.id = v.row_id
    WHERE a.organisation_id IS DISTINCT FROM v.organisation_id
) AS m WHERE {which} ORDER BY m.id, m.name
"""
KEPT_APART = """
SELECT r.row_id, r.name, CASE WHEN r.erased_at IS NULL THEN 'corrected' ELSE 'erased' END AS how
FROM accounts_auditvalue AS r
WHERE {which} AND (r.erased_at IS NOT NULL OR r.corrected_at IS NOT NULL) ORDER BY r.row_id, r.name
"""
# Numbers that the sequence has given out after the last row that is known: most were rolled back.
WITHOUT_ROW = """
SELECT q.last_value - greatest(
    (SELECT max(id) FROM accounts_auditrow WHERE id <= q.last_value),
    (SELECT max(row_id) FROM accounts_auditseal WHERE row_id <= q.last_value), 0
) AS number FROM accounts_auditrow_id_seq AS q WHERE {overall} AND q.is_called
"""
# The least age, in days, at which rows have been removed.
EXPIRED_AT = """
SELECT min((t.details ->> 'days')::int) AS days
FROM accounts_auditcut AS c JOIN accounts_auditrow AS t ON t.id = c.told_in WHERE {which}
"""


@dataclass(frozen=True)
class Evidence:
    """`alias` is that of the rows that an organisation is asked about."""

    statement: str
    alias: str
    sentence: str


BREAKS = (
    Evidence(
        MARKS.format(table="accounts_audithead"),
        "m",
        "{chain}: a sealing reached position {position}, which is missing or another now.",
    ),
    Evidence(
        MARKS.format(table="accounts_auditroot"),
        "m",
        "{chain}: a daily root reached position {position}, which is missing or another now.",
    ),
    Evidence(MISSING_ROOTS, "c", "{chain}: daily roots are missing, in all {number}, the first of {day:%-d %B %Y}."),
    Evidence(UNORDERED_ROOTS, "m", "{chain}: the root of {day:%-d %B %Y} does not fit those before it."),
    Evidence(CUTS, "c", "{chain}: it was cut after position {position}, where no daily root stands for it."),
    Evidence(UNTOLD_CUTS, "c", "{chain}: no row tells of the cut after position {position}, or it was made too early."),
    Evidence(LOST_CUTS, "t", "row {id}: it tells of a cut that is not there."),
    Evidence(TALLIES, "t", "{chain}: {sealed} rows have been sealed, and it ends at position {position}."),
    Evidence(FOREIGN_IDS, "a", "row {id}: the database has not given out this number."),
    Evidence(NOTHING_LEFT, "q", "{number} rows were numbered, and none is left."),
    Evidence(UNORDERED_ROWS, "r", "row {id}: its moment, {at:%-d %B %Y %H:%M} UTC, is before that of earlier rows."),
    Evidence(MISPLACED, "m", "row {id}: it is sealed for another organisation than its own."),
    Evidence(VALUES, "r", "row {id}: its value {name} was altered or removed, and no row tells of it."),
    Evidence(UNKNOWN, "r", "row {id}: it never had a value {name}."),
    Evidence(MISPLACED_VALUES, "m", "row {id}: its value {name} is kept for another organisation than its own."),
)
