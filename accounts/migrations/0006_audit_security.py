"""The audit trail is only ever added to; each organisation reads its own; only the owner lets rows expire."""

from django.db import migrations

FUNCTION = """
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
"""
APPEND_ONLY = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {refuse}();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY read ON {table} FOR SELECT USING ((SELECT acting_reads_all()) OR {readable});
CREATE POLICY add ON {table} FOR INSERT WITH CHECK ((SELECT acting_operator()) OR {addable});
"""
UNDO = """
DROP POLICY add ON {table};
DROP POLICY read ON {table};
ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
DROP TRIGGER append_only_truncate ON {table};
DROP TRIGGER append_only ON {table};
"""
KEPT = "CREATE POLICY keep_{verb} ON {table} FOR {verb} USING ((SELECT acting_operator()));"
KEPT_UNDO = "DROP POLICY keep_{verb} ON {table};"
OWN = "organisation_id = (SELECT acting_organisation())"
OWN_OR_NOBODYS = "organisation_id IS NOT DISTINCT FROM (SELECT acting_organisation())"
SUBJECT = "subject_id = (SELECT acting_organisation())"
READER = "coalesce(reader_id, acting_organisation()) = (SELECT acting_organisation())"
# Table → who may read a row and who may add one beside the operator, and what the owner may do with it.
TABLES = {
    "accounts_auditrow": (OWN, OWN_OR_NOBODYS, ("delete",)),
    "accounts_auditvalue": (OWN, OWN_OR_NOBODYS, ("delete", "update")),
    "accounts_auditseal": (OWN, "false", ("delete",)),
    "accounts_audithead": (OWN, "false", ("delete",)),
    "accounts_auditroot": (OWN, "false", ()),
    "accounts_auditcut": (OWN, "false", ()),
    "accounts_devicereading": (SUBJECT, READER, ("delete",)),
}


def security(table: str, readable: str, addable: str, kept: tuple[str, ...]) -> migrations.RunSQL:
    refuse = "refuse_change_but_keeping" if kept else "refuse_change"
    policies = "".join(KEPT.format(table=table, verb=verb) for verb in kept)
    forwards = APPEND_ONLY.format(table=table, readable=readable, addable=addable, refuse=refuse) + policies
    backwards = "".join(KEPT_UNDO.format(table=table, verb=verb) for verb in kept) + UNDO.format(table=table)
    return migrations.RunSQL(forwards, backwards)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_audit")]

    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION refuse_change_but_keeping();"),
        *(security(table, *rules) for table, rules in TABLES.items()),
    ]
