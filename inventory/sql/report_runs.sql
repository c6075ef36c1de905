-- Whose a report run is: its rows and bytes tell how many devices an organisation has; not even the DCC reads them.

ALTER TABLE inventory_reportrun ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON inventory_reportrun USING (
    (SELECT acting_operator()) OR organisation_id = (SELECT acting_organisation())
);
