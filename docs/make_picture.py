"""Take the picture of the README from a running demo: `make picture`, while `make demo` runs in another terminal.

It shows the page of a meter as a supplier's editor sees it, after this program has corrected the MSN there once.
"""

import os
import re
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

PICTURE = Path(__file__).parent / "pictures" / "device.png"
SIZE = {"width": 1280, "height": 880}
EMAIL, PASSWORD = "supplier.editor@demo.example", "smart-metering-demo"  # as the README says
METERS = "/devices/?device_type=ESME&smi_status=Commissioned"
COMPLETE = re.compile(r"Z\d\d[A-Z] \d{5}\s+ZMAP")  # a row of the list with an MSN, and Zenith Meter Assets as MAP
SOURCE = "nameplate photo, job 88213"


def main(address: str) -> None:
    """Return the browser that the tests use: Debian's, or else Playwright's own; without the sandbox as root."""
    arguments = [] if os.geteuid() else ["--no-sandbox"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        page = browser.new_page(base_url=address, viewport=SIZE)
        sign_in(page)
        open_meter(page)
        if not page.get_by_text(SOURCE).count():
            correct_msn(page)
        open_meter(page)
        PICTURE.parent.mkdir(exist_ok=True)
        page.screenshot(path=PICTURE)
        browser.close()


def sign_in(page: Page) -> None:
    page.goto("/accounts/login/")
    page.locator("[name=login]").fill(EMAIL)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[name=password]").press("Enter")
    page.get_by_role("button", name="Sign out").wait_for()


def open_meter(page: Page) -> None:
    page.goto(METERS)
    page.locator("tbody tr").filter(has_text=COMPLETE).first.get_by_role("link").first.click()
    page.wait_for_url("**/devices/*-*/")


def correct_msn(page: Page) -> None:
    """Record a value through the form and its confirmation page, so that a person and a source are shown beside it."""
    page.goto(f"{page.url}edit/")
    msn = page.locator("[name=msn]")
    msn.fill(f"{msn.input_value()[:-1]}{(int(msn.input_value()[-1]) + 1) % 10}")
    page.locator("[name=kind][value=correction]").check()
    page.locator("[name=source]").fill(SOURCE)
    page.locator("[name=source]").press("Enter")
    page.locator("main form[action$='/edit/confirm/'] button").first.click()
    page.wait_for_url("**/devices/*-*/")


if __name__ == "__main__":
    main(sys.argv[1])
