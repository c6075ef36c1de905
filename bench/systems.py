"""Systems that call the API over loopback HTTP; and, run as a program, a crowd of them. Knows no Django.

Each call has a connection of its own, and nothing is compressed.
"""

import json
import sys
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPResponse
from itertools import count
from urllib.request import Request, urlopen

DEVICES = "/api/v1/devices/"
UNLIMITED = {"API_RATE": "1000000000", "API_RATE_OF_ORGANISATION": "1000000000"}
PATIENCE = 300  # seconds


def secret_of(name: str) -> str:
    """The token of one of the benchmark's organisations: well formed, and no secret at all."""
    text = f"smi_{name.replace(' ', '-'):-<43}"
    return f"{text}{zlib.crc32(text.encode()):08x}"


class System:
    """Calls as an organisation's own system does; corrects MSNs, of each device the version seen last."""

    numbers = count(time.time_ns() // 1_000_000 % 900_000_000)  # others than an earlier process gave

    def __init__(self, url: str, token: str) -> None:
        self.url, self.token = url, token
        self.seen: dict[str, int] = {}

    def open(self, path: str, method: str = "GET", body: object = None, **headers: str) -> HTTPResponse:
        """The answer, its body still to be read; raises HTTPError for a refusal."""
        headers |= {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        url = path if path.startswith("http") else self.url + path
        return urlopen(Request(url, data, headers, method=method), timeout=PATIENCE)

    def ask(self, path: str, method: str = "GET", body: object = None, **headers: str) -> dict:
        with self.open(path, method, body, **headers) as answer:
            return json.load(answer)

    def look_up(self, device_id: str) -> None:
        self.seen[device_id] = self.ask(f"{DEVICES}{device_id}/")["version"]

    def correct(self, device_id: str) -> None:
        tag = {"If-Match": f'"{self.seen[device_id]}"'}
        self.seen[device_id] = self.ask(f"{DEVICES}{device_id}/", "PATCH", self.correction(), **tag)["version"]

    def correct_all(self, device_ids: list[str]) -> None:
        """As one batch."""
        entries = [{"device_id": one, "version": self.seen[one]} | self.correction() for one in device_ids]
        changed = self.ask(f"{DEVICES}batch/", "POST", {"devices": entries})["devices"]
        self.seen |= {device["device_id"]: device["version"] for device in changed}

    def correction(self) -> dict[str, str]:
        """An MSN that the device does not have yet."""
        words = {"kind": "correction", "source": "bench", "reason": "bench"}
        return {"msn": f"Y{next(self.numbers):09}"} | words


def timed(call: str, system: System, device_ids: list[str]) -> Iterator[float]:
    """The seconds of each `call`."""
    for device_id in device_ids:
        began = time.perf_counter()
        getattr(system, call)(device_id)
        yield time.perf_counter() - began


def crowd(url: str, token: str, clients: list[list[str]]) -> dict[str, object]:
    """All at once, each with devices of its own: seconds of each look-up, then of each correction, and of the whole."""
    systems, found = [System(url, token) for _ in clients], {}
    for call in ("look_up", "correct"):
        began = time.perf_counter()
        with ThreadPoolExecutor(len(clients)) as pool:
            seconds = list(pool.map(lambda *given, call=call: list(timed(call, *given)), systems, clients))
        whole = time.perf_counter() - began
        found[call] = {"seconds": [one for each in seconds for one in each], "whole": whole}
    return found


if __name__ == "__main__":
    json.dump(crowd(**json.load(sys.stdin)), sys.stdout)
