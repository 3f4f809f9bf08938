"""`/live` and what people do to a call while it lasts, asked as the page asks it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx2
from agent_world import HELLO, LONG, script
from guard_world import ADMIN, BROWSER, Admin, bearer, inside
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from bridge.agents.agent import Agent
from bridge.sim.script import HangUp, Listen, Say, Wait
from bridge.sim.twilio.call import SimCall
from bridge.store.audit import Audit
from bridge.tools.function import tool

SALES = Agent("Sales", instructions="You sell books.", handoff_description="For books.")
DESK = Agent("Desk", instructions="You connect callers.", greeting="Hello.", handoffs=[SALES])
SCORE = (Listen(), Say(HELLO), Listen(), Wait(20), HangUp())


@tool(timeout=30)
async def stock() -> str:
    """Look into the stock."""
    await asyncio.sleep(25)
    return "There are none."


@tool(approve=True)
async def refund() -> str:
    """Give the money back."""
    return "It is given back."


Story = Callable[[Admin, SimCall, str], Awaitable[None]]


def during(data: Path, story: Story, *intents: dict[str, Any], agent: Agent = DESK, **more: Any) -> None:
    """A story while a call goes on: the house, the call, its id."""
    folder = data / "model"
    folder.mkdir()
    model = script(folder, *(intents or [{"name": "told", "say": LONG}] * 3))

    async def whole(world: Admin) -> None:
        call = await world.house.ring(SCORE)
        switchboard = world.house.app.services.switchboard
        await world.house.until(lambda: bool(switchboard.live))
        await story(world, call, switchboard.live[0].info.call_id)

    inside(data / "data", whole, agent=agent, model=model, **more)


async def post(world: Admin, path: str, body: dict[str, Any], token: str = ADMIN) -> httpx2.Response:
    return await world.http.post(f"/api/v1{path}", json=body, headers=bearer(token))


async def state(world: Admin, call_id: str) -> dict[str, Any]:
    answer = await world.http.get(f"/api/v1/calls/{call_id}/live", headers=bearer(ADMIN))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def page(world: Admin, path: str) -> httpx2.Response:
    return await world.http.get(path, headers=BROWSER | bearer(ADMIN))


async def done(world: Admin, subject: str) -> list[tuple[str, str]]:
    """Who did what to this call, oldest first."""
    entries = (await Audit(world.house.app.services.db).page(50, subject=subject)).entries
    return [(entry.who, entry.what) for entry in reversed(entries)]


def test_nothing_goes_on(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        assert "No call is going on." in (await page(world, "/live")).text
        world.house.app.services.switchboard.draining = True
        assert "takes no more calls" in (await page(world, "/live")).text
        missing = await page(world, "/calls/call_none/live")
        assert missing.status_code == 404 and "There is no such call" in missing.text
        assert (await world.http.get("/api/v1/calls/call_none/live", headers=bearer(ADMIN))).status_code == 404

    inside(tmp_path, story)


def test_a_running_call_is_listed_with_its_last_words_and_then_is_over(tmp_path: Path) -> None:
    async def story(world: Admin, call: SimCall, call_id: str) -> None:
        await asyncio.sleep(3)
        listed = (await page(world, "/live")).text
        assert f'href="/calls/{call_id}/live"' in listed and "Hello." in listed and "talking" in listed
        one = (await page(world, f"/calls/{call_id}/live")).text
        assert 'role="log"' in one and "Sales" in one and 'data-post="hangup"' in one
        found = await state(world, call_id)
        assert (found["phase"], found["team"], found["speaking"]) == ("TALKING", ["Desk", "Sales"], "Desk")
        assert [fact["fact"] for fact in found["told"]] == ["AgentSaid"]
        await call.ended()
        await world.house.written()
        over = await page(world, f"/calls/{call_id}/live")
        assert over.status_code == 200 and "This call is over" in over.text and f'/calls/{call_id}"' in over.text

    during(tmp_path, story)


def test_a_viewer_looks_and_does_nothing(tmp_path: Path) -> None:
    async def story(world: Admin, call: SimCall, call_id: str) -> None:
        viewer = (await world.token("viewer"))["token"]
        shown = (await world.http.get(f"/calls/{call_id}/live", headers=BROWSER | bearer(viewer))).text
        assert 'role="log"' in shown and "data-post" not in shown.split("<dialog")[0] and "role operator" in shown
        for verb in ("say", "note", "transfer", "hangup", "handoff", "tools/x"):
            assert (await post(world, f"/calls/{call_id}/{verb}", {}, viewer)).status_code == 403
        try:
            async with socket(world, call_id, viewer) as heard:
                await heard.recv()
            raise AssertionError("let in")
        except (InvalidStatus, ConnectionClosed):
            pass
        assert await done(world, call_id) == []

    during(tmp_path, story)


def socket(world: Admin, call_id: str, token: str = ADMIN) -> connect:
    url = f"ws://{world.base}/api/v1/calls/{call_id}/audio"
    return connect(url, additional_headers=bearer(token), compression=None, proxy=None)


def test_an_operator_listens_in_and_it_is_written_down(tmp_path: Path) -> None:
    async def story(world: Admin, call: SimCall, call_id: str) -> None:
        token = (await world.token("operator", "ann"))["token"]
        async with socket(world, call_id, token) as heard:
            assert json.loads(await heard.recv())["type"] == "listening"
            blocks = [await heard.recv() for _ in range(30)]
            assert (await state(world, call_id))["listeners"] == 1
        assert all(isinstance(block, bytes) and len(block) == 1604 for block in blocks)
        times = [int.from_bytes(block[:4], "big") for block in blocks if isinstance(block, bytes)]
        assert times == list(range(times[0], times[0] + 3000, 100))
        assert any(set(block[804:]) - {255} for block in blocks if isinstance(block, bytes)), "the greeting"
        await asyncio.sleep(1)
        assert (await state(world, call_id))["listeners"] == 0
        assert await done(world, call_id) == [("ann", "call.listen"), ("ann", "call.listened")]
        async with socket(world, call_id, token) as heard:  # to the end
            last: Any = None
            async for message in heard:
                last = message
        assert json.loads(last) == {"type": "over", "dropped": 0}
        async with socket(world, "call_none", token) as heard:
            try:
                await heard.recv()
                raise AssertionError("there is no such call")
            except ConnectionClosed as closed:
                assert closed.rcvd is not None and closed.rcvd.code == 4404

    during(tmp_path, story)


def test_who_may_not_any_longer_does_not_listen_any_longer(tmp_path: Path) -> None:
    async def story(world: Admin, call: SimCall, call_id: str) -> None:
        made = await world.token("operator")
        async with socket(world, call_id, made["token"]) as heard:
            await heard.recv()
            await world.http.delete(f"/api/v1/tokens/{made['id']}", headers=bearer(ADMIN))
            async with asyncio.timeout(8):
                async for _ in heard:
                    pass
        assert world.house.app.services.switchboard.live, "the call itself goes on"

    during(tmp_path, story)


def test_an_operator_hands_the_call_to_another_agent(tmp_path: Path) -> None:
    async def story(world: Admin, call: SimCall, call_id: str) -> None:
        await asyncio.sleep(3)
        assert (await post(world, f"/calls/{call_id}/handoff", {"to": "Nobody"})).status_code == 409
        assert (await post(world, f"/calls/{call_id}/handoff", {"to": "Desk"})).status_code == 409
        assert (await post(world, f"/calls/{call_id}/handoff", {})).status_code == 400
        assert (await post(world, "/calls/call_none/handoff", {"to": "Sales"})).status_code == 404
        assert (await post(world, f"/calls/{call_id}/handoff", {"to": "Sales"})).status_code == 202
        await asyncio.sleep(1)
        assert (await state(world, call_id))["speaking"] == "Sales"
        session = world.house.session
        told = [s.event["session"] for s in session.received if s.type == "session.update"]
        assert "You sell books." in told[-1]["instructions"]
        items = [s.event["item"] for s in session.received if s.type == "conversation.item.create"]
        assert "you are now Sales" in items[-1]["content"][0]["text"]
        assert await done(world, call_id) == [("admin", "call.handoff")]

    during(tmp_path, story)


def test_a_tool_that_takes_long_is_answered_by_hand(tmp_path: Path) -> None:
    async def story(world: Admin, call: SimCall, call_id: str) -> None:
        async def running() -> list[dict[str, Any]]:
            return list((await state(world, call_id))["tools"])

        while not (tools := await running()):  # noqa: ASYNC110 - virtual time
            await asyncio.sleep(0.1)
        assert tools[0]["name"] == "stock"
        path = f"/calls/{call_id}/tools/{tools[0]['tool_call_id']}"
        assert (await post(world, path, {"output": ""})).status_code == 400
        assert (await post(world, f"/calls/{call_id}/tools/other", {"output": "x"})).status_code == 404
        assert (await post(world, path, {"output": "Three are left."})).status_code == 202
        assert (await post(world, path, {"output": "Four."})).status_code == 404
        assert await running() == []
        await call.ended()
        await world.house.written()
        used = [turn for turn in world.house.transcript() if turn["role"] == "tool"]
        assert [(turn["text"], turn["note"]) for turn in used] == [("Three are left.", "answered by hand by admin")]
        assert await done(world, call_id) == [("admin", "call.tool")]

    agent = Agent("shop", instructions="Sell.", greeting="Hello.", tools=[stock])
    during(tmp_path, story, {"name": "s", "say": "A moment.", "call": "stock"}, agent=agent)


def test_what_waits_for_a_yes_is_answered_by_hand_and_asks_no_more(tmp_path: Path) -> None:
    async def story(world: Admin, call: SimCall, call_id: str) -> None:
        approvals = world.house.app.services.approvals
        await world.house.until(lambda: bool(approvals.open))
        assert "asks for a yes" in (await page(world, "/live")).text
        found = await state(world, call_id)
        assert [row["tool"] for row in found["approvals"]] == ["refund"]
        path = f"/calls/{call_id}/tools/{found['tools'][0]['tool_call_id']}"
        assert (await post(world, path, {"output": "Half of it is given back."})).status_code == 202
        await asyncio.sleep(0.1)
        assert approvals.open == []
        await call.ended()
        await world.house.written()
        used = [turn["text"] for turn in world.house.transcript() if turn["role"] == "tool"]
        assert used == ["Half of it is given back."]

    agent = Agent("shop", instructions="Sell.", greeting="Hello.", tools=[refund])
    during(tmp_path, story, {"name": "r", "say": "A moment.", "call": "refund"}, agent=agent)


def test_a_delta_is_at_the_viewer_at_once(tmp_path: Path) -> None:
    async def story(world: Admin, call: SimCall, call_id: str) -> None:
        clock = asyncio.get_running_loop().time
        spoken: list[float] = []
        seen: list[float] = []
        session = world.house.app.services.switchboard.live[0]
        session.subscribers.append(lambda fact: spoken.append(clock()) if type(fact).__name__ == "WordsSaid" else None)

        async def watch() -> None:
            url = f"/feed?call={call_id}"
            async with world.http.stream("GET", url, headers=bearer(ADMIN), timeout=None) as answer:
                async for line in answer.aiter_lines():
                    if line == "event: WordsSaid":
                        seen.append(clock())

        watching = asyncio.create_task(watch())
        await call.ended()
        await asyncio.sleep(1)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        assert len(seen) == len(spoken) > 10
        assert max(then - at for at, then in zip(spoken, seen, strict=True)) < 0.05

    during(tmp_path, story)
