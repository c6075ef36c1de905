"""No secret of an address, no search value and no token is in any log, whoever writes it."""

import http.client
import logging
import re
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import pytest
from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.utils import timezone

from accounts.acting import Acting, scope
from accounts.actions import invitations
from accounts.models import Organisation
from accounts.roles import Job
from accounts.sign_in.hashing import link_secret
from smi_portal.logs import SECRETS, masked
from tests.factories import make_membership, make_user
from tests.hostile import Requests, routes
from tests.server import Server, running
from tests.test_access import patterns

PUBLIC = {"pk", "device_id", "domain", "provider_id", "name", "day"}  # parts of addresses that a log may have
SECRET = "Zq7-secret_Zq7"


def with_secret(route: str, secret: str) -> str:
    """An address of this route with `secret` in each place of one."""
    return Requests.PLACE.sub(lambda place: secret if (place[1] or place[2]) in SECRETS else "1", route)


SECRET_ROUTES = [route for route in routes() if with_secret(route, SECRET) != with_secret(route, "")]


def test_it_is_decided_of_each_part_of_an_address_whether_it_is_a_secret():
    parts = {part for pattern in patterns() for part in pattern.pattern.regex.groupindex}

    assert parts == PUBLIC | set(SECRETS)
    assert len(SECRET_ROUTES) == 2


@pytest.mark.parametrize("route", SECRET_ROUTES)
@pytest.mark.parametrize(
    "form", ["{}", "https://x.example{}", "<WSGIRequest: GET '{}'>", "Not Found: {}", '"GET {} HTTP/1.1"']
)
def test_secret_of_an_address_is_masked_in_any_text(route, form):
    path = with_secret(route, SECRET)

    for written in (path, quote(path), quote(path, safe=""), quote(quote(path, safe=""), safe="")):
        kept = masked(form.format(written))
        assert SECRET not in kept
        assert kept.startswith(form.partition("{}")[0])


@pytest.mark.parametrize(
    "around",
    [
        *("/{}/", "/accounts//invitation/{}/", "/Accounts/Invitation/{}", "/accounts/./password/reset/key/{}/"),
        *("/accounts/%69nvitation/{}/", "/accounts/invite/{}).", "/%2e/accounts/re%73et/3D{}/x/", "/{}x/"),
    ],
)
def test_secret_is_masked_in_an_address_that_is_none_of_ours(db, around):
    """As links are mistyped, or changed by a mail program; secrets as the portal makes them."""
    person, now = make_user(), timezone.now()
    secrets = [link_secret("accounts.invitation", 7, now), default_token_generator.make_token(person)]
    secrets[1] = f"{user_pk_to_url_str(person)}-{secrets[1]}"

    for secret in secrets:
        for written in (secret, secret.upper(), quote(f"https://x.example/{secret}", safe="")):
            kept = masked(f"Not Found: https://x.example{around.format(written)}")
            assert written not in kept
            assert secret.rpartition("-")[2].lower() not in kept.lower()
            assert kept.startswith("Not Found: https://x.example/")


def test_parameters_and_tokens_are_masked_and_other_words_stay():
    assert masked('{"request": "GET /devices/?mpxn=9910000001006"}') == '{"request": "GET /devices/"}'
    assert masked("GET /search/?q=9910000001006 HTTP/1.1") == "GET /search/ HTTP/1.1"
    assert masked("GET https://x.example/callback/?code=a&state=b failed") == "GET https://x.example/callback/ failed"
    assert masked("/devices/smi_" + "a" * 51 + "/") == "/devices/smi_***/"
    run = f"/reports/runs/{uuid4()}/manifest/"
    assert masked(run) == run
    assert (
        masked("Is this a/b? Yes: /accounts/login/ and /devices/x/.")
        == "Is this a/b? Yes: /accounts/login/ and /devices/x/."
    )


def test_record_of_any_logger_is_masked_with_its_arguments_and_its_exception(caplog):
    path = with_secret(SECRET_ROUTES[0], SECRET)
    try:
        raise ValueError(path)
    except ValueError:
        logging.getLogger("some.library").exception("%s failed: %s", path, {"address": path})

    (record,) = caplog.records
    written = logging.Formatter().format(record)
    assert SECRET not in written
    assert "ValueError: /accounts/" in written
    (json,) = (handler for handler in logging.getLogger().handlers if handler.name == "json")
    assert SECRET not in json.format(record)


# What a real server, with a worker and a keeper beside it, writes -------------------------------------------------


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    return tmp_path / "log"


def sent_invitation(supplier: Organisation, folder: Path) -> str:
    """The secret of an invitation, as the worker has mailed it."""
    acting = Acting.under(make_membership(supplier, Job.ADMINISTRATOR))
    with scope(acting):
        invitations.invite(email="ada@demo.example", name="Ada", job=Job.VIEWER, by=acting)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for mail in folder.glob("*"):
            if found := re.search(r"/accounts/invitation/([^/\s]+)/", mail.read_text()):
                return found[1]
        time.sleep(0.5)
    raise AssertionError("no invitation was mailed")


def ask(server: Server, method: str, path: str, **headers: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    with connection.getresponse() as answer:
        answer.read()
    connection.close()
    return answer.status


def walk(server: Server, path: str) -> set[int]:
    """Everything that makes somebody write down an address: found or not, refused, broken, or named by another one."""
    statuses = {ask(server, method, path) for method in ("GET", "HEAD", "POST", "PUT", "TRACE")}
    statuses |= {ask(server, "GET", path + more) for more in ("?x=1", "x", "%00", "?a=%00")}
    statuses |= {ask(server, "GET", path.rstrip("/")), ask(server, "GET", path, Host="evil.example")}
    broken = (path.replace("/", "//"), path.replace("/", "/./"), path.upper(), f"/x{path}", path.replace("/", "/ "))
    statuses |= {ask(server, "GET", quote(address)) for address in broken}
    statuses |= {ask(server, method, "/accounts/login/", Referer=server.url + path) for method in ("GET", "POST")}
    statuses |= {
        ask(server, "GET", f"/accounts/login/?next={quote(path, safe='')}"),
        ask(server, "GET", "/api/v1" + path),
    }
    return statuses


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_no_secret_of_an_address_is_in_the_log_of_a_server_and_its_worker(operator, supplier, log, tmp_path):
    mails = tmp_path / "mails"
    mails.mkdir()
    loud = {"LOG_LEVEL": "DEBUG", "GUNICORN_CMD_ARGS": "--access-logfile - --log-level debug", "WORKER": "1"}
    with log.open("wb") as file, running(log=file, EMAIL_URL=f"filemail:///{mails}", **loud) as server:
        invited = sent_invitation(supplier, mails)
        assert ask(server, "GET", f"/accounts/invitation/{invited}/") == 200
        statuses = {status for route in SECRET_ROUTES for status in walk(server, with_secret(route, invited))}

    written = log.read_text()
    assert statuses >= {200, 308, 400, 403, 404, 405}
    assert written.count("/accounts/invitation/***") > 30
    assert '"GET /accounts/invitation/***' in written  # gunicorn's own log of requests
    assert not [line for line in written.splitlines() if invited in line.lower()]
