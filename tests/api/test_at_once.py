"""Many systems at once over real HTTP: no update is lost, a key does its work once, and counts are whole."""

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection

import pytest

from accounts.models import Organisation, ServiceToken
from accounts.models.audit import AuditRow
from accounts.roles import Job
from inventory.models import Device, DeviceEvent
from tests.api.sending import BATCH, address, entry
from tests.drills import sized
from tests.factories import make_device, make_token
from tests.server import Server, running

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.usefixtures("operator"),
]
CLIENTS, DEVICES, EACH = sized((8, 4, 4), (50, 20, 8))


class Program:
    """A system with a connection of its own."""

    def __init__(self, server: Server, token: ServiceToken) -> None:
        self.connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
        self.headers = {"Authorization": f"Bearer {token.secret}", "Content-Type": "application/json"}

    def send(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, dict, dict]:
        """Status, headers and body of the answer."""
        content = json.dumps(body) if body is not None else None
        self.connection.request(method, path, content, self.headers | headers)
        answer = self.connection.getresponse()
        return answer.status, dict(answer.getheaders()), json.loads(answer.read() or "{}")

    def close(self) -> None:
        self.connection.close()


@pytest.fixture(scope="module")
def server(django_db_setup: None) -> Iterator[Server]:
    """One for all tests here: each of them empties the database."""
    with running(API_RATE="100000", API_RATE_OF_ORGANISATION="100000") as server:
        yield server


@pytest.mark.drill
def test_many_clients_on_the_same_devices_lose_no_update(server, supplier, asset_provider):
    """Each records an MSN of its own on some of them, trying again on the version that it then reads."""
    devices = [make_device("ZEPH", None, msn="") for _ in range(DEVICES)]
    tokens = [make_token(supplier, Job.EDITOR) for _ in range(5)]

    with ThreadPoolExecutor(CLIENTS) as pool:
        done = pool.map(lambda n: record_all(server, tokens[n % 5], n, devices), range(CLIENTS))
    statuses = sum(done, Counter())

    assert statuses.keys() <= {200, 412}
    assert statuses[200] == CLIENTS * EACH
    for place, device in enumerate(devices):
        told = DeviceEvent.objects.filter(pgh_obj=device).exclude(msn="").values_list("msn", flat=True)
        savers = [number for number in range(CLIENTS) if (place - number) % DEVICES < EACH]
        assert sorted(told) == sorted(map(msn_of, savers))
        assert Device.objects.get(pk=device.pk).version == 1 + len(savers)
    assert AuditRow.objects.filter(kind="items_recorded").count() == CLIENTS * EACH


def msn_of(number: int) -> str:
    return f"C{number}"


def record_all(server: Server, token: ServiceToken, number: int, devices: list[Device]) -> Counter[int]:
    """The answers to one client's changes, each client beginning with another device."""
    program, statuses = Program(server, token), Counter()
    mine = [devices[(number + step) % len(devices)] for step in range(EACH)]
    words = {"msn": msn_of(number), "kind": "correction", "source": "test"}
    for device in mine:
        status = 0
        while status != 200:
            _, headers, _ = program.send("GET", address(device))
            status, _, _ = program.send("PATCH", address(device), words, **{"If-Match": headers["ETag"]})
            statuses[status] += 1
    program.close()
    return statuses


def test_batch_sent_by_8_at_once_under_one_key_is_done_once(server, supplier, asset_provider):
    devices = [make_device("ZEPH", None, msn="") for _ in range(3)]
    token, body = make_token(supplier, Job.EDITOR), {"devices": [entry(d, msn="Z1", map_id="ZMAP") for d in devices]}

    def send(_: int) -> tuple[int, str]:
        program = Program(server, token)
        status, _, answer = program.send("POST", BATCH, body, **{"Idempotency-Key": "one"})
        program.close()
        return status, json.dumps(answer)

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(send, range(8)))

    assert len(answers) == 1
    assert answers.pop()[0] == 200
    assert AuditRow.objects.filter(kind="items_recorded").count() == len(devices)


def test_batches_over_the_same_devices_in_any_order_end(server, supplier, asset_provider):
    """Each holds all its devices in one order, so none waits for another for ever."""
    devices = [make_device("ZEPH", None, msn="") for _ in range(20)]
    tokens = [make_token(supplier, Job.EDITOR) for _ in range(6)]

    def send(number: int) -> int:
        program, turned = Program(server, tokens[number]), devices[number:] + devices[:number]
        entries = [entry(d, msn=f"B{number}") for d in (turned if number % 2 else reversed(turned))]
        status, _, _ = program.send("POST", BATCH, {"devices": entries})
        program.close()
        return status

    with ThreadPoolExecutor(6) as pool:
        statuses = Counter(pool.map(send, range(6)))

    assert statuses == {200: 1, 400: 5}
    assert Device.objects.values_list("msn", flat=True).distinct().count() == 1


def test_requests_at_once_are_all_counted(server, supplier: Organisation):
    token = make_token(supplier)

    def ask(_: int) -> int:
        program = Program(server, token)
        status, headers, _ = program.send("GET", "/api/v1/rights/")
        program.close()
        assert status == 200
        return int(headers["RateLimit"].partition("r=")[2].partition(";")[0])

    with ThreadPoolExecutor(16) as pool:
        left = list(pool.map(ask, range(32)))

    assert len(set(left)) == 32
