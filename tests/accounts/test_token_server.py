"""Tokens over real HTTP, at a server of two processes whose transactions are really their own."""

import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from accounts.models import ServiceToken
from accounts.models.audit import AuditRow
from tests.factories import make_device, make_token
from tests.server import Server, running

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.usefixtures("operator"),
]


def call(server: Server, path: str, secret: str, **headers: str) -> int:
    given = {"Authorization": f"Bearer {secret}"} | headers
    try:
        with urllib.request.urlopen(urllib.request.Request(server.url + path, headers=given), timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as refusal:
        return refusal.code


def test_many_calls_at_once_are_all_answered_and_the_first_use_noted_once(supplier):
    path, token = f"/api/v1/devices/{make_device('ZEPH')}/", make_token(supplier)

    with running(WEB_CONCURRENCY="2") as server, ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(lambda _: call(server, path, token.secret), range(96)))

    assert set(answers) == {200}
    assert AuditRow.objects.filter(kind="token_used").count() == 1
    assert AuditRow.objects.filter(kind="device_read", details={"token": token.pk}).count() == 96
    assert ServiceToken.objects.get().last_used_at is not None


def test_refused_token_is_noted_though_its_request_fails(supplier):
    token = make_token(supplier, networks=["192.0.2.0/24"])

    with running() as server:
        lies = {"X-Forwarded-For": "192.0.2.1", "Forwarded": "for=192.0.2.1", "X-Real-IP": "192.0.2.1"}
        answers = [call(server, "/api/v1/devices/x/", token.secret, **lies) for _ in range(3)]

    assert answers == [401, 401, 401]
    row = AuditRow.objects.get(kind="token_used")
    assert row.details == {"token": token.pk, "refused": "network"}
    assert list(row.values.values_list("value", flat=True)) == ["127.0.0.1"]
