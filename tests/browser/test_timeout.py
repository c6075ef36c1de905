"""The end of a session in a real browser: the dialog that puts it off, and forms that outlast it."""

import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import sign_in
from tests.browser.looks import assert_accessible, nothing_from_elsewhere
from tests.server import Server, running

pytestmark = pytest.mark.browser
IDLE = 16  # seconds: the dialog opens after half of them
EDITOR = "supplier.editor@demo.example"
KEPT = "You were signed out. What you typed is still here; nothing was saved."


@pytest.fixture(scope="session")
def hasty(demo: dict[str, str]) -> Iterator[Server]:
    """A portal whose sessions last for seconds."""
    with running(SESSION_IDLE_SECONDS=str(IDLE), **demo) as server:
        yield server


@pytest.fixture
def visit(hasty: Server, browser: Browser) -> Iterator[Callable[..., Page]]:
    """`visit(javascript, colour, width)`: the form of a device, opened by somebody signed in."""
    contexts = []

    def come(javascript: bool = True, colour: str = "light", width: int = 1280) -> Page:
        context = browser.new_context(
            base_url=hasty.url,
            java_script_enabled=javascript,
            color_scheme=colour,
            viewport={"width": width, "height": 900},
        )
        contexts.append(context)
        page = sign_in(context.new_page(), EDITOR)
        page.goto("/devices/?device_type=ESME&smi_status=Commissioned")
        page.goto(page.locator("tbody th a").first.get_attribute("href") + "edit/")
        return page

    yield come
    for context in contexts:
        context.close()


def dialog(page: Page):
    return page.get_by_role("alertdialog", name="You will soon be signed out")


def sign_in_again(page: Page) -> None:
    page.get_by_label("Email address").fill(EDITOR)
    page.get_by_label("Password", exact=True).fill("smart-metering-demo")
    page.get_by_role("button", name="Sign in").click()


def test_dialog_opens_in_time_and_puts_the_end_off(visit):
    page = visit()
    page.get_by_label("MSN").fill("Z99E 12345")
    expect(dialog(page)).to_be_hidden()

    expect(dialog(page)).to_be_visible(timeout=IDLE * 1000)
    expect(dialog(page)).to_contain_text("You will be signed out in less than a minute.")
    expect(page.get_by_role("button", name="Stay signed in")).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog(page)).to_be_hidden()
    page.wait_for_timeout(IDLE * 1000 / 2)

    expect(page.get_by_label("MSN")).to_have_value("Z99E 12345")
    assert page.request.get("/accounts/session/").json()["seconds"] > 0


def test_escape_stays_signed_in_and_focus_comes_back(visit):
    page = visit()
    page.get_by_label("MSN").focus()
    expect(dialog(page)).to_be_visible(timeout=IDLE * 1000)

    with page.expect_response("**/accounts/session/extend/") as answer:
        page.keyboard.press("Escape")

    assert answer.value.json()["seconds"] >= IDLE - 2
    expect(dialog(page)).to_be_hidden()
    expect(page.get_by_label("MSN")).to_be_focused()


def test_keyboard_stays_in_the_dialog(visit):
    page = visit()
    expect(dialog(page)).to_be_visible(timeout=IDLE * 1000)

    reached = []
    for _ in range(4):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.innerText"))

    assert {"Stay signed in", "Sign out"} <= set(reached)
    assert "Skip to main content" not in reached


def test_activity_in_another_tab_closes_the_dialog(visit):
    page = visit()
    other = page.context.new_page()
    expect(dialog(page)).to_be_visible(timeout=IDLE * 1000)

    other.goto("/devices/")

    expect(dialog(page)).to_be_hidden(timeout=IDLE * 1000)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Record or correct")


def test_dialog_signs_out(visit):
    page = visit()
    expect(dialog(page)).to_be_visible(timeout=IDLE * 1000)

    dialog(page).get_by_role("button", name="Sign out").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    expect(page.get_by_text("You are signed out.")).to_be_visible()


def test_page_goes_to_sign_in_when_the_time_is_up_and_comes_back_with_what_was_typed(visit):
    page = visit()
    form = page.url
    page.get_by_label("MSN").fill("Z99E 12345")

    page.wait_for_url("**/accounts/login/**", timeout=IDLE * 3000)
    expect(page.get_by_text("nothing was done here for 16 seconds")).to_be_visible()
    expect(page.get_by_text("What you typed is kept")).to_be_visible()
    sign_in_again(page)

    page.wait_for_url(form)
    expect(page.get_by_text(KEPT)).to_be_visible()
    expect(page.get_by_label("MSN")).to_have_value("Z99E 12345")


def test_page_on_which_nothing_was_typed_comes_back_as_it_is(visit):
    page = visit()
    form = page.url

    page.wait_for_url("**/accounts/login/**", timeout=IDLE * 3000)
    sign_in_again(page)

    page.wait_for_url(form)
    expect(page.get_by_text(KEPT)).to_have_count(0)


def test_without_javascript_the_form_is_filled_in_after_signing_in_again(visit):
    page = visit(javascript=False)
    page.get_by_label("MSN").fill("Z99E 12345")
    page.get_by_label("Where did you get this value?").fill("nameplate photo")
    time.sleep(IDLE + 1)

    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    sign_in_again(page)

    expect(page.get_by_role("heading", level=1)).to_contain_text("Record or correct")
    expect(page.get_by_text(KEPT)).to_be_visible()
    expect(page.get_by_label("MSN")).to_have_value("Z99E 12345")
    expect(page.get_by_label("Where did you get this value?")).to_have_value("nameplate photo")


def test_dialog_is_accessible_and_fits(visit):
    page = visit()
    with nothing_from_elsewhere(page):
        expect(dialog(page)).to_be_visible(timeout=IDLE * 1000)

        assert_accessible(page)
