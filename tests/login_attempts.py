"""What the login tries, in the words of the table in `docs/operations.md`: what is refused, and what is not."""

from collections.abc import Callable

from psycopg import errors

from tests.login import Attempt, Login, all_of, any_of

HISTORY = [f"inventory_{name}" for name in ("deviceevent", "providerperiod", "supplyperiod")]
HISTORY += [f"accounts_{name}event" for name in ("membership", "organisation", "binding", "participant")]
TRAIL = [f"accounts_audit{name}" for name in ("row", "value", "seal", "head", "root", "cut", "tally")]
CHANGES = ("UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {}")
RIGHTS = (
    "UPDATE accounts_membership SET job = 'administrator'",
    "UPDATE accounts_membership SET organisation_id = organisation_id",
    "UPDATE accounts_membership SET ended_at = NULL",
    "UPDATE accounts_membership SET suspended_at = NULL",
    "INSERT INTO accounts_membership (user_id, organisation_id, job, began_at, confirmed_at)"
    " SELECT user_id, organisation_id, 'administrator', now(), now() FROM accounts_membership",
    "UPDATE accounts_organisation SET role = 'dcc'",
    "UPDATE accounts_organisation SET is_active = true",
    "INSERT INTO accounts_organisation (name, role, is_active) VALUES ('Z', 'dcc', true)",
    "UPDATE accounts_binding SET valid_to = NULL",
    "UPDATE accounts_binding SET code = 'ZODI'",
    "INSERT INTO accounts_binding (fuel, role, code, organisation_id, valid_from)"
    " SELECT fuel, role, code, organisation_id, '2000-01-01' FROM accounts_binding",
    "UPDATE accounts_participant SET code = 'ZODI'",
    "UPDATE accounts_participant SET effective_to = NULL",
    "INSERT INTO accounts_participant (fuel, role, code, name, effective_from, kind)"
    " VALUES ('E', 'map', 'ZZZZ', 'Z', '2000-01-01', 'live')",
    "UPDATE accounts_user SET is_active = true",
)

PROPOSAL = (
    "INSERT INTO accounts_proposal"
    " (act, organisation_id, details, email, name, reason, secret, decision, proposed_by_id, proposed_at, expires_at)"
    " SELECT 'deactivate', organisation_id, '{{}}', '', '', '', '', '', user_id, {proposed}, {expires}"
    " FROM accounts_membership"
)
INVITATION = (
    "INSERT INTO accounts_invitation (organisation_id, email, name, job, secret_hash, created_at, sent_at, expires_at)"
    " SELECT id, 'z@z.example', 'Z', 'viewer', 'z' || id, now(), now(), 'infinity' FROM accounts_organisation"
)
TOKEN = (
    "INSERT INTO accounts_servicetoken"
    " (organisation_id, name, job, networks, created_by_id, prefix, secret_hash, created_at, expires_at)"
    " SELECT organisation_id, 'z', 'viewer', '{}', user_id, 'z', 'z', now(), 'infinity' FROM accounts_membership"
)
SESSION = (
    "INSERT INTO accounts_session (session_key, session_data, expire_date, user_agent) VALUES ('z', '', 'infinity', '')"
)
READING = "INSERT INTO inventory_devicereading (day, subject_id, how) SELECT {}, {} FROM accounts_organisation"
JOB = "INSERT INTO procrastinate_jobs (queue_name, task_name, {}) VALUES ('default', 'x', {})"
UNREADABLE = (
    "UPDATE accounts_user SET last_login = 'infinity'",
    "UPDATE accounts_membership SET confirmed_at = '-infinity'",
    "UPDATE accounts_membership SET warned_at = '10000-01-01'",
    PROPOSAL.format(proposed="now()", expires="'infinity'"),
    PROPOSAL.format(proposed="'0001-01-01 BC'", expires="now()"),
    *(INVITATION, TOKEN, SESSION),
    *(f"UPDATE inventory_device SET {day} = 'infinity'" for day in ("status_from", "installed_on", "commissioned_on")),
    "UPDATE inventory_device SET decommissioned_on = '0001-01-01 BC'",
    READING.format("'infinity'", "id, 'page'"),
    READING.format("current_date", "id, 'z'"),
    "SELECT bind_code(id, 'E', 'ZZZZ', 'infinity', NULL, NULL) FROM accounts_organisation WHERE role = 'map' LIMIT 1",
    "SELECT write_participants('{E}', '{map}', '{ZZZZ}', '{Z}', '{-infinity}', '{NULL}', '{live}', '')::text",
)
UNREADABLE_JOBS = (
    *(JOB.format("args", f"'{args}'") for args in ("[]", "5", "null")),
    *(
        JOB.format("scheduled_at", f"'{moment}'")
        for moment in ("-infinity", "infinity", "0001-01-01 BC", "10000-01-01")
    ),
    JOB.format("attempts", "2147483647"),
    "INSERT INTO procrastinate_events (job_id, type, at) SELECT id, 'failed', 'infinity' FROM procrastinate_jobs",
)


def queues_unreadable_job(login: Login) -> bool:
    """Or gives one an event that no page could show."""
    login.one(JOB.format("args", "'{}'"))
    return any_of(*UNREADABLE_JOBS)(login)


def skips_history(login: Login) -> bool:
    """By the setting that pgtrigger would read, for each of its triggers."""
    names = login.one("SELECT array_agg(tgname::text)::text FROM pg_trigger WHERE tgname LIKE 'pgtrigger%%'")
    login.say("pgtrigger.ignore", names)
    before = login.count("inventory_deviceevent")
    login.one("UPDATE inventory_device SET msn = 'Z1'")
    return login.count("inventory_deviceevent") == before


def records_earlier(login: Login) -> bool:
    """A device that is not made up, with a MAP ID recorded long ago."""
    return login.one(
        "INSERT INTO inventory_device (device_id, device_type, smets_generation, smets_version, manufacturer, model,"
        " firmware, esme_variant, status, status_from, mpxn, unusual_status_move, hub_device_id, supplier_id,"
        " supplier_from, msn, asset_provider_id, map_from, map_recorded_at, map_recorded_for, version)"
        " SELECT '00-DB-12-AA-AA-AA-AA-AA', 'ESME', 2, '', '1070', '', '', '', 'Pending', '2025-01-01', '', false, '',"
        " supplier_id, '2025-01-01', '', asset_provider_id, '2020-01-01', '2020-01-01', '', 1 FROM inventory_device"
    )


def writes_step_for_another(role: str) -> Callable[[Login], bool]:
    """A step about a participant who cannot be it."""

    def make(login: Login) -> bool:
        other = login.one("SELECT min(id) FROM accounts_participant WHERE role = %s AND fuel = 'G'", role)
        return login.write_step(participants=[other])

    return make


def writes_step_of_others(login: Login) -> bool:
    """In the name of somebody who is not a member of the acting organisation."""
    login.say("pghistory.context_metadata", f'{{"person": {login.member}}}')
    return login.write_step()


def writes_step_in_batch_of_others(login: Login) -> bool:
    login.say("pghistory.context_metadata", '{"batch": "7f3ac53e-97a4-4a9c-8d29-000000000001"}')
    login.write_step()
    dcc = login.one("SELECT id FROM accounts_organisation WHERE role = 'dcc'")
    login.say("portal.operator", "")
    login.say("portal.organisation", str(dcc))
    return login.write_step(days=["2025-07-01"])


def reads_when_it_says_nothing(login: Login) -> bool:
    login.say("portal.operator", "")
    return any(login.count(table) for table in ("inventory_device", *HISTORY[:-1], *TRAIL))


def probes_hidden_rows(login: Login) -> bool:
    """A condition that fails on each row, were it asked before the policy."""
    login.say("portal.operator", "")
    try:
        with login.connection.transaction():
            login.one("SELECT count(*) FROM inventory_device WHERE 1 / (length(msn) - length(msn)) = 1")
    except errors.DivisionByZero:
        return True
    return False


def switches_policies_off(login: Login) -> bool:
    login.say("portal.operator", "")
    login.one("SET LOCAL row_security = off")
    return login.count("inventory_device") > 0


def lifts_guard_of_parties(login: Login) -> bool:
    login.say("portal.within", "x")
    return login.one("UPDATE inventory_device SET asset_provider_id = NULL, map_from = NULL")


def passes_policies_within(login: Login) -> bool:
    login.say("portal.operator", "")
    login.say("portal.within", "x")
    return any(login.count(table) for table in ("inventory_device", *HISTORY[:-1], *TRAIL)) or login.one(
        "UPDATE inventory_device SET msn = 'Z1'"
    )


CANNOT = [
    Attempt("Write without history, whatever it sets (`pgtrigger.ignore`)", skips_history),
    Attempt("Add, change or remove rows of history, or steps", any_of(
        *(f"INSERT INTO {table} DEFAULT VALUES" for table in HISTORY),
        *(change.format(table) for table in HISTORY for change in CHANGES),
    )),
    Attempt("Add, change or remove rows of the audit trail, their values, seals, ends, roots or cuts", any_of(
        "UPDATE accounts_auditrow SET kind = kind", "UPDATE accounts_auditvalue SET value = value",
        "UPDATE accounts_audittally SET sealed = 0",
        *(f"INSERT INTO {table} DEFAULT VALUES" for table in TRAIL),
        *(change.format(table) for table in TRAIL for change in CHANGES[1:]),
    )),
    Attempt("Choose the number of an audit row, or hold up the sealing", any_of(
        "SELECT nextval('accounts_auditrow_id_seq')", "SELECT setval('accounts_auditrow_id_seq', 1000000)",
        "SELECT sealed FROM accounts_audittally FOR UPDATE", "LOCK TABLE accounts_audittally IN SHARE MODE",
    )),
    Attempt("Switch off the emails of an organisation's daily roots by plain SQL",
            any_of("UPDATE accounts_organisation SET receives_roots = false")),
    Attempt("Change access levels, memberships, organisations, bindings, participants or `is_active` by plain SQL",
            any_of(*RIGHTS)),
    Attempt("Change the MAP ID or supplier of a device other than by a step, whatever it sets (`portal.within`)",
            lifts_guard_of_parties),
    Attempt("Read or change rows by the setting `portal.within`, as functions of the owner do", passes_policies_within),
    Attempt("Record a MAP ID at an earlier moment", records_earlier),
    Attempt("Write a step with a participant of another role", writes_step_for_another("supplier")),
    Attempt("Write a step with a MAP of another fuel", writes_step_for_another("map")),
    Attempt("Write a step before 1900 or after 2199", any_of(*(
        f"SELECT write_steps('provider', array_agg(id), ARRAY_AGG(date '{day}'), array_agg(asset_provider_id),"
        " array_agg('change'::text))::text FROM inventory_device"
        for day in ("1899-12-31", "2200-01-01", "infinity")
    ))),
    Attempt("Write a first step or a change that names no MAP", lambda login: login.write_step(participants=[None])),
    Attempt("Write two steps of one device and date at once", lambda login: login.write_step(
        devices=[login.device.pk] * 2, days=["2025-06-01"] * 2, participants=[login.device.asset_provider_id] * 2,
        kinds=["change"] * 2)),
    Attempt("Write steps whose lists do not match", lambda login: login.write_step(participants=[])),
    Attempt("Write a step of a kind that does not exist", lambda login: login.write_step(kinds=["sale"])),
    Attempt("Write a step of a device that does not exist", lambda login: login.write_step(devices=[-1])),
    Attempt("Write a step in the name of somebody outside the organisation", writes_step_of_others),
    Attempt("Write a step into the batch of another organisation", writes_step_in_batch_of_others),
    Attempt("Read devices, history or the audit trail without naming an organisation", reads_when_it_says_nothing),
    Attempt("Learn of hidden rows by a condition that fails on them", probes_hidden_rows),
    Attempt("Pass the policies with `row_security = off`", switches_policies_off),
    Attempt("Delete devices, people, organisations, memberships, codes or tokens", any_of(*(
        f"DELETE FROM {table}" for table in (
            "inventory_device", "accounts_user", "accounts_organisation", "accounts_membership", "accounts_binding",
            "accounts_participant", "accounts_servicetoken"))),
    ),
    Attempt("Add a moment, a date or a kind of reading that no page could show", any_of(*UNREADABLE)),
    Attempt("Queue a job that ends each worker that fetches it", queues_unreadable_job),
    Attempt("Create anything, temporary or not: tables, views, functions, triggers, rules, schemas, extensions", any_of(
        "CREATE TABLE made (a int)", "CREATE TABLE public.made (a int)", "CREATE TEMPORARY TABLE made (a int)",
        "CREATE TEMPORARY VIEW made AS SELECT 1", "CREATE TEMPORARY SEQUENCE made", "SELECT 1 AS a INTO TEMPORARY made",
        "CREATE FUNCTION public.made() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE FUNCTION pg_temp.made() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE OPERATOR public.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq)",
        "CREATE TRIGGER made BEFORE INSERT ON inventory_device EXECUTE FUNCTION refuse_change()",
        "CREATE RULE made AS ON INSERT TO inventory_device DO ALSO NOTHING",
        "CREATE POLICY made ON inventory_device USING (true)", "CREATE INDEX ON inventory_device (msn)",
        "CREATE SCHEMA made", "CREATE EXTENSION dblink", "CREATE LANGUAGE made HANDLER plpgsql_call_handler",
        "CREATE EVENT TRIGGER made ON ddl_command_end EXECUTE FUNCTION refuse_change()",
        "CREATE PUBLICATION made FOR TABLE inventory_device", "CREATE ROLE made", "CREATE FOREIGN DATA WRAPPER made",
    )),
    Attempt("Alter anything: tables, triggers, policies, functions, rights, sequences", any_of(
        "ALTER TABLE inventory_device DISABLE TRIGGER ALL", "ALTER TABLE inventory_device DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE inventory_device NO FORCE ROW LEVEL SECURITY", "ALTER TABLE accounts_auditrow ADD a int",
        "DROP TABLE inventory_device", "DROP POLICY read ON inventory_device", "DROP FUNCTION acting_operator()",
        "ALTER FUNCTION write_steps(text, bigint[], date[], bigint[], text[]) SECURITY INVOKER",
        "ALTER POLICY read ON inventory_device USING (true)", "COMMENT ON TABLE inventory_device IS 'x'",
        "ALTER DATABASE smi SET work_mem = '1GB'",
        "SELECT setval('inventory_deviceevent_pgh_id_seq', 1)", "SECURITY LABEL ON TABLE inventory_device IS 'x'",
        "LOCK TABLE accounts_auditrow IN ACCESS EXCLUSIVE MODE", "LOCK TABLE accounts_membership IN EXCLUSIVE MODE",
    )),
    Attempt("Become another role", any_of(
        "SET ROLE smi_owner", "SET ROLE postgres", "SET SESSION AUTHORIZATION smi_owner", "ALTER ROLE smi SUPERUSER",
        "ALTER ROLE smi BYPASSRLS", "GRANT smi_owner TO smi", "SET session_replication_role = replica",
    )),
    Attempt("Read or write files of the server, or run a program", any_of(
        "COPY (SELECT 1) TO PROGRAM 'id'", "COPY (SELECT 1) TO '/tmp/x'", "COPY accounts_user FROM '/etc/passwd'",
        "SELECT pg_read_file('/etc/passwd')", "SELECT pg_read_binary_file('/etc/passwd')", "SELECT pg_ls_dir('/')",
        "SELECT lo_import('/etc/passwd')", "SELECT lo_export(1, '/tmp/x')", "SELECT pg_stat_file('/etc/passwd')",
        "LOAD 'auto_explain'", "SELECT pg_reload_conf()", "SET log_statement = 'none'",
        "CHECKPOINT", "SELECT pg_switch_wal()",
    )),
    Attempt("Do more in a `DO` block than elsewhere", any_of(
        "DO $$ BEGIN DELETE FROM accounts_membership; END $$",
        "DO $$ BEGIN EXECUTE 'CREATE TEMPORARY TABLE made (a int)'; END $$",
    )),
]  # fmt: skip


def calls_function_of_rights(login: Login) -> bool:
    """It leaves history and a row in the audit trail."""
    before = login.count("accounts_membershipevent"), login.count("accounts_auditrow")
    login.one("SELECT change_job(%s, 'administrator')", login.member)
    after = login.count("accounts_membershipevent"), login.count("accounts_auditrow")
    return [late - early for early, late in zip(before, after, strict=True)] == [1, 1]


def names_anybody(login: Login) -> bool:
    login.say("pghistory.context_metadata", '{"person": 4711, "reason": "none"}')
    login.one("UPDATE inventory_device SET msn = 'Z1'")
    words = "SELECT pgh_context ->> 'person' FROM inventory_deviceevent ORDER BY pgh_id DESC LIMIT 1"
    return login.one(words) == "4711"


def acts_for_any_organisation(login: Login) -> bool:
    login.say("portal.operator", "")
    login.say("portal.organisation", str(login.one("SELECT id FROM accounts_organisation WHERE role = 'dcc'")))
    return login.count("inventory_device") > 0


def reads_people(login: Login) -> bool:
    login.say("portal.operator", "")
    login.one("SELECT count(*) FROM mfa_authenticator")
    login.one("SELECT count(*) FROM accounts_session")
    login.one("SELECT count(*) FROM account_emailaddress")
    return login.count("accounts_user") > 0 and login.count("accounts_membership") > 0


CAN = [
    Attempt("Act for any organisation or as the operator, by a setting", acts_for_any_organisation),
    Attempt("Name any person, batch and reason in history and the audit trail", names_anybody),
    Attempt("Read people, addresses, password hashes, sessions, second factors, memberships and codes", reads_people),
    Attempt("Change email addresses and passwords, add and remove second factors", all_of(
        "UPDATE accounts_user SET password = 'x'", "UPDATE accounts_user SET email = 'z' || email",
        "INSERT INTO mfa_authenticator (type, data, created_at, user_id)"
        " SELECT 'totp', '{}', now(), min(id) FROM accounts_user",
        "DELETE FROM mfa_authenticator",
    )),
    Attempt("Change rights by the functions in `accounts/sql/rights.sql`, which leaves history and an audit row",
            calls_function_of_rights),
    Attempt("Change devices as the operator, and steps by `write_steps`, which leaves history",
            lambda login: login.write_step() and login.one("UPDATE inventory_device SET status = 'Suspended'")),
    Attempt("Add and remove jobs of the worker, which runs as the login", all_of(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, args) VALUES ('default', 'x', '{}')")),
    Attempt("Add sessions, tokens, invitations, proposals and providers by plain SQL, without an audit row", all_of(
        SESSION.replace("'infinity'", "now()"), TOKEN.replace("'infinity'", "now() + interval '1 day'"),
        INVITATION.replace("'infinity'", "now()"), PROPOSAL.format(proposed="now()", expires="now()"),
        "INSERT INTO socialaccount_socialapp (provider, name, client_id, secret, key, provider_id, settings)"
        " VALUES ('openid_connect', 'z', 'z', '', '', 'z', '{}')",
        "INSERT INTO accounts_singlesignon (app_id, organisation_id, is_active, named_at)"
        " SELECT a.id, o.id, false, now() FROM socialaccount_socialapp AS a, accounts_organisation AS o LIMIT 1")),
    Attempt("Send notifications, make large objects and skip numbers of sequences", all_of(
        "SELECT lo_create(0)::bigint", "SELECT nextval('accounts_user_id_seq')", "NOTIFY made, 'x'")),
    Attempt("Add an audit row about anything by the function `note_acts`, dated now", all_of(
        "SELECT note_acts('search', 4711, NULL, 'page', '', '{\"\"}', '{NULL}', ARRAY['{}']::jsonb[], '{}')")),
    Attempt("Hold up others: by advisory locks, those of each date included, and by locks on tables",
            all_of("SELECT 1 FROM pg_advisory_xact_lock(hashtext('adopt_today'))",
                   "LOCK TABLE inventory_device IN ACCESS EXCLUSIVE MODE")),
]  # fmt: skip
