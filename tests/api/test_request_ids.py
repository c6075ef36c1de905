"""The id of a request: its own where it brings a decent one, in the answer, in a refusal and in the audit trail."""

import pytest

from accounts.models.audit import AuditRow
from tests.conftest import System
from tests.factories import make_device, make_token

pytestmark = pytest.mark.django_db


@pytest.fixture
def system(supplier) -> System:
    return System(make_token(supplier))


@pytest.mark.parametrize("own", ["stocktake-2026-11-23.17", "12345678", "a" * 36])
def test_own_id_of_a_request_is_kept(operator, system, own):
    device = make_device("ZEPH")

    answer = system.get(f"/api/v1/devices/{device}/", headers={"X-Request-ID": own})
    refusal = system.get("/api/v1/devices/?surprise=1", headers={"X-Request-ID": own})

    assert answer.headers["X-Request-ID"] == own
    assert refusal.json()["reference"] == own
    assert AuditRow.objects.get(kind="device_read").request_id == own


@pytest.mark.parametrize("odd", ["short", "a" * 37, "two words", "semi;colon", "ÄÄÄÄÄÄÄÄ", "line\tbreak"])
def test_request_with_an_odd_id_is_given_another(system, odd):
    answer = system.get("/api/v1/data-items/", headers={"X-Request-ID": odd})

    assert len(answer.headers["X-Request-ID"]) == 36
    assert answer.status_code == 200
