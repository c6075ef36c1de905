-- Lines with a device that another load has created since the file was compared.
SELECT i.line
FROM inventory_stageddevice AS i
JOIN inventory_device AS d ON d.device_id = i.device_id
WHERE i.file_id = %(file)s AND i.known_id IS NULL
ORDER BY i.line;

-- Hold every known device until the end of the transaction, in order of id. Return the lines of those that have changed
-- since they were compared, and whether another load has changed what this file is about to change. The condition is
-- outside the materialized part: inside it, only the rows that fulfil it would be held, which are none.
WITH held AS MATERIALIZED (
    SELECT
        i.line, i.known_supplier, i.supplier_id IS NOT NULL OR i.supplier_from IS NOT NULL AS names_supplier,
        d.supplier_id, d.supplier_from IS DISTINCT FROM i.known_supplier_from AS other_day,
        i.mpxn IS NOT NULL AND d.mpxn <> i.known_mpxn AS other_mpxn,
        d.xmin::text || d.ctid::text <> i.known_row AS changed
    FROM inventory_stageddevice AS i
    JOIN inventory_device AS d ON d.id = i.known_id
    WHERE i.file_id = %(file)s
    ORDER BY d.id
    FOR NO KEY UPDATE OF d
)
SELECT h.line, h.other_mpxn OR h.names_supplier AND (h.other_day OR p.code <> h.known_supplier)
FROM held AS h
JOIN accounts_participant AS p ON p.id = h.supplier_id
WHERE h.changed
ORDER BY h.line;

-- The known devices
SELECT count(*) FROM inventory_stageddevice WHERE file_id = %(file)s AND known_id IS NOT NULL;
