-- How each item of a device can change: its parties by steps, and the items that suppliers notify by loads.

-- Only steps write the parties of a device: the owner's functions, and not the portal's login.
CREATE OR REPLACE FUNCTION refuse_party() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
    IF current_user = (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = TG_RELID) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'Record a step by write_steps: the parties of a device follow its steps'
        USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER parties_by_steps BEFORE UPDATE ON inventory_device FOR EACH ROW
    WHEN (
        (
            OLD.supplier_id, OLD.supplier_from, OLD.previous_supplier_id, OLD.previous_supplier_to,
            OLD.asset_provider_id, OLD.map_from, OLD.map_recorded_at, OLD.map_recorded_for
        ) IS DISTINCT FROM (
            NEW.supplier_id, NEW.supplier_from, NEW.previous_supplier_id, NEW.previous_supplier_to,
            NEW.asset_provider_id, NEW.map_from, NEW.map_recorded_at, NEW.map_recorded_for
        )
    )
    EXECUTE FUNCTION refuse_party();

-- Items that suppliers notify by service request change only by a load, which is the operator's work.
CREATE OR REPLACE FUNCTION refuse_unless_operator() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
    IF acting_operator() THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'Only a load changes this item of a device' USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER items_of_loads BEFORE UPDATE ON inventory_device FOR EACH ROW
    WHEN (
        (
            OLD.id, OLD.device_id, OLD.device_type, OLD.smets_generation, OLD.smets_version, OLD.manufacturer,
            OLD.model, OLD.firmware, OLD.esme_variant, OLD.status, OLD.status_from, OLD.unusual_status_move, OLD.mpxn,
            OLD.installed_on, OLD.commissioned_on, OLD.decommissioned_on, OLD.hub_device_id
        ) IS DISTINCT FROM (
            NEW.id, NEW.device_id, NEW.device_type, NEW.smets_generation, NEW.smets_version, NEW.manufacturer,
            NEW.model, NEW.firmware, NEW.esme_variant, NEW.status, NEW.status_from, NEW.unusual_status_move, NEW.mpxn,
            NEW.installed_on, NEW.commissioned_on, NEW.decommissioned_on, NEW.hub_device_id
        )
    )
    EXECUTE FUNCTION refuse_unless_operator();
