-- Answers of the API that are kept for a day: each organisation sees only its own.

ALTER TABLE accounts_keptanswer ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON accounts_keptanswer USING (
    (SELECT acting_operator()) OR organisation_id = (SELECT acting_organisation())
);
