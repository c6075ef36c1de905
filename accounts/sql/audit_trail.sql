-- The audit trail: each organisation reads its own and adds to it; the keeper seals it and lets rows expire.

-- How rows are added: by this function alone, a row for each of the `devices` (or one, about no device). The portal's
-- login chooses neither ids nor the moment. `personal` values, by name, are kept beside the first row, which has salted
-- hashes of them. Returns the id of the last row.
CREATE OR REPLACE FUNCTION note_acts(
    kind text, person bigint, organisation bigint, via text, request text,
    devices text[], versions int[], details jsonb[], personal jsonb
) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    moment timestamptz := portal_moment();
    ids bigint[] := ARRAY(SELECT nextval('accounts_auditrow_id_seq') FROM generate_subscripts(devices, 1));
BEGIN
    IF NOT (
        acting_operator()
        OR organisation IS NOT DISTINCT FROM acting_organisation()
        OR coalesce(acting_role() = 'dcc', false)
    ) THEN
        RAISE EXCEPTION 'An act about another organisation is noted by the DCC and the operator only'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF EXISTS (SELECT FROM unnest(details) AS about WHERE jsonb_typeof(about) IS DISTINCT FROM 'object') THEN
        RAISE EXCEPTION 'The details of an act are an object' USING ERRCODE = 'check_violation';
    END IF;
    WITH beside AS MATERIALIZED (
        SELECT p.key AS name, p.value, uuid_send(gen_random_uuid()) AS salt FROM jsonb_each_text(personal) AS p
    ), noted AS (
        INSERT INTO accounts_auditrow (
            id, at, kind, person_id, organisation_id, via, request_id, device_id, version, details, hashes, batch
        )
        SELECT given.id, moment, kind, person, organisation, via, request, given.device, given.version, given.about,
            CASE WHEN given.id = ids[1] THEN hashed.hashes ELSE '{}' END, acting_batch()
        FROM unnest(ids, devices, versions, details) AS given (id, device, version, about),
            (SELECT coalesce(jsonb_object_agg(b.name, encode(sha256(b.salt || convert_to(b.value, 'UTF8')), 'hex')), '{}')
             FROM beside AS b) AS hashed (hashes)
    )
    INSERT INTO accounts_auditvalue (row_id, organisation_id, name, salt, value)
    SELECT ids[1], organisation, b.name, b.salt, b.value FROM beside AS b;
    RETURN ids[cardinality(ids)];
END
$$;

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

ALTER TABLE accounts_audittally ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY read ON accounts_audittally FOR SELECT USING ((SELECT acting_reads_all()));
CREATE POLICY add ON accounts_audittally FOR INSERT WITH CHECK ((SELECT acting_operator()));
CREATE POLICY keep_update ON accounts_audittally FOR UPDATE USING ((SELECT acting_operator()));
