"""The API over loopback HTTP: pages of devices beside DRF's paginations, look-ups, changes, batches, and a crowd."""

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from itertools import cycle

from accounts.operator import system_scope
from bench import database
from bench.device_list import DEPTH
from bench.measure import Outcome, compare, in_turn
from bench.systems import DEVICES, UNLIMITED, System, secret_of
from bench.urls import SIZE
from inventory.models import Device
from tests.server import running

NAME = "API"
TIMES = 20  # of each call, in a round
MOST = 1000  # devices of a page, and of a batch
BATCH_ROUNDS = 3
CLIENTS, CALLS = 16, 50
COMPARED = {"PageNumberPagination": "by-number/?page={page}", "LimitOffsetPagination": "by-offset/?offset={offset}"}


@dataclass
class Inventory:
    """One that is served, with its number of devices."""

    system: System
    count: int

    @property
    def depth(self) -> int:
        """Whole pages of the largest size."""
        return min(DEPTH, self.count * 9 // 10) // MOST * MOST

    @cached_property
    def cursor(self) -> str:
        """That leads so deep: nobody gets one but by going there."""
        page = self.system.ask(f"{DEVICES}?page_size={MOST}")
        for _ in range(self.depth // MOST - 1):
            page = self.system.ask(page["next"])
        return page["next"].rpartition("cursor=")[2]

    def addresses(self) -> dict[str, str]:
        """Of a first page and a deep one, in each way."""
        first, deep = f"first page of {self.count:,}", f"{self.depth:,} deep in {self.count:,}"
        found = {f"by cursor, {first}": f"{DEVICES}?page_size={SIZE}"}
        found[f"by cursor, {deep}"] = f"{DEVICES}?page_size={SIZE}&cursor={self.cursor}"
        for name, address in COMPARED.items():
            for place, offset in ((first, 0), (deep, self.depth)):
                query = address.format(page=offset // SIZE + 1, offset=offset)
                found[f"{name}, {place}"] = f"/api/compared/{query}"
        return found


def run(count: int, small: int, environment: dict[str, str]) -> list[Outcome]:
    """`environment` leads to the small inventory."""
    database.tidy_up()
    with ExitStack() as servers:
        given = {"WEB_CONCURRENCY": "1", "DJANGO_SETTINGS_MODULE": "bench.settings"} | UNLIMITED
        many, few = (servers.enter_context(running(**given, **where)) for where in ({}, environment))
        token = secret_of("DCC")
        outcomes = pages([Inventory(System(few.url, token), small), Inventory(System(many.url, token), count)])
        outcomes += single(System(many.url, token))
        outcomes += batches(System(many.url, token))
    return outcomes + crowd(outcomes)


def pages(inventories: list[Inventory]) -> list[Outcome]:
    operations = {}
    for inventory in inventories:
        addresses = inventory.addresses()
        check_same_rows(inventory.system, list(addresses.values()))
        for name, address in addresses.items():
            operations[name] = lambda system=inventory.system, address=address: system.ask(address)
    found = list(in_turn(f"{NAME}, a page of {SIZE}", operations, times=TIMES).values())
    size = len(found) // len(inventories)
    for at in range(0, len(found), size):
        compare_pages(found[at : at + size], found[0])
    return found


def compare_pages(found: list[Outcome], first: Outcome) -> None:
    """Of one inventory: those by cursor with the very `first`, all others with that by cursor of the same place."""
    for number, outcome in enumerate(found):
        if outcome is not first:
            compare(outcome, first if number < 2 else found[number % 2])


def check_same_rows(system: System, addresses: list[str]) -> None:
    """All ways must lead to the same devices, or comparing them would mean nothing."""
    answers = [[device["device_id"] for device in system.ask(address)["results"]] for address in addresses]
    for place in (0, 1):
        if any(answer != answers[place] for answer in answers[place::2]):
            raise RuntimeError(f"Not the same devices: {addresses[place::2]}")


def meters(number: int) -> list[str]:
    """Device IDs of electricity meters, from the whole inventory."""
    with system_scope("bench"):
        devices = Device.objects.filter(device_type="ESME").order_by("pk")
        step = max(1, devices.count() // number)
        return list(devices.values_list("device_id", flat=True)[::step][:number])


def single(system: System) -> list[Outcome]:
    """Each call about another device."""
    device_ids = cycle(meters(TIMES * 50))
    asked = iter(device_ids)
    changed = cycle(meters(TIMES))
    for device_id in meters(TIMES):
        system.look_up(device_id)
    found = in_turn(
        f"{NAME}, one device",
        {
            "look-up": lambda: system.look_up(next(asked)),
            "PATCH of its MSN, with history": lambda: system.correct(next(changed)),
        },
        times=TIMES,
    )
    look_up, patch = found.values()
    return [look_up, compare(patch, look_up)]


def batches(system: System) -> list[Outcome]:
    device_ids = meters(MOST)
    for device_id in device_ids:
        system.look_up(device_id)
    found = in_turn(
        f"{NAME}, {len(device_ids):,} devices changed",
        {
            "one batch": lambda: system.correct_all(device_ids),
            "one PATCH each": lambda: [system.correct(device_id) for device_id in device_ids],
        },
        rounds=BATCH_ROUNDS,
    )
    batch, each = found.values()
    return [batch, compare(each, batch, f"({BATCH_ROUNDS} rounds)")]


def crowd(alone: list[Outcome]) -> list[Outcome]:
    """From a process of their own, at a server with a process for each core; beside one client `alone`."""
    device_ids = meters(CLIENTS * CALLS)
    clients = [device_ids[number::CLIENTS] for number in range(CLIENTS)]
    with running(WEB_CONCURRENCY=str(os.cpu_count()), **UNLIMITED) as server:
        given = json.dumps({"url": server.url, "token": secret_of("DCC"), "clients": clients})
        command = [sys.executable, "-m", "bench.systems"]
        ended = subprocess.run(command, cwd=database.ROOT, input=given, capture_output=True, text=True, check=True)
    answers, beside = json.loads(ended.stdout), {outcome.name.split()[0]: outcome for outcome in alone}
    outcomes = []
    for call, name in (("look_up", "look-up"), ("correct", "PATCH")):
        seconds, whole = answers[call]["seconds"], answers[call]["whole"]
        outcome = Outcome(f"{NAME}, {CLIENTS} clients at once", f"{name}, {CALLS} calls each", seconds)
        outcomes.append(compare(outcome, beside[name], f"({len(seconds) / whole:.0f} requests a second)"))
    return outcomes
