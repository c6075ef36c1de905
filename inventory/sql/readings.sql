-- Which organisation read whose devices: the one that reads adds a row, and the one whose devices were read sees it.

ALTER TABLE inventory_devicereading ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY read ON inventory_devicereading FOR SELECT USING (
    (SELECT acting_reads_all()) OR subject_id = (SELECT acting_organisation())
);
CREATE POLICY add ON inventory_devicereading FOR INSERT WITH CHECK (
    (SELECT acting_operator())
    OR coalesce(reader_id, acting_organisation()) = (SELECT acting_organisation())
);
CREATE POLICY keep_delete ON inventory_devicereading FOR DELETE USING ((SELECT acting_operator()));

-- Rows expire with the reads in the audit trail, and are never changed.
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON inventory_devicereading
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_but_keeping();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON inventory_devicereading
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
