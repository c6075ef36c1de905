"""Recording in a real browser: the list of MAPs, the way back, the banner; with JavaScript and without."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import sign_in
from tests.browser.looks import assert_accessible, nothing_from_elsewhere
from tests.browser.test_journeys import Visit
from tests.server import Server

pytestmark = pytest.mark.browser
EDITOR = "supplier.editor@demo.example"
NAME, SOURCE = "MAP ID", re.compile("Where did you get this value")


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without"])
def page(portal: Server, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """Of a supplier's Editor."""
    context = browser.new_context(base_url=portal.url, java_script_enabled=request.param)
    yield sign_in(context.new_page(), EDITOR)
    context.close()


def open_form(page: Page) -> None:
    """Of the first electricity meter of the list of those without a MAP ID."""
    page.goto("/devices/to-do/map-id/")
    page.locator("tbody tr").filter(has_text="ESME").filter(has_text="Commissioned").first.get_by_role(
        "link"
    ).first.click()
    page.get_by_role("link", name="Record or correct").click()


def field(page: Page) -> Locator:
    return page.get_by_label(NAME, exact=True)


def test_map_is_chosen_by_name_and_confirmed_by_name(page: Page):
    open_form(page)
    listed = field(page).get_attribute("list")
    offered = page.locator(f"#{listed} option")
    assert "ZMAP, Zenith Meter Assets" in [offered.nth(i).get_attribute("value") for i in range(offered.count())]

    field(page).fill("zenith meter assets")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", level=2).first).to_contain_text("Zenith Meter Assets provides this meter from")
    expect(page.get_by_text("ZMAZ is ")).to_be_visible()
    page.get_by_role("button", name="Save this MAP ID").click()

    banner = page.get_by_role("alert")
    expect(banner).to_contain_text("MAP ID saved: ZMAP, Zenith Meter Assets, from ")
    expect(banner).to_be_focused()


@pytest.mark.parametrize("way", ["link", "Back"])
def test_nothing_typed_is_lost_on_the_way_back(page: Page, way: str):
    open_form(page)
    field(page).fill("ZMAZ")
    page.get_by_label(SOURCE).fill("contract schedule 4")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Check this MAP ID before you save it")

    for _ in range(2):
        if way == "Back":
            page.go_back()
        else:
            page.get_by_role("link", name="Back, keeping what I entered").click()
        expect(field(page)).to_have_value("ZMAZ")
        expect(page.get_by_label(SOURCE)).to_have_value("contract schedule 4")
        page.get_by_role("button", name="Continue").click()

    page.get_by_role("link", name="Cancel").click()
    page.get_by_role("link", name="Record or correct").click()
    page.get_by_role("link", name="Start again from what is recorded").click()
    expect(field(page)).to_have_value("")


def test_first_missing_map_id_and_its_correction_take_few_steps(page: Page):
    """From the dashboard 5 clicks and 1 field; then, from the meter, 6 clicks and 2 fields."""
    page.goto("/")
    page.get_by_role("link", name=re.compile("MAP ID missing")).first.click()
    page.locator("tbody tr").filter(has_text="ESME").filter(has_text="Commissioned").first.get_by_role(
        "link", name="Record"
    ).click()
    field(page).click()
    field(page).fill("ZMAP")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Save this MAP ID").click()
    expect(page.get_by_role("alert")).to_contain_text("MAP ID saved: ZMAP")

    page.get_by_role("link", name="Record or correct").click()
    field(page).fill("ZMAZ")
    page.get_by_label("It was entered incorrectly").check()
    page.get_by_label(SOURCE).fill("contract schedule 4")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", level=2).first).to_contain_text("no longer provides this meter from")
    page.get_by_role("button", name="Save this correction").click()
    expect(page.get_by_role("alert")).to_contain_text("MAP ID saved: ZMAZ")


def test_each_step_is_accessible_and_fits(visit: Visit):
    page = visit("supplier.admin@demo.example")
    with nothing_from_elsewhere(page):
        open_form(page)
        form = page.url
        field(page).fill("Zenith")
        page.get_by_role("button", name="Continue").click()
        assert_accessible(page)  # with an error
        field(page).fill("ZMAP")
        page.get_by_role("button", name="Continue").click()
        assert_accessible(page)  # to confirm
        page.goto(form)
        assert_accessible(page)  # on the way back
        other = page.context.new_page()
        other.goto(form)
        page.get_by_role("button", name="Continue").click()
        page.get_by_role("button", name="Save this MAP ID").click()
        assert_accessible(page)  # with its banner
        field(other).fill("ZMAZ")
        other.get_by_role("button", name="Continue").click()
        expect(other.get_by_role("heading", level=1)).to_contain_text("You saved this in another tab at ")
        assert_accessible(other)
        page.goto(form.replace("/edit/", "/remove-msn/"))
        assert_accessible(page)
