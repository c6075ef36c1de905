"""The yearly review of access in the browser, from the members' page to what the DCC sees."""

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def row(page: Page, name: str):
    return page.get_by_role("row").filter(has_text=name)


def test_administrator_reviews_some_members_and_the_dcc_sees_the_organisation(visit):
    page = visit("supplier.admin@demo.example")
    page.get_by_role("link", name="Members").click()
    page.get_by_role("link", name="Review who still needs access").click()

    page.get_by_role("group", name="Keep or end Vera Lindqvist").get_by_label("Keep").check()
    page.get_by_role("group", name="Keep or end Edwin Okafor").get_by_label("End").check()
    page.get_by_role("button", name="Save these decisions").click()
    page.get_by_role("link", name="Why Edwin Okafor’s membership ends").click()
    expect(page.get_by_label("Reason, if you choose End: Edwin Okafor")).to_be_focused()
    page.get_by_role("group", name="Keep or end Edwin Okafor").get_by_label("Keep").check()
    page.get_by_role("button", name="Save these decisions").click()

    expect(page.get_by_text("2 members kept.")).to_be_visible()
    expect(row(page, "Edwin Okafor")).to_contain_text("Active")
    dcc = visit("dcc.admin@demo.example")
    dcc.get_by_role("link", name="Organisations").click()
    dcc.get_by_role("link", name="Reviews of access").click()
    expect(row(dcc, "Zephyr Energy")).to_contain_text("In time")


def test_dcc_downloads_all_accounts(visit):
    page = visit("dcc.admin@demo.example")
    page.goto("/organisations/reviews/")

    with page.expect_download() as download:
        page.get_by_role("link", name="Download all accounts (CSV)").click()

    assert download.value.suggested_filename.startswith("accounts_")
    assert "dual.role@demo.example" in download.value.path().read_text()
