-- What gives rights is written by these functions alone: members, organisations, participants, and codes bound to them.

-- The portal's login cannot write those columns (`schema/grants.py`). Each function leaves a row in the audit trail, and
-- triggers write the history. Who may do what, and what takes two people, is decided in `accounts/actions`.

-- Note in the audit trail that rights of an organisation have changed, or the list (`concerned` NULL): who did it is
-- what history keeps, too. Values of `private` are kept beside the row, which has salted hashes of them. Refuses those
-- who act for nobody, or for another organisation. Only for the functions here: the login cannot add rows itself.
CREATE OR REPLACE FUNCTION note_right(of_kind text, concerned bigint, what jsonb, private jsonb DEFAULT '{}')
    RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
    words jsonb := coalesce(acting_words(), '{}');
BEGIN
    IF NOT acting_operator() AND (acting_role() = 'dcc' OR acting_organisation() = concerned) IS NOT TRUE THEN
        RAISE EXCEPTION 'This changes the rights of an organisation for which you do not act'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF words ? 'token' THEN
        what := what || jsonb_build_object('token', words -> 'token');
    END IF;
    IF acting_organisation() <> concerned THEN
        what := what || '{"by_dcc": true}';
    END IF;
    PERFORM note_acts(
        of_kind, (words ->> 'person')::bigint, concerned, coalesce(words ->> 'via', 'sql'),
        coalesce(words ->> 'request', ''), ARRAY[''], ARRAY[NULL]::int[], ARRAY[what], private
    );
END
$$;

-- Members

CREATE OR REPLACE FUNCTION add_membership(person bigint, in_organisation bigint, with_job text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    added bigint;
BEGIN
    INSERT INTO accounts_membership (user_id, organisation_id, job, began_at, confirmed_at)
    VALUES (person, in_organisation, with_job, clock_timestamp(), clock_timestamp())
    RETURNING id INTO added;
    PERFORM note_right(
        'member_added', in_organisation, jsonb_build_object('member', person, 'job', with_job),
        (SELECT jsonb_build_object('name', name, 'email', email) FROM accounts_user WHERE id = person)
    );
    RETURN added;
END
$$;

-- Give a member another access level; with `reinstated`, a suspended one can act again.
CREATE OR REPLACE FUNCTION change_job(of_membership bigint, to_job text, reinstated boolean DEFAULT false) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    held accounts_membership;
BEGIN
    UPDATE accounts_membership SET
        job = to_job,
        suspended_at = CASE WHEN NOT reinstated THEN suspended_at END,
        warned_at = CASE WHEN NOT reinstated THEN warned_at END
    WHERE id = of_membership AND ended_at IS NULL
    RETURNING * INTO STRICT held;
    PERFORM note_right(
        'job_changed', held.organisation_id, jsonb_build_object('member', held.user_id, 'job', to_job)
    );
END
$$;

CREATE OR REPLACE FUNCTION end_membership(of_membership bigint) RETURNS timestamptz
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    held accounts_membership;
BEGIN
    UPDATE accounts_membership SET ended_at = clock_timestamp() WHERE id = of_membership AND ended_at IS NULL
    RETURNING * INTO STRICT held;
    PERFORM note_right('membership_ended', held.organisation_id, jsonb_build_object('member', held.user_id));
    RETURN held.ended_at;
END
$$;

CREATE OR REPLACE FUNCTION suspend_memberships(memberships bigint[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    held accounts_membership;
BEGIN
    FOR held IN
        UPDATE accounts_membership SET suspended_at = clock_timestamp()
        WHERE id = ANY (memberships) AND suspended_at IS NULL
        RETURNING *
    LOOP
        PERFORM note_right('membership_suspended', held.organisation_id, jsonb_build_object('member', held.user_id));
    END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION reinstate_membership(of_membership bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    held accounts_membership;
BEGIN
    UPDATE accounts_membership SET suspended_at = NULL, warned_at = NULL WHERE id = of_membership AND ended_at IS NULL
    RETURNING * INTO STRICT held;
    PERFORM note_right('membership_reinstated', held.organisation_id, jsonb_build_object('member', held.user_id));
END
$$;

-- Organisations

CREATE OR REPLACE FUNCTION add_organisation(with_name text, in_role text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    added bigint;
BEGIN
    INSERT INTO accounts_organisation (name, role, is_active) VALUES (with_name, in_role, true)
    RETURNING id INTO added;
    PERFORM note_right('organisation_added', added, jsonb_build_object('role', in_role));
    RETURN added;
END
$$;

CREATE OR REPLACE FUNCTION set_organisation_active(of_organisation bigint, active boolean) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    UPDATE accounts_organisation SET is_active = active WHERE id = of_organisation;
    PERFORM note_right(
        CASE WHEN active THEN 'organisation_reactivated' ELSE 'organisation_deactivated' END, of_organisation, '{}'
    );
END
$$;

-- Start or stop emailing the daily roots of its audit trail to the administrators of the acting organisation.
CREATE OR REPLACE FUNCTION set_root_emails(receives boolean) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    UPDATE accounts_organisation SET receives_roots = receives WHERE id = acting_organisation();
    PERFORM note_right('root_emails_changed', acting_organisation(), jsonb_build_object('receives', receives));
END
$$;

-- Codes

-- Let an organisation act under a code of its role, from a date on.
CREATE OR REPLACE FUNCTION bind_code(
    to_organisation bigint, of_fuel text, the_code text, from_day date, proposed_by bigint, approved_by bigint
) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    added bigint;
BEGIN
    INSERT INTO accounts_binding (fuel, role, code, organisation_id, valid_from, bound_by_id, approved_by_id)
    SELECT of_fuel, role, the_code, id, from_day, proposed_by, approved_by
    FROM accounts_organisation WHERE id = to_organisation
    RETURNING id INTO STRICT added;
    PERFORM note_right('code_bound', to_organisation, jsonb_build_object('binding', added));
    RETURN added;
END
$$;

CREATE OR REPLACE FUNCTION unbind_code(of_binding bigint, last_day date) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    held accounts_binding;
BEGIN
    UPDATE accounts_binding SET valid_to = last_day WHERE id = of_binding AND valid_to IS NULL
    RETURNING * INTO STRICT held;
    PERFORM note_right('code_unbound', held.organisation_id, jsonb_build_object('binding', held.id));
END
$$;

-- The list of participants

-- Let no one else change the list until the transaction ends; it can still be read.
CREATE OR REPLACE FUNCTION lock_participants() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    LOCK TABLE accounts_participant IN SHARE ROW EXCLUSIVE MODE;
END
$$;

-- Add entries to the list, or give those that it holds another name, last date or kind.
CREATE OR REPLACE FUNCTION write_participants(
    fuels text[], roles text[], codes text[], names text[], firsts date[], lasts date[], kinds text[], files text
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    changed bigint;
    added bigint;
BEGIN
    UPDATE accounts_participant AS held SET name = given.name, effective_to = given.effective_to, kind = given.kind
    FROM unnest(fuels, roles, codes, names, firsts, lasts, kinds)
        AS given (fuel, role, code, name, effective_from, effective_to, kind)
    WHERE (held.fuel, held.role, held.code, held.effective_from)
        = (given.fuel, given.role, given.code, given.effective_from);
    GET DIAGNOSTICS changed = ROW_COUNT;
    INSERT INTO accounts_participant (fuel, role, code, name, effective_from, effective_to, kind)
    SELECT * FROM unnest(fuels, roles, codes, names, firsts, lasts, kinds)
    ON CONFLICT (fuel, role, code, effective_from) DO NOTHING;
    GET DIAGNOSTICS added = ROW_COUNT;
    PERFORM note_right(
        'participants_loaded', NULL, jsonb_build_object('added', added, 'changed', changed),
        jsonb_build_object('files', files)
    );
END
$$;

-- A code is bound to one organisation at a time, whoever writes: the rows of the code are held, so that if two people
-- bind it at the same time, the second sees what the first has written.
CREATE OR REPLACE FUNCTION refuse_overlapping_binding() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
    PERFORM FROM accounts_participant AS p
    WHERE (p.fuel, p.role, p.code) = (NEW.fuel, NEW.role, NEW.code) ORDER BY p.id FOR NO KEY UPDATE;
    IF EXISTS (
        SELECT FROM accounts_binding AS b
        WHERE (b.fuel, b.role, b.code) = (NEW.fuel, NEW.role, NEW.code) AND b.id <> NEW.id
            AND b.valid_from <= coalesce(NEW.valid_to, 'infinity')
            AND NEW.valid_from <= coalesce(b.valid_to, 'infinity')
    ) THEN
        RAISE EXCEPTION 'The code is bound already on one of these dates' USING ERRCODE = 'exclusion_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER no_overlap BEFORE INSERT OR UPDATE ON accounts_binding
    FOR EACH ROW EXECUTE FUNCTION refuse_overlapping_binding();
