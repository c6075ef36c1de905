-- From when the inventory remembers what was recorded.

-- The date of the first recording, the same for all who ask; NULL while there are no devices.
CREATE OR REPLACE FUNCTION inventory_remembers_from() RETURNS date
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    former text := reading_within('memory');
    first_day date;
BEGIN
    SELECT uk_day(pgh_created_at) INTO first_day FROM inventory_deviceevent ORDER BY pgh_id LIMIT 1;
    PERFORM reading_within(former);
    RETURN first_day;
END
$$;
