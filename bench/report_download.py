"""`smi report download` of as many rows as the inventory had devices; and of a server that is killed in the middle."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from accounts.acting import scope
from accounts.operator import system_scope
from bench.database import ROOT, TODAY, tidy_up
from bench.map_report import give_codes
from bench.measure import Outcome, compare, in_turn
from bench.systems import UNLIMITED, System, secret_of
from inventory.demo.generation import generate_devices
from inventory.models import Device
from tests.server import Server, running

NAME = "API, smi report download"
ROUNDS = 3
ADDRESS = "/api/v1/reports/map-portfolio/download/"
FILE = "portfolio.csv"
EARLY = 1_000_000  # bytes that have come when the server is killed: many more are to come
PATIENCE = 0.02  # seconds between two looks at a running client


@dataclass(frozen=True)
class Ended:
    """How a client ended, what it said, and the most memory it had, in MiB."""

    code: int
    said: list[str]
    peak: float


def run(wanted: int) -> list[Outcome]:
    rows = give_everything(wanted)
    with TemporaryDirectory() as folder, running(WEB_CONCURRENCY="1", **UNLIMITED) as server:
        ends: list[Ended] = []
        system = System(server.url, secret_of("Bench MAP"))
        found = in_turn(
            NAME,
            {
                "over loopback HTTP, to nowhere": lambda: read(system),
                "the same, compressed": lambda: read(system, **{"Accept-Encoding": "gzip"}),
                "smi report download": lambda: ends.append(downloaded(server, Path(folder), rows)),
            },
            rounds=ROUNDS,
        )
    plain, packed, client = found.values()
    peak = f"({rows:,} rows, as the manifest says; the client’s peak {max(end.peak for end in ends):.0f} MiB)"
    return [plain, compare(packed, plain), compare(client, plain, peak), killed()]


def give_everything(wanted: int) -> int:
    """More devices, until `wanted` have a MAP ID, and all codes to the MAP of the benchmark; how many it has then."""
    with system_scope("bench"):
        have, devices = Device.objects.exclude(asset_provider=None).count(), Device.objects.count()
        more = max(0, wanted - have) * devices // have
        generate_devices(count=more, seed=2, today=TODAY)
        acting = give_codes(devices + more)
    tidy_up()
    with scope(acting):
        return Device.objects.visible_to(acting).count()


def read(system: System, **headers: str) -> None:
    with system.open(ADDRESS, **headers) as answer:
        while answer.read(1 << 18):
            pass


def downloaded(server: Server, folder: Path, rows: int) -> Ended:
    """Raises RuntimeError unless the file is there, as its manifest says, with all the rows."""
    ended = smi(server, folder)
    if ended.code:
        raise RuntimeError(f"smi ended with {ended.code}: {ended.said}")
    manifest = json.loads((folder / f"{FILE}.manifest.json").read_text())
    if (manifest["rows"], manifest["bytes"]) != (rows, (folder / FILE).stat().st_size):
        raise RuntimeError(f"{rows:,} rows were expected; the manifest says {manifest}")
    return ended


def killed() -> Outcome:
    """Raises RuntimeError unless the client says that it broke off, fails, and leaves nothing behind."""
    with TemporaryDirectory() as folder, running(WEB_CONCURRENCY="1", **UNLIMITED) as server:
        ended = smi(server, Path(folder), meanwhile=kill_once_begun(server, Path(folder)))
        left = [path.name for path in Path(folder).iterdir()]
    if ended.code != 3 or left or "broke off" not in ended.said[-1]:
        raise RuntimeError(f"smi ended with {ended.code} and left {left}: {ended.said}")
    told = f"exit code {ended.code}, no file left; it said: {' '.join(ended.said)}"
    return Outcome(NAME, "server killed in the middle", note=told)


def kill_once_begun(server: Server, folder: Path) -> Callable[[], None]:
    """Ends gunicorn's master and then its worker at once, as soon as enough of the file has come."""
    part, pids = folder / f"{FILE}.part", [server.pid, *children_of(server.pid)]

    def look() -> None:
        if pids and part.exists() and part.stat().st_size > EARLY:
            while pids:
                os.kill(pids.pop(0), signal.SIGKILL)

    return look


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def smi(server: Server, folder: Path, meanwhile: Callable[[], None] = lambda: None) -> Ended:
    """The command as a program of its own, looked at while it runs; `meanwhile` is called each time."""
    login = {"SMI_URL": server.url, "SMI_TOKEN": secret_of("Bench MAP"), "XDG_CONFIG_HOME": str(folder)}
    command = [sys.executable, "-m", "smi", "report", "download", "map-portfolio", "--force", "-o", str(folder / FILE)]
    environment = os.environ | login | {"PYTHONPATH": str(ROOT / "client")}
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=folder, env=environment, text=True, **pipes) as process:
        peak = 0.0
        while process.poll() is None:
            meanwhile()
            peak = peak_of(process.pid) or peak
            time.sleep(PATIENCE)
        said = process.stderr.read().splitlines()
    return Ended(process.returncode, said, peak)


def peak_of(pid: int) -> float | None:
    """In MiB; None of a process that has just ended."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), None)
