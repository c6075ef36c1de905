"""The databases of the benchmarks, beside the demo's in the embedded PostgreSQL; made again each time."""

import os
import platform
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import psycopg

from smi_portal import embedded

ROOT = Path(__file__).resolve().parent.parent
LOCAL_DIR = ROOT / ".local"
TODAY = date(2026, 11, 23)
PASSWORD = "smart-metering-demo"


def prepare(name: str) -> dict[str, str]:
    """An empty database `name`, migrated; gives the environment that leads there."""
    LOCAL_DIR.mkdir(exist_ok=True)
    connections = embedded.ensure_running(LOCAL_DIR)
    with psycopg.connect(_url(connections.owner, "smi"), autocommit=True) as owner:
        owner.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        owner.execute(f"CREATE DATABASE {name}")
    environment = {
        "DJANGO_SETTINGS_MODULE": "smi_portal.settings",
        "DATABASE_URL": _url(connections.default, name),
        "DATABASE_OWNER_URL": _url(connections.owner, name),
        "SECRET_KEY": "for-benchmarks-only",
        "PORTAL_URL": "http://127.0.0.1:8000",
        "LOG_LEVEL": "ERROR",
        "MFA_REQUIRED": "false",
    }
    manage("migrate", "--verbosity", "0", **environment)
    return environment


def _url(connection: embedded.Connection, name: str) -> str:
    return f"postgresql://{connection.USER}@/{name}?host={connection.HOST}&port={connection.PORT}"


def prepare_filled(name: str, count: int) -> dict[str, str]:
    """The same, filled by a process of its own; gives what leads another process there."""
    environment = prepare(name)
    code = f"import django; django.setup(); from bench import database; database.fill({count})"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=os.environ | environment, check=True)
    return {name: environment[name] for name in ("DATABASE_URL", "DATABASE_OWNER_URL")}


def manage(*arguments: str, **environment: str) -> None:
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    subprocess.run(command, cwd=ROOT, env=os.environ | environment, check=True)


def fill(count: int) -> None:
    """Made-up participants, `count` devices with steps and history, and people to sign in as."""
    from accounts.operator import system_scope
    from inventory.demo.generation import generate_devices

    began = time.monotonic()
    with system_scope("bench"):
        make_cast()
        generate_devices(count=count, seed=1, today=TODAY)
    print(f"{count:,} devices generated in {time.monotonic() - began:.1f} s.", flush=True)
    count_values()


def count_values() -> None:
    """Of all tables, as their owner, who alone may."""
    as_owner("ANALYZE")


def tidy_up() -> None:
    """What earlier benchmarks have left of changed rows."""
    as_owner("VACUUM (ANALYZE)")


def as_owner(statement: str) -> None:
    from django.db import connections

    with connections["owner"].cursor() as cursor:
        cursor.execute(statement)


def make_cast() -> None:
    """8 suppliers and 10 MAPs in each fuel; the DCC, a supplier with two codes, and a MAP without codes yet.

    Each organisation has a viewer and a token.
    """
    from accounts.actions import add_member, add_organisation, bind_code
    from accounts.models import Participant
    from accounts.owner import ask_owner
    from accounts.roles import Job, Role
    from bench.systems import secret_of
    from tests.factories import make_token

    codes = [(Role.SUPPLIER, f"S{i}") for i in range(8)] + [(Role.MAP, f"M{i}") for i in range(10)]
    entries = [
        (fuel, str(role), f"{prefix}{code}", f"Made-up {role.label} {code}", date(2010, 1, 1), None, "live")
        for role, code in codes
        for fuel, prefix in (("E", "ZZ"), ("G", "Z"))
    ]
    ask_owner("write_participants", *map(list, zip(*entries, strict=True)), "made up")
    cast = (("DCC", Role.DCC, "dcc"), ("Bench supplier", Role.SUPPLIER, "supplier"), ("Bench MAP", Role.MAP, "map"))
    for name, role, email in cast:
        member = {"email": f"{email}@demo.example", "name": email, "job": Job.VIEWER, "password": PASSWORD}
        organisation = add_organisation(name=name, role=role)
        add_member(organisation=organisation, **member)
        make_token(organisation, Job.VIEWER if role == Role.MAP else Job.EDITOR, secret=secret_of(name))
        for participant in Participant.objects.filter(code__in=("ZZS0", "ZS0"), role=role):
            bind_code(
                organisation=organisation,
                fuel=participant.fuel,
                code=participant.code,
                valid_from=date(2015, 1, 1),
                by=None,
            )


def versions() -> dict[str, str]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        return {"postgresql": cursor.fetchone()[0], "python": platform.python_version()}
