"""From an organisation that does not exist to one whose analyst has left: real pages, real mails, second factors."""

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_passkeys import code_of, give_key
from tests.mail_sink import Sink
from tests.server import PASSWORD, Server, running

pytestmark = pytest.mark.browser
OWN_PASSWORD = "nine-quiet-lanterns"
ADA, NADIA = "ada.zulu@demo.example", "nadia.zulu@demo.example"


@pytest.fixture(scope="module")
def strict_portal(copies: dict[str, dict[str, str]], mailed: tuple[Sink, str]) -> Iterator[Server]:
    """Second factors are required, and nobody has one yet; served at a host name, which passkeys need."""
    strict = {"MFA_REQUIRED": "true", "WORKER": "1", "EMAIL_URL": mailed[1]}
    with running("localhost", **copies["life"] | strict) as server:
        yield server


@pytest.fixture
def arrive(copies: dict[str, dict[str, str]], browser: Browser, strict_portal: Server) -> Iterator[Callable[[], Page]]:
    contexts = []

    def come() -> Page:
        contexts.append(browser.new_context(base_url=strict_portal.url))
        page = contexts[-1].new_page()
        page.key = give_key(page)
        return page

    yield come
    for context in contexts:
        context.close()


def enrol_app(page: Page) -> str:
    """Set up an authenticator app from the guided page, typing the secret; gives the secret."""
    page.get_by_role("link", name="Set up an app").click()
    secret = page.locator("#secret").inner_text()
    page.get_by_label("Six-digit code from the app").fill(code_of(secret))
    page.get_by_role("button", name="Set up").click()
    page.get_by_role("link", name="Continue").click()
    return secret


def enrol_passkey(page: Page) -> None:
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_role("button", name="Add the passkey").click()
    page.get_by_role("link", name="Continue").click()


def come_in(page: Page, email: str) -> Page:
    """Somebody of the demo signs in and is led to a second factor."""
    page.goto("/accounts/login/")
    page.get_by_label("Email address").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    enrol_app(page)
    return page


def approve(page: Page, act: str) -> None:
    page.goto("/organisations/proposals/")
    page.get_by_role("link", name=act).click()
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("alert")).to_contain_text("Approved")


def bind(page: Page, fuel: str, code: str) -> None:
    page.get_by_role("link", name="Bind a code").click()
    page.get_by_label(fuel).check()
    page.get_by_label("Code").fill(code)
    page.get_by_label("From what date").fill("01/01/2015")
    page.get_by_role("button", name="Request approval").click()
    expect(page.get_by_role("alert")).to_contain_text("Approval requested")


def accept(page: Page, link: str, name: str) -> None:
    page.goto(link)
    page.get_by_label("Full name").fill(name)
    page.get_by_label("Password").fill(OWN_PASSWORD)
    page.get_by_role("button", name="Accept and create account").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Set up a second factor")


def invite(page: Page, name: str, email: str, job: str) -> None:
    page.goto("/organisation/members/invite/")
    page.get_by_label("Full name").fill(name)
    page.get_by_label("Email address").fill(email)
    page.get_by_label(job, exact=True).check()
    page.get_by_role("button", name="Send invitation").click()
    expect(page.get_by_role("alert")).to_contain_text("has been invited")


def change_job(page: Page, name: str, job: str) -> None:
    page.goto("/organisation/members/")
    page.get_by_role("link", name=f"Change access level of {name}").click()
    page.get_by_label(job, exact=True).check()
    page.get_by_role("button", name="Save access level").click()
    expect(page.get_by_role("alert")).to_contain_text(f"Access level saved: {name} is now")


def found(clerk: Page, second: Page, sink: Sink) -> None:
    """The DCC makes a MAP organisation and binds two MAP IDs with a second pair of eyes; the page stays on it."""
    clerk.goto("/organisations/add/")
    clerk.get_by_label("Name").fill("Zulu Smart Assets")
    clerk.get_by_label("MAP", exact=True).check()
    clerk.get_by_role("button", name="Add organisation").click()
    bind(clerk, "Electricity", "ZULU")
    bind(clerk, "Gas", "ZUG")
    assert sink.link_to("dcc.second@demo.example").startswith("/organisations/proposals/")
    approve(second, "Bind ZULU (electricity)")
    approve(second, "Bind ZUG (gas)")


def appoint(clerk: Page, second: Page) -> None:
    clerk.get_by_role("link", name="Appoint an administrator").click()
    clerk.get_by_label("Full name").fill("Ada Zulu")
    clerk.get_by_label("Email address").fill(ADA)
    clerk.get_by_role("button", name="Request approval").click()
    approve(second, "Appoint Ada Zulu")


def codes_of_report(page: Page) -> set[str]:
    page.goto("/reports/map-portfolio/")
    with page.expect_download() as started:
        page.get_by_role("button", name="Download report").click()
    return {row["map_id"] for row in csv.DictReader(Path(started.value.path()).read_text().splitlines())}


def end(page: Page, name: str) -> None:
    page.goto("/organisation/members/")
    page.get_by_role("link", name=f"End the membership of {name}").click()
    page.get_by_role("button", name="End membership").click()
    expect(page.get_by_role("alert")).to_contain_text(f"The membership of {name} has ended")


def test_whole_life_of_an_organisation(arrive: Callable[[], Page], mailed: tuple[Sink, str]):
    sink, ada, nadia = mailed[0], arrive(), arrive()
    clerk, second = come_in(arrive(), "dcc.admin@demo.example"), come_in(arrive(), "dcc.second@demo.example")
    found(clerk, second, sink)
    appoint(clerk, second)

    accept(ada, sink.link_to(ADA), "Ada Zulu")
    enrol_passkey(ada)
    expect(ada.get_by_role("banner")).to_contain_text("Zulu Smart Assets")
    invite(ada, "Nadia Zulu", NADIA, "Editor")
    accept(nadia, sink.link_to(NADIA), "Nadia Zulu")
    enrol_app(nadia)
    assert codes_of_report(nadia) == {"ZULU", "ZUG"}

    # Moved, demoted and removed: each counts at her next click, in the tab that is open.
    change_job(ada, "Nadia Zulu", "Administrator")
    nadia.goto("/organisation/members/")
    expect(nadia.get_by_role("heading", level=1)).to_have_text("Members")
    change_job(ada, "Nadia Zulu", "Viewer")
    nadia.reload()
    expect(nadia.get_by_role("heading", level=1)).not_to_have_text("Members")
    nadia.goto("/reports/map-portfolio/")
    end(ada, "Nadia Zulu")
    nadia.get_by_role("button", name="Download report").click()
    expect(nadia.get_by_role("heading", level=1)).to_have_text("Sign in")
