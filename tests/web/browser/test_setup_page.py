"""`/setup` and `/numbers` in a browser: rows come by themselves, a button mends, a line is copied."""

from __future__ import annotations

from collections.abc import Callable

from console_world import Console, Visit
from house_world import NUMBER, PUBLIC_URL
from playwright.sync_api import expect

PageAt = Callable[..., Visit]
OLD = "https://elsewhere.example.com/voice"


def test_rows_come_by_themselves_and_a_button_mends(page_at: PageAt, open_house: Console) -> None:
    own = open_house.world.carrier.owned[NUMBER]
    own.voice_url = OLD
    page = page_at("/setup").page
    row = page.locator("#check-webhook")
    expect(row).to_contain_text(f"VoiceUrl = {OLD}", timeout=20_000)
    expect(page.locator(".check[aria-busy]")).to_have_count(0, timeout=20_000)
    expect(page.locator(".check")).to_have_count(15)
    row.get_by_role("button", name="Fix Number's webhook").click()
    expect(row).to_contain_text(f"{NUMBER} points at {PUBLIC_URL}/twilio/voice", timeout=20_000)
    expect(row).to_contain_text("OK")
    assert own.voice_url == f"{PUBLIC_URL}/twilio/voice"
    own.voice_url = OLD
    page.wait_for_timeout(3_100)  # what was asked of the carrier is kept for 3 s
    row.get_by_role("link", name="Look again at Number's webhook").click()
    expect(row).to_contain_text("Failed", timeout=20_000)
    own.voice_url = f"{PUBLIC_URL}/twilio/voice"


def test_a_fix_is_copied(page_at: PageAt) -> None:
    seen = page_at("/setup", permissions=["clipboard-read", "clipboard-write"])
    row = seen.page.locator("#check-public-url")
    copy = row.get_by_role("button", name="Copy: callbridge dev")
    copy.first.click(timeout=20_000)
    expect(copy.first).to_have_text("Copied")
    assert "callbridge dev --tunnel ngrok" in seen.page.evaluate("navigator.clipboard.readText()")
    assert seen.violations == []


def test_a_number_is_pointed_here_after_a_question_and_put_back(page_at: PageAt, open_house: Console) -> None:
    other = open_house.world.carrier.owned["+14155550101"]
    before = other.voice_url
    page = page_at("/numbers").page
    row = page.locator("tr", has_text="+14155550101")
    row.get_by_role("button", name="Point here").click()
    page.get_by_role("button", name="Cancel").locator("visible=true").click()
    assert other.voice_url == before
    row.get_by_role("button", name="Point here").click()
    page.get_by_role("button", name="Point it here").click()
    expect(page.locator(".flash")).to_contain_text("+14155550101 points at")
    assert other.voice_url == f"{PUBLIC_URL}/twilio/voice"
    row.get_by_role("button", name="Put back").click()
    page.get_by_role("button", name="Put it back").click()
    expect(page.locator(".flash")).to_contain_text(before)
    assert other.voice_url == before
