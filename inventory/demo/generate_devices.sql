-- Which devices hang together: a row of 55 homes, shuffled, with 200 devices where there are meters of both fuels. The
-- same row repeats as often as needed. A home's hub comes first.
WITH pattern (devices, homes) AS (
    VALUES
        ('CHF ESME GSME GPF PPMID', 10),
        ('CHF ESME GSME GPF', 12),
        ('CHF ESME ESME GSME GPF', 2),
        ('CHF ESME GSME GPF IHD', 1),
        ('CHF ESME GSME GPF CAD', 1),
        ('CHF ESME GSME', 10),
        ('CHF ESME GSME PPMID', 4),
        ('CHF ESME', 7),
        ('CHF ESME ESME', 3),
        ('CHF ESME PPMID', 2),
        ('CHF ESME HCALCS', 1),
        ('CHF ESME SAPC', 1),
        ('ESME', 1)
),
home AS (
    SELECT
        row_number() OVER (ORDER BY sha256(convert_to(devices || copy, 'UTF8'))) - 1 AS home,
        string_to_array(devices, ' ') AS devices
    FROM pattern CROSS JOIN generate_series(1, homes) AS copy
),
slot AS (
    SELECT
        home,
        row_number() OVER (ORDER BY home, place) - 1 AS slot,
        row_number() OVER (ORDER BY home, place) - place AS hub_slot,
        device_type,
        CASE device_type WHEN 'ESME' THEN 'E' WHEN 'GSME' THEN 'G' ELSE '' END AS fuel,
        CASE WHEN device_type = 'GSME' OR NOT 'E' = ANY (%(fuels)s::text[]) THEN 'G' ELSE 'E' END AS supplier_fuel,
        devices = ARRAY['ESME'] AS in_stock
    FROM home CROSS JOIN unnest(devices) WITH ORDINALITY AS device (device_type, place)
    WHERE ('E' = ANY (%(fuels)s::text[]) OR device_type <> 'ESME')
        AND ('G' = ANY (%(fuels)s::text[]) OR device_type NOT IN ('GSME', 'GPF'))
)
SELECT count(*), jsonb_agg(to_jsonb(made))
FROM slot AS made;

-- How the participants of one fuel and role divide 10,000 shares: unevenly, yet none is left without. Among MAPs those
-- in force and those that ended since the first SMETS2 meters are two lists.
WITH listed AS (
    SELECT DISTINCT ON (fuel, role, code) *, coalesce(effective_to < %(today)s, FALSE) AS ended
    FROM accounts_participant
    WHERE kind = 'live' AND effective_from <= %(today)s
        AND (effective_to IS NULL OR effective_to >= CASE role WHEN 'map' THEN %(smets2)s ELSE %(today)s END)
    ORDER BY fuel, role, code, effective_from DESC
),
ranked AS (
    SELECT
        *,
        row_number() OVER (
            list ORDER BY array_position(%(favour)s::text[], code::text), sha256(convert_to(code, 'UTF8'))
        ) AS rank,
        count(*) OVER list AS participants
    FROM listed
    WINDOW list AS (PARTITION BY fuel, role, ended)
),
weighted AS (
    SELECT *, 1000000000000 / (rank * participants + 30) AS weight FROM ranked
),
bounded AS (
    SELECT
        *,
        sum(weight) OVER (list ORDER BY rank)::bigint AS bound,
        sum(weight) OVER list::bigint AS total
    FROM weighted
    WINDOW list AS (PARTITION BY fuel, role, ended)
)
SELECT jsonb_agg(jsonb_build_object(
    'fuel', fuel, 'role', role, 'ended', ended, 'id', id, 'code', code, 'effective_from', effective_from,
    'effective_to', effective_to, 'first', 10000 * (bound - weight) / total, 'last', 10000 * bound / total - 1
))
FROM bounded;

-- The devices of some rows of homes. Every choice is a slice of a hash of seed and number, so it is always the same.
-- OFFSET 0 keeps a value from being worked out again wherever it is used: that doubles the speed.
INSERT INTO inventory_device (
    device_id, device_type, smets_generation, smets_version, manufacturer, model, firmware, esme_variant,
    status, status_from, unusual_status_move, mpxn, installed_on, commissioned_on, decommissioned_on, hub_device_id,
    supplier_id, supplier_from, previous_supplier_id, previous_supplier_to,
    msn, asset_provider_id, map_from, map_recorded_at, map_recorded_for, version
)
WITH generated_slot AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(%(slots)s::jsonb) AS given (
        home bigint, slot bigint, hub_slot bigint, device_type text, fuel text, supplier_fuel text, in_stock boolean
    )
),
generated_share AS MATERIALIZED (
    SELECT given.*, share
    FROM jsonb_to_recordset(%(shares)s::jsonb) AS given (
        fuel text, role text, ended boolean, id bigint, code text, effective_from date, effective_to date, first bigint,
        last bigint
    )
    CROSS JOIN LATERAL generate_series(first, last) AS share
),
size AS (
    SELECT count(*) AS devices, max(home) + 1 AS homes FROM generated_slot
),
diced_home AS MATERIALIZED (
    SELECT home, sha256(%(key)s || int8send(home)) AS dice
    FROM size CROSS JOIN LATERAL generate_series(%(first)s * homes, (%(last)s + 1) * homes - 1) AS home
),
home AS (
    SELECT
        home,
        get_byte(dice, 0) * 256 + get_byte(dice, 1) < 983 AS to_come,
        CASE WHEN get_byte(dice, 2) * 256 + get_byte(dice, 3) < 10000 THEN 1 ELSE 2 END AS home_generation,
        get_byte(dice, 4) * 256 + get_byte(dice, 5) AS day_dice,
        (get_byte(dice, 6) * 256 + get_byte(dice, 7)) * 10000 / 65536 AS supplier_share
    FROM diced_home
)
SELECT
    device_id,
    device_type,
    CASE WHEN slot.fuel <> '' THEN generation END,
    CASE
        WHEN slot.fuel = '' THEN ''
        WHEN generation = 1 THEN '1.2'
        WHEN get_byte(dice, 20) < 160 THEN '4.2'
        ELSE '5.1'
    END,
    'ZT' || 10 + maker,
    upper(lpad(to_hex(maker * 16777216 + length(device_type) * 65536 + mod(get_byte(dice, 20), 4)), 8, '0')),
    '000' || generation || '00' || upper(lpad(to_hex(mod(get_byte(dice, 21), 12)), 2, '0')),
    CASE
        WHEN device_type <> 'ESME' THEN ''
        WHEN get_byte(dice, 22) < 180 THEN 'A'
        ELSE (ARRAY['AD', 'ADE', 'B', 'BD', 'C', 'CD'])[mod(get_byte(dice, 22), 6) + 1]
    END,
    status,
    status_from,
    status IN ('Suspended', 'Decommissioned', 'Withdrawn', 'Recovery') AND get_byte(dice, 21) < 8,
    CASE
        WHEN pending OR slot.fuel = '' THEN ''
        WHEN slot.fuel = 'G' THEN mprn::text
        ELSE mpan || mod(mod(
            get_byte(figures, 0) * 3 + get_byte(figures, 1) * 5 + get_byte(figures, 2) * 7 + get_byte(figures, 3) * 13
            + get_byte(figures, 4) * 17 + get_byte(figures, 5) * 19 + get_byte(figures, 6) * 23
            + get_byte(figures, 7) * 29 + get_byte(figures, 8) * 31 + get_byte(figures, 9) * 37
            + get_byte(figures, 10) * 41 + get_byte(figures, 11) * 43 - 48 * 268, 11), 10)::text
    END,
    installed_on,
    commissioned_on,
    CASE WHEN status = 'Decommissioned' THEN status_from END,
    CASE WHEN device_type = 'CHF' OR in_stock THEN '' ELSE hub_device_id END,
    supplier.id,
    supplier_from,
    CASE WHEN has_previous THEN previous.id END,
    CASE WHEN has_previous THEN supplier_from - 1 END,
    msn,
    provider_id,
    CASE WHEN provider_id IS NOT NULL THEN map_from END,
    CASE WHEN provider_id IS NOT NULL THEN recorded_at END,
    CASE WHEN provider_id IS NOT NULL THEN recorded_for ELSE '' END,
    1
FROM size
CROSS JOIN generate_series(%(first)s::bigint, %(last)s::bigint) AS block
CROSS JOIN generated_slot AS slot
JOIN home ON home.home = block * homes + slot.home
CROSS JOIN LATERAL (
    SELECT block * devices + slot AS n, block * devices + hub_slot AS hub_n, in_stock OR to_come AS pending
) AS numbered
CROSS JOIN LATERAL (SELECT sha256(int8send(n) || %(key)s) AS dice OFFSET 0) AS diced
-- The days of its life, from 2016 for SMETS1 and the end of 2018 for SMETS2.
CROSS JOIN LATERAL (
    SELECT
        CASE WHEN pending THEN 2 ELSE home_generation END AS generation,
        CASE
            WHEN pending THEN NULL
            WHEN home_generation = 1 THEN %(smets1)s + day_dice * 1095 / 65536
            ELSE %(smets2)s + day_dice * (%(today)s - %(smets2)s + 1) / 65536
        END AS installed_on,
        get_byte(dice, 0) * 256 + get_byte(dice, 1) AS status_dice,
        get_byte(dice, 2) * 256 + get_byte(dice, 3) AS status_day_dice
    OFFSET 0
) AS installed
CROSS JOIN LATERAL (
    SELECT
        CASE
            WHEN device_type IN ('IHD', 'CAD') THEN 'NotApplicable'
            WHEN pending THEN CASE WHEN status_dice < 40000 THEN 'Pending' ELSE 'Whitelisted' END
            WHEN status_dice < 60950 THEN 'Commissioned'
            WHEN status_dice < 61900 THEN 'InstalledNotCommissioned'
            WHEN status_dice < 62900 THEN 'Suspended'
            WHEN status_dice < 64900 THEN 'Decommissioned'
            WHEN status_dice < 65150 THEN 'Withdrawn'
            WHEN status_dice < 65350 THEN 'Recovery'
            ELSE 'Recovered'
        END AS status,
        CASE
            WHEN NOT pending AND device_type NOT IN ('IHD', 'CAD') AND status_dice NOT BETWEEN 60950 AND 61899
                THEN least(installed_on + mod(status_day_dice, 3), %(today)s)
        END AS commissioned_on
    OFFSET 0
) AS commissioned
CROSS JOIN LATERAL (
    SELECT
        CASE
            WHEN pending THEN %(today)s - mod(status_day_dice, 120)
            WHEN status = 'Commissioned' OR commissioned_on IS NULL THEN coalesce(commissioned_on, installed_on)
            ELSE commissioned_on + status_day_dice * (%(today)s - commissioned_on + 1) / 65536
        END AS status_from,
        CASE
            WHEN slot.fuel <> '' AND get_byte(dice, 4) * 256 + get_byte(dice, 5) < 6450 AND installed_on < %(today)s
                THEN installed_on + 1 + get_byte(dice, 6) * (%(today)s - installed_on) / 256
        END AS moved_on,
        CASE
            WHEN slot.fuel <> '' AND generation = 2
                AND get_byte(dice, 8) * 256 + get_byte(dice, 9) >= CASE WHEN pending THEN 32768 ELSE 1720 END
                THEN (get_byte(dice, 10) * 256 + get_byte(dice, 11)) * 10000 / 65536
        END AS provider_share,
        get_byte(dice, 14) * 256 + get_byte(dice, 15) AS msn_dice
    OFFSET 0
) AS dated
-- Its parties: each in force on the day it begins, so one that is younger than the meter begins later.
JOIN generated_share AS supplier
    ON supplier.role = 'supplier' AND supplier.fuel = supplier_fuel AND supplier.share = supplier_share
LEFT JOIN generated_share AS previous
    ON previous.role = 'supplier' AND previous.fuel = supplier_fuel AND previous.id <> supplier.id
    AND previous.share = CASE
        WHEN moved_on IS NOT NULL THEN (get_byte(dice, 12) * 256 + get_byte(dice, 13)) * 10000 / 65536
    END
LEFT JOIN generated_share AS provider
    ON provider.role = 'map' AND NOT provider.ended AND provider.fuel = slot.fuel AND provider.share = provider_share
LEFT JOIN generated_share AS ended
    ON ended.role = 'map' AND ended.ended AND ended.fuel = slot.fuel AND ended.share = provider_share
    AND installed_on BETWEEN ended.effective_from AND ended.effective_to
    AND (get_byte(dice, 16) * 256 + get_byte(dice, 17)) * (ended.effective_to - %(smets2)s + 1)
        < 328 * (%(today)s - %(smets2)s)
CROSS JOIN LATERAL (
    SELECT
        coalesce(installed_on, status_from) AS began_on,
        greatest(coalesce(moved_on, installed_on, status_from), supplier.effective_from) AS supplier_from,
        coalesce(ended.id, provider.id) AS provider_id,
        coalesce(ended.effective_from, provider.effective_from) AS provider_effective_from
    OFFSET 0
) AS began
CROSS JOIN LATERAL (
    SELECT
        coalesce(previous.effective_from < supplier_from, FALSE) AS has_previous,
        greatest(began_on, provider_effective_from) AS map_from,
        least(began_on + interval '9 hours' * (1 + mod(get_byte(dice, 23), 5)), %(today)s) AT TIME ZONE 'UTC'
            AS recorded_at,
        CASE WHEN previous.effective_from < supplier_from THEN previous.code ELSE supplier.code END AS recorded_for
    OFFSET 0
) AS recorded
-- Numbers no two devices share, shuffled in runs of 1,024 (so that indexes grow in few places). One meter in 2,000
-- has manufacturer and MSN of the one in the same slot of the row of homes before.
CROSS JOIN LATERAL (
    SELECT n - CASE WHEN msn_dice < 33 AND n >= devices THEN devices ELSE 0 END AS asset_n
) AS shared
CROSS JOIN LATERAL (
    SELECT
        mod(%(device_start)s + (n & -1024) + (n * 281 & 1023), 1099511627776) AS device_number,
        mod(%(device_start)s + (hub_n & -1024) + (hub_n * 281 & 1023), 1099511627776) AS hub_number,
        mod(%(mprn_start)s + (n & -1024) + (n * 617 & 1023), 100000000) + 9900000000 AS mprn,
        (mod(%(mpan_start)s + (n & -1024) + (n * 371 & 1023), 30000000000) + 970000000000)::text AS mpan,
        mod(%(asset_start)s + (asset_n & -1024) + (asset_n * 829 & 1023), 237600000) AS asset
    OFFSET 0
) AS scattered
CROSS JOIN LATERAL (
    SELECT
        mod(asset, 9) AS maker,
        upper(lpad(to_hex(device_number), 10, '0')) AS digits,
        upper(lpad(to_hex(hub_number), 10, '0')) AS hub_digits,
        mpan::bytea AS figures
    OFFSET 0
) AS spelled
CROSS JOIN LATERAL (
    SELECT
        '00-DB-12-' || substr(digits, 1, 2) || '-' || substr(digits, 3, 2) || '-' || substr(digits, 5, 2)
            || '-' || substr(digits, 7, 2) || '-' || substr(digits, 9, 2) AS device_id,
        '00-DB-12-' || substr(hub_digits, 1, 2) || '-' || substr(hub_digits, 3, 2) || '-' || substr(hub_digits, 5, 2)
            || '-' || substr(hub_digits, 7, 2) || '-' || substr(hub_digits, 9, 2) AS hub_device_id,
        CASE
            WHEN slot.fuel = '' OR msn_dice BETWEEN 33 AND 1343 THEN ''
            WHEN slot.fuel = 'G' THEN 'G4Z' || lpad(asset::text, 9, '0')
            ELSE 'Z' || 16 + mod(asset / 9, 11)
                || substr('ABCDEFGHJKLMNPQRSTUVWXYZ', mod(asset / 99, 24)::integer + 1, 1)
                || ' ' || lpad(mod(asset / 2376 + mod(asset, 2376) * 7919, 100000)::text, 5, '0')
        END AS msn
    OFFSET 0
) AS written
WHERE n < %(count)s
ORDER BY device_id;
