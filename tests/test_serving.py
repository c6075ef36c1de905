"""Downloads through the real server: whole or visibly broken, and never in the way of others."""

import hashlib
import socket
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone
from pytest_django.plugin import DjangoDbBlocker

from accounts.models import RunningDownload
from accounts.roles import Job, Role
from inventory.demo.generation import generate_devices
from inventory.loads.statistics import count_values
from inventory.models import Device, ReportRun
from tests.conftest import empty_tables
from tests.factories import bind, make_membership, make_organisation, make_participant, make_user
from tests.scopes import as_operator
from tests.server import PASSWORD, Server, Visitor, running

DOWNLOAD = "/reports/map-portfolio/download/?format=csv"
ANALYST, *OTHERS = [f"analyst{number}@demo.example" for number in range(5)]
DEVICES = 60_000  # enough that the report does not fit into the buffers between server and client

pytestmark = pytest.mark.usefixtures("operator")


@pytest.fixture(scope="module")
def portal(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Server]:
    """The portal, with one MAP that has most of the devices, and one person of it: committed, for all tests here."""
    with django_db_blocker.unblock():
        fill()
        with running() as server:
            yield server
        empty_tables()


@as_operator()
def fill() -> None:
    provider = make_organisation("Zenith Meter Assets", Role.MAP)
    bind(provider, make_participant("ZMAP"))
    make_participant("ZEPH", role=Role.SUPPLIER)
    for person in (ANALYST, *OTHERS):
        make_membership(provider, Job.VIEWER, make_user(email=person, password=PASSWORD))
    generate_devices(count=DEVICES, seed=1, today=timezone.localdate())
    count_values()


@pytest.fixture
def outcomes(operator, portal: Server) -> Callable[[], list[str]]:
    """What has become of the runs that this test has begun."""
    former = set(ReportRun.objects.values_list("pk", flat=True))
    mine = ReportRun.objects.exclude(pk__in=former).order_by("started_at")
    return lambda: list(mine.all().values_list("outcome", flat=True))


def ask(server: Server, visitor: Visitor, version: str, receive_buffer: int = 4096) -> socket.socket:
    """A raw request for the report, by a client with a small buffer that has read nothing yet."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    client.settimeout(30)
    client.connect(("127.0.0.1", server.port))
    lines = [f"GET {DOWNLOAD} HTTP/{version}", f"Host: 127.0.0.1:{server.port}", f"Cookie: {visitor.cookie_header}"]
    client.sendall("\r\n".join([*lines, "", ""]).encode())
    return client


def read_all(client: socket.socket) -> bytes:
    pieces = []
    while piece := client.recv(1 << 16):
        pieces.append(piece)
    return b"".join(pieces)


def read_slowly(client: socket.socket) -> None:
    while client.recv(4096):
        time.sleep(0.1)


def wait_for(condition, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def end_backends_that_copy() -> int:
    """What a crash of the database looks like to the portal."""
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE query LIKE 'COPY%%' AND pid <> pg_backend_pid() AND datname = current_database()",
            [],
        )
        return cursor.fetchone()[0]


def test_download_over_http_is_whole_and_matches_its_record(portal, outcomes):
    visitor = Visitor(portal).sign_in(ANALYST)

    with visitor.get(DOWNLOAD) as answer:
        data = answer.read()

    wait_for(lambda: outcomes() == ["complete"])
    run = ReportRun.objects.latest("started_at")
    expected = Device.objects.exclude(asset_provider=None).count()
    assert run.rows == data.count(b"\r\n") - 1 == expected
    assert run.sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_failure_half_way_resets_the_connection_and_is_recorded(portal, outcomes, version):
    visitor = Visitor(portal).sign_in(ANALYST)
    with ask(portal, visitor, version) as client:
        client.recv(1000)
        wait_for(lambda: end_backends_that_copy() == 1)

        with pytest.raises(ConnectionResetError):
            read_all(client)

    wait_for(lambda: outcomes() == ["failed"])
    assert ReportRun.objects.latest("started_at").sha256 == ""


def test_client_that_leaves_breaks_off_its_run(portal, outcomes):
    visitor = Visitor(portal).sign_in(ANALYST)
    client = ask(portal, visitor, "1.1")
    client.recv(1000)
    client.close()

    wait_for(lambda: outcomes() == ["broken_off"])


def test_slow_readers_do_not_take_the_portal_from_others(portal, outcomes):
    """Four people read next to nothing of two files each; a fifth sees pages, and is told to try again for a file."""
    visitors = [Visitor(portal).sign_in(person) for person in OTHERS]
    slow = [ask(portal, visitor, "1.1") for visitor in visitors for _ in range(2)]
    for client in slow:
        client.recv(1)
    began = time.monotonic()

    ninth = Visitor(portal).sign_in(ANALYST)
    with ninth.get("/devices/") as page:
        page.read()
    took = time.monotonic() - began
    refused = ask(portal, ninth, "1.0")
    head = refused.recv(4000)

    for client in [*slow, refused]:
        client.close()
    assert took < 10
    assert head.startswith((b"HTTP/1.0 503", b"HTTP/1.1 503"))
    assert b"Retry-After: 30" in head
    wait_for(lambda: outcomes() == ["broken_off"] * 8)
    wait_for(lambda: not RunningDownload.objects.exists())


def test_one_person_has_two_downloads_over_all_processes(portal, outcomes):
    with running(WEB_CONCURRENCY="2", WEB_THREADS="4") as server:
        visitor = Visitor(server).sign_in(ANALYST)
        clients = [ask(server, visitor, "1.1") for _ in range(2)]
        for client in clients:
            client.recv(1)
        refused = [ask(server, visitor, "1.0") for _ in range(6)]

        statuses = [client.recv(4000).split(b" ")[1] for client in refused]

        for client in [*clients, *refused]:
            client.close()
    assert statuses == [b"503"] * 6


def test_client_that_takes_too_little_is_cut_off(portal, outcomes):
    """It takes something within each second, but next to nothing."""
    with running(STREAM_TIMEOUT="1", STREAM_FLOOR="1000000") as server:
        client = ask(server, Visitor(server).sign_in(ANALYST), "1.1")
        began = time.monotonic()

        with client, pytest.raises(ConnectionResetError):
            read_slowly(client)

        assert time.monotonic() - began < 20
        wait_for(lambda: outcomes() == ["broken_off"])


def test_runs_of_a_killed_server_show_as_broken_off_after_an_hour():
    run = ReportRun.objects.create(
        organisation=make_organisation(role=Role.MAP),
        report="map-portfolio",
        as_of=timezone.localdate(),
        started_at=timezone.now() - timedelta(hours=2),
    )

    assert run.outcome_now.label == "Broken off"
