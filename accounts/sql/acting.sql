-- For whom a transaction acts, as `accounts.acting` says it, and what that lets it read: what all policies ask.

-- `(SELECT f())` in a policy is asked once for a statement, not for each row. Functions without a search path name nothing
-- of ours: they become part of a query, or cost nothing for each row.

-- The day in the United Kingdom at a moment.
CREATE OR REPLACE FUNCTION uk_day(moment timestamptz) RETURNS date
    LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT (moment AT TIME ZONE 'Europe/London')::date $$;

-- The organisation acted for; NULL outside a scope.
CREATE OR REPLACE FUNCTION acting_organisation() RETURNS bigint
    LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT nullif(current_setting('portal.organisation', true), '')::bigint $$;

-- Whether this is the operator's own work, under a reason.
CREATE OR REPLACE FUNCTION acting_operator() RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT coalesce(current_setting('portal.operator', true), '') <> '' $$;

CREATE OR REPLACE FUNCTION acting_role() RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE SET search_path = public, pg_temp
AS $$ SELECT role FROM accounts_organisation WHERE id = acting_organisation() $$;

-- Whether everything may be read: by the operator, the DCC, and inside functions that narrow it themselves.
CREATE OR REPLACE FUNCTION acting_reads_all() RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE SET search_path = public, pg_temp
AS $$
    SELECT acting_operator()
        OR coalesce(current_setting('portal.within', true), '') <> ''
        OR coalesce(acting_role() = 'dcc', false)
$$;

-- For functions that narrow themselves what they read or write: `name` them, and give the former name back at the
-- end.
CREATE OR REPLACE FUNCTION reading_within(name text) RETURNS text
    LANGUAGE plpgsql
AS $$
DECLARE
    former text := coalesce(current_setting('portal.within', true), '');
BEGIN
    PERFORM set_config('portal.within', name, true);
    RETURN former;
END
$$;

-- Entries of the list, of whatever period, under the codes bound to the organisation acted for on a day, or ever
-- (NULL); none unless it acts in this role.
CREATE OR REPLACE FUNCTION acting_participants(of_role text, day date DEFAULT uk_day(now())) RETURNS bigint[]
    LANGUAGE sql STABLE PARALLEL SAFE SET search_path = public, pg_temp
AS $$
    SELECT coalesce(array_agg(p.id), '{}')
    FROM accounts_binding AS b
    JOIN accounts_participant AS p ON p.fuel = b.fuel AND p.role = b.role AND p.code = b.code
    WHERE b.organisation_id = acting_organisation()
        AND b.role = of_role
        AND acting_role() = of_role
        AND (day IS NULL OR day BETWEEN b.valid_from AND coalesce(b.valid_to, 'infinity'))
$$;
