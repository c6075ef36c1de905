-- The audit trail: each organisation reads its own and adds to it; the operator seals it and lets rows expire.

-- An act of the DCC about another organisation is added to that organisation's trail.
ALTER TABLE accounts_auditrow ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY read ON accounts_auditrow FOR SELECT USING (
    (SELECT acting_reads_all()) OR organisation_id = (SELECT acting_organisation())
);
CREATE POLICY add ON accounts_auditrow FOR INSERT WITH CHECK (
    (SELECT acting_operator())
    OR organisation_id IS NOT DISTINCT FROM (SELECT acting_organisation())
    OR (SELECT acting_role()) = 'dcc'
);
CREATE POLICY keep_delete ON accounts_auditrow FOR DELETE USING ((SELECT acting_operator()));

ALTER TABLE accounts_auditvalue ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY read ON accounts_auditvalue FOR SELECT USING (
    (SELECT acting_reads_all()) OR organisation_id = (SELECT acting_organisation())
);
CREATE POLICY add ON accounts_auditvalue FOR INSERT WITH CHECK (
    (SELECT acting_operator())
    OR organisation_id IS NOT DISTINCT FROM (SELECT acting_organisation())
    OR (SELECT acting_role()) = 'dcc'
);
CREATE POLICY keep_delete ON accounts_auditvalue FOR DELETE USING ((SELECT acting_operator()));
CREATE POLICY keep_update ON accounts_auditvalue FOR UPDATE USING ((SELECT acting_operator()));

-- Only the operator adds seals and the marks of chains.
ALTER TABLE accounts_auditseal ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY read ON accounts_auditseal FOR SELECT USING (
    (SELECT acting_reads_all()) OR organisation_id = (SELECT acting_organisation())
);
CREATE POLICY add ON accounts_auditseal FOR INSERT WITH CHECK ((SELECT acting_operator()));
CREATE POLICY keep_delete ON accounts_auditseal FOR DELETE USING ((SELECT acting_operator()));

ALTER TABLE accounts_audithead ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY read ON accounts_audithead FOR SELECT USING (
    (SELECT acting_reads_all()) OR organisation_id = (SELECT acting_organisation())
);
CREATE POLICY add ON accounts_audithead FOR INSERT WITH CHECK ((SELECT acting_operator()));
CREATE POLICY keep_delete ON accounts_audithead FOR DELETE USING ((SELECT acting_operator()));

ALTER TABLE accounts_auditroot ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY read ON accounts_auditroot FOR SELECT USING (
    (SELECT acting_reads_all()) OR organisation_id = (SELECT acting_organisation())
);
CREATE POLICY add ON accounts_auditroot FOR INSERT WITH CHECK ((SELECT acting_operator()));

ALTER TABLE accounts_auditcut ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY read ON accounts_auditcut FOR SELECT USING (
    (SELECT acting_reads_all()) OR organisation_id = (SELECT acting_organisation())
);
CREATE POLICY add ON accounts_auditcut FOR INSERT WITH CHECK ((SELECT acting_operator()));
