"""Whoever forgets to say for whom a transaction acts reads nothing and writes nothing; and no table is left out."""

from collections.abc import Callable

import pytest
from django.apps import apps
from django.db import ProgrammingError, connection, transaction
from django.utils import timezone

from accounts.audit import note
from accounts.models import KeptAnswer
from accounts.models.audit import AuditCut, AuditHead, AuditRoot, AuditSeal, AuditTally
from inventory.models import Device, DeviceReading, ReportRun, StagedDevice, StagedFile, StagedRow
from inventory.trail.kinds import DeviceAuditKind
from tests.factories import make_device, make_invitation, make_membership, make_proposal
from tests.scopes import become_operator

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.usefixtures("operator"),
]

# Read to find out for whom a request acts, before a scope can be entered.
WITHOUT_POLICY = {
    "accounts_binding",
    "accounts_maildomain",
    "accounts_membership",
    "accounts_organisation",
    "accounts_participant",
    "accounts_runningdownload",
    "accounts_servicetoken",
    "accounts_session",
    "accounts_singlesignon",
    "accounts_user",
    "inventory_adoption",
}
PUBLIC = {"accounts_participantevent"}  # of the list of participants, which everyone reads
REFUSED = "row-level security"


@pytest.fixture
def device(supplier, asset_provider) -> Device:
    """Beside it each table has a row."""
    make_invitation(supplier)
    make_proposal(supplier, proposed_by=make_membership(supplier).user)
    note(DeviceAuditKind.DEVICE_READ, by=None, organisation=supplier, personal={"mpxn": "9910000001006"})
    place = {"organisation_id": supplier.pk, "retention": "short", "position": 1, "hash": b"1"}
    today = timezone.localdate()
    AuditTally.objects.using("owner").create(retention="short", sealed=1)
    for model, more in ((AuditSeal, {"row_id": 1}), (AuditHead, {}), (AuditCut, {}), (AuditRoot, {"day": today})):
        model.objects.using("owner").create(**place, **more)
    KeptAnswer.objects.create(organisation=supplier, subject="token:1", key="k", fingerprint="0" * 64)
    DeviceReading.objects.create(day=today, reader_id=asset_provider.pk, subject_id=supplier.pk, how="page")
    ReportRun.objects.create(report="map-portfolio", organisation=asset_provider, as_of=today)
    file = StagedFile.objects.create(organisation=supplier, kept_until=timezone.now())
    StagedRow.objects.create(file=file, line=2, cells=[])
    StagedDevice.objects.create(file=file, line=2)
    return make_device("ZEPH", "ZMAP")


@pytest.fixture
def forget(device) -> Callable[[], None]:
    """From the call on, the connection acts for nobody."""
    return lambda: become_operator("")


def ask(statement: str, *given: object) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        return cursor.fetchall()


def tables() -> list[tuple[str, bool, bool]]:
    return ask(
        "SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class"
        " WHERE relkind IN ('r', 'p') AND relname ~ '^(accounts|inventory)_' ORDER BY relname"
    )


def protected() -> list[str]:
    return [table for table, enabled, forced in tables() if enabled and forced]


def test_every_table_is_under_row_security_or_read_to_find_whom_one_acts_for(db):
    uncovered = {table for table, enabled, forced in tables() if not (enabled and forced)}

    assert uncovered == WITHOUT_POLICY


def test_every_model_has_one_of_those_tables(db):
    ours = {m._meta.db_table for name in ("accounts", "inventory") for m in apps.get_app_config(name).get_models()}

    assert ours <= {table for table, _, _ in tables()}


def test_without_a_scope_nothing_is_read(forget):
    filled = {table for table in protected() if ask(f"SELECT count(*) FROM {table}") != [(0,)]}
    forget()

    found = {table for table in protected() if ask(f"SELECT count(*) FROM {table}") != [(0,)]}

    assert filled == set(protected())
    assert found == PUBLIC


def test_without_a_scope_nothing_is_added(forget):
    """A copy of a row that is there, be its key as it may: the policy is asked before any key."""
    copies = {table: ask(f"SELECT to_jsonb(t)::text FROM {table} AS t LIMIT 1")[0][0] for table in protected()}
    forget()

    for table, copy in copies.items():
        columns = ", ".join(written_columns(table))
        source = f"jsonb_populate_record(NULL::{table}, %s::jsonb)"
        with pytest.raises(ProgrammingError, match=refusal_of(table)), transaction.atomic():
            ask(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {source} RETURNING 1", copy)


def refusal_of(table: str) -> str:
    """To nobody's row; history, steps and the audit trail are added to by functions and triggers of the owner alone."""
    by_owner_alone = table.endswith(("event", "period")) or table.startswith("accounts_audit")
    return f"permission denied for table {table}" if by_owner_alone else f'{REFUSED} policy for table "{table}"'


def test_without_a_scope_nothing_is_changed(forget):
    forget()

    changeable = {table for table in protected() if ask("SELECT has_table_privilege(%s, 'UPDATE')", table) == [(True,)]}

    assert changeable == {
        "accounts_invitation", "accounts_keptanswer", "accounts_proposal", "inventory_device", "inventory_reportrun",
        "inventory_stageddevice", "inventory_stagedfile", "inventory_stagedrow",
    }  # fmt: skip
    with connection.cursor() as cursor:
        for table in changeable:
            column = "line" if table in ("inventory_stageddevice", "inventory_stagedrow") else "id"
            cursor.execute(f"UPDATE {table} SET {column} = {column}")
            assert cursor.rowcount == 0, table


def test_without_a_scope_functions_that_look_further_find_nothing(device, forget):
    forget()

    assert ask("SELECT acting_windows(%s)::text, acting_device(%s)", device.pk, device.device_id) == [("{}", None)]
    assert ask("SELECT * FROM acting_steps_of_others('inventory_providerperiod', %s)", device.pk) == []
    assert ask("SELECT * FROM device_as_of(%s, 'infinity')", timezone.localdate()) == []
    assert ask("SELECT due_steps('inventory_providerperiod')") == [([],)]


def written_columns(table: str) -> list[str]:
    return [
        column
        for (column,) in ask(
            "SELECT attname FROM pg_attribute"
            " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''",
            table,
        )
    ]
