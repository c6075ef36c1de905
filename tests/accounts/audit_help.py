"""What the tests of the audit trail share: rows to write, sealing, and an attacker with the owner's role."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connections, transaction

from accounts.audit import note, sealing
from accounts.audit.kinds import AuditKind
from accounts.models import Organisation
from inventory.models import Device
from inventory.trail.kinds import DeviceAuditKind
from smi_portal.keeper import as_owner
from tests.factories import make_organisation

TABLES = (
    "accounts_auditrow",
    "accounts_auditvalue",
    "accounts_auditseal",
    "accounts_audithead",
    "accounts_auditroot",
    "accounts_auditcut",
    "inventory_devicereading",
)


def linked(device: Device) -> str:
    """A Device ID as the page shows it to those who can see the device."""
    return f'<a class="govuk-link smi-id" href="/devices/{device.device_id}/">{device.device_id}</a>'


def write_rows(
    count: int, organisation: Organisation | None = None, kind: AuditKind = DeviceAuditKind.DEVICE_READ
) -> list[int]:
    """Return the ids of rows about an organisation, created by the operator."""
    organisation = organisation or make_organisation()
    return [note(kind, by=None, organisation=organisation, personal={"mpxn": "9910000001006"}) for _ in range(count)]


@as_owner()
def seal_audit() -> int | None:
    """As the keeper does."""
    return sealing.seal_audit()


@as_owner()
def take_roots() -> int:
    return sealing.take_roots()


def sealed_rows(count: int, organisation: Organisation | None = None) -> list[int]:
    rows = write_rows(count, organisation)
    seal_audit()
    return rows


def tamper(*statements: str) -> None:
    """Do what someone with the owner's role can: switch triggers and policies off, change rows, switch them on."""
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER, NO FORCE ROW LEVEL SECURITY")
        for statement in statements:
            cursor.execute(statement)
            assert cursor.rowcount > 0, statement
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER, FORCE ROW LEVEL SECURITY")


def verified(*arguments: str) -> str:
    """Return what verify_audit prints about an intact trail."""
    out = StringIO()
    call_command("verify_audit", *arguments, stdout=out)
    return out.getvalue()


def found_broken(*arguments: str) -> str:
    with pytest.raises(CommandError) as error:
        call_command("verify_audit", *arguments, stdout=StringIO())
    assert error.value.returncode == 1
    return str(error.value)
