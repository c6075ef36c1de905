"""History is only ever added to, by triggers; each organisation reads its own."""

from django.db import migrations

# Table → the column that says whose row it is; None: about the public list.
TABLES = {
    "accounts_membershipevent": "organisation_id",
    "accounts_organisationevent": "pgh_obj_id",
    "accounts_bindingevent": "organisation_id",
    "accounts_participantevent": None,
}
APPEND_ONLY = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY written_by_triggers ON {table} FOR INSERT WITH CHECK (pg_trigger_depth() > 0);
CREATE POLICY read ON {table} FOR SELECT USING ({readable});
"""
UNDO = """
DROP POLICY read ON {table};
DROP POLICY written_by_triggers ON {table};
ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
DROP TRIGGER append_only_truncate ON {table};
DROP TRIGGER append_only ON {table};
"""
OWN = "(SELECT acting_reads_all()) OR {owner} = (SELECT acting_organisation())"
# What was there before history began.
BEGIN = """
INSERT INTO accounts_{model}event ({columns}, pgh_created_at, pgh_label, pgh_obj_id, pgh_context)
SELECT {columns}, now(), 'insert', id, '{{"operator": "history begins"}}' FROM accounts_{model};
"""
COLUMNS = {
    "membership": "id, user_id, organisation_id, job",
    "organisation": "id, name, role, is_active",
    "binding": "id, fuel, role, code, organisation_id, valid_from, valid_to, bound_by_id, approved_by_id",
    "participant": "id, fuel, role, code, name, effective_from, effective_to, kind",
}


def security(table: str, owner: str | None) -> migrations.RunSQL:
    readable = OWN.format(owner=owner) if owner else "true"
    return migrations.RunSQL(APPEND_ONLY.format(table=table, readable=readable), UNDO.format(table=table))


def beginning(model: str, columns: str) -> migrations.RunSQL:
    return migrations.RunSQL(BEGIN.format(model=model, columns=columns), migrations.RunSQL.noop)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_history"), ("pghistory", "0007_auto_20250421_0444")]

    operations = [
        migrations.RunSQL(
            """
            -- pghistory's own keeps who and why in a table that can be changed; ours stands in each row.
            CREATE OR REPLACE FUNCTION _pgh_attach_context() RETURNS uuid LANGUAGE plpgsql STABLE
                AS $$ BEGIN RETURN nullif(current_setting('pghistory.context_id', true), '')::uuid; END $$;
            """,
            migrations.RunSQL.noop,
        ),
        *(beginning(model, columns) for model, columns in COLUMNS.items()),
        *(security(table, owner) for table, owner in TABLES.items()),
    ]
