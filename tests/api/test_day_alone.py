"""A day is the day of a MAP ID: given alone it would be ignored, so it is refused."""

import pytest

from accounts.roles import Job
from tests.conftest import System
from tests.factories import make_device, make_token

REFUSED = ("required", "Give the MAP ID that applies from this date, even if only the date changes.")

pytestmark = pytest.mark.django_db


@pytest.fixture
def system(supplier, asset_provider) -> System:
    return System(make_token(supplier, Job.EDITOR))


def change(system, device, **items):
    said = {"map_from": "2024-05-01", "kind": "correction", "source": "contract 9"} | items
    headers = {"If-Match": f'"{device.version}"'}
    return system.patch(f"/api/v1/devices/{device}/", said, content_type="application/json", headers=headers)


@pytest.mark.parametrize("beside", [{}, {"msn": "Z21E 10447"}, {"msn": "Z21E 10447", "map_id": " "}])
def test_day_without_a_map_id_is_refused(operator, system, beside):
    device = make_device("ZEPH", "ZMAP")

    answer = change(system, device, **beside)

    (error,) = answer.json()["errors"]
    assert answer.status_code == 400
    assert (error["pointer"], error["code"], error["detail"]) == ("/map_id", *REFUSED)
    device.refresh_from_db()
    assert device.version == 1


def test_day_with_the_recorded_map_id_is_corrected(system):
    answer = change(system, make_device("ZEPH", "ZMAP"), map_id="ZMAP")

    assert (answer.status_code, answer.json()["map_from"]) == (200, "2024-05-01")


def test_day_without_a_map_id_is_named_in_a_batch(system):
    entry = {"device_id": str(make_device("ZEPH", "ZMAP")), "version": 1, "map_from": "2024-05-01"}

    answer = system.post("/api/v1/devices/batch/", {"devices": [entry]}, content_type="application/json")

    (error,) = answer.json()["errors"]
    assert (error["pointer"], error["code"], error["detail"]) == ("/devices/0/map_id", *REFUSED)
