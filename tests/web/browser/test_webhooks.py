"""The webhooks page while the carrier asks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from console_world import Console, Visit, console
from playwright.sync_api import expect
from seed import nothing


@pytest.fixture
def quiet_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A house in which nobody has called, whatever other tests do."""
    with console(tmp_path_factory.mktemp("quiet"), nothing) as found:
        yield found


def test_what_the_carrier_asks_comes_in_and_what_is_unfolded_stays_so(
    page_at: Callable[..., Visit], quiet_house: Console
) -> None:
    seen = page_at("/webhooks", house=quiet_house)
    page = seen.page
    expect(page.locator("#hooks")).to_contain_text("The carrier has not asked anything")
    quiet_house.keep_ringing()
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
    quiet_house.run(post_something(quiet_house))
    expect(page.locator("#hooks")).to_contain_text("HTTP 403")
    assert page.locator("details[open]").count() == 1, "what a person reads stays open"
    assert seen.violations == [] and seen.off_origin == []


async def post_something(console: Console) -> None:
    import httpx2

    async with httpx2.AsyncClient() as http:
        await http.post(f"http://127.0.0.1:{console.world.port}/twilio/status", data={"CallSid": "x"})
