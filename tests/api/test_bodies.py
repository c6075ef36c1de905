"""What a body may be: JSON that says one thing, in UTF-8, of a bounded size."""

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
