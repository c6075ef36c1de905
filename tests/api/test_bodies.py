"""What a body may be: JSON that says one thing, in UTF-8, of a bounded size."""

import json
import time

import pytest

from accounts.roles import Job
from inventory.models import Device
from tests.conftest import System
from tests.factories import make_device, make_token

pytestmark = pytest.mark.django_db

NO_JSON = {
    "a field twice": b'{"msn": "Z1", "msn": "Z2"}',
    "no number": b'{"version": NaN}',
    "half a character": rb'{"msn": "\ud800"}',
    "no UTF-8": b'{"msn": "\xff"}',
    "cut off": b'{"msn": ',
    "too deep": b"[" * 100_000,
}


@pytest.fixture
def device(supplier) -> Device:
    return make_device("ZEPH", "ZMAP")


@pytest.fixture
def system(supplier) -> System:
    return System(make_token(supplier, Job.EDITOR))


def change(system: System, device: Device, body: bytes):
    path = f"/api/v1/devices/{device.device_id}/"
    return system.patch(path, body, content_type="application/json", headers={"If-Match": f'"{device.version}"'})


@pytest.mark.parametrize("body", NO_JSON.values(), ids=NO_JSON)
def test_body_that_cannot_be_read_in_one_way_is_refused(system, device, body):
    answer = change(system, device, body)

    assert answer.status_code == 400
    assert [error["code"] for error in answer.json()["errors"]] == ["not_json"]


def test_body_over_a_mebibyte_is_too_large(system, device):
    answer = change(system, device, b'{"msn": "' + b"Z" * 1024 * 1024 + b'"}')

    assert answer.status_code == 413
    assert answer.json()["type"].endswith("#too-large")


def test_of_very_many_errors_the_first_hundred_are_told(system, device):
    """Quickly, and with their number: neither time nor answer grow with what is sent."""
    fields = {f"field_{number}": 1 for number in range(45_000)}
    began = time.perf_counter()

    answer = change(system, device, json.dumps(fields).encode())

    assert time.perf_counter() - began < 1.5
    told = answer.json()
    assert answer.status_code == 400
    assert [error["pointer"] for error in told["errors"]] == [f"/field_{number}" for number in range(100)]
    assert told["detail"] == "See errors. Only the first 100 are listed; there are 44,900 more."
    assert len(answer.content) < 30_000


def test_of_very_many_errors_of_a_batch_the_first_hundred_are_told(system, device):
    entry = {"device_id": str(device), "version": 1} | {f"field_{number}": 1 for number in range(45)}

    answer = system.post("/api/v1/devices/batch/", {"devices": [entry] * 1_000}, content_type="application/json")

    assert answer.status_code == 400
    assert len(answer.json()["errors"]) == 100
    assert answer.json()["detail"].endswith("there are 45,900 more.")


def test_field_with_a_long_name_is_named_in_short(system, device):
    answer = change(system, device, b'{"' + b"a" * 900_000 + b'": 1}')

    (error,) = answer.json()["errors"]
    assert error["pointer"] == f"/{'a' * 40}"
