"""Every page, for each role: accessible, within its width, and with nothing from another host."""

import pytest
from playwright.sync_api import Page

from tests.browser.looks import assert_accessible, nothing_from_elsewhere
from tests.browser.test_journeys import Visit, first_meter

pytestmark = pytest.mark.browser

SIGNED_OUT = ["/accounts/login/", "/accounts/password/reset/", "/help/", "/privacy/", "/accessibility/"]
API = ["/help/api/", "/help/api/reference/"]
PAGES = {
    "": [*SIGNED_OUT, "/open-questions/", "/data-items/", "/who-may-do-what/", "/nowhere/", *API],
    "supplier.admin@demo.example": [
        "/", "/devices/", "/devices/?msn=XX", "/devices/?device_id=12", "/devices/?map_id=ZMAP",
        "/devices/?device_type=ESME&installed_from=01/01/2020",
        "/devices/?installed_from=2026-02-01&installed_to=2026-01-01",
        "/search/", "/search/?q=00DB12", "/search/?q=ZMAP", "/search/?q=9910000001007", "/devices/{device}/",
        "/devices/{device}/edit/",
        "/devices/{device}/history/", "/devices/{device}/history/?as_of=01/11/2026",
        "/devices/{device}/history/?as_of=x", "/audit/", "/audit/?kind=search", "/audit/?person=x", "/audit/readers/",
        "/devices/{device}/blank-map-id/", "/devices/{device}/remove-msn/", "/devices/to-do/map-id/",
        "/devices/to-do/msn/", "/devices/to-do/duplicate-msn/", "/organisation/members/",
        "/organisation/members/{member}/",
        "/organisation/members/{member}/end/", "/organisation/members/invite/", "/accounts/invitation/x/",
        "/organisation/review/", "/organisation/root-emails/",
        "/participants/", "/participants/?name=zzzz", "/who-may-do-what/", "/reports/", "/accounts/logout/",
        "/reports/map-portfolio/download/?acting=99999", "/accounts/reauthenticate/",
        "/organisation/tokens/", "/organisation/tokens/add/",
        "/organisation/members/{member}/reset-factors/", "/accounts/security/", "/accounts/security/app/",
        "/accounts/security/passkeys/", "/accounts/security/passkeys/add/", "/accounts/security/sessions/",
        "/accounts/password/change/",
    ],
    "map.analyst@demo.example": [
        "/", "/devices/", "/search/?q=00DB12",
        "/devices/{device}/", "/reports/", "/reports/map-portfolio/", "/devices/to-do/msn/",
        "/reports/map-portfolio/?as_of=31/03/2026", "/reports/map-portfolio/?known_on=1", "/devices/{device}/history/",
    ],
    "dcc.admin@demo.example": [
        "/", "/devices/", "/devices/{device}/", "/devices/{device}/edit/", "/devices/{device}/history/", "/audit/",
        "/audit/readers/", "/organisations/reviews/", "/organisations/", "/organisations/add/",
        "/organisations/proposals/", "/organisations/{organisation}/", "/organisations/{organisation}/bind/",
        "/organisations/{organisation}/appoint/", "/organisations/{organisation}/activity/",
        "/organisations/{organisation}/reset-factors/", "/organisations/emails/",
    ],
    "dual.role@demo.example": ["/accounts/acting/"],
}  # fmt: skip


def addresses(page: Page, paths: list[str]) -> list[str]:
    """The paths, with a device, a member or an organisation where they ask for one."""
    asked = " ".join(paths)
    given = {"device": first_meter(page) if "{device}" in asked else "", "member": "", "organisation": ""}
    if "{member}" in asked:
        page.goto("/organisation/members/")
        given["member"] = (
            page.get_by_role("link", name="Change access level").first.get_attribute("href").split("/")[-2]
        )
    if "{organisation}" in asked:
        page.goto("/organisations/")
        given["organisation"] = page.get_by_role("link", name="Zephyr Energy").get_attribute("href").split("/")[-2]
    return [path.format(**given) for path in paths]


@pytest.mark.drill
@pytest.mark.parametrize("email", PAGES)
def test_every_page_is_accessible_and_fits(visit: Visit, email: str):
    page = visit(email)
    with nothing_from_elsewhere(page):
        for path in addresses(page, PAGES[email]):
            page.goto(path)
            assert_accessible(page)
