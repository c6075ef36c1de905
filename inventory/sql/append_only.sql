-- Rows of history and steps are only added: no one can change or remove them, except to set the end of `known`.

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON inventory_deviceevent
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON inventory_deviceevent
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER append_only BEFORE DELETE ON inventory_providerperiod
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON inventory_providerperiod
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_but_known BEFORE UPDATE ON inventory_providerperiod FOR EACH ROW
    WHEN (
        (OLD.id, OLD.device_id, OLD.valid_from, OLD.participant_id, OLD.ahead, OLD.kind, OLD.via, OLD.recorded_by_id)
        IS DISTINCT FROM
        (NEW.id, NEW.device_id, NEW.valid_from, NEW.participant_id, NEW.ahead, NEW.kind, NEW.via, NEW.recorded_by_id)
        OR (OLD.organisation_id, OLD.recorded_for, OLD.source, OLD.reason, OLD.batch)
            IS DISTINCT FROM (NEW.organisation_id, NEW.recorded_for, NEW.source, NEW.reason, NEW.batch)
        OR NOT upper_inf(OLD.known) OR lower(OLD.known) <> lower(NEW.known)
    )
    EXECUTE FUNCTION refuse_change();

CREATE TRIGGER append_only BEFORE DELETE ON inventory_supplyperiod
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON inventory_supplyperiod
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_but_known BEFORE UPDATE ON inventory_supplyperiod FOR EACH ROW
    WHEN (
        (OLD.id, OLD.device_id, OLD.valid_from, OLD.participant_id, OLD.ahead, OLD.kind, OLD.via, OLD.recorded_by_id)
        IS DISTINCT FROM
        (NEW.id, NEW.device_id, NEW.valid_from, NEW.participant_id, NEW.ahead, NEW.kind, NEW.via, NEW.recorded_by_id)
        OR (OLD.organisation_id, OLD.recorded_for, OLD.source, OLD.reason, OLD.batch)
            IS DISTINCT FROM (NEW.organisation_id, NEW.recorded_for, NEW.source, NEW.reason, NEW.batch)
        OR NOT upper_inf(OLD.known) OR lower(OLD.known) <> lower(NEW.known)
    )
    EXECUTE FUNCTION refuse_change();
