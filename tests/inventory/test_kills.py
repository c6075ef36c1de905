"""SIGKILL in the middle of 200 recordings: each is there whole, with history, step and audit row, or not at all."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import psycopg
import pytest

from smi_portal import embedded
from tests.server import ROOT, Server, Visitor, running

WRITES, SAVERS, KILL_AFTER = 200, 4, 60
PREPARE = f"""
import django; django.setup()
from accounts.acting import system_scope
from accounts.roles import Job, Role
from django.db import connection
from tests.factories import bind, listed, make_device, make_membership, make_organisation, make_user
with system_scope("a test"):
    supplier = make_organisation("Zephyr Energy", Role.SUPPLIER)
    listed("ZMAP"), bind(supplier, listed("ZEPH", Role.SUPPLIER))
    make_membership(supplier, Job.EDITOR, make_user("Priya", "priya@demo.example", "smart-metering-demo"))
    for _ in range({WRITES}):
        make_device("ZEPH", None, msn="")
"""
# Per device: MSN, MAP ID, steps of the MAP ID, rows of history, rows of the audit trail.
STATES = """
SELECT d.msn <> '', d.asset_provider_id IS NOT NULL,
    (SELECT count(*) FROM inventory_providerperiod AS p WHERE p.device_id = d.id),
    (SELECT count(*) FROM inventory_deviceevent AS e WHERE e.pgh_obj_id = d.id),
    (SELECT count(*) FROM accounts_auditrow AS a WHERE a.device_id = d.device_id AND a.kind = 'items_recorded'),
    count(*)
FROM inventory_device AS d GROUP BY 1, 2, 3, 4, 5
"""
ABSENT, WHOLE = (False, False, 0, 1, 0), (True, True, 1, 3, 1)


class Cluster:
    """A PostgreSQL of its own, which may be killed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.prepare()

    def start(self) -> dict[str, str]:
        """Running, after a crash too; gives the environment that leads there."""
        found = embedded.ensure_running(self.folder)
        self.url = self._url(found.default)
        return {"DATABASE_URL": self.url, "DATABASE_OWNER_URL": self._url(found.owner)}

    @staticmethod
    def _url(to: embedded.Connection) -> str:
        return f"postgresql://{to.USER}@/{to.NAME}?{urlencode({'host': to.HOST, 'port': to.PORT})}"

    def prepare(self) -> None:
        environment = os.environ | self.start() | {"SECRET_KEY": "x", "PORTAL_URL": "http://127.0.0.1:1"}
        environment |= {"DJANGO_SETTINGS_MODULE": "smi_portal.settings", "LOG_LEVEL": "ERROR"}
        for command in (["manage.py", "migrate", "--database", "owner", "--verbosity", "0"], ["-c", PREPARE]):
            subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, check=True)

    def kill(self) -> None:
        """The postmaster, by its process id; its backends end when they notice."""
        pid = int((self.folder / "postgres/postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)

    def states(self) -> Counter:
        self.start()
        with psycopg.connect(self.url) as connection:
            connection.execute("SELECT set_config('portal.operator', 'a test', false)")
            return Counter({tuple(row[:5]): row[5] for row in connection.execute(STATES)})

    def devices(self) -> list[str]:
        with psycopg.connect(self.url) as connection:
            connection.execute("SELECT set_config('portal.operator', 'a test', false)")
            return [row[0] for row in connection.execute("SELECT device_id FROM inventory_device ORDER BY id")]


@pytest.fixture
def cluster(tmp_path) -> Cluster:
    return Cluster(tmp_path)


def workers_of(server: Server) -> list[int]:
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    return [int(pid) for pid in children]


def record_all(server: Server, devices: list[str], saved: list[str], over: threading.Event) -> None:
    """MSN and MAP ID of each device in one save, until it is over; what fails is not tried again."""
    visitor = Visitor(server).sign_in("priya@demo.example")
    with visitor.get(f"/devices/{devices[0]}/edit/") as answer:
        page = answer.read().decode()
    token = next(cookie.value for cookie in visitor.cookies if cookie.name == "csrftoken")
    acting = page.split('name="acting" value="')[1].split('"')[0]
    for number, device in enumerate(devices):
        if over.is_set():
            return
        form = {"acting": acting, "csrfmiddlewaretoken": token, "version": 1, "msn": f"Z{number}", "map_id": "ZMAP"}
        form |= {"map_from": "01/03/2024", "base_msn": "", "base_map_id": ""}
        try:
            path = f"{server.url}/devices/{device}/edit/"
            visitor.opener.open(path, urlencode(form).encode(), timeout=10).close()
            saved.append(device)
        except OSError:
            time.sleep(0.05)


def kill_in_the_middle(cluster: Cluster, kill: Callable[[Server], None]) -> tuple[Counter, int]:
    """The states of all devices afterwards, and how many saves were answered."""
    environment, devices, saved, over = cluster.start(), cluster.devices(), [], threading.Event()
    with running(**environment) as server:
        parts = [devices[first::SAVERS] for first in range(SAVERS)]
        savers = [threading.Thread(target=record_all, args=(server, part, saved, over)) for part in parts]
        for saver in savers:
            saver.start()
        while len(saved) < KILL_AFTER and any(saver.is_alive() for saver in savers):
            time.sleep(0.01)
        kill(server)
        time.sleep(0.5)  # some more find nobody
        over.set()
        for saver in savers:
            saver.join(60)
    return cluster.states(), len(saved)


@pytest.mark.parametrize("what", ["web process", "postgresql"])
def test_killed_in_the_middle_each_recording_is_whole_or_absent(cluster, what):
    def kill(server: Server) -> None:
        if what == "postgresql":
            cluster.kill()
        else:
            for pid in workers_of(server):
                os.kill(pid, signal.SIGKILL)

    states, saved = kill_in_the_middle(cluster, kill)

    assert set(states) <= {ABSENT, WHOLE}
    assert sum(states.values()) == WRITES
    assert saved <= states[WHOLE]  # what was answered is there
    assert states[ABSENT], "nothing was interrupted"
