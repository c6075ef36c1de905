-- History of people, organisations, bindings and participants: only triggers of the owner write it (`schema/grants.py`).

-- pghistory's own function keeps author and reason in a table that can be changed; ours are kept in each row.
CREATE OR REPLACE FUNCTION _pgh_attach_context() RETURNS uuid
    LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$
BEGIN
    RETURN nullif(current_setting('pghistory.context_id', true), '')::uuid;
END
$$;

ALTER TABLE accounts_membershipevent ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY written_by_triggers ON accounts_membershipevent FOR INSERT WITH CHECK (pg_trigger_depth() > 0);
CREATE POLICY read ON accounts_membershipevent FOR SELECT USING (
    (SELECT acting_reads_all()) OR organisation_id = (SELECT acting_organisation())
);

ALTER TABLE accounts_organisationevent ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY written_by_triggers ON accounts_organisationevent FOR INSERT WITH CHECK (pg_trigger_depth() > 0);
CREATE POLICY read ON accounts_organisationevent FOR SELECT USING (
    (SELECT acting_reads_all()) OR pgh_obj_id = (SELECT acting_organisation())
);

ALTER TABLE accounts_bindingevent ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY written_by_triggers ON accounts_bindingevent FOR INSERT WITH CHECK (pg_trigger_depth() > 0);
CREATE POLICY read ON accounts_bindingevent FOR SELECT USING (
    (SELECT acting_reads_all()) OR organisation_id = (SELECT acting_organisation())
);

-- The list of participants is public, and so is its history.
ALTER TABLE accounts_participantevent ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY written_by_triggers ON accounts_participantevent FOR INSERT WITH CHECK (pg_trigger_depth() > 0);
CREATE POLICY read ON accounts_participantevent FOR SELECT USING (true);
