"""The worker and the keeper as real processes: what they do, and how they end."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from procrastinate.contrib.django.models import ProcrastinateJob

from accounts.models.audit import AuditRoot, AuditSeal
from tests.accounts.audit_help import verified, write_rows
from tests.server import database_url, running

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


def environment(**given: str) -> dict[str, str]:
    databases = {"DATABASE_URL": database_url(), "DATABASE_OWNER_URL": database_url("owner")}
    site = {"SECRET_KEY": settings.SECRET_KEY, "PORTAL_URL": "http://127.0.0.1"}
    return os.environ | databases | site | given


def run(*command: str) -> None:
    whole = [sys.executable, "manage.py", *command]
    subprocess.run(whole, cwd=settings.BASE_DIR, env=environment(), check=True, capture_output=True, timeout=60)


def test_keeper_seals_takes_roots_and_lets_rows_expire(operator, supplier):
    rows = write_rows(5, supplier)

    run("keeper", "--once")

    assert AuditSeal.objects.filter(row_id__in=rows).count() == 5
    assert AuditRoot.objects.exists()
    assert "The audit trail is intact." in verified()


def test_keeper_needs_the_owners_login_alone(operator, supplier):
    """What it does in the portal's name is done as the owner too."""
    rows = write_rows(1, supplier)
    as_owner = {"DATABASE_URL": database_url("owner"), "DATABASE_OWNER_URL": database_url("owner")}
    command = [sys.executable, "manage.py", "keeper", "--once"]

    subprocess.run(command, cwd=settings.BASE_DIR, env=environment(**as_owner), check=True, timeout=60)

    assert AuditSeal.objects.filter(row_id__in=rows).exists()


def test_keeper_does_no_job_that_the_login_has_written(operator):
    with connection.cursor() as cursor:
        for task in ("send_email", "accounts.tasks.forget_expired", "seal_audit"):
            cursor.execute(
                "INSERT INTO procrastinate_jobs (queue_name, task_name, args) VALUES ('keeper', %s, %s)",
                [task, '{"kind": "factors_reset", "ids": {"to": 1}}'],
            )

    run("keeper", "--once")

    assert ProcrastinateJob.objects.filter(status="todo").count() == 3


def test_keeper_ends_when_it_is_told_to():
    process = subprocess.Popen([sys.executable, "manage.py", "keeper"], cwd=settings.BASE_DIR, env=environment())
    try:
        wait_until(lambda: AuditRoot.objects.exists() or process.poll() is not None, seconds=5, must=False)
        process.terminate()
        assert process.wait(timeout=20) in (0, -signal.SIGTERM)
    finally:
        process.kill()


def children_of(process: int) -> list[int]:
    """Of all its threads."""
    return [
        int(child) for path in Path(f"/proc/{process}/task").glob("*/children") for child in path.read_text().split()
    ]


def command_of(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_text().replace("\0", " ")
    except FileNotFoundError:
        return ""


def wait_until(happened: Callable[[], bool], seconds: float = 30, *, must: bool = True) -> None:
    deadline = time.monotonic() + seconds
    while not happened() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert happened() or not must, "it did not happen in time"


def beside(server: int) -> list[int]:
    return [p for p in children_of(server) if command_of(p).endswith(("procrastinate worker ", "keeper "))]


def test_worker_and_keeper_beside_the_server_end_with_it():
    with running(WORKER="1") as server:
        wait_until(lambda: len(beside(server.pid)) == 2)
        found = beside(server.pid)

    assert [command_of(process) for process in found] == ["", ""]


def test_killed_worker_and_keeper_are_started_again():
    with running(WORKER="1") as server:
        wait_until(lambda: len(beside(server.pid)) == 2)
        first = beside(server.pid)
        for process in first:
            os.kill(process, signal.SIGKILL)

        wait_until(lambda: len(beside(server.pid)) == 2 and not {*first} & {*beside(server.pid)})
        found = beside(server.pid)

    assert [command_of(process) for process in found] == ["", ""]


def test_nothing_stays_when_the_server_is_killed():
    with running(WORKER="1") as server:
        wait_until(lambda: len(beside(server.pid)) == 2)
        found = children_of(server.pid)
        os.kill(server.pid, signal.SIGKILL)

        wait_until(lambda: not any("manage.py" in command_of(p) or "gunicorn" in command_of(p) for p in found))


def test_server_runs_neither_unasked():
    with running() as server:
        assert not beside(server.pid)
