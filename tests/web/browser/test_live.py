"""A running call in the browser: read along, listened to, talked into, ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from agent_world import HELLO, LONG, script
from console_world import Console, Visit, console
from playwright.sync_api import Page, expect
from seed import Seeded

from bridge.agents.agent import Agent
from bridge.sim.script import Listen, Say, Wait
from bridge.store.audit import Audit
from bridge.tools.function import tool

SCORE = (Listen(), Say(HELLO), Listen(), Say(HELLO), Wait(60))


@tool(approve=True)
async def refund(order: str) -> str:
    """Give the money back."""
    return f"Order {order} is given back."


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    folder = tmp_path_factory.mktemp("shop")
    sales = Agent("Sales", "You sell books.", handoff_description="For books.")
    desk = Agent("Desk", "Help.", greeting="Hello, this is the shop.", tools=[refund], handoffs=[sales])
    asks = {"name": "b", "say": "One moment.", "call": "refund", "arguments": {"order": "A-17"}}
    told = {"name": "c", "say": LONG}
    model = script(folder, {"name": "a", "say": LONG}, asks, told, told)
    with console(folder / "data", lambda _: Seeded(""), agent=desk, model=model) as found:
        yield found


def until(page: Page, true: str) -> None:
    """Wait for a condition. (Playwright's own way evaluates a string, which the page's policy forbids.)"""
    deadline = time.monotonic() + 20
    while not page.evaluate(true):
        assert time.monotonic() < deadline, true
        page.wait_for_timeout(50)


def test_a_call_is_followed_and_handled(page_at: Callable[..., Visit], shop: Console) -> None:
    listed = page_at("/live", house=shop)
    expect(listed.page.locator("#running")).to_contain_text("No call is going on.")
    shop.run(shop.world.ring(SCORE))
    listed.page.locator("#running a.row").click()
    page = listed.page
    log = page.locator("#log")
    expect(page.locator("#link")).to_have_text("live")
    expect(log).to_contain_text("Hello, this is the shop.")
    # Words are there before they have been heard.
    expect(log.locator(".partial.agent")).to_contain_text("We are open", timeout=20_000)
    page.locator("#listen").click()
    expect(page.locator("#listening")).to_have_text("on")
    until(page, "document.getElementById('agent-level').value > 0.1")
    # Somebody says yes.
    tool_form = page.locator("#tools .tool")
    expect(tool_form).to_contain_text("waits for a yes", timeout=20_000)
    expect(tool_form).to_contain_text("A-17")
    tool_form.get_by_role("button", name="Approve").click()
    expect(log).to_contain_text("Order A-17 is given back.")
    # Words are put into the model's ear and the agent's mouth; another agent goes on.
    page.get_by_label("Whisper").fill("They are a regular.")
    page.get_by_role("button", name="Whisper").click()
    page.get_by_label("To a number").fill("12")
    page.get_by_role("button", name="Transfer").click()
    expect(page.locator("#wrong")).to_contain_text("That was not done")
    page.get_by_role("button", name="Hand off").click()
    expect(log).to_contain_text("Sales goes on")
    expect(page.locator("#speaking")).to_have_text("Sales")
    expect(page.locator("#wrong")).to_be_hidden()
    page.get_by_role("button", name="Hang up").first.click()
    page.locator("dialog[open] button.danger").click()
    expect(page.locator("#over")).to_contain_text("The call is over: agent hung up", timeout=20_000)
    expect(page.locator("#listening")).to_have_text("off")
    expect(page.get_by_role("button", name="Say it")).to_be_disabled()
    assert listed.violations == [] and listed.off_origin == []
    done = [entry.what for entry in shop.run(Audit(shop.world.app.services.db).page(20)).entries]
    for what in ("call.listen", "call.listened", "call.approve", "call.note", "call.handoff", "call.hangup"):
        assert what in done


def test_a_delta_is_on_the_page_within_300_ms(page_at: Callable[..., Visit], shop: Console) -> None:
    call = shop.run(shop.world.ring(SCORE))
    seen = page_at("/live", house=shop)
    seen.page.locator("#running a.row").first.click()
    expect(seen.page.locator("#link")).to_have_text("live")
    # When its event came, by this machine's clock, and when its words were painted.
    seen.page.evaluate(
        """() => {
          window.shown = [];
          new MutationObserver(() => {
            const rows = [...document.querySelectorAll('#log .partial.agent .said')];
            const note = (row) => window.shown.push([row.textContent, Date.now() / 1000]);
            for (const row of rows) requestAnimationFrame(() => note(row));
          }).observe(document.getElementById('log'), {childList: true, subtree: true, characterData: true});
        }"""
    )
    told: list[tuple[str, float]] = []

    async def note() -> None:
        session = shop.world.app.services.switchboard.live[0]
        session.subscribers.append(
            lambda fact: told.append((fact.text, time.time())) if type(fact).__name__ == "WordsSaid" else None
        )

    shop.run(note())
    until(seen.page, "window.shown.length > 5")
    seen.page.wait_for_timeout(500)
    shown: dict[str, float] = {}
    for text, at in seen.page.evaluate("window.shown"):
        shown.setdefault(text, at)
    waits = [shown[text] - at for text, at in told if text in shown]
    assert len(waits) >= 3
    assert max(waits) < 0.3, waits
    shop.loop.call_soon_threadsafe(call.hang_up)
