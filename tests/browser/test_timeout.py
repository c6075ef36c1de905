"""The end of a session in a real browser: the dialog that puts it off, and forms that outlast it.

Nobody waits here: the clock of the page is put forward, and the session in the database back by as much.
"""

from collections.abc import Callable, Iterator

import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import sign_in
from tests.browser.looks import assert_accessible, nothing_from_elsewhere
from tests.server import Server

pytestmark = pytest.mark.browser
MINUTE = 60
NEARLY, OVER = 30 * MINUTE - 50, 30 * MINUTE  # the dialog opens five minutes before the end
EDITOR = "supplier.editor@demo.example"
KEPT = "You were signed out. Everything you typed is still here, but nothing has been saved."
AGE = "UPDATE accounts_session SET last_seen_at = last_seen_at - make_interval(secs => %s) WHERE session_key = %s"


@pytest.fixture
def visit(portal: Server, browser: Browser) -> Iterator[Callable[..., Page]]:
    """`visit(javascript, colour, width)`: the form of a device, opened by someone signed in."""
    contexts = []

    def come(javascript: bool = True, colour: str = "light", width: int = 1280) -> Page:
        context = browser.new_context(
            base_url=portal.url,
            java_script_enabled=javascript,
            color_scheme=colour,
            viewport={"width": width, "height": 900},
        )
        contexts.append(context)
        page = sign_in(context.new_page(), EDITOR)
        if javascript:
            page.clock.install()
        page.goto("/devices/?device_type=ESME&smi_status=Commissioned")
        page.goto(page.locator("tbody th a").first.get_attribute("href") + "edit/")
        return page

    yield come
    for context in contexts:
        context.close()


@pytest.fixture
def idle(demo: dict[str, str]) -> Callable[..., None]:
    """`idle(page, seconds)`: let this time pass without activity; without JavaScript, the page does not notice."""

    def pass_time(page: Page, seconds: int, *, noticed: bool = True) -> None:
        (key,) = [cookie["value"] for cookie in page.context.cookies() if cookie["name"] == "sessionid"]
        with psycopg.connect(demo["DATABASE_URL"]) as connection:
            assert connection.execute(AGE, [seconds, key]).rowcount == 1
        if noticed:
            page.clock.fast_forward(seconds * 1000)

    return pass_time


def dialog(page: Page):
    return page.get_by_role("alertdialog", name="You will soon be signed out")


def sign_in_again(page: Page) -> None:
    page.get_by_label("Email address").fill(EDITOR)
    page.get_by_label("Password", exact=True).fill("smart-metering-demo")
    page.get_by_role("button", name="Sign in").click()


def test_dialog_opens_in_time_and_puts_the_end_off(visit, idle):
    page = visit()
    page.get_by_role("main").get_by_label("MSN").fill("Z99E 12345")
    idle(page, 24 * MINUTE)
    expect(dialog(page)).to_be_hidden()

    idle(page, NEARLY - 24 * MINUTE)
    expect(dialog(page)).to_be_visible()
    expect(dialog(page)).to_contain_text("You will be signed out in less than a minute.")
    expect(page.get_by_role("button", name="Stay signed in")).to_be_focused()
    with page.expect_response("**/accounts/session/extend/"):
        page.keyboard.press("Enter")
    expect(dialog(page)).to_be_hidden()
    idle(page, 15 * MINUTE)

    expect(page.get_by_role("main").get_by_label("MSN")).to_have_value("Z99E 12345")
    assert 14 * MINUTE < page.request.get("/accounts/session/").json()["seconds"] <= 15 * MINUTE


def test_escape_stays_signed_in_and_focus_comes_back(visit, idle):
    page = visit()
    page.get_by_role("main").get_by_label("MSN").focus()
    idle(page, NEARLY)
    expect(dialog(page)).to_be_visible()

    with page.expect_response("**/accounts/session/extend/") as answer:
        page.keyboard.press("Escape")

    assert answer.value.json()["seconds"] >= OVER - 2
    expect(dialog(page)).to_be_hidden()
    expect(page.get_by_role("main").get_by_label("MSN")).to_be_focused()


def test_keyboard_stays_in_the_dialog(visit, idle):
    page = visit()
    idle(page, NEARLY)
    expect(dialog(page)).to_be_visible()

    reached = []
    for _ in range(4):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.innerText"))

    assert {"Stay signed in", "Sign out"} <= set(reached)
    assert "Skip to main content" not in reached


def test_activity_in_another_tab_closes_the_dialog(visit, idle):
    page = visit()
    other = page.context.new_page()
    idle(page, NEARLY)
    expect(dialog(page)).to_be_visible()

    other.goto("/devices/")
    page.clock.fast_forward(15_000)

    expect(dialog(page)).to_be_hidden()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Record or correct")


def test_dialog_signs_out(visit, idle):
    page = visit()
    idle(page, NEARLY)
    expect(dialog(page)).to_be_visible()

    dialog(page).get_by_role("button", name="Sign out").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    expect(page.get_by_text("You are signed out.")).to_be_visible()


def test_page_goes_to_sign_in_when_the_time_is_up_and_comes_back_with_what_was_typed(visit, idle):
    page = visit()
    form = page.url
    page.get_by_role("main").get_by_label("MSN").fill("Z99E 12345")
    idle(page, NEARLY)
    expect(dialog(page)).to_be_visible()

    idle(page, OVER - NEARLY)
    page.wait_for_url("**/accounts/login/**")
    expect(page.get_by_text("You have been inactive for 30 minutes")).to_be_visible()
    expect(page.get_by_text("we have kept what you typed")).to_be_visible()
    sign_in_again(page)

    page.wait_for_url(form)
    expect(page.get_by_text(KEPT)).to_be_visible()
    expect(page.get_by_role("main").get_by_label("MSN")).to_have_value("Z99E 12345")


def test_page_on_which_nothing_was_typed_comes_back_as_it_is(visit, idle):
    page = visit()
    form = page.url

    idle(page, OVER)
    page.wait_for_url("**/accounts/login/**")
    sign_in_again(page)

    page.wait_for_url(form)
    expect(page.get_by_text(KEPT)).to_have_count(0)


def test_without_javascript_the_form_is_filled_in_after_signing_in_again(visit, idle):
    page = visit(javascript=False)
    page.get_by_role("main").get_by_label("MSN").fill("Z99E 12345")
    page.get_by_label("Where did you get this value?").fill("nameplate photo")
    idle(page, OVER, noticed=False)

    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    sign_in_again(page)

    expect_what_was_typed(page)


def expect_what_was_typed(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_contain_text("Record or correct")
    expect(page.get_by_text(KEPT)).to_be_visible()
    expect(page.get_by_role("main").get_by_label("MSN")).to_have_value("Z99E 12345")
    expect(page.get_by_label("Where did you get this value?")).to_have_value("nameplate photo")


@pytest.mark.parametrize("javascript", [True, False])
def test_form_is_given_back_after_signing_in_again_in_another_tab(visit, idle, javascript):
    page = visit(javascript=javascript)
    page.get_by_role("main").get_by_label("MSN").fill("Z99E 12345")
    page.get_by_label("Where did you get this value?").fill("nameplate photo")
    idle(page, OVER, noticed=False)
    other = page.context.new_page()
    other.goto("/devices/")
    sign_in_again(other)
    other.get_by_role("button", name="Sign out").wait_for()

    page.get_by_role("button", name="Continue").click()

    expect_what_was_typed(page)


def test_dialog_is_accessible_and_fits(visit, idle):
    page = visit()
    with nothing_from_elsewhere(page):
        idle(page, NEARLY)
        expect(dialog(page)).to_be_visible()

        assert_accessible(page)
