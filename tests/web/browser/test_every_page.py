"""What holds of every page of `pages.py`, in both themes, on a desk and on a phone, with the network cut."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from console_world import Console, Visit
from pages import PAGES, Shown
from payloads import PAYLOADS

PageAt = Callable[..., Visit]
EVERY = pytest.mark.parametrize("shown", PAGES, ids=lambda shown: shown.name)
SERIOUS = ("serious", "critical")


@pytest.fixture
def open_page(page_at: PageAt, open_house: Console, guarded_house: Console) -> PageAt:
    def open_it(shown: Shown, **more: object) -> Visit:
        if shown.ring:
            open_house.keep_ringing()
        return page_at(shown.path, **({"house": guarded_house} if shown.guarded else {}), **more)

    return open_it


def axe_findings(seen: Visit) -> list[str]:
    response = Axe().run(seen.page).response
    assert len(response["passes"]) > 10, "it was looked at"
    found = response["violations"]
    return [f"{one['id']}: {node['html'][:150]}" for one in found if one["impact"] in SERIOUS for node in one["nodes"]]


def unfold(seen: Visit) -> None:
    """Open whatever can be opened, all at once: one of many that are opened changes which the others are."""
    seen.page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")


@EVERY
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everybody_can_read_and_operate_it(open_page: PageAt, shown: Shown, theme: str) -> None:
    seen = open_page(shown, theme=theme, bypass_csp=True)  # the examiner itself is an inline script
    seen.page.wait_for_timeout(300)
    assert axe_findings(seen) == []
    unfold(seen)
    assert axe_findings(seen) == [], "with everything unfolded"


@EVERY
@pytest.mark.parametrize("width", [360, 390, 768, 1280])
def test_nothing_sticks_out_of_the_window(open_page: PageAt, shown: Shown, width: int) -> None:
    seen = open_page(shown, width=width)
    seen.page.wait_for_timeout(200)
    unfold(seen)
    assert seen.overflow() == []


@EVERY
def test_it_asks_only_us_and_breaks_no_rule(open_page: PageAt, shown: Shown) -> None:
    seen = open_page(shown)
    seen.page.wait_for_timeout(700)  # its live stream has brought something by then
    assert seen.off_origin == []
    assert seen.violations == []
    assert [text for text in seen.complaints if str(shown.status) not in text] == []
    assert seen.page.title().endswith(" - callbridge")
    assert seen.page.locator("h1").count() == 1
    assert seen.page.locator("main").count() == 1
    assert len(seen.requests) > 2


@EVERY
def test_it_can_be_read_without_scripts(open_page: PageAt, shown: Shown) -> None:
    seen = open_page(shown, java_script_enabled=False)
    assert seen.page.locator("h1").is_visible()
    assert len(seen.page.locator("main").inner_text()) > 20


@EVERY
def test_words_of_callers_stay_words(page_at: PageAt, hostile_house: Console, shown: Shown) -> None:
    if shown.guarded:
        pytest.skip("nothing of a caller's is shown there")
    assert len(PAYLOADS) == 60
    seen = page_at(shown.path, house=hostile_house)
    seen.page.wait_for_timeout(900)  # the first live state has been put in place too
    unfold(seen)
    assert seen.page.evaluate("window.hit") is None
    assert seen.dialogs == []
    assert seen.violations == []
    assert seen.off_origin == []
    assert seen.page.locator("main").count() == 1
    assert "evil.example" not in seen.page.url
