"""The journeys of the roles, in a real browser."""

import csv
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser
Visit = Callable[..., Page]


def download(page: Page, name: str) -> Path:
    with page.expect_download() as started:
        page.get_by_role("link", name=name).first.click()
    return Path(started.value.path())


def first_meter(page: Page, kind: str = "ESME") -> str:
    """The Device ID of the first commissioned meter of the list."""
    page.goto(f"/devices/?device_type={kind}&smi_status=Commissioned")
    return page.locator("tbody th a").first.inner_text()


def test_map_downloads_its_report_and_checks_it(visit: Visit):
    page = visit("map.analyst@demo.example")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your portfolio")

    file = download(page, "Download portfolio report")
    page.goto("/reports/map-portfolio/")
    page.get_by_role("link", name="Manifest").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Manifest of the run on")
    page.get_by_role("link", name="The manifest as JSON").click()
    manifest = json.loads(page.locator("body").inner_text())

    data = file.read_bytes()
    rows = list(csv.DictReader(data.decode().splitlines()))
    assert manifest["sha256"] == hashlib.sha256(data).hexdigest()
    assert (manifest["rows"], manifest["bytes"]) == (len(rows), len(data))
    assert {row["map_id"] for row in rows} == {"ZMAP", "ZMAZ", "ZMG", "ZMZ"}
    assert [(row["map_id"], row["device_id"]) for row in rows] == sorted((r["map_id"], r["device_id"]) for r in rows)


def test_report_of_an_earlier_date_is_one_field_and_one_button(visit: Visit):
    page = visit("map.analyst@demo.example")
    page.goto("/reports/map-portfolio/")

    page.get_by_label("Date", exact=True).fill("31/10/2026")
    with page.expect_download() as csv_file:
        page.get_by_role("button", name="Download report").click()
    page.get_by_label("Excel").check()
    with page.expect_download() as workbook:
        page.get_by_role("button", name="Download report").click()
    page.get_by_label("Using only what was recorded by").fill("01/01/2020")
    page.get_by_role("button", name="Download report").click()

    assert csv_file.value.suggested_filename == "map-portfolio_zenith-meter-assets_2026-10-31.csv"
    assert workbook.value.suggested_filename == "map-portfolio_zenith-meter-assets_2026-10-31.xlsx"
    expect(page.locator(".govuk-error-summary")).to_be_focused()
    expect(page.locator(".govuk-error-summary")).to_contain_text("The inventory remembers from")


def test_supplier_corrects_a_map_id(visit: Visit):
    page = visit("supplier.editor@demo.example")
    page.goto("/devices/?device_type=ESME&smi_status=Commissioned")
    row = page.locator("tbody tr").filter(has=page.get_by_text(re.compile("^Z...$")).nth(1)).first
    device = row.locator("th a").inner_text()
    page.goto("/")
    page.get_by_role("main").get_by_label("Device ID").fill(device.replace("-", "").lower())
    page.get_by_role("main").get_by_role("button", name="Find").click()
    page.get_by_role("link", name=device, exact=True).click()
    page.get_by_role("link", name="Record or correct").click()

    before = page.get_by_label("MAP ID", exact=True).input_value()
    after = "ZMAZ" if before.startswith("ZMAP") else "ZMAP"
    page.get_by_label("MAP ID", exact=True).fill("ZMA")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing has been saved")
    expect(page).to_have_title(re.compile("^Error: "))
    page.get_by_label("MAP ID", exact=True).fill(after)
    if before:
        page.get_by_label("It was entered incorrectly").check()
    page.get_by_label("Where did you get this value?").fill("nameplate photo, job 88213")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Save this").click()

    expect(page.get_by_role("alert")).to_contain_text("MAP ID saved: ")
    expect(page.get_by_text("nameplate photo, job 88213").first).to_be_visible()


def test_dcc_looks_a_device_up_by_its_msn(visit: Visit):
    page = visit("dcc.viewer@demo.example")
    first_meter(page)
    msn = page.locator("tbody tr").first.locator("td").nth(2).inner_text()
    page.goto("/")
    page.get_by_role("main").get_by_label("MSN").fill(msn.replace(" ", "").lower())
    page.get_by_role("main").get_by_role("button", name="Find").click()

    expect(page.locator("tbody tr").first).to_contain_text(msn)
    page.locator("tbody th a").first.click()
    expect(page.get_by_text("Responsible supplier").first).to_be_visible()
    expect(page.get_by_role("link", name="Record or correct")).to_have_count(0)


def test_person_of_two_organisations_switches_and_switches_back(visit: Visit):
    page = visit("dual.role@demo.example")
    expect(page.get_by_role("heading", level=1)).to_have_text("Who are you acting for?")
    page.get_by_role("main").get_by_role("button", name="Zircon Energy").click()
    device = first_meter(page)
    page.goto(f"/devices/{device}/edit/")
    page.get_by_role("main").get_by_label("MSN").fill("Z99E 12345")
    other = page.context.new_page()
    other.goto("/")
    other.locator(".smi-acting summary").click()
    other.get_by_role("banner").get_by_role("button", name="Zircon Metering").click()
    expect(other.get_by_role("heading", level=1)).to_have_text("Your portfolio")

    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("button", name="Switch back and continue")).to_be_visible()
    page.get_by_role("button", name="Switch back and continue").click()

    assert "Z99E 12345" in page.content()
    expect(page.get_by_role("banner")).to_contain_text("Zircon Energy")


def test_keyboard_reaches_the_content_first(visit: Visit):
    page = visit("supplier.viewer@demo.example")
    page.keyboard.press("Tab")

    expect(page.get_by_role("link", name="Skip to main content")).to_be_focused()


def test_change_of_map_is_planned_shown_in_the_history_and_taken_back(visit: Visit):
    page = visit("supplier.editor@demo.example")
    device = first_meter(page)
    page.goto(f"/devices/{device}/edit/")
    before = page.get_by_label("MAP ID", exact=True).input_value()
    after = "ZMAP" if before.startswith("ZODM") else "ZODM"
    page.get_by_label("MAP ID", exact=True).fill(after)
    page.get_by_label("MAP ID applies from").fill("01/01/2090")
    page.get_by_label("The meter moved to a different MAP").check()
    page.get_by_label("Where did you get this value?").fill("letter of intent")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("is in the future")).to_be_visible()
    page.get_by_role("button", name="Save this planned change of MAP").click()

    expect(page.get_by_role("alert")).to_contain_text("Nothing has changed yet.")
    expect(page.locator("#planned-heading")).to_have_text("Planned change")
    page.get_by_role("link", name="History").click()
    expect(page.locator(".moj-timeline__item").first).to_contain_text("Change of MAP ID from 1 January 2090 recorded")
    page.get_by_role("link", name="Data items").first.click()
    page.get_by_role("link", name="Cancel this change").click()
    page.get_by_label("Why are you cancelling it?").fill("they did not agree")
    page.get_by_role("button", name="Cancel this change").click()

    expect(page.locator("#planned-heading")).to_have_count(0)
    page.goto(f"/devices/{device}/edit/")
    expect(page.get_by_label("MAP ID", exact=True)).to_have_value(before)


def test_administrator_reads_who_did_what(visit: Visit):
    page = visit("supplier.admin@demo.example")
    device = first_meter(page)
    page.goto(f"/devices/{device}/")
    page.get_by_role("link", name="Audit").click()

    expect(page.locator("tbody tr").first).to_contain_text(device)
    expect(page.locator("tbody tr").first).to_contain_text("Ada Pemberton")


def test_pages_work_without_javascript(browser, portal):
    context = browser.new_context(base_url=portal.url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/accounts/login/")
    page.get_by_label("Email address").fill("supplier.viewer@demo.example")
    page.get_by_label("Password", exact=True).fill("smart-metering-demo")
    page.get_by_role("button", name="Sign in").click()
    page.goto("/devices/?device_type=GSME")

    expect(page.locator("tbody tr").first).to_contain_text("GSME")
    device = page.locator("tbody th a").first.inner_text()
    page.get_by_label("Device ID, MSN or MPxN").fill(device)
    page.get_by_role("banner").get_by_role("button", name="Find").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(device)
    assert page.locator("script:not([src^='/static/'])").count() == 0
    context.close()


@pytest.mark.parametrize("path", ["/", "/reports/", "/help/", "/nowhere/"])
def test_meter_is_found_from_any_page_with_one_field_and_one_key(visit: Visit, path: str):
    page = visit("supplier.viewer@demo.example")
    device = first_meter(page)
    page.goto(path)
    page.get_by_role("banner").get_by_label("Device ID, MSN or MPxN").fill(device.replace("-", "").lower())
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text(device)
    assert page.url.endswith(f"/devices/{device}/")


def test_search_is_reached_and_used_by_keyboard_alone(visit: Visit):
    page = visit("supplier.viewer@demo.example")
    for _ in range(3):  # past the link to the content and the name of the portal
        page.keyboard.press("Tab")
    expect(page.get_by_label("Device ID, MSN or MPxN")).to_be_focused()
    page.keyboard.type("00DB12")
    page.keyboard.press("Tab")
    expect(page.get_by_role("banner").get_by_role("button", name="Find")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_contain_text("devices found for 00DB12")
    expect(page.get_by_label("Device ID, MSN or MPxN")).to_have_value("00DB12")


def test_breadcrumb_leads_back_to_the_same_page_of_the_list(visit: Visit):
    page = visit("supplier.editor@demo.example")
    page.goto("/devices/?device_type=ESME")
    page.get_by_role("link", name="Next 50 devices").click()
    listed, link = page.url, page.locator("tbody th a").nth(3)
    device = link.inner_text()
    link.click()
    page.get_by_role("link", name="History").click()
    page.get_by_role("navigation", name="Breadcrumb").get_by_role("link", name=device).click()
    page.get_by_role("navigation", name="Breadcrumb").get_by_role("link", name="Devices").click()

    assert page.url == listed
    expect(page.locator("tbody th a").nth(3)).to_have_text(device)


def test_address_of_a_search_works_for_a_colleague(visit: Visit):
    page, colleague = visit("map.analyst@demo.example"), visit("map.admin@demo.example")
    page.goto("/devices/")
    page.get_by_role("main").get_by_label("Device ID", exact=True).fill("00DB12")
    page.get_by_role("button", name="Search").click()

    answer = colleague.goto(page.url)

    assert answer.status == 200
    assert "acting=" not in page.url
    assert colleague.get_by_role("main").locator("tbody tr, .govuk-button").count() > 0
