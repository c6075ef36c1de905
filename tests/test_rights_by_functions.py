"""What gives rights is written by functions of the owner, each with history and a row in the audit trail."""

import pytest
from psycopg import errors

from tests.login import Login
from tests.login_attempts import HISTORY

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])
RIGHTS_WRITTEN = {
    "member_added": "SELECT add_membership({user}, {other}, 'administrator')",
    "job_changed": "SELECT change_job({member}, 'administrator')",
    "membership_ended": "SELECT end_membership({member})",
    "membership_suspended": "SELECT suspend_memberships(ARRAY[{member}]::bigint[])",
    "membership_reinstated": "SELECT suspend_memberships(ARRAY[{member}]::bigint[]), reinstate_membership({member})",
    "organisation_added": "SELECT add_organisation('Zeal', 'dcc')",
    "organisation_deactivated": "SELECT set_organisation_active({other}, false)",
    "organisation_reactivated": (
        "SELECT set_organisation_active({other}, false), set_organisation_active({other}, true)"
    ),
    "code_bound": "SELECT bind_code({other}, 'E', 'ZNEW', '2026-01-01', NULL, NULL)",
    "code_unbound": "SELECT unbind_code((SELECT min(id) FROM accounts_binding), '2026-01-01')",
    "participants_loaded": (
        "SELECT write_participants("
        "'{{E}}', '{{map}}', '{{ZNEW}}', '{{Znew}}', '{{2020-01-01}}', '{{NULL}}', '{{live}}', 'list.csv')"
    ),
}


def history_of_rights(login: Login) -> int:
    return sum(login.count(table) for table in HISTORY if table.startswith("accounts_"))


@pytest.mark.parametrize("kind", RIGHTS_WRITTEN)
def test_each_function_of_rights_leaves_history_and_an_audit_row(psql, rival, kind):
    user = psql.one("SELECT user_id FROM accounts_membership WHERE id = %s", psql.member)
    before = history_of_rights(psql)

    psql.one(RIGHTS_WRITTEN[kind].format(user=user, member=psql.member, other=rival.pk))

    assert history_of_rights(psql) > before
    assert psql.one("SELECT count(*) FROM accounts_auditrow WHERE kind = %s", kind) == 1


@pytest.mark.parametrize("kind", RIGHTS_WRITTEN)
def test_who_acts_for_nobody_or_another_organisation_changes_no_rights(psql, rival, rival_provider, kind):
    user = psql.one("SELECT user_id FROM accounts_membership WHERE id = %s", psql.member)
    psql.say("portal.operator", "")

    for acting in ("", str(rival_provider.pk)):
        psql.say("portal.organisation", acting)
        with pytest.raises(errors.InsufficientPrivilege), psql.connection.transaction():
            psql.one(RIGHTS_WRITTEN[kind].format(user=user, member=psql.member, other=rival.pk))


def test_name_and_address_of_a_new_member_are_kept_beside_the_row(psql, rival):
    user = psql.one("SELECT user_id FROM accounts_membership WHERE id = %s", psql.member)
    psql.one(RIGHTS_WRITTEN["member_added"].format(user=user, other=rival.pk))

    hashed = """
        SELECT bool_and(encode(sha256(v.salt || convert_to(v.value, 'UTF8')), 'hex') = r.hashes ->> v.name)
            AND array_agg(v.name ORDER BY v.name)::text[] = '{email,name}'
        FROM accounts_auditvalue AS v JOIN accounts_auditrow AS r ON r.id = v.row_id
    """
    assert psql.one(hashed) is True


def test_supplier_records_under_its_own_code_whatever_it_says(psql, supplier):
    psql.say("portal.operator", "")
    psql.say("portal.organisation", str(supplier.pk))
    psql.say("pghistory.context_metadata", '{"code": "ZODI"}')

    psql.write_step()

    known = "SELECT recorded_for FROM inventory_providerperiod WHERE device_id = %s AND valid_from = '2025-06-01'"
    assert psql.one(known, psql.device.pk) == "ZEPH"
