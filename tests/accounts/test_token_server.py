"""Tokens over real HTTP, at a server of two processes whose transactions are really their own."""

import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection

import pytest

from accounts.models import ServiceToken
from accounts.models.audit import AuditRow
from accounts.roles import Job
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


@pytest.mark.parametrize(("length", "status", "connection"), [(2_000_000, 413, "close"), (2, 400, "keep-alive")])
def test_refusal_of_a_body_that_is_too_large_says_that_the_connection_ends(supplier, length, status, connection):
    """Its sender is told before it has sent all of it, and sends no other request after the rest."""
    token = make_token(supplier, Job.EDITOR)
    headers = {"Authorization": f"Bearer {token.secret}", "Content-Type": "application/json", "Content-Length": length}

    with running() as server, closing(HTTPConnection("127.0.0.1", server.port, timeout=30)) as client:
        client.request("POST", "/api/v1/devices/batch/", b"{}", headers={n: str(v) for n, v in headers.items()})
        answer = client.getresponse()

    assert (answer.status, answer.headers["Connection"]) == (status, connection)
