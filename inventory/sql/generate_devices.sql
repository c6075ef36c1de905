-- Which devices hang together: 55 homes in a shuffled row, 200 devices where both fuels are. The hub comes first.
CREATE TEMPORARY TABLE generated_slot ON COMMIT DROP AS
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
)
SELECT
    row_number() OVER (ORDER BY home, place) - 1 AS slot,
    home,
    device_type,
    CASE device_type WHEN 'ESME' THEN 'E' WHEN 'GSME' THEN 'G' ELSE '' END AS fuel,
    CASE WHEN device_type = 'GSME' OR 'E' <> ALL (%(fuels)s) THEN 'G' ELSE 'E' END AS supplier_fuel,
    devices = ARRAY['ESME'] AS in_stock
FROM home CROSS JOIN unnest(devices) WITH ORDINALITY AS device (device_type, place)
WHERE ('E' = ANY (%(fuels)s) OR device_type <> 'ESME')
    AND ('G' = ANY (%(fuels)s) OR device_type NOT IN ('GSME', 'GPF'));

-- How the participants share the devices: 10,000 shares of each fuel and role, uneven, none without one.
CREATE TEMPORARY TABLE generated_share ON COMMIT DROP AS
WITH listed AS (
    SELECT DISTINCT ON (fuel, role, code) *, effective_to < %(today)s IS TRUE AS ended
    FROM accounts_participant
    WHERE kind = 'live' AND effective_from <= %(today)s
        AND (effective_to IS NULL OR effective_to >= %(today)s OR (role = 'map' AND effective_to >= %(smets2)s))
    ORDER BY fuel, role, code, effective_from DESC
),
ranked AS (
    SELECT
        *,
        row_number() OVER (list ORDER BY array_position(%(favour)s, code::text), sha256(convert_to(code, 'UTF8'))) AS rank,
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
        sum(weight) OVER (PARTITION BY fuel, role, ended ORDER BY rank)::bigint AS bound,
        sum(weight) OVER (PARTITION BY fuel, role, ended)::bigint AS total
    FROM weighted
)
SELECT fuel, role, ended, share, id, code, effective_from, effective_to
FROM bounded
CROSS JOIN LATERAL generate_series(10000 * (bound - weight) / total, 10000 * bound / total - 1) AS share;

ANALYZE generated_slot;

ANALYZE generated_share;

-- The devices of some rows of homes. Every choice is a slice of a hash of seed and number: always the same.
INSERT INTO inventory_device (
    id, device_id, device_type, smets_generation, smets_version, manufacturer, model, firmware, esme_variant,
    status, status_from, unusual_status_move, mpxn, installed_on, commissioned_on, decommissioned_on, hub_id,
    supplier_id, supplier_from, previous_supplier_id, previous_supplier_to,
    msn, msn_recorded_at, msn_recorded_for, msn_source,
    asset_provider_id, map_from, map_recorded_at, map_recorded_for, map_source, map_reason,
    load_recorded_at, load_source, version
)
WITH numbered AS (
    SELECT slot.*, devices, repeat * devices + slot AS n, repeat * homes + home AS own_home
    FROM generated_slot AS slot
    CROSS JOIN (SELECT count(*) AS devices, max(home) + 1 AS homes FROM generated_slot) AS size
    CROSS JOIN generate_series(%(first)s::bigint, %(last)s::bigint) AS repeat
    WHERE repeat * devices + slot < %(count)s
),
hub AS MATERIALIZED (
    SELECT own_home, nextval('inventory_device_id_seq') AS hub_id
    FROM numbered
    WHERE device_type = 'CHF'
),
hashed AS MATERIALIZED (
    SELECT *, sha256(%(key)s || int8send(n)) AS own, sha256(int8send(own_home) || %(key)s) AS common FROM numbered
),
-- Dice from 0 to 65,535 (or 255): first those that the devices of a home have in common.
diced AS MATERIALIZED (
    SELECT
        *,
        get_byte(common, 0) * 256 + get_byte(common, 1) AS pending_dice,
        get_byte(common, 2) * 256 + get_byte(common, 3) AS generation_dice,
        get_byte(common, 4) * 256 + get_byte(common, 5) AS installed_dice,
        get_byte(common, 6) * 256 + get_byte(common, 7) AS supplier_dice,
        get_byte(own, 0) * 256 + get_byte(own, 1) AS status_dice,
        get_byte(own, 2) * 256 + get_byte(own, 3) AS status_day_dice,
        get_byte(own, 4) * 256 + get_byte(own, 5) AS moved_dice,
        get_byte(own, 6) * 256 + get_byte(own, 7) AS moved_day_dice,
        get_byte(own, 8) * 256 + get_byte(own, 9) AS previous_dice,
        get_byte(own, 10) * 256 + get_byte(own, 11) AS map_dice,
        get_byte(own, 12) * 256 + get_byte(own, 13) AS no_map_dice,
        get_byte(own, 14) * 256 + get_byte(own, 15) AS ended_map_dice,
        get_byte(own, 16) * 256 + get_byte(own, 17) AS no_msn_dice,
        get_byte(own, 18) * 256 + get_byte(own, 19) AS same_msn_dice,
        get_byte(own, 20) AS variant_dice,
        get_byte(own, 21) AS version_dice,
        get_byte(own, 22) AS firmware_dice,
        get_byte(own, 23) AS commissioned_dice
    FROM hashed
),
placed AS (
    SELECT *, CASE WHEN generation_dice < 10000 AND NOT pending THEN 1 ELSE 2 END AS generation
    FROM diced CROSS JOIN LATERAL (SELECT in_stock OR pending_dice < 983 AS pending)
),
installed AS MATERIALIZED (
    SELECT
        *,
        CASE
            WHEN pending THEN NULL
            WHEN generation = 1 THEN %(smets1)s + installed_dice * 1095 / 65536
            ELSE %(smets2)s + (installed_dice * (%(today)s - %(smets2)s + 1) / 65536)
        END AS installed_on,
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
        END AS status
    FROM placed
),
commissioned AS (
    SELECT
        *,
        CASE
            WHEN status NOT IN ('InstalledNotCommissioned', 'NotApplicable')
                THEN least(installed_on + mod(commissioned_dice, 3), %(today)s)
        END AS commissioned_on
    FROM installed
),
dated AS MATERIALIZED (
    SELECT
        *,
        CASE
            WHEN pending THEN %(today)s - mod(status_day_dice, 120)
            WHEN status = 'Commissioned' OR commissioned_on IS NULL THEN coalesce(commissioned_on, installed_on)
            ELSE commissioned_on + status_day_dice * (%(today)s - commissioned_on + 1) / 65536
        END AS status_from,
        CASE
            WHEN fuel <> '' AND moved_dice < 6000 AND installed_on < %(today)s
                THEN installed_on + 1 + moved_day_dice * (%(today)s - installed_on) / 65536
        END AS moved_on
    FROM commissioned
),
supplied AS (
    SELECT
        dated.*,
        coalesce(installed_on, status_from) AS began_on,
        supplier.id AS supplier_id,
        supplier.code AS supplier_code,
        greatest(coalesce(moved_on, installed_on, status_from), supplier.effective_from) AS supplier_from,
        previous.id AS previous_id,
        previous.code AS previous_code,
        previous.effective_from AS previous_effective_from
    FROM dated
    JOIN generated_share AS supplier
        ON supplier.role = 'supplier' AND supplier.fuel = supplier_fuel
        AND supplier.share = supplier_dice * 10000 / 65536
    LEFT JOIN generated_share AS previous
        ON previous.role = 'supplier' AND previous.fuel = supplier_fuel
        AND previous.share = previous_dice * 10000 / 65536
        AND previous.id <> supplier.id AND moved_on IS NOT NULL
),
provided AS MATERIALIZED (
    SELECT
        supplied.*,
        previous_effective_from < supplier_from IS TRUE AS has_previous,
        coalesce(ended.id, provider.id) AS provider_id,
        greatest(began_on, coalesce(ended.effective_from, provider.effective_from)) AS map_from
    FROM supplied
    LEFT JOIN generated_share AS provider
        ON provider.role = 'map' AND NOT provider.ended AND provider.fuel = supplied.fuel
        AND provider.share = map_dice * 10000 / 65536
        AND generation = 2 AND no_map_dice >= CASE WHEN pending THEN 32768 ELSE 1720 END
    LEFT JOIN generated_share AS ended
        ON ended.ended AND ended.fuel = supplied.fuel
        AND ended.share = map_dice * 10000 / 65536
        AND provider.id IS NOT NULL AND installed_on BETWEEN ended.effective_from AND ended.effective_to
        AND ended_map_dice * (ended.effective_to - %(smets2)s + 1) < 328 * (%(today)s - %(smets2)s)
),
-- Numbers that no two devices share, scattered: each of these steps can be undone. One meter in 2,000 has the MSN of
-- the meter in its place among the homes before.
scattered AS (
    SELECT
        *,
        mod(%(device_start)s + n * 6364136223, 1099511627776) AS device_number,
        mod(%(mpan_start)s + n * 7919000003, 30000000000) + 970000000000 AS mpan,
        mod(%(mprn_start)s + n * 61803399, 100000000) + 9900000000 AS mprn,
        mod(%(asset_start)s + (n - CASE WHEN same_msn THEN devices ELSE 0 END) * 179424673, 237600000) AS asset
    FROM provided CROSS JOIN LATERAL (SELECT same_msn_dice < 33 AND n >= devices AS same_msn)
),
spelled AS MATERIALIZED (
    SELECT
        *,
        upper(lpad(to_hex(device_number # (device_number >> 20)), 10, '0')) AS digits,
        mpan::text::bytea AS figures,
        CASE
            WHEN NOT same_msn AND no_msn_dice < 1311 THEN ''
            WHEN fuel = 'E' THEN
                'Z' || 16 + asset / 21600000 || substr('ABCDEFGHJKLMNPQRSTUVWXYZ', mod(asset / 900000, 24)::integer + 1, 1)
                || ' ' || lpad(mod(asset / 9, 100000)::text, 5, '0')
            WHEN fuel = 'G' THEN 'G4Z' || lpad(asset::text, 9, '0')
            ELSE ''
        END AS msn
    FROM scattered
)
SELECT
    CASE WHEN device_type = 'CHF' THEN hub_id ELSE nextval('inventory_device_id_seq') END,
    '00-DB-12-' || substr(digits, 1, 2) || '-' || substr(digits, 3, 2) || '-' || substr(digits, 5, 2)
        || '-' || substr(digits, 7, 2) || '-' || substr(digits, 9, 2) AS device_id,
    device_type,
    CASE WHEN fuel <> '' THEN generation END,
    CASE WHEN fuel = '' THEN '' WHEN generation = 1 THEN '1.2' WHEN version_dice < 160 THEN '4.2' ELSE '5.1' END,
    'ZT' || 10 + mod(asset, 9),
    upper(lpad(to_hex(mod(asset, 9) * 16777216 + length(device_type) * 65536 + mod(version_dice, 4)), 8, '0')),
    '000' || generation || '00' || upper(lpad(to_hex(mod(firmware_dice, 12)), 2, '0')),
    CASE
        WHEN device_type <> 'ESME' THEN ''
        WHEN variant_dice < 180 THEN 'A'
        ELSE (ARRAY['AD', 'ADE', 'B', 'BD', 'C', 'CD'])[mod(variant_dice, 6) + 1]
    END,
    status,
    status_from,
    status IN ('Suspended', 'Decommissioned', 'Withdrawn', 'Recovery') AND firmware_dice < 8,
    CASE
        WHEN pending OR fuel = '' THEN ''
        WHEN fuel = 'G' THEN mprn::text
        ELSE mpan::text || mod(mod(
            get_byte(figures, 0) * 3 + get_byte(figures, 1) * 5 + get_byte(figures, 2) * 7 + get_byte(figures, 3) * 13
            + get_byte(figures, 4) * 17 + get_byte(figures, 5) * 19 + get_byte(figures, 6) * 23
            + get_byte(figures, 7) * 29 + get_byte(figures, 8) * 31 + get_byte(figures, 9) * 37
            + get_byte(figures, 10) * 41 + get_byte(figures, 11) * 43 - 48 * 268, 11), 10)
    END,
    installed_on,
    commissioned_on,
    CASE WHEN status = 'Decommissioned' THEN status_from END,
    CASE WHEN device_type <> 'CHF' THEN hub_id END,
    supplier_id,
    supplier_from,
    CASE WHEN has_previous THEN previous_id END,
    CASE WHEN has_previous THEN supplier_from - 1 END,
    msn,
    CASE WHEN msn <> '' THEN recorded_at END,
    CASE WHEN msn <> '' THEN recorded_for ELSE '' END,
    CASE WHEN msn <> '' THEN 'nameplate photo' ELSE '' END,
    provider_id,
    CASE WHEN provider_id IS NOT NULL THEN map_from END,
    CASE WHEN provider_id IS NOT NULL THEN recorded_at END,
    CASE WHEN provider_id IS NOT NULL THEN recorded_for ELSE '' END,
    CASE WHEN provider_id IS NOT NULL THEN 'installation record' ELSE '' END,
    '',
    %(today)s::timestamp AT TIME ZONE 'UTC',
    %(source)s,
    1
FROM spelled
CROSS JOIN LATERAL (
    SELECT
        least(began_on + interval '9 hours' * (1 + mod(version_dice, 5)), %(today)s) AT TIME ZONE 'UTC' AS recorded_at,
        CASE WHEN has_previous THEN previous_code ELSE supplier_code END AS recorded_for
)
LEFT JOIN hub USING (own_home)
ORDER BY device_id;
