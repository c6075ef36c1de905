"""What every page must be in light and dark, narrow and wide: accessible, and within its width."""

from collections.abc import Iterator
from contextlib import contextmanager

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.drills import sized

WIDE, NARROW = 1280, 390
# Each colour and each width once: neither depends on the other. A drill looks at all four.
LOOKS = [("light", WIDE), ("dark", NARROW), *sized([], [("dark", WIDE), ("light", NARROW)])]
# What depends on colours or width; everything else is the same in both looks, and checked in the first.
OF_LOOKS = {"runOnly": ["color-contrast", "target-size", "scrollable-region-focusable"]}


def assert_accessible(page: Page) -> None:
    """The page as it stands now, in each look; leaves it in the first."""
    assert page.locator("h1").count() == 1, page.url
    assert page.locator("table:not(:has(caption))").count() == 0, page.url
    for look in LOOKS:
        _look_at(page, *look, {} if look == LOOKS[0] else OF_LOOKS)
    _turn(page, *LOOKS[0])


def _turn(page: Page, colour: str, width: int) -> None:
    page.emulate_media(color_scheme=colour)
    page.set_viewport_size({"width": width, "height": 900})


def _look_at(page: Page, colour: str, width: int, rules: dict[str, list[str]]) -> None:
    _turn(page, colour, width)
    axe = Axe() if rules == {} else Axe("0")  # it is still in the page since the first look
    found = axe.run(page, options={"resultTypes": ["violations"], "preload": False} | rules)
    assert found.violations_count == 0, f"{page.url} {colour} {width}\n{found.generate_report()}"
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (page.url, width)


@contextmanager
def nothing_from_elsewhere(page: Page, host: str = "127.0.0.1") -> Iterator[None]:
    """Inside, the page asks no other host, nothing below /assets/, and the content policy has nothing to report."""
    asked, reports = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: reports.append(message.text))
    yield
    assert not [url for url in asked if "/assets/" in url or host not in url]
    assert not [text for text in reports if "Content Security Policy" in text]
