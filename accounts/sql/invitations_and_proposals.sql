-- An invitation is seen by its organisation and the DCC, a proposal only by the DCC.

ALTER TABLE accounts_invitation ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON accounts_invitation USING (
    (SELECT acting_operator()) OR (SELECT acting_role()) = 'dcc' OR organisation_id = (SELECT acting_organisation())
);

ALTER TABLE accounts_proposal ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY of_dcc ON accounts_proposal USING (
    (SELECT acting_operator()) OR (SELECT acting_role()) = 'dcc'
);
