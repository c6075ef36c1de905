-- Rows of history and the audit trail are only added: no one can change or remove them.

CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: its rows are never changed or removed', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;

-- For rows that expire or can be erased: only the owner changes them, and only for a stated reason, as
-- `accounts.audit.keeping` does.
CREATE OR REPLACE FUNCTION refuse_change_but_keeping() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
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

-- History

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON accounts_membershipevent
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON accounts_membershipevent
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON accounts_organisationevent
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON accounts_organisationevent
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON accounts_bindingevent
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON accounts_bindingevent
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON accounts_participantevent
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON accounts_participantevent
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Roots and cuts of the audit trail, which are kept for ever

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON accounts_auditroot
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON accounts_auditroot
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON accounts_auditcut
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON accounts_auditcut
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The rest of the audit trail, which expires or can be erased

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON accounts_auditrow
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_but_keeping();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON accounts_auditrow
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON accounts_auditvalue
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_but_keeping();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON accounts_auditvalue
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON accounts_auditseal
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_but_keeping();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON accounts_auditseal
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON accounts_audithead
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_but_keeping();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON accounts_audithead
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
