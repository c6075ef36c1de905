-- History of people, organisations, bindings and participants.

-- The portal's login cannot insert it (`schema/grants.py`): triggers do, with the rights of the owner.

-- pghistory's own function keeps author and reason in a table that can be changed; ours are kept in each row.
CREATE OR REPLACE FUNCTION _pgh_attach_context() RETURNS uuid
    LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$
BEGIN
    RETURN nullif(current_setting('pghistory.context_id', true), '')::uuid;
END
$$;

-- pgtrigger's own function lets a session switch history off by a setting; ours never does.
CREATE OR REPLACE FUNCTION _pgtrigger_should_ignore(trigger_name name) RETURNS boolean
    LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp
AS $$ SELECT false $$;

ALTER TABLE accounts_membershipevent ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY add ON accounts_membershipevent FOR INSERT WITH CHECK (true);
CREATE POLICY read ON accounts_membershipevent FOR SELECT USING (
    (SELECT acting_reads_all()) OR organisation_id = (SELECT acting_organisation())
);

ALTER TABLE accounts_organisationevent ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY add ON accounts_organisationevent FOR INSERT WITH CHECK (true);
CREATE POLICY read ON accounts_organisationevent FOR SELECT USING (
    (SELECT acting_reads_all()) OR pgh_obj_id = (SELECT acting_organisation())
);

ALTER TABLE accounts_bindingevent ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY add ON accounts_bindingevent FOR INSERT WITH CHECK (true);
CREATE POLICY read ON accounts_bindingevent FOR SELECT USING (
    (SELECT acting_reads_all()) OR organisation_id = (SELECT acting_organisation())
);

-- The list of participants is public, and so is its history.
ALTER TABLE accounts_participantevent ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY add ON accounts_participantevent FOR INSERT WITH CHECK (true);
CREATE POLICY read ON accounts_participantevent FOR SELECT USING (true);
