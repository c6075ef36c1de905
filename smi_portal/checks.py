"""What `check --database default` and `migrate` say about the database and the roles that use it."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connections
from django.utils import timezone

from accounts.name_servers import name_server
from smi_portal.service_desk import EXAMPLE, problems_of_setting

OLDEST_SERVER = 15
FARTHEST_CLOCKS = 5  # seconds


@register(Tags.database)
def login_obeys_row_security(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    if "default" not in (databases or ()):
        return []
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
        (passes,) = cursor.fetchone()
    if not passes:
        return []
    return [
        Warning(
            "The portal's login bypasses row-level security: it is a superuser or has BYPASSRLS.",
            hint="In DATABASE_URL, use a role created with NOSUPERUSER NOBYPASSRLS.",
            id="smi_portal.W001",
        )
    ]


@register(Tags.database)
def server_is_new_enough(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    if "default" not in (databases or ()):
        return []
    version = connections["default"].pg_version // 10_000
    if version >= OLDEST_SERVER:
        return []
    return [
        Warning(
            f"The database server is PostgreSQL {version}; the portal needs {OLDEST_SERVER} or newer.",
            hint="Before version 15, every role can create objects in the schema public.",
            id="smi_portal.W002",
        )
    ]


@register(Tags.database)
def clocks_agree(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """The database's clock decides the date; sessions, links and tokens expire by the clock of the portal's machine."""
    if "default" not in (databases or ()):
        return []
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        apart = abs((cursor.fetchone()[0] - timezone.now()).total_seconds())
    if apart <= FARTHEST_CLOCKS:
        return []
    return [
        Warning(
            f"The clocks of the portal and of the database are {apart:.0f} seconds apart.",
            hint="Set both by the same time server: the database's clock decides the date.",
            id="smi_portal.W004",
        )
    ]


@register(Tags.database)
def login_does_not_own_the_tables(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    login = settings.DATABASES["default"]
    owner = settings.DATABASES.get("owner", login)
    if not databases or login["USER"] != owner["USER"]:
        return []
    return [
        Warning(
            "The portal's login owns its tables: it could switch off their triggers and policies.",
            hint="Set DATABASE_OWNER_URL to a separate role, which runs the migrations.",
            id="smi_portal.W003",
        )
    ]


@register()
def days_leave_time_for_mails(**_: Any) -> list[CheckMessage]:
    """Nobody is suspended, or overdue, on the day of their email."""
    told = {"DORMANT_DAYS": settings.DORMANT_TOLD_DAYS, "ACCESS_REVIEW_DAYS": settings.ACCESS_REVIEW_TOLD_DAYS}
    return [
        Error(f"{name} must be more than {days}: people get an email {days} days ahead.", id="smi_portal.E001")
        for name, days in told.items()
        if getattr(settings, name) <= days
    ]


@register(deploy=True)
def service_desk_is_named(**_: Any) -> list[CheckMessage]:
    """Error pages and the help send people there."""
    return [
        Error(f"SERVICE_DESK: {told}", hint=f"Set it like this: {EXAMPLE}", id="smi_portal.E003")
        for told in problems_of_setting()
    ]


@register()
def name_servers_are_addresses(**_: Any) -> list[CheckMessage]:
    """Said before a look-up fails."""
    return [
        Error(f"DNS_RESOLVERS: {address!r} is not an IP address, with or without a port.", id="smi_portal.E002")
        for address in settings.DNS_RESOLVERS
        if not _is_name_server(address)
    ]


def _is_name_server(address: str) -> bool:
    try:
        return bool(name_server(address))
    except ValueError:
        return False
