"""Passkeys in a real browser, with Chromium's own virtual authenticator, at a name: an address has none.

Second factors are required here: whoever signs in for the first time is led to enrol one.
"""

import time
from collections.abc import Callable, Iterator

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from playwright.sync_api import Browser, CDPSession, Page, expect

from tests.browser.conftest import sign_in
from tests.browser.looks import assert_accessible, nothing_from_elsewhere
from tests.server import PASSWORD, Server, running

pytestmark = pytest.mark.browser
SECURITY = "/accounts/security/"
WITH_BOTH = ("", "app/remove/", "passkeys/", "passkeys/add/", "sessions/", "recovery-codes/", "recovery-codes/new/")
KEY = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(scope="module")
def named_portal(copies: dict[str, dict[str, str]]) -> Iterator[Server]:
    with running("localhost", **copies["passkeys"] | {"MFA_REQUIRED": "true"}) as server:
        yield server


@pytest.fixture
def come(copies: dict[str, dict[str, str]], named_portal: Server, browser: Browser) -> Iterator[Callable[..., Page]]:
    """`come(**options)`: a page of someone not signed in, whose device holds passkeys."""
    contexts = []

    def arrive(**options: object) -> Page:
        context = browser.new_context(base_url=named_portal.url, **options)
        contexts.append(context)
        page = context.new_page()
        page.key = give_key(page)
        return page

    yield arrive
    for context in contexts:
        context.close()


def give_key(page: Page) -> tuple[CDPSession, str]:
    protocol = page.context.new_cdp_session(page)
    protocol.send("WebAuthn.enable")
    return protocol, protocol.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})["authenticatorId"]


def lock_key(page: Page) -> None:
    """The key no longer recognises its owner."""
    protocol, authenticator = page.key
    protocol.send("WebAuthn.setUserVerified", {"authenticatorId": authenticator, "isUserVerified": False})


def leave(page: Page) -> None:
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.get_by_role("heading", name="Sign in").wait_for()


def enrol(page: Page) -> None:
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_role("button", name="Add the passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Recovery codes")


def test_passkey_is_enrolled_where_one_wanted_to_go_and_signs_in_alone(come):
    page = come()
    page.goto("/accounts/login/?next=/devices/")
    page.get_by_label("Email address").fill("rival.editor@demo.example")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Set up a second factor")

    enrol(page)
    page.get_by_role("link", name="Continue").click()
    page.wait_for_url("**/devices/")
    leave(page)
    page.goto("/accounts/login/?next=/reports/")
    page.get_by_role("button", name="Use a passkey").click()

    page.wait_for_url("**/reports/")
    expect(page.get_by_role("banner")).to_contain_text("Rhys Calloway")


def test_passkey_is_the_second_factor_and_confirms_who_it_is(come):
    page = sign_in(come(), "rival.map@demo.example")
    enrol(page)
    leave(page)

    sign_in_by_password(page, "rival.map@demo.example")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your second factor")
    page.goto("/devices/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your second factor")
    page.get_by_role("button", name="Use a passkey").click()
    page.get_by_role("button", name="Sign out", exact=True).wait_for()
    page.goto("/accounts/reauthenticate/passkey/?next=/accounts/security/passkeys/")
    page.get_by_role("button", name="Use a passkey").click()

    page.wait_for_url("**/accounts/security/passkeys/")
    page.get_by_role("link", name="Remove").click()
    expect(page.get_by_text("This is your only second factor")).to_be_visible()


def sign_in_by_password(page: Page, email: str) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("Email address").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_key_that_does_not_recognise_its_owner_signs_nobody_in_and_says_so(come):
    page = sign_in(come(), "dcc.viewer@demo.example")
    enrol(page)
    leave(page)
    lock_key(page)

    page.get_by_role("button", name="Use a passkey").click()

    expect(page.locator("#passkey-error")).to_have_text("No passkey was given, or it took too long. Try again.")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_key_that_is_registered_is_not_registered_twice(come):
    page = sign_in(come(), "dcc.second@demo.example")
    enrol(page)
    page.goto("/accounts/security/passkeys/add/")

    page.get_by_role("button", name="Add the passkey").click()

    expect(page.locator("#passkey-error")).to_have_text("This device or key is one of your passkeys already.")


def test_without_javascript_the_page_says_what_passkeys_need(named_portal, browser):
    context = browser.new_context(base_url=named_portal.url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/accounts/login/")

    # Chromium parses the page as if it could run scripts when it is told by its debugger not to.
    assert "Passkeys need JavaScript" in page.locator("noscript").inner_text()
    expect(page.get_by_role("button", name="Use a passkey")).to_have_count(0)
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    context.close()


def test_every_page_of_signing_in_is_accessible_and_fits(come):
    page, email = come(), "supplier.viewer@demo.example"
    with nothing_from_elsewhere(page, "localhost"):
        walk(page, email)


def walk(page: Page, email: str) -> None:
    """Through every page of signing in, with each factor."""
    look_at(page, "/accounts/login/")
    sign_in(page, email)
    look_at(page, *(f"{SECURITY}{end}" for end in ("enrol/", "app/", "passkeys/add/")))
    set_up_app(page)
    assert_accessible(page)
    page.goto(f"{SECURITY}passkeys/add/")
    page.get_by_role("button", name="Add the passkey").click()
    page.get_by_text("The passkey is added").wait_for()
    look_at(page, *(f"{SECURITY}{end}" for end in WITH_BOTH))
    page.goto(f"{SECURITY}passkeys/")
    look_at(page, *(page.get_by_role("link", name=link).get_attribute("href") for link in ("Rename", "Remove")))
    look_at(
        page, *(f"/accounts/reauthenticate/{end}" for end in ("", "code/", "passkey/")), "/accounts/password/change/"
    )
    leave(page)
    sign_in_by_password(page, email)
    assert_accessible(page)


def look_at(page: Page, *paths: str) -> None:
    for path in paths:
        page.goto(path)
        assert_accessible(page)


def set_up_app(page: Page) -> None:
    page.goto("/accounts/security/app/")
    page.get_by_label("Six-digit code from the app").fill(code_of(page.locator("#secret").inner_text()))
    page.get_by_role("button", name="Set up").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Recovery codes")


def code_of(secret: str) -> str:
    """What an app with this secret shows now."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))
