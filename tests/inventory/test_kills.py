"""Processes killed in the middle of many recordings: each is whole, with history, step and audit row, or absent."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from datetime import time as time_of_day
from http.client import HTTPException
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.utils import timezone

from accounts.models import Membership, User
from accounts.roles import Job
from smi_portal.embedded.server import Server as Cluster
from smi_portal.embedded.server import processes_in
from tests.drills import sized
from tests.factories import make_device, make_membership, make_user
from tests.inventory.test_locking import Saver
from tests.server import PASSWORD, Server, Visitor, database_url, running
from tests.test_today import MOVED

ROOT = Path(settings.BASE_DIR)
WRITES, AT_ONCE = sized(40, 200), 4
MOMENTS = sized((12,), range(10, 140, 10))  # how many are saved before the kill
# Each device beside all that a recording of MSN and MAP ID leaves. The MSN typed is Z and the row id.
STATES = """
SELECT
    d.id,
    d.msn = '' AND d.asset_provider_id IS NULL AND d.version = 1
        AND e.rows = 1 AND p.rows = 0 AND a.rows = 0 AS absent,
    d.msn = 'Z' || d.id AND d.version = 3
        AND e.rows = 3 AND e.last_msn = d.msn AND e.last_version = d.version AND e.requests = 1
        AND p.rows = 1 AND p.parties = ARRAY[d.asset_provider_id] AND p.days = ARRAY[d.map_from]
        AND a.rows = 1 AND a.versions = ARRAY[d.version] AND a.requests = e.last_request AS whole
FROM inventory_device AS d
CROSS JOIN LATERAL (
    SELECT count(*) AS rows, count(DISTINCT pgh_context ->> 'request') AS requests,
        (array_agg(msn ORDER BY pgh_id DESC))[1] AS last_msn,
        (array_agg(version ORDER BY pgh_id DESC))[1] AS last_version,
        (array_agg(pgh_context ->> 'request' ORDER BY pgh_id DESC))[1] AS last_request
    FROM inventory_deviceevent WHERE pgh_obj_id = d.id
) AS e
CROSS JOIN LATERAL (
    SELECT count(*) AS rows, array_agg(participant_id) AS parties, array_agg(valid_from) AS days
    FROM inventory_providerperiod WHERE device_id = d.id AND upper_inf(known)
) AS p
CROSS JOIN LATERAL (
    SELECT count(*) AS rows, array_agg(version) AS versions, min(request_id) AS requests
    FROM accounts_auditrow WHERE device_id = d.device_id AND kind = 'items_recorded'
) AS a
WHERE d.id = ANY (%s)
"""


@dataclass
class Recordings:
    """Recordings, each on a device of its own, sent by a few threads; `saved`: those whose answer said so."""

    saver: Saver
    devices: dict[int, str]
    before_the_kill: int
    saved: list[int] = field(default_factory=list)

    def send(self, pk: int) -> None:
        form = {"version": 1, "msn": f"Z{pk}", "map_id": "ZMAP", "map_from": "2024-03-01", "source": "contract 9"}
        try:
            status, _ = self.saver.send(f"/devices/{self.devices[pk]}/edit/confirm/", **form)
        except (OSError, HTTPException):  # nobody answers, or the answer breaks off
            return
        if status == 302:
            self.saved.append(pk)

    def all(self, kill: Callable[[], object]) -> None:
        """Send them all, and `kill` in the middle."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for pk in self.devices:
                pool.submit(self.send, pk)
            wait_until(lambda: len(self.saved) >= self.before_the_kill)
            kill()

    def check(self, url: str) -> tuple[set[int], set[int]]:
        """The whole and the absent ones, which are all; what was said to be saved is whole."""
        with psycopg.connect(url) as connection:
            connection.execute("SET LOCAL portal.operator = 'tests'")
            states = connection.execute(STATES, [list(self.devices)]).fetchall()
        whole, absent = ({pk for pk, *state in states if state[at]} for at in (1, 0))
        assert whole | absent == set(self.devices)
        assert not whole & absent
        assert set(self.saved) <= whole
        return whole, absent


def wait_until(fact: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


# The web process


@pytest.fixture
def written(transactional_db, supplier, asset_provider) -> tuple[Membership, dict[int, str]]:
    """Somebody who records, and what is to be recorded."""
    editor = make_membership(supplier, Job.EDITOR, make_user(password=PASSWORD))
    devices = [make_device("ZEPH", None, msn="") for _ in range(WRITES)]
    return editor, {device.pk: device.device_id for device in devices}


def workers_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def kill_all(*pids: int) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


@pytest.mark.drill
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_killed_worker_leaves_each_recording_whole_or_absent(written, moment):
    editor, devices = written
    with running() as server:
        recordings = Recordings(Saver(server, editor), devices, moment)

        recordings.all(kill=lambda: kill_all(*workers_of(server.pid)))

        assert len(workers_of(server.pid)) == 1  # another one has taken its place
    whole, absent = recordings.check(database_url())
    assert len(absent) <= AT_ONCE * 2
    assert len(whole) > moment


@pytest.mark.drill
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_killed_web_process_leaves_each_recording_whole_or_absent(written, moment):
    editor, devices = written
    with running() as server:
        recordings = Recordings(Saver(server, editor), devices, moment)

        recordings.all(kill=lambda: kill_all(server.pid, *workers_of(server.pid)))

    whole, absent = recordings.check(database_url())
    assert len(whole) >= moment
    assert len(absent) > WRITES / 4


# PostgreSQL, a server of its own

HOLD = """
import json, sys
from pathlib import Path
from smi_portal.embedded import ensure_running
print(json.dumps({alias: c._asdict() for alias, c in ensure_running(Path(sys.argv[1]))._asdict().items()}), flush=True)
sys.stdin.read()
"""
PREPARE = """
import django, json, sys
django.setup()
from accounts.operator import system_scope
from accounts.roles import Job, Role
from django.db import connections
from tests.as_owner import FUNCTION
connections["owner"].cursor().execute(FUNCTION)
from tests.factories import bind, listed, make_device, make_membership, make_organisation, make_user
name, password, count = sys.argv[1:]
code = f"ZS{name}"
with system_scope("tests"):
    supplier = make_organisation(f"Supplier {name}", Role.SUPPLIER)
    bind(supplier, listed(code, Role.SUPPLIER))
    listed("ZMAP")
    user = make_user("Editor", f"editor{name}@demo.example", password)
    editor = make_membership(supplier, Job.EDITOR, user)
    ids = [f"00-DB-12-00-00-{name}-00-{number:02X}" for number in range(int(count))]
    devices = [make_device(code, None, msn="", device_id=device_id) for device_id in ids]
print(json.dumps([editor.pk, user.email, {device.pk: device.device_id for device in devices}]))
"""


BUSY = """
SELECT pid FROM pg_stat_activity
WHERE xact_start IS NOT NULL AND pid <> pg_backend_pid() AND backend_type = 'client backend' LIMIT 1
"""


@dataclass
class Database:
    """A PostgreSQL of our own, which may be killed."""

    folder: Path
    commands: list[subprocess.Popen] = field(default_factory=list)

    def start(self) -> None:
        """Start it, or start it anew: a command of its own holds it."""
        holding = [sys.executable, "-c", HOLD, str(self.folder)]
        command = subprocess.Popen(holding, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.commands.append(command)
        self.connections = json.loads(command.stdout.readline())

    def url(self, alias: str = "default") -> str:
        given = self.connections[alias]
        return f"postgresql://{given['USER']}@/{given['NAME']}?host={given['HOST']}&port={given['PORT']}"

    @property
    def environment(self) -> dict[str, str]:
        return {"DATABASE_URL": self.url(), "DATABASE_OWNER_URL": self.url("owner")}

    def python(self, *arguments: str) -> str:
        given = {"SECRET_KEY": settings.SECRET_KEY, "PORTAL_URL": "http://127.0.0.1", "LOG_LEVEL": "ERROR"}
        given["DJANGO_SETTINGS_MODULE"] = "smi_portal.settings"
        command = [sys.executable, *arguments]
        environment = os.environ | given | self.environment
        return subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout

    @property
    def postmaster(self) -> int:
        pid = int((self.folder / "postgres/postmaster.pid").read_text().split()[0])
        assert pid in processes_in(self.folder / "postgres")
        return pid

    @property
    def busy_backend(self) -> int:
        """A backend that works for the portal in a transaction just now."""
        deadline = time.monotonic() + 60
        # Without a transaction of its own: within one, PostgreSQL shows the same activity for ever.
        with psycopg.connect(self.url(), autocommit=True) as connection:
            while time.monotonic() < deadline:
                found = connection.execute(BUSY).fetchone()
                if found and found[0] in processes_in(self.folder / "postgres"):
                    return found[0]
        raise AssertionError("no backend was in a transaction")

    def kill_and_start(self) -> None:
        kill_all(self.postmaster)
        self.start()

    def answers(self) -> bool:
        try:
            psycopg.connect(self.url()).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        for command in self.commands:
            command.communicate(timeout=60)
        Cluster(self.folder / "postgres").stop()


@pytest.fixture(scope="module")
def database(tmp_path_factory) -> Iterator[Database]:
    database = Database(tmp_path_factory.mktemp("killed") / ".local")
    database.start()
    try:
        database.python("manage.py", "migrate", "--verbosity", "0")
        yield database
    finally:
        database.stop()


def recordings_on(database: Database, server: Server, name: str, moment: int) -> Recordings:
    prepared = database.python("-c", PREPARE, name, PASSWORD, str(WRITES))
    membership, email, devices = json.loads(prepared.splitlines()[-1])
    editor = Membership(pk=membership, user=User(email=email))
    return Recordings(Saver(server, editor), {int(pk): device_id for pk, device_id in devices.items()}, moment)


@pytest.mark.drill
@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_backend_leaves_each_recording_whole_or_absent(database, moment):
    with running(**database.environment) as server:
        recordings = recordings_on(database, server, f"1{moment // 10:X}", moment)

        recordings.all(kill=lambda: kill_all(database.busy_backend))

        wait_until(database.answers)  # PostgreSQL ends all of them, recovers and goes on
        whole, absent = recordings.check(database.url())
    assert len(whole) >= moment
    assert absent


@pytest.mark.drill
@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_postgresql_leaves_each_recording_whole_or_absent(database, moment):
    with running(**database.environment) as server:
        recordings = recordings_on(database, server, f"2{moment // 10:X}", moment)

        recordings.all(kill=database.kill_and_start)

        whole, absent = recordings.check(database.url())
    assert len(whole) > moment
    assert absent


# At midnight

SELL = """
import django, json, sys
django.setup()
from datetime import date
from accounts.operator import system_scope
from accounts.roles import Job, Role
from tests.factories import bind, listed, make_device, make_membership, make_organisation, make_user, provided_by
password, tomorrow, count = sys.argv[1:]
with system_scope("tests"):
    buyer = make_organisation("Buyer", Role.MAP)
    bind(buyer, listed("ZBUY"))
    listed("ZSEL"), listed("ZSUP", Role.SUPPLIER)
    user = make_user("Buyer", "buyer@demo.example", password)
    make_membership(buyer, Job.VIEWER, user)
    for number in range(int(count)):
        device = make_device("ZSUP", "ZSEL", device_id=f"00-DB-12-00-00-30-00-{number:02X}")
        provided_by(device, "ZBUY", date.fromisoformat(tomorrow))
print(user.email)
"""
ADOPTED = """
SELECT count(*) FILTER (WHERE p.code = 'ZBUY' AND d.version = 3),
    count(*) FILTER (WHERE p.code = 'ZSEL' AND d.version = 2)
FROM inventory_device AS d JOIN accounts_participant AS p ON p.id = d.asset_provider_id
WHERE d.device_id LIKE '00-DB-12-00-00-30-%'
"""


def adopted(database: Database) -> tuple[int, int]:
    """How many devices have become the buyer's, by one change each, and how many are still the seller's."""
    with psycopg.connect(database.url("owner")) as connection:
        return connection.execute(ADOPTED).fetchone()


def test_killed_postgresql_at_midnight_leaves_each_planned_change_adopted_once_or_waiting(database):
    now = timezone.now()
    tomorrow = timezone.localdate(now) + timedelta(days=1)
    midnight = timezone.make_aware(datetime.combine(tomorrow, time_of_day.min))
    email = database.python("-c", SELL, PASSWORD, tomorrow.isoformat(), str(WRITES)).splitlines()[-1]
    with running(WEB_CONCURRENCY="2", **database.environment) as server:
        visitor = Visitor(server).sign_in(email)
        with psycopg.connect(database.url("owner")) as owner:
            almost = (midnight - timedelta(seconds=1) - timezone.now()).total_seconds()
            owner.execute(MOVED.format(f"SELECT now() + interval '{almost:.3f} seconds'"))
        end = time.monotonic() + 3

        def click() -> None:
            """Nothing, or all of it: never a part."""
            while time.monotonic() < end:
                with suppress(
                    OSError, HTTPException, psycopg.OperationalError
                ):  # nobody answers while PostgreSQL starts
                    visitor.get("/devices/").close()
                    assert adopted(database) in {(WRITES, 0), (0, WRITES)}

        with ThreadPoolExecutor(2) as pool:
            clicking = pool.submit(click)
            time.sleep(1)
            database.kill_and_start()
            clicking.result()
        with visitor.get("/devices/") as answer:
            assert answer.read().count(b"00-DB-12-00-00-30-") >= WRITES

    assert adopted(database) == (WRITES, 0)
