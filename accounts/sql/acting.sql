-- The organisation for which a transaction acts, as `accounts.acting` sets it, and what it can read; policies ask this.

-- `(SELECT f())` in a policy is evaluated once for a statement, not for each row. Functions that name nothing of ours
-- have no search path, so that they can become part of a query, or be called for each row at no extra cost.

-- The date in the United Kingdom at a moment.
CREATE OR REPLACE FUNCTION uk_day(moment timestamptz) RETURNS date
    LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT (moment AT TIME ZONE 'Europe/London')::date $$;

-- One clock for the whole portal: the database's. Tests replace `portal_now` to move it.

-- The moment of which a transaction speaks: the same for all its statements.
CREATE OR REPLACE FUNCTION portal_now() RETURNS timestamptz
    LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT now() $$;

-- The UK date of that moment: scope and reports are those of this date.
CREATE OR REPLACE FUNCTION portal_today() RETURNS date
    LANGUAGE sql STABLE PARALLEL SAFE SET search_path = public, pg_temp
AS $$ SELECT uk_day(portal_now()) $$;

-- The moment at which something is written: later than that of the transaction, if it takes its time.
CREATE OR REPLACE FUNCTION portal_moment() RETURNS timestamptz
    LANGUAGE sql VOLATILE PARALLEL SAFE SET search_path = public, pg_temp
AS $$ SELECT portal_now() + (clock_timestamp() - now()) $$;

-- The acting organisation; NULL outside a scope.
CREATE OR REPLACE FUNCTION acting_organisation() RETURNS bigint
    LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT nullif(current_setting('portal.organisation', true), '')::bigint $$;

-- Whether this is the operator's own work, with a reason.
CREATE OR REPLACE FUNCTION acting_operator() RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT coalesce(current_setting('portal.operator', true), '') <> '' $$;

CREATE OR REPLACE FUNCTION acting_role() RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE SET search_path = public, pg_temp
AS $$ SELECT role FROM accounts_organisation WHERE id = acting_organisation() $$;

-- Whether a function of the owner is reading, one that narrows the rows itself. The setting alone lifts nothing: anyone
-- who sets it outside such a function is not the owner.
CREATE OR REPLACE FUNCTION acting_within() RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE SET search_path = public, pg_temp
AS $$
    SELECT coalesce(current_setting('portal.within', true), '') <> ''
        AND current_user = (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 'accounts_organisation'::regclass)
$$;

-- Whether the transaction can read everything: as the operator or the DCC, or in functions that narrow rows themselves.
CREATE OR REPLACE FUNCTION acting_reads_all() RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE SET search_path = public, pg_temp
AS $$
    SELECT acting_operator()
        OR acting_within()
        OR coalesce(acting_role() = 'dcc', false)
$$;

-- For functions of the owner that narrow the rows themselves: set their `name`, and return the former one, which they set again at
-- their end.
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

-- Participants, of any period, under the codes that are bound to the acting organisation on a date, or ever were
-- (NULL); none if it acts in another role.
CREATE OR REPLACE FUNCTION acting_participants(of_role text, day date DEFAULT portal_today()) RETURNS bigint[]
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

-- What history keeps about the writes of this transaction: who, for which organisation, by which route, why, and their batch.
CREATE OR REPLACE FUNCTION acting_words() RETURNS jsonb
    LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT nullif(current_setting('pghistory.context_metadata', true), '')::jsonb $$;

-- The batch of those writes; NULL outside a scope.
CREATE OR REPLACE FUNCTION acting_batch() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE SET search_path = public, pg_temp
AS $$ SELECT (acting_words() ->> 'batch')::uuid $$;
