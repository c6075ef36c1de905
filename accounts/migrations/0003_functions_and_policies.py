"""Functions, policies and triggers."""

from django.db import migrations

SQL = r"""
-- The day in the United Kingdom at a moment.
CREATE FUNCTION uk_day(moment timestamptz) RETURNS date LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT (moment AT TIME ZONE 'Europe/London')::date $$;

-- The organisation acted for; NULL outside a scope.
CREATE FUNCTION acting_organisation() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT nullif(current_setting('portal.organisation', true), '')::bigint $$;

CREATE FUNCTION acting_role() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT role FROM accounts_organisation WHERE id = acting_organisation() $$;

-- Whether this is the operator's own work, under a reason.
CREATE FUNCTION acting_operator() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT coalesce(current_setting('portal.operator', true), '') <> '' $$;

-- Whether everything may be read: by the operator, the DCC, and inside functions that narrow it themselves.
CREATE FUNCTION acting_reads_all() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
        SELECT acting_operator() OR coalesce(current_setting('portal.within', true), '') <> ''
            OR coalesce(acting_role() = 'dcc', false)
    $$;

-- For functions that narrow themselves what they read or write: `name` them, and give the former name back at the end.
CREATE FUNCTION reading_within(name text) RETURNS text LANGUAGE plpgsql
    AS $$
        DECLARE
            former text := coalesce(current_setting('portal.within', true), '');
        BEGIN
            PERFORM set_config('portal.within', name, true);
            RETURN former;
        END
    $$;

-- Entries of the list, of whatever period, under the codes bound to the organisation acted for on a day, or ever (NULL);
-- none unless it acts in this role.
CREATE FUNCTION acting_participants(of_role text, day date DEFAULT uk_day(now())) RETURNS bigint[]
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
        SELECT coalesce(array_agg(p.id), '{}')
        FROM accounts_binding AS b
        JOIN accounts_participant AS p ON p.fuel = b.fuel AND p.role = b.role AND p.code = b.code
        WHERE b.organisation_id = acting_organisation() AND b.role = of_role AND acting_role() = of_role
            AND (day IS NULL OR day BETWEEN b.valid_from AND coalesce(b.valid_to, 'infinity'))
    $$;

-- For tables that are only ever added to.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql
    AS $$
        BEGIN
            RAISE EXCEPTION '% of % is refused: its rows are never changed or removed', TG_OP, TG_TABLE_NAME
                USING ERRCODE = 'insufficient_privilege';
        END
    $$;

-- pghistory's own keeps who and why in a table that can be changed; ours stands in each row.
            CREATE OR REPLACE FUNCTION _pgh_attach_context() RETURNS uuid LANGUAGE plpgsql STABLE
                AS $$ BEGIN RETURN nullif(current_setting('pghistory.context_id', true), '')::uuid; END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON accounts_membershipevent FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON accounts_membershipevent FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE accounts_membershipevent ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY written_by_triggers ON accounts_membershipevent FOR INSERT WITH CHECK (pg_trigger_depth() > 0);
CREATE POLICY read ON accounts_membershipevent FOR SELECT USING ((SELECT acting_reads_all()) OR organisation_id = (SELECT acting_organisation()));

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON accounts_organisationevent FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON accounts_organisationevent FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE accounts_organisationevent ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY written_by_triggers ON accounts_organisationevent FOR INSERT WITH CHECK (pg_trigger_depth() > 0);
CREATE POLICY read ON accounts_organisationevent FOR SELECT USING ((SELECT acting_reads_all()) OR pgh_obj_id = (SELECT acting_organisation()));

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON accounts_bindingevent FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON accounts_bindingevent FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE accounts_bindingevent ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY written_by_triggers ON accounts_bindingevent FOR INSERT WITH CHECK (pg_trigger_depth() > 0);
CREATE POLICY read ON accounts_bindingevent FOR SELECT USING ((SELECT acting_reads_all()) OR organisation_id = (SELECT acting_organisation()));

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON accounts_participantevent FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON accounts_participantevent FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE accounts_participantevent ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY written_by_triggers ON accounts_participantevent FOR INSERT WITH CHECK (pg_trigger_depth() > 0);
CREATE POLICY read ON accounts_participantevent FOR SELECT USING (true);

-- For the audit trail: its owner alone changes it, and only while it says what for, as `accounts.audit.keeping` does.
CREATE FUNCTION refuse_change_but_keeping() RETURNS trigger LANGUAGE plpgsql
    AS $$
        BEGIN
            IF coalesce(current_setting('portal.keeping', true), '') = ''
                OR current_user <> (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = TG_RELID)
            THEN
                RAISE EXCEPTION '% of % is refused: its rows are never changed or removed', TG_OP, TG_TABLE_NAME
                    USING ERRCODE = 'insufficient_privilege';
            END IF;
            RETURN NULL;
        END
    $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON accounts_auditrow FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_but_keeping();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON accounts_auditrow FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE accounts_auditrow ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY read ON accounts_auditrow FOR SELECT USING ((SELECT acting_reads_all()) OR organisation_id = (SELECT acting_organisation()));
CREATE POLICY add ON accounts_auditrow FOR INSERT WITH CHECK ((SELECT acting_operator()) OR organisation_id IS NOT DISTINCT FROM (SELECT acting_organisation()));
CREATE POLICY keep_delete ON accounts_auditrow FOR delete USING ((SELECT acting_operator()));

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON accounts_auditvalue FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_but_keeping();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON accounts_auditvalue FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE accounts_auditvalue ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY read ON accounts_auditvalue FOR SELECT USING ((SELECT acting_reads_all()) OR organisation_id = (SELECT acting_organisation()));
CREATE POLICY add ON accounts_auditvalue FOR INSERT WITH CHECK ((SELECT acting_operator()) OR organisation_id IS NOT DISTINCT FROM (SELECT acting_organisation()));
CREATE POLICY keep_delete ON accounts_auditvalue FOR delete USING ((SELECT acting_operator()));CREATE POLICY keep_update ON accounts_auditvalue FOR update USING ((SELECT acting_operator()));

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON accounts_auditseal FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_but_keeping();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON accounts_auditseal FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE accounts_auditseal ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY read ON accounts_auditseal FOR SELECT USING ((SELECT acting_reads_all()) OR organisation_id = (SELECT acting_organisation()));
CREATE POLICY add ON accounts_auditseal FOR INSERT WITH CHECK ((SELECT acting_operator()) OR false);
CREATE POLICY keep_delete ON accounts_auditseal FOR delete USING ((SELECT acting_operator()));

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON accounts_audithead FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_but_keeping();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON accounts_audithead FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE accounts_audithead ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY read ON accounts_audithead FOR SELECT USING ((SELECT acting_reads_all()) OR organisation_id = (SELECT acting_organisation()));
CREATE POLICY add ON accounts_audithead FOR INSERT WITH CHECK ((SELECT acting_operator()) OR false);
CREATE POLICY keep_delete ON accounts_audithead FOR delete USING ((SELECT acting_operator()));

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON accounts_auditroot FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON accounts_auditroot FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE accounts_auditroot ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY read ON accounts_auditroot FOR SELECT USING ((SELECT acting_reads_all()) OR organisation_id = (SELECT acting_organisation()));
CREATE POLICY add ON accounts_auditroot FOR INSERT WITH CHECK ((SELECT acting_operator()) OR false);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON accounts_auditcut FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON accounts_auditcut FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE accounts_auditcut ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY read ON accounts_auditcut FOR SELECT USING ((SELECT acting_reads_all()) OR organisation_id = (SELECT acting_organisation()));
CREATE POLICY add ON accounts_auditcut FOR INSERT WITH CHECK ((SELECT acting_operator()) OR false);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON accounts_devicereading FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_but_keeping();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON accounts_devicereading FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE accounts_devicereading ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY read ON accounts_devicereading FOR SELECT USING ((SELECT acting_reads_all()) OR subject_id = (SELECT acting_organisation()));
CREATE POLICY add ON accounts_devicereading FOR INSERT WITH CHECK ((SELECT acting_operator()) OR coalesce(reader_id, acting_organisation()) = (SELECT acting_organisation()));
CREATE POLICY keep_delete ON accounts_devicereading FOR delete USING ((SELECT acting_operator()));

ALTER TABLE accounts_invitation ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON accounts_invitation USING (
    (SELECT acting_operator()) OR (SELECT acting_role()) = 'dcc' OR organisation_id = (SELECT acting_organisation())
);

ALTER TABLE accounts_proposal ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY of_dcc ON accounts_proposal USING (
    (SELECT acting_operator()) OR (SELECT acting_role()) = 'dcc'
);

ALTER POLICY add ON accounts_auditrow WITH CHECK ((SELECT acting_operator()) OR organisation_id IS NOT DISTINCT FROM (SELECT acting_organisation()) OR (SELECT acting_role()) = 'dcc');
ALTER POLICY add ON accounts_auditvalue WITH CHECK ((SELECT acting_operator()) OR organisation_id IS NOT DISTINCT FROM (SELECT acting_organisation()) OR (SELECT acting_role()) = 'dcc');

ALTER TABLE accounts_keptanswer ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON accounts_keptanswer USING (
    (SELECT acting_operator()) OR organisation_id = (SELECT acting_organisation())
);
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_single_sign_on"), ("pghistory", "0007_auto_20250421_0444")]

    operations = [migrations.RunSQL(SQL, migrations.RunSQL.noop)]
