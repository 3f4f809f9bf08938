"""The webhooks page while the carrier asks."""

from __future__ import annotations

import re
from collections.abc import Callable

from console_world import Console, Visit
from playwright.sync_api import expect


def test_what_the_carrier_asks_comes_in_and_what_is_unfolded_stays_so(
    page_at: Callable[..., Visit], new_house: Console
) -> None:
    seen = page_at("/webhooks", house=new_house)
    page = seen.page
    expect(page.locator("#hooks")).to_contain_text("The carrier has not asked anything")
    new_house.keep_ringing()
    voice = page.locator("#hooks tr", has_text="/twilio/voice")
    expect(voice).to_have_count(1)
    details = voice.locator("details")
    details.locator("summary").click()
    expect(details).to_contain_text("CallStatus")
    voice.get_by_role("button", name="Play again").click()
    question = page.get_by_role("dialog", name="Play this request again?")
    expect(question).to_contain_text("No call begins")
    page.wait_for_timeout(1_500)  # live states come meanwhile, and do not close it
    question.get_by_role("button", name="Play again").click()
    expect(page.locator(".flash")).to_contain_text(
        re.compile(r"Played again: /twilio/voice was answered with HTTP 200")
    )
    expect(page.locator("#hooks")).to_contain_text("played again")
    details = page.locator("#hooks tr", has_text="/twilio/voice").first.locator("details")
    details.locator("summary").click()
    expect(page.locator("#hooks")).not_to_contain_text("HTTP 403")
    new_house.run(post_something(new_house))
    expect(page.locator("#hooks")).to_contain_text("HTTP 403")
    assert page.locator("details[open]").count() == 1, "what a person reads stays open"
    assert seen.violations == [] and seen.off_origin == []


async def post_something(console: Console) -> None:
    import httpx2

    async with httpx2.AsyncClient() as http:
        await http.post(f"http://127.0.0.1:{console.world.port}/twilio/status", data={"CallSid": "x"})
