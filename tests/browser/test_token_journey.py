"""A token's whole life, in a real browser and over real HTTP."""

import urllib.error
import urllib.request
from collections.abc import Callable

import pytest
from playwright.sync_api import Error, Page, expect

from tests.browser.looks import assert_accessible
from tests.server import Server

pytestmark = pytest.mark.browser
Visit = Callable[..., Page]


def call(portal: Server, path: str, secret: str) -> tuple[int, str]:
    request = urllib.request.Request(portal.url + path, headers={"Authorization": f"Bearer {secret}"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()


def make(page: Page, name: str, networks: str = "") -> str:
    """Return the secret of a token created with the form."""
    page.goto("/organisation/tokens/")
    page.get_by_role("link", name="Create an API token").click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Networks it can be used from").fill(networks)
    page.get_by_role("button", name="Create API token").click()
    return page.locator(".smi-panel .smi-id").inner_text()


def test_token_is_made_used_and_revoked(visit: Visit, portal: Server):
    page = visit("supplier.admin@demo.example")
    page.goto("/devices/?device_type=ESME")
    path = f"/api/v1/devices/{page.locator('tbody th a').first.inner_text()}/"
    secret = make(page, "Asset register", "127.0.0.0/8")
    elsewhere = make(page, "From the office alone", "192.0.2.0/24")

    used, refused = call(portal, path, secret), call(portal, path, elsewhere)
    page.goto("/organisation/tokens/")
    page.get_by_role("link", name="Revoke Asset register").click()
    page.get_by_role("button", name="Revoke API token").click()

    expect(page.get_by_role("alert")).to_contain_text("The API token “Asset register” has been revoked")
    assert (used[0], refused[0], call(portal, path, secret)[0]) == (200, 401, 401)
    assert "not-signed-in" in refused[1]
    page.goto("/audit/")
    expect(page.get_by_role("table").first).to_contain_text("The system “Asset register”")
    expect(page.get_by_role("table").first).to_contain_text("its API token does not allow the network it was used from")


def test_neither_back_nor_reload_shows_the_token_again_or_makes_another(visit: Visit):
    page = visit("map.admin@demo.example")
    secret = make(page, "Portfolio")

    page.get_by_role("link", name="I have copied it").click()
    with pytest.raises(Error, match="ERR_CACHE_MISS"):
        page.go_back()
    page.wait_for_url("chrome-error://**")
    page.reload()  # now the browser sends the form again

    expect(page.get_by_text(secret)).to_have_count(0)
    expect(page.get_by_role("alert")).to_contain_text("There is already an API token named “Portfolio”")
    page.goto("/organisation/tokens/")
    expect(page.locator("tbody tr")).to_have_count(1)


def test_page_that_shows_the_token_is_accessible_and_fits(visit: Visit):
    page = visit("dcc.admin@demo.example")
    make(page, "Watch")

    assert_accessible(page)
