"""A call's page in a browser: seeking, following, keys, themes, the events as one scrolls, and a list that lives."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from console_world import Console, Visit
from playwright.sync_api import expect

from bridge.sim.script import HangUp, Listen, Wait

PageAt = Callable[..., Visit]


def ready(seen: Visit) -> Any:
    page = seen.page
    page.wait_for_selector("#wave[data-ready=true]")
    return page


def shown_s(page: Any) -> float:
    """What the player's clock says."""
    minutes, seconds = page.inner_text("#clock").split(" / ")[0].split(":")
    return int(minutes) * 60 + float(seconds)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_recording_is_drawn_quickly_and_within_the_policy(page_at: PageAt, theme: str) -> None:
    seen = page_at("/calls/{call}", theme=theme)
    began = time.monotonic()
    page = ready(seen)
    assert time.monotonic() - began < 2.0, "500 ms on a machine of its own"
    assert seen.violations == []
    assert seen.complaints == []
    assert seen.off_origin == []
    assert page.evaluate("document.querySelector('#wave div').shadowRoot.querySelectorAll('canvas').length") >= 2


def test_a_line_of_the_transcript_is_a_place_in_the_recording(page_at: PageAt) -> None:
    page = ready(page_at("/calls/{call}"))
    line = page.locator(".said li.who-agent").nth(1)
    start = int(line.get_attribute("data-start")) / 1000
    line.click()
    assert abs(shown_s(page) - start) <= 0.1
    assert f"#t={start:.1f}" in page.url
    expect(line).to_have_attribute("aria-current", "true")


def test_an_address_names_a_moment(page_at: PageAt) -> None:
    page = ready(page_at("/calls/{call}#t=12.3"))
    assert abs(shown_s(page) - 12.3) <= 0.1


def test_it_plays_and_obeys_keys(page_at: PageAt) -> None:
    page = ready(page_at("/calls/{call}"))
    page.locator("h1").click()
    page.keyboard.press("ArrowRight")
    assert abs(shown_s(page) - 5.0) <= 0.1
    page.keyboard.press(" ")
    expect(page.locator("#play")).to_have_text("Stop")
    expect(page.locator("#clock")).to_contain_text(re.compile("0:0[6-9]"))
    page.keyboard.press(" ")
    expect(page.locator("#play")).to_have_text("Play")
    page.locator(".said").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".said li[aria-current]")).to_have_count(1)


def test_events_come_when_they_are_looked_at_and_can_be_filtered(page_at: PageAt) -> None:
    page = ready(page_at("/calls/{call}"))
    page.locator("#events-head").scroll_into_view_if_needed()
    page.wait_for_selector("#events table")
    expect(page.locator("#events")).to_contain_text("Interrupted")
    page.select_option("#view", "timeline")
    expect(page.locator("#events")).to_contain_text("session.updated")
    page.fill("#q", "order_status")
    page.locator("#event-filter button").click()
    expect(page.locator("#events")).not_to_contain_text("session.created")
    expect(page.locator("#events")).to_contain_text("order_status")


def test_without_scripts_the_page_is_whole_but_for_the_player(page_at: PageAt) -> None:
    seen = page_at("/calls/{call}", java_script_enabled=False)
    assert seen.page.locator("svg.timeline rect").count() > 10
    assert seen.page.locator(".said li").count() > 5
    assert seen.page.locator("#events a").get_attribute("href")


@pytest.mark.parametrize(
    "path", ["/calls", "/calls/{call}", "/calls/{call}/events?view=timeline", "/calls/{call}/replays"]
)
@pytest.mark.parametrize("width", [360, 390, 768, 1280])
def test_nothing_sticks_out(page_at: PageAt, path: str, width: int) -> None:
    seen = page_at(path, width=width)
    seen.page.wait_for_timeout(400)
    assert seen.overflow() == []


def test_a_call_that_rings_appears_in_the_list(page_at: PageAt, open_house: Console) -> None:
    page = page_at("/calls").page
    page.wait_for_timeout(600)
    call = open_house.run(open_house.world.ring((Listen(), Wait(1.5), HangUp())))
    page.wait_for_selector("#calls .chip:has-text('live:')")
    open_house.run(call.ended())
    page.wait_for_selector("#calls .chip:has-text('live:')", state="detached", timeout=15_000)
