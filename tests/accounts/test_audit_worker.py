"""The work by the clock, done by a real worker in a process of its own."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings

from accounts import tasks
from accounts.models.audit import AuditSeal
from tests.accounts.audit_help import verified, write_rows
from tests.server import database_url, running

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


def environment(**given: str) -> dict[str, str]:
    databases = {"DATABASE_URL": database_url(), "DATABASE_OWNER_URL": database_url("owner")}
    site = {"SECRET_KEY": settings.SECRET_KEY, "PORTAL_URL": "http://127.0.0.1"}
    return os.environ | databases | site | given


def work_once() -> None:
    command = [sys.executable, "manage.py", "procrastinate", "worker", "--one-shot"]
    subprocess.run(command, cwd=settings.BASE_DIR, env=environment(), check=True, capture_output=True, timeout=60)


def test_worker_seals_takes_roots_and_lets_rows_expire(operator, supplier):
    rows = write_rows(5, supplier)
    for task in (tasks.seal_audit, tasks.take_audit_roots, tasks.expire_audit):
        task.defer(timestamp=0)

    work_once()

    assert AuditSeal.objects.filter(row_id__in=rows).count() == 5
    assert "The audit trail is whole." in verified()


def children_of(process: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def command_of(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_text().replace("\0", " ")
    except FileNotFoundError:
        return ""


def test_worker_beside_the_server_ends_with_it():
    with running(WORKER="1") as server:
        deadline = time.monotonic() + 20
        while not (found := [p for p in children_of(server.pid) if "procrastinate worker" in command_of(p)]):
            assert time.monotonic() < deadline, "no worker came"
            time.sleep(0.1)

    assert "procrastinate" not in command_of(found[0])


def test_server_runs_no_worker_unasked():
    with running() as server:
        assert not [p for p in children_of(server.pid) if "procrastinate" in command_of(p)]
