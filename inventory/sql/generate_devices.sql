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
hashed AS (
    SELECT *, sha256(%(key)s || int8send(n)) AS own, sha256(int8send(own_home) || %(key)s) AS common FROM numbered
),
-- Dice from 0 to 65,535 (or 255): first those that the devices of a home have in common.
diced AS (
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
installed AS (
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
                THEN least(installed_on + commissioned_dice % 3, %(today)s)
        END AS commissioned_on
    FROM installed
),
dated AS (
    SELECT
        *,
        CASE
            WHEN pending THEN %(today)s - status_day_dice % 120
            WHEN status = 'Commissioned' OR commissioned_on IS NULL THEN coalesce(commissioned_on, installed_on)
            ELSE commissioned_on + status_day_dice * (%(today)s - commissioned_on + 1) / 65536
        END AS status_from,
        CASE
            WHEN fuel <> '' AND moved_dice < 6000 AND installed_on < %(today)s
                THEN installed_on + 1 + moved_day_dice * (%(today)s - installed_on) / 65536
        END AS moved_on
    FROM commissioned
)
