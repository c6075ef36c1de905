"""What the policies of every table ask: for whom this transaction acts (set by `accounts.acting`)."""

from django.db import migrations

FUNCTIONS = """
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
"""
DROP = """
DROP FUNCTION refuse_change(), acting_participants(text, date), reading_within(text), acting_reads_all(), acting_operator(), acting_role(),
    acting_organisation(), uk_day(timestamptz);
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [migrations.RunSQL(FUNCTIONS, DROP)]
