"""Invitations and proposals are read by their organisation and the DCC; limits of sign-in are counted in a table."""

from django.db import migrations
from django_migration_linter.operations import IgnoreMigration

INVITATIONS = """
ALTER TABLE accounts_invitation ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON accounts_invitation USING (
    (SELECT acting_operator()) OR (SELECT acting_role()) = 'dcc' OR organisation_id = (SELECT acting_organisation())
);
"""
# Only the DCC proposes and decides.
PROPOSALS = """
ALTER TABLE accounts_proposal ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY of_dcc ON accounts_proposal USING (
    (SELECT acting_operator()) OR (SELECT acting_role()) = 'dcc'
);
"""
UNDO = """
DROP POLICY of_dcc ON accounts_proposal;
ALTER TABLE accounts_proposal NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
DROP POLICY own ON accounts_invitation;
ALTER TABLE accounts_invitation NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
"""
# What the DCC does about another organisation stands in the trail that this one reads.
AUDIT = """
ALTER POLICY add ON accounts_auditrow WITH CHECK ({addable} OR (SELECT acting_role()) = 'dcc');
ALTER POLICY add ON accounts_auditvalue WITH CHECK ({addable} OR (SELECT acting_role()) = 'dcc');
""".format(addable="(SELECT acting_operator()) OR organisation_id IS NOT DISTINCT FROM (SELECT acting_organisation())")
AUDIT_UNDO = AUDIT.replace(" OR (SELECT acting_role()) = 'dcc'", "")
# As `createcachetable` makes it.
CACHE = """
CREATE TABLE portal_cache (
    cache_key varchar(255) NOT NULL PRIMARY KEY, value text NOT NULL, expires timestamptz NOT NULL
);
CREATE INDEX portal_cache_expires ON portal_cache (expires);
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_people")]

    operations = [
        IgnoreMigration(),
        migrations.RunSQL(INVITATIONS + PROPOSALS, UNDO),
        migrations.RunSQL(AUDIT, AUDIT_UNDO),
        migrations.RunSQL(CACHE, "DROP TABLE portal_cache;"),
    ]
