"""Single sign-on in a real browser: set up by two of the DCC, proved by a DNS record, used, and switched off."""

import os
import re
import subprocess
import sys
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looks import assert_accessible, nothing_from_elsewhere
from tests.dns_server import NameServer
from tests.provider import CLIENT_ID, PASSWORD, SECRET, Provider
from tests.server import ROOT, Server

pytestmark = pytest.mark.browser
Visit = Callable[..., Page]
ADA = "ada@zephyr.example"


@pytest.fixture(scope="module")
def ada(portal: Server, demo: dict[str, str]) -> str:
    """The address of a person of two organisations, in the domain of one."""
    for organisation in ("Zephyr Energy", "Zenith Meter Assets"):
        command = [sys.executable, "manage.py", "add_administrator", ADA, "--organisation", organisation]
        given = demo | {"SECRET_KEY": "x", "PORTAL_URL": portal.url}
        subprocess.run(command, cwd=ROOT, env=os.environ | given, check=True, capture_output=True)
    return ADA


def open_sign_on(page: Page) -> None:
    """From the list of organisations to Zephyr Energy's single sign-on."""
    page.goto("/organisations/")
    page.get_by_role("link", name="Zephyr Energy").click()
    page.get_by_role("link", name="Single sign-on of the organisation").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Single sign-on")


def set_up(page: Page, provider: Provider) -> None:
    page.get_by_role("link", name="Set up the provider").click()
    provider.accept(page.locator(".smi-id", has_text="/callback/").inner_text())
    page.get_by_label("Issuer").fill(provider.url)
    page.get_by_label("Client ID").fill(CLIENT_ID)
    page.get_by_label("Client secret").fill(SECRET)
    page.get_by_role("button", name="Check and continue").click()
    expect(page.get_by_role("alert")).to_contain_text(
        "The provider answers, and its issuer matches. Approval requested"
    )


def approve(page: Page, what: str) -> None:
    """The one thing that waits."""
    page.goto("/organisations/proposals/")
    page.get_by_role("link", name=what).click()
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("alert")).to_contain_text("Approved:")


def add_domain(page: Page) -> None:
    page.get_by_role("link", name="Add a domain").click()
    page.get_by_label("Email domain").fill("Zephyr.example")
    page.get_by_role("button", name="Request approval").click()
    expect(page.get_by_role("alert")).to_contain_text("Approval requested")


def prove_domain(page: Page, names: NameServer) -> None:
    """The record is copied from the page, as whoever runs the DNS does it."""
    card = page.get_by_role("region", name="zephyr.example", exact=True)
    name, value = card.locator(".smi-id", has_text="_smi-portal."), card.locator(".smi-id", has_text="smi_portal=")
    check = page.get_by_role("button", name="Check the record")
    check.click()
    refusal = page.get_by_role("region", name="Important")
    expect(refusal).to_contain_text("There is no TXT record at _smi-portal.zephyr.example yet.")
    names.records[name.inner_text()] = [value.inner_text()]
    check.click()
    expect(page.get_by_role("alert")).to_contain_text("zephyr.example is confirmed")


def come_from_work(page: Page, email: str, provider: Provider) -> None:
    """By the ordinary form of the sign-in page, whatever the password, to the provider and back."""
    page.goto("/devices/?device_type=ESME")
    page.get_by_label("Email address").fill(email)
    page.get_by_label("Password", exact=True).fill("whatever she remembers")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Continue to Zephyr Energy’s sign-in").click()
    page.wait_for_url(re.compile(f"^{provider.url}/"))
    page.locator("input[name=login]").fill(email)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("button[type=submit]").click()


def test_organisation_signs_in_as_it_does_at_work(
    visit: Visit, running_names: NameServer, running_provider: Provider, ada: str
):
    clerk, second, person = visit("dcc.admin@demo.example"), visit("dcc.second@demo.example"), visit()
    with nothing_from_elsewhere(clerk), nothing_from_elsewhere(second):
        open_sign_on(clerk)
        set_up(clerk, running_provider)
        approve(second, f"Use {running_provider.url}")
        open_sign_on(clerk)
        add_domain(clerk)
        approve(second, "Add the email domain zephyr.example")
        open_sign_on(clerk)
        prove_domain(clerk, running_names)

    come_from_work(person, ada, running_provider)
    expect(person).to_have_url(re.compile(r"/devices/\?device_type=ESME$"))
    expect(person.get_by_role("banner")).to_contain_text("Acting for Zephyr Energy")
    expect(person.get_by_role("banner")).not_to_contain_text("Change")
    expect(person.locator("tbody tr").first).to_contain_text("ESME")

    open_sign_on(clerk)
    expect(clerk.locator("tbody")).to_contain_text("Confirmed")
    clerk.get_by_role("link", name="Switch off").click()
    clerk.get_by_role("button", name="Switch off").click()
    person.get_by_role("link", name="Dashboard").click()
    expect(person.get_by_role("heading", level=1)).to_have_text("Sign in")
    clerk.get_by_role("link", name="Switch on").click()
    clerk.get_by_role("button", name="Request approval").click()
    approve(second, "Switch on single sign-on of Zephyr Energy")


def test_every_page_of_single_sign_on_is_accessible_and_fits(visit: Visit):
    """Set up by the test before this one."""
    page = visit("dcc.admin@demo.example")
    open_sign_on(page)
    base, callback = page.url, page.locator(".smi-id", has_text="/callback/").inner_text()
    of_dcc = [base, *(f"{base}{end}" for end in ("provider/", "switch/", "domains/add/"))]
    of_all = ["/accounts/sign-on/", f"/accounts/sign-on/{callback.split('/')[-4]}/", callback]

    with nothing_from_elsewhere(page):
        for path in [*of_dcc, f"{base}domains/zephyr.example/give-up/", *of_all]:
            page.goto(path)
            assert_accessible(page)
