"""Requests, addresses and values as people have them, one test for each that once failed."""

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import pytest

from accounts.acting import Acting, scope
from accounts.actions.invitations import invite
from accounts.errors import NotAllowed
from accounts.models import Organisation
from accounts.roles import Job, Role
from inventory.api.description import described
from inventory.identifiers import InvalidIdentifier, parse_device_id, parse_mpxn
from inventory.models import Device, ReportRun
from smi.logins import cleaned, current
from tests.api.sending import BATCH, address, batch, entry, patch, refused
from tests.conftest import System
from tests.factories import (
    bind,
    make_device,
    make_hub,
    make_membership,
    make_organisation,
    make_participant,
    make_token,
)
from tests.server import ROOT, Server, running

ID, CORE = "00-DB-12-34-56-78-90-A0", "9910000001006"
DOWNLOAD = "/api/v1/reports/map-portfolio/download/"


# Identifiers as they are pasted


@pytest.mark.parametrize(
    "text",
    [
        "00 DB 12 34 56 78 90 A0",
        "00DB1234 567890A0",
        "0x00DB1234567890A0",
        "00DB.1234.5678.90A0",
        "00_DB_12_34_56_78_90_A0",
        '"00-DB-12-34-56-78-90-A0"',
        "'00-DB-12-34-56-78-90-A0",
        "{00-DB-12-34-56-78-90-A0}",
        "00-DB-12-34-56-78-90-A0,",
        "00\u201190DB12"[:2] + "\u2011DB\u201112\u201134\u201156\u201178\u201190\u2011A0",
        '="00-DB-12-34-56-78-90-A0"',
        "Device ID: 00:db:12:34:56:78:90:a0",
    ],
)
def test_device_id_is_taken_out_of_what_it_is_wrapped_in(text):
    assert parse_device_id(text) == ID


@pytest.mark.parametrize(
    "text",
    [
        f"<sr:DeviceID>{ID}</sr:DeviceID>",
        "urn:dev:mac:00db1234567890a0",
        f"see {ID} please",
        f"https://x.example/{ID}/",
    ],
)
def test_device_id_among_other_text_is_suggested(text):
    with pytest.raises(InvalidIdentifier) as refusal:
        parse_device_id(text)

    assert refusal.value.suggestion == ID
    assert f"Did you mean {ID}?" in str(refusal.value)


@pytest.mark.parametrize(
    "text",
    ["001112229910000001006", "00 111 222 99 1000 0001 006", f"S 00 111 222 {CORE}", f"00801AAA{CORE}", f"{CORE}.0"],
)
def test_core_of_a_full_supply_number_is_suggested(text):
    with pytest.raises(InvalidIdentifier) as refusal:
        parse_mpxn(text)

    assert refusal.value.suggestion == CORE


@pytest.mark.parametrize("text", [f"MPAN: {CORE}", f'"{CORE}"', f"'{CORE}", f'="{CORE}"', "99-1000-0001-006"])
def test_mpan_is_taken_out_of_what_it_is_wrapped_in(text):
    assert parse_mpxn(text) == CORE


# The API


@pytest.fixture
def system(supplier, asset_provider) -> System:
    return System(make_token(supplier, Job.EDITOR))


@pytest.mark.django_db
@pytest.mark.parametrize("device_type", ["CHF", "GPF", "PPMID", "HCALCS", "SAPC", "IHD", "CAD"])
def test_msn_of_a_device_that_is_no_meter_is_refused(system, device_type):
    device = make_hub("ZEPH", device_type=device_type)

    assert refused(patch(system, device, msn="Z21E 55501")) == {"/msn": "not_a_meter"}
    assert refused(batch(system, entry(device, msn="Z21E 55501"))) == {"/devices/0/msn": "not_a_meter"}


@pytest.mark.django_db
@pytest.mark.parametrize("word", ["N/A", "#N/A", "TBC", "unknown", "-"])
def test_what_stands_for_a_missing_value_is_not_recorded(system, word):
    device = make_device("ZEPH", None, msn="")

    assert refused(patch(system, device, msn=word)) == {"/msn": "placeholder"}


@pytest.mark.django_db
@pytest.mark.parametrize("day", ["23/11/2025", "2025-11-23Z", "2025-11-23T00:00:00Z", "23 Nov 2025"])
def test_date_in_a_body_and_in_an_address_is_read_as_in_a_file(system, day):
    device = make_device("ZEPH", None, msn="")

    answer = patch(system, device, map_id="ZMAP", map_from=day)

    assert answer.status_code == 200, answer.content
    assert answer.json()["map_from"] == "2025-11-23"
    assert system.get("/api/v1/devices/", {"installed_from": day}).status_code == 200


@pytest.mark.django_db
def test_date_written_as_in_america_is_refused_with_the_one_that_is_meant(system):
    device = make_device("ZEPH", None, msn="")

    (error,) = patch(system, device, map_id="ZMAP", map_from="11/23/2025").json()["errors"]

    assert error["pointer"] == "/map_from"
    assert "Did you mean 23/11/2025?" in error["detail"]


@pytest.mark.django_db
@pytest.mark.parametrize("accept", ["application/problem+json", "application/octet-stream", "text/plain", "text/html"])
def test_file_is_given_whatever_a_client_accepts(asset_provider, accept):
    system = System(make_token(asset_provider, Job.VIEWER))

    answer = system.get(DOWNLOAD, headers={"Accept": accept})

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert b"".join(answer).startswith(b"as_of,map_id,")


@pytest.mark.django_db
def test_report_that_a_system_has_downloaded_names_its_token(operator, asset_provider, sign_in):
    b"".join(System(make_token(asset_provider, Job.VIEWER, name="Nightly billing")).get(DOWNLOAD))

    page = sign_in(asset_provider, Job.VIEWER).get("/reports/map-portfolio/").text

    assert ReportRun.objects.get().asked_by == "API token “Nightly billing”"
    assert "API token “Nightly billing”" in page
    assert "The operator" not in page


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["post", "patch", "get"])
def test_address_without_its_last_slash_is_repeated_with_it(system, method):
    answer = getattr(system, method)(BATCH.rstrip("/"))

    assert (answer.status_code, answer.headers["Location"]) == (308, BATCH)


def test_description_says_what_generators_and_linters_ask_for():
    document = described()
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    parameters = {p["name"]: p["schema"] for operation in operations for p in operation.get("parameters", [])}

    assert document["servers"][0]["url"].startswith("http")
    assert [o["operationId"] for o in operations if o.get("security") == []] == ["schema_retrieve"]
    assert all(operation.get("description", "some") for operation in operations)
    assert all(operation["summary"] for operation in operations)
    assert {parameters[name]["format"] for name in ("as_of", "known_on", "installed_from")} == {"date"}
    assert parameters["msn"] == {"type": "string", "minLength": 1}


# A real server


@pytest.fixture(scope="module")
def served(django_db_setup: None) -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_body_in_chunks_is_read(operator, served):
    organisation = make_organisation("Zephyr Energy", Role.SUPPLIER)
    bind(organisation, make_participant("ZEPH", role=Role.SUPPLIER))
    device, token = make_device("ZEPH", None, msn=""), make_token(organisation, Job.EDITOR)
    headers = {"Authorization": f"Bearer {token.secret}", "Content-Type": "application/json"}

    def send(method: str, path: str, body: object, **more: str) -> tuple[int, dict]:
        pieces = iter([json.dumps(body).encode()])
        with closing(http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)) as connection:
            connection.request(method, path, pieces, headers | more, encode_chunked=True)
            with connection.getresponse() as answer:
                text = answer.read()
        return answer.status, json.loads(text) if text.startswith(b"{") else {"text": text}

    status, told = send("PATCH", address(device), {"msn": "Z21E 70009"}, **{"If-Match": f'"{device.version}"'})
    assert (status, told.get("msn")) == (200, "Z21E 70009")

    correction = {"msn": "Z21E 70010", "kind": "correction", "source": "nameplate"}
    status, told = send(
        "POST", BATCH, {"devices": [{"device_id": str(device), "version": told["version"]} | correction]}
    )
    assert status == 200, told
    assert Device.objects.get().msn == "Z21E 70010"

    status, told = send("POST", BATCH, {"devices": ["x" * 2_000_000]})
    assert status == 413


@pytest.mark.django_db
def test_port_that_a_proxy_leaves_out_is_that_of_the_portal(client, settings):
    settings.PORTAL_URL, settings.ALLOWED_HOSTS = "https://portal.example:8444", ["portal.example"]

    page = client.get("/accounts/login/", headers={"Host": "portal.example"}, secure=True)

    assert page.wsgi_request.get_host() == "portal.example:8444"
    assert page.wsgi_request.build_absolute_uri("/x/") == "https://portal.example:8444/x/"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/.well-known/change-password", 302, "/accounts/password/change/"),
        ("/favicon.ico", 302, "/static/"),
        ("/robots.txt", 200, "Disallow: /"),
        ("/.well-known/security.txt", 200, "Contact: http"),
    ],
)
def test_places_that_programs_know_give_short_answers(client, path, status, says):
    answer = client.get(path)

    assert answer.status_code == status
    assert says in (answer.headers.get("Location") or answer.text)
    assert len(answer.content) < 300


# Settings and commands


def run_command(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    given = {"SECRET_KEY": "x", "PORTAL_URL": "http://127.0.0.1:8000"} | environment
    command = [sys.executable, ROOT / "manage.py", *arguments]
    return subprocess.run(command, env=os.environ | given, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("url", "where"),
    [("postgresql://u@%2Frun%2Fnowhere/db", "/run/nowhere/.s.PGSQL"), ("postgresql://u@127.0.0.1:1/db", "127.0.0.1")],
)
def test_command_without_a_database_ends_with_a_sentence(url, where):
    ended = run_command("migrate", DATABASE_URL=url, DATABASE_OWNER_URL=url)

    assert ended.returncode == 1
    assert ended.stderr.startswith("The database cannot be reached: ")
    assert where in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "url", ["https://portal.example/api/v1/", " https://portal.example/api/v1", "https://portal.example/\r\n"]
)
def test_address_of_the_portal_is_taken_out_of_that_of_its_api(url):
    assert cleaned(url) == "https://portal.example"


def test_token_from_a_file_of_windows_is_read(monkeypatch):
    monkeypatch.setenv("SMI_URL", "https://portal.example/api/v1/\r")
    monkeypatch.setenv("SMI_TOKEN", f"smi_{'a' * 43}01234567\r\n")

    assert current().token == f"smi_{'a' * 43}01234567"


# Invitations


@pytest.mark.django_db
@pytest.mark.parametrize(
    "email",
    [
        "Jane Doe <jane@example.com>",
        "mailto:jane@example.com",
        "jane@example.com.",
        "jane@exam\u200bple.com",
        "jane@example.com;",
        '"jane@example.com"',
        "mailto:Jane@Example.com?subject=Hello",
    ],
)
def test_address_in_what_was_pasted_is_suggested(operator, supplier: Organisation, email):
    acting = Acting.under(make_membership(supplier, Job.ADMINISTRATOR))

    with scope(acting), pytest.raises(NotAllowed, match=r"Did you mean jane@example\.com\?"):
        invite(email=email, name="Jane", job=Job.VIEWER, by=acting)
