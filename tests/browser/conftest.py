"""The demo as it is served, and people who use it with a real browser."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import connections
from playwright.sync_api import Browser, Page
from pytest_django.plugin import DjangoDbBlocker

from accounts.operator import system_scope
from inventory.demo.setup import load_demo
from tests.dns_server import NameServer, running_name_server
from tests.mail_sink import Sink, mail_sink
from tests.server import PASSWORD, Server, database_url, running

DEVICES = 2000
SHARED = "test_smi_browser" + os.environ.get("PYTEST_XDIST_WORKER", "")
COPIES = ("life", "passkeys")  # for tests in which people get second factors
QUIET = ["--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update"]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict) -> dict:
    """Debian's Chromium where it is installed, Playwright's own elsewhere; root needs it without its sandbox."""
    sandbox = [] if os.geteuid() else ["--no-sandbox"]
    installed = {"executable_path": found} if (found := shutil.which("chromium")) else {}
    return browser_type_launch_args | installed | {"args": [*QUIET, *sandbox]}


@contextmanager
def another_database(name: str) -> Iterator[dict[str, str]]:
    """A copy of the empty test database with the demo in it; gives the environment that leads there."""
    test_name = connections["owner"].settings_dict["NAME"]
    _use(test_name)  # a template may have no visitors
    _copy(test_name, name)
    _use(name)
    with system_scope("browser tests"):
        load_demo(devices=DEVICES, seed=1, tell=lambda _: None)
    environment = {"DATABASE_URL": database_url(), "DATABASE_OWNER_URL": database_url("owner")}
    _use(test_name)
    try:
        yield environment
    finally:
        _as_owner(f"DROP DATABASE {name} WITH (FORCE)")


def _copy(name: str, copy: str) -> None:
    _as_owner(f"DROP DATABASE IF EXISTS {copy} WITH (FORCE)", f"CREATE DATABASE {copy} TEMPLATE {name}")


def _as_owner(*statements: str) -> None:
    with connections["owner"].creation._nodb_cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _use(name: str) -> None:
    """Lets this process's connections lead to database `name` from now on."""
    for alias in ("default", "owner"):
        connections[alias].close()
        connections[alias].settings_dict["NAME"] = name


@pytest.fixture(scope="session")
def demo(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[dict[str, str]]:
    """Demo data in a database of its own: the environment that leads there."""
    with django_db_blocker.unblock(), another_database(SHARED) as environment:
        for copy in COPIES:
            _copy(SHARED, f"{SHARED}_{copy}")
        yield environment
        _as_owner(*(f"DROP DATABASE {SHARED}_{copy} WITH (FORCE)" for copy in COPIES))


@pytest.fixture(scope="session")
def copies(demo: dict[str, str]) -> dict[str, dict[str, str]]:
    """The same in copies that one module each uses; made before the browser, whose loop bars Django's connections."""
    return {copy: {k: url.replace(f"/{SHARED}?", f"/{SHARED}_{copy}?") for k, url in demo.items()} for copy in COPIES}


@pytest.fixture(scope="session")
def mailed() -> Iterator[tuple[Sink, str]]:
    """What the portal mails, and the EMAIL_URL that leads there."""
    with mail_sink() as sink:
        yield sink


@pytest.fixture(scope="session")
def running_names() -> Iterator[NameServer]:
    """The name server that the portal asks."""
    with running_name_server() as server:
        yield server


@pytest.fixture(scope="session")
def portal(demo: dict[str, str], mailed: tuple[Sink, str], running_names: NameServer) -> Iterator[Server]:
    """The portal with demo data, in a process of its own."""
    with running(EMAIL_URL=mailed[1], WORKER="1", DNS_RESOLVERS=running_names.address, **demo) as server:
        yield server


@pytest.fixture
def visit(portal: Server, browser: Browser) -> Iterator[Callable[..., Page]]:
    """`visit(email, colour, width)`: a page of someone signed in, without the page's own JavaScript."""
    contexts = []

    def come(email: str = "", colour: str = "light", width: int = 1280) -> Page:
        viewport = {"width": width, "height": 900}
        context = browser.new_context(base_url=portal.url, color_scheme=colour, viewport=viewport, bypass_csp=False)
        contexts.append(context)
        page = context.new_page()
        return sign_in(page, email) if email else page

    yield come
    for context in contexts:
        context.close()


def sign_in(page: Page, email: str) -> Page:
    page.goto("/accounts/login/")
    page.get_by_label("Email address").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Sign out").wait_for()
    return page
