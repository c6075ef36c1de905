"""A batch sent again under its Idempotency-Key: the answer says that it is given again."""

import pytest

from accounts.roles import Job
from tests.conftest import System
from tests.factories import make_device, make_token

BATCH = "/api/v1/devices/batch/"
KEY = {"Idempotency-Key": "night-run-7"}

pytestmark = pytest.mark.django_db


@pytest.fixture
def system(supplier, asset_provider) -> System:
    return System(make_token(supplier, Job.EDITOR))


def send(system: System, headers=KEY, **entry: object):
    return system.post(BATCH, {"devices": [entry]}, content_type="application/json", headers=headers)


def test_success_that_is_given_again_says_so(system):
    device = make_device("ZEPH", None, msn="")
    entry = {"device_id": device.device_id, "version": device.version, "msn": "Z21E 10447"}

    first, again = send(system, **entry), send(system, **entry)

    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"


def test_refusal_that_is_given_again_says_so(system):
    device = make_device("ZEPH", None)
    entry = {"device_id": device.device_id, "version": device.version, "map_id": "ZMAQ"}

    first, again = send(system, **entry), send(system, **entry)

    assert (first.status_code, again.status_code) == (400, 400)
    assert first.json() == again.json()
    assert again.headers["Content-Type"] == "application/problem+json"
    assert [answer.headers.get("Idempotency-Replayed") for answer in (first, again)] == [None, "true"]


def test_answers_without_a_key_or_under_another_are_not_given_again(system):
    device = make_device("ZEPH", None)
    entry = {"device_id": device.device_id, "version": device.version, "map_id": "ZMAQ"}

    answers = [send(system, headers, **entry) for headers in (KEY, {}, {}, {"Idempotency-Key": "night-run-8"})]

    assert [answer.headers.get("Idempotency-Replayed") for answer in answers] == [None] * 4


def test_key_of_another_batch_is_refused_and_not_said_to_be_given_again(system):
    device = make_device("ZEPH", None)
    entry = {"device_id": device.device_id, "version": device.version}

    send(system, **entry, map_id="ZMAQ")
    other = send(system, **entry, map_id="ZMAP")

    assert other.status_code == 422
    assert "Idempotency-Replayed" not in other.headers


def test_description_of_the_api_names_the_header(system):
    batch = system.get("/api/v1/schema/").json()["paths"]["/api/v1/devices/batch/"]["post"]

    assert batch["responses"]["200"]["headers"]["Idempotency-Replayed"]["schema"]["enum"] == ["true"]
