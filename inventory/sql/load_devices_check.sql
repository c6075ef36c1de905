-- Lines that cannot be read.
INSERT INTO device_load_error (line, item, value, sentence)
SELECT line, '', '', problem
FROM device_load_cell
WHERE problem <> '';

-- The form of every cell; the parsers of identifiers.py explain identifiers.
INSERT INTO device_load_error (line, item, value, fuel, sentence)
SELECT line, item, value, plan.fuel, sentence
FROM device_load_cell AS cell
JOIN device_load_row AS loaded USING (line)
JOIN device_load_plan AS plan USING (line)
CROSS JOIN LATERAL (
    VALUES
        ('device_id', cell.device_id, loaded.device_id IS NULL, NULL),
        (
            'device_type', cell.device_type, loaded.device_type IS NULL,
            'is not a device type. Write one of ' || array_to_string(%(device_types)s::text[], ', ') || '.'
        ),
        (
            'smets_generation', cell.smets_generation, loaded.smets_generation IS NULL,
            'is not a SMETS generation. Write 1 or 2; the version, such as 1.58, has a column of its own.'
        ),
        (
            'smets_version', cell.smets_version, loaded.smets_version IS NULL,
            'is not a SMETS version: at most 16 plain characters, the first a letter or digit, such as 4.2.'
        ),
        (
            'manufacturer', cell.manufacturer, loaded.manufacturer IS NULL,
            'is not a code of a manufacturer, which has 3 or 4 letters and digits, such as ZT10.'
        ),
        (
            'model', cell.model, loaded.model IS NULL,
            'is not a device model, which has 4 to 8 hexadecimal digits (0 to 9, A to F), such as 010A030B.'
        ),
        (
            'firmware', cell.firmware, loaded.firmware IS NULL,
            'is not a firmware version, which has 4 to 8 hexadecimal digits (0 to 9, A to F), such as 0002012F.'
        ),
        (
            'esme_variant', cell.esme_variant, loaded.esme_variant IS NULL,
            'is not an ESME variant. Write A, B or C, with D or DE behind it where that applies, such as ADE.'
        ),
        (
            'status', cell.status, loaded.status IS NULL,
            'is not an SMI Status. Write one of ' || array_to_string(%(statuses)s::text[], ', ') || '.'
        ),
        ('mpxn', cell.mpxn, loaded.mpxn IS NULL, NULL),
        ('msn', cell.msn, loaded.msn IS NULL, NULL),
        ('map_id', cell.map_id, loaded.map_id IS NULL, NULL),
        ('supplier_id', cell.supplier_id, loaded.supplier_id IS NULL, NULL),
        ('hub_id', cell.hub_id, loaded.hub_id IS NULL, NULL)
) AS form (item, value, is_malformed, sentence)
WHERE is_malformed AND value <> '';

-- Every day.
INSERT INTO device_load_error (line, item, value, sentence)
SELECT line, item, written, sentence
FROM device_load_cell AS cell
CROSS JOIN LATERAL (
    VALUES
        ('status_from', status_from),
        ('installed_on', installed_on),
        ('commissioned_on', commissioned_on),
        ('decommissioned_on', decommissioned_on),
        ('map_from', map_from),
        ('supplier_from', supplier_from)
) AS form (item, written)
JOIN device_load_day USING (written)
WHERE sentence IS NOT NULL;

-- A device has an ID, and one row.
INSERT INTO device_load_error (line, item, value)
SELECT line, 'device_id', ''
FROM device_load_cell
WHERE problem = '' AND device_id = '';

INSERT INTO device_load_error (line, item, value, sentence)
SELECT line, 'device_id', device_id, 'stands on line ' || first || ' already. Keep one of the two rows.'
FROM (
    SELECT line, device_id, min(line) OVER (PARTITION BY device_id) AS first
    FROM device_load_plan
    WHERE device_id IS NOT NULL
) AS placed
WHERE line > first;

-- What a device that the load creates cannot be without.
INSERT INTO device_load_error (line, item, value, sentence)
SELECT line, item, '', 'Nothing is given, and the device is not in the inventory yet. Fill the cell.'
FROM device_load_plan AS plan
JOIN device_load_cell AS cell USING (line)
CROSS JOIN LATERAL (
    VALUES
        ('device_type', cell.device_type),
        ('status', cell.status),
        ('status_from', cell.status_from),
        ('supplier_id', cell.supplier_id)
) AS required (item, value)
WHERE plan.is_new AND plan.device_id IS NOT NULL AND value = '';

-- The type of a device does not change.
INSERT INTO device_load_error (line, item, value, sentence)
SELECT
    line, 'device_type', loaded.device_type,
    'is not what is recorded, ' || known_type || '. The type of a device does not change: correct it or the Device ID.'
FROM device_load_plan AS plan
JOIN device_load_row AS loaded USING (line)
WHERE loaded.device_type <> known_type;

-- What meters have and other devices do not.
INSERT INTO device_load_error (line, item, value, sentence)
SELECT line, 'smets_generation', '', 'Nothing is given, and a meter has a SMETS generation. Write 1 or 2.'
FROM device_load_plan AS plan
JOIN device_load_cell AS cell USING (line)
WHERE plan.fuel <> '' AND plan.smets_generation IS NULL AND cell.smets_generation = '';

INSERT INTO device_load_error (line, item, value, sentence)
SELECT
    line, item, value,
    'belongs to ' || CASE item WHEN 'esme_variant' THEN 'an ESME' ELSE 'meters (ESME, GSME)' END
    || ' only. Leave the cell empty, or correct the device type, ' || plan.device_type || '.'
FROM device_load_plan AS plan
JOIN device_load_cell AS cell USING (line)
CROSS JOIN LATERAL (
    VALUES
        ('smets_generation', cell.smets_generation),
        ('esme_variant', cell.esme_variant),
        ('mpxn', cell.mpxn),
        ('msn', cell.msn),
        ('map_id', cell.map_id)
) AS given (item, value)
WHERE value <> '' AND CASE item WHEN 'esme_variant' THEN plan.device_type <> 'ESME' ELSE plan.fuel = '' END
    AND plan.device_type IS NOT NULL;

-- Identifiers that have another form for each fuel.
INSERT INTO device_load_error (line, item, value, fuel)
SELECT line, 'mpxn', mpxn, fuel
FROM device_load_plan AS plan
JOIN device_load_cell AS cell USING (line)
WHERE cell.mpxn <> '' AND plan.mpxn <> '' AND CASE fuel
    WHEN 'E' THEN length(plan.mpxn) <> 13 OR right(plan.mpxn, 1)::integer <> mod(mod((
        SELECT sum(substr(plan.mpxn, place::integer, 1)::integer * weight)
        FROM unnest(%(mpan_weights)s::integer[]) WITH ORDINALITY AS weighted (weight, place)
    ), 11), 10)
    WHEN 'G' THEN length(plan.mpxn) NOT BETWEEN 6 AND 10
END;

INSERT INTO device_load_error (line, item, value, fuel)
SELECT line, 'msn', msn, fuel
FROM device_load_plan
WHERE is_new AND length(msn) > CASE fuel WHEN 'E' THEN 10 WHEN 'G' THEN 14 END;

INSERT INTO device_load_error (line, item, value, fuel)
SELECT line, 'map_id', map_code, fuel
FROM device_load_plan
WHERE is_new AND length(map_code) <> CASE fuel WHEN 'E' THEN 4 WHEN 'G' THEN 3 END;
