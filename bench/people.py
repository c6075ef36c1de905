"""Fifty people who click through pages, half of them of a supplier, half of the DCC, on two ways to serve them.

Each person reads a page, pauses for about a second, and reads the next: what is measured is how long a page takes.
"""

import random
import re
import threading
import time
from collections import defaultdict
from http.client import HTTPConnection
from itertools import chain

from bench.measure import Outcome, compare
from tests.server import Server, Visitor, running

NAME = "50 people"
PEOPLE = 50
SECONDS, ROUNDS = 12, 9
PAUSE = 0.5, 1.5  # seconds between two pages
ONE_PROCESS = {"WEB_CONCURRENCY": "1", "WEB_THREADS": "16"}
BY_DEFAULT = {"WEB_CONCURRENCY": None, "WEB_THREADS": None}


def run() -> list[Outcome]:
    ways: dict[str, dict[str, str | None]] = {
        "one process of 16 threads": ONE_PROCESS,
        "as many as by default": BY_DEFAULT,
    }
    found: dict[str, dict[str, Outcome]] = {way: {} for way in ways}
    for number in range(ROUNDS):
        for way, environment in ways.items():
            with running(**environment) as server:
                for kind, seconds in crowd(server, number).items():
                    found[way].setdefault(kind, Outcome(NAME, f"{kind}, {way}")).seconds += seconds
        print(f"  {NAME}: round {number + 1} of {ROUNDS}", flush=True)
    former, present = found.values()
    return [*former.values(), *(compare(outcome, former[kind]) for kind, outcome in present.items())]


def crowd(server: Server, seed: int) -> dict[str, list[float]]:
    """Seconds of each page that was read, by kind, and of all."""
    seen: dict[str, list[float]] = defaultdict(list)
    visitors = [Visitor(server).sign_in(f"{who}@demo.example") for who in ("supplier", "dcc")]
    walks = [(visitor, pages_of(visitor)) for visitor in visitors]
    end = time.monotonic() + SECONDS
    people = [
        threading.Thread(target=click, args=(server, *walks[number % 2], random.Random(seed * 100 + number), end, seen))
        for number in range(PEOPLE)
    ]
    for person in people:
        person.start()
    for person in people:
        person.join()
    return {"any page": [*chain.from_iterable(seen.values())], **seen}


def pages_of(visitor: Visitor) -> dict[str, list[str]]:
    """What there is to read: addresses by kind of page."""
    with visitor.get("/devices/?device_type=ESME") as answer:
        devices = re.findall(r'href="(/devices/00-[0-9A-F-]{20}/)"', answer.read().decode())
    return {
        "dashboard": ["/"],
        "list": ["/devices/", "/devices/?device_type=GSME", "/devices/?smi_status=Suspended"],
        "device": devices,
        "history": [f"{device}history/" for device in devices],
        "worklist": ["/devices/to-do/map-id/"],
    }


def click(
    server: Server,
    visitor: Visitor,
    pages: dict[str, list[str]],
    choice: random.Random,
    end: float,
    seen: dict[str, list[float]],
) -> None:
    time.sleep(choice.uniform(0, PAUSE[1]))
    connection = HTTPConnection(server.name, server.port, timeout=60)
    while time.monotonic() < end:
        kind = choice.choice(list(pages))
        began = time.perf_counter()
        connection.request("GET", choice.choice(pages[kind]), headers={"Cookie": visitor.cookie_header})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{kind} answered {answer.status}")
        seen[kind].append(time.perf_counter() - began)
        time.sleep(choice.uniform(*PAUSE))
    connection.close()
