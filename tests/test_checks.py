"""What the checks say about the database, seen on real roles of the real server."""

from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.db import connections

from smi_portal import checks
from smi_portal.schema.grants import FLEETING


def ids(messages) -> list[str]:
    return [message.id for message in messages]


def test_separate_roles_without_privileges_are_silent(db):
    given = {"databases": ["default", "owner"]}

    assert not checks.login_obeys_row_security(**given)
    assert not checks.login_does_not_own_the_tables(**given)
    assert not checks.server_is_new_enough(**given)


def test_server_older_than_the_oldest_is_warned_of(db, monkeypatch):
    monkeypatch.setattr(checks, "OLDEST_SERVER", 99)

    assert ids(checks.server_is_new_enough(databases=["default"])) == ["smi_portal.W002"]


def test_clocks_that_are_apart_are_warned_of(db, monkeypatch):
    assert checks.clocks_agree(databases=["default"]) == []
    monkeypatch.setattr(checks.timezone, "now", lambda: datetime.now(UTC) + timedelta(seconds=90))

    (warning,) = checks.clocks_agree(databases=["default"])
    assert (warning.id, "90 seconds apart" in warning.msg) == ("smi_portal.W004", True)


def test_one_role_for_both_is_warned_of(db, monkeypatch):
    same = settings.DATABASES["default"]
    monkeypatch.setattr(settings, "DATABASES", {"default": same, "owner": same})

    assert ids(checks.login_does_not_own_the_tables(databases=["default"])) == ["smi_portal.W003"]


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_superuser_is_warned_of():
    """The embedded server's own superuser in place of the login."""
    connection = connections["default"]
    user = connection.settings_dict["USER"]
    connection.close()
    connection.settings_dict["USER"] = "postgres"
    try:
        if settings.DEMO:
            assert ids(checks.login_obeys_row_security(databases=["default"])) == ["smi_portal.W001"]
    finally:
        connection.close()
        connection.settings_dict["USER"] = user


def test_nothing_is_asked_of_a_database_that_is_not_checked():
    assert not checks.login_obeys_row_security(databases=None)
    assert not checks.server_is_new_enough(databases=[])
    assert not checks.login_does_not_own_the_tables(databases=None)


def test_days_that_leave_no_time_for_mails_are_refused(settings):
    assert checks.days_leave_time_for_mails() == []
    settings.DORMANT_DAYS, settings.ACCESS_REVIEW_DAYS = 14, 30

    assert ids(checks.days_leave_time_for_mails()) == ["smi_portal.E001"] * 2


def test_login_deletes_nothing_of_ours(operator, db):
    """Nor may it empty or change a table. What is kept for a short time it deletes."""
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT tablename, has_table_privilege(tablename, 'DELETE'), has_table_privilege(tablename, 'TRUNCATE'),"
            " tableowner = current_user FROM pg_tables WHERE schemaname = 'public'"
        )
        rows = cursor.fetchall()

    ours = [name for name, deletes, _, _ in rows if deletes and name.startswith(("accounts_", "inventory_"))]
    assert set(ours) == FLEETING
    assert not [name for name, _, empties, owns in rows if empties or owns]
