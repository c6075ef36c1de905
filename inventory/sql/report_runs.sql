-- Only its own organisation sees a report run, not even the DCC: rows and bytes tell how many devices it has.

ALTER TABLE inventory_reportrun ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON inventory_reportrun USING (
    (SELECT acting_operator()) OR organisation_id = (SELECT acting_organisation())
);
