"""The whole inventory by pages of the API, to the end and back, while another process changes its rows."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from accounts.operator import system_scope
from bench.database import ROOT
from bench.measure import Outcome, compare
from bench.systems import DEVICES, UNLIMITED, System, secret_of
from inventory.models import Device
from tests.server import running

NAME = "API, all devices by pages"
SIZE = 1000
TENTH = 10


def run() -> list[Outcome]:
    """Raises RuntimeError if a device is missed or repeated."""
    expected = all_device_ids()
    with running(WEB_CONCURRENCY="1", **UNLIMITED) as server, changing() as changes:
        system = System(server.url, secret_of("DCC"))
        forwards, last = walk(system, expected, f"{server.url}{DEVICES}?page_size={SIZE}", "next")
        backwards, _ = walk(system, expected[::-1], last, "previous")
    if changes[0] < len(forwards):
        raise RuntimeError(f"Only {changes[0]:,} rows were changed meanwhile.")
    told = f"(all {len(expected):,} devices, each once; {changes[0]:,} rows changed in both walks)"
    return [*tenths("forwards", forwards, told), *tenths("backwards", backwards, told)]


def all_device_ids() -> list[str]:
    with system_scope("bench"):
        return list(Device.objects.order_by("device_id").values_list("device_id", flat=True))


def walk(system: System, expected: list[str], address: str, rel: str) -> tuple[list[float], str]:
    """The seconds of each page from `address` on, whose devices must be the `expected`; and the last address."""
    seconds, place, following = [], 0, address
    while following:
        address, began = following, time.perf_counter()
        page = system.ask(address)
        seconds.append(time.perf_counter() - began)
        found = [device["device_id"] for device in page["results"]]
        found = found if rel == "next" else found[::-1]
        if not found or found != expected[place : place + len(found)]:
            raise RuntimeError(f"A device was missed or repeated: page {len(seconds):,} by “{rel}”, {address}")
        place, following = place + len(found), page[rel]
    if place != len(expected):
        raise RuntimeError(f"By “{rel}” {place:,} of {len(expected):,} devices were found.")
    print(f"  {NAME}: {place:,} by “{rel}” in {sum(seconds):.0f} s", flush=True)
    return seconds, address


def tenths(direction: str, seconds: list[float], told: str) -> list[Outcome]:
    """Whether the last pages cost what the first do."""
    some = max(1, len(seconds) // TENTH)
    first = Outcome(NAME, f"{direction}, pages of the first tenth", seconds[:some])
    last = Outcome(NAME, f"{direction}, pages of the last tenth", seconds[-some:])
    slowest = max(median(seconds[at : at + some]) for at in range(0, len(seconds) - some + 1, some))
    first.note = f"(the slowest tenth {slowest / first.median:.2f} × of this)"
    return [first, compare(last, first, told)]


@contextmanager
def changing() -> Iterator[list[int]]:
    """While the block lasts, another process changes rows; the list is given their number at the end."""
    command, changed = [sys.executable, "-m", "bench.changes"], []
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield changed
        finally:
            said, _ = process.communicate("")
    changed.append(int(said))
