-- Which devices an organisation can read, add and change today. For devices that it once had, see `past_sight.sql`.

ALTER TABLE inventory_device ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY read ON inventory_device FOR SELECT USING (
    (SELECT devices_are_of_today())
    AND (
        (SELECT acting_reads_all())
        OR supplier_id = ANY ((SELECT acting_participants('supplier'))::bigint[])
        OR asset_provider_id = ANY ((SELECT acting_participants('map'))::bigint[])
    )
);
CREATE POLICY add ON inventory_device FOR INSERT WITH CHECK ((SELECT acting_operator()));
-- A MAP cannot change a device.
CREATE POLICY change ON inventory_device FOR UPDATE USING (
    (SELECT acting_operator())
    OR (SELECT acting_role()) = 'dcc'
    OR supplier_id = ANY ((SELECT acting_participants('supplier'))::bigint[])
);
