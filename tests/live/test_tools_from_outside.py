"""Another process brings tools to a live call, and people at the console have their say."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
from agent_world import HELLO, run, said, script
from house_world import House
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from bridge.agents.agent import Agent
from bridge.sim.script import Say, Wait
from bridge.sim.twilio.call import SimCall
from bridge.tools.function import tool

LIGHT = {
    "name": "light",
    "description": "Switch the light on.",
    "parameters": {"type": "object", "properties": {"on": {"type": "boolean"}}},
    "timeout": 3,
}
SCORE = (Wait(3.0), Say(HELLO), Wait(8.0), Say(HELLO), Wait(8.0))
AGENT = Agent("shop", instructions="Answer.", greeting="Hello.")


def client(world: House, call_id: str, **options: Any) -> connect:
    return connect(f"ws://127.0.0.1:{world.admin_port}/api/v1/calls/{call_id}/tools", compression=None, **options)


async def live_id(world: House) -> str:
    await world.until(lambda: bool(world.app.services.switchboard.live))
    return world.app.services.switchboard.live[0].info.call_id


Talk = Callable[[ClientConnection, list[dict[str, Any]]], Awaitable[None]]


def with_client(data: Path, talk: Talk, calls: str = "light") -> tuple[House, list[dict[str, Any]]]:
    seen: list[dict[str, Any]] = []

    async def also(world: House, call: SimCall) -> None:
        async with client(world, await live_id(world)) as socket:
            await socket.send(json.dumps({"type": "tools.register", "tools": [LIGHT]}))
            with suppress(ConnectionClosed):
                await talk(socket, seen)

    intents = [{"name": n, "call": calls, "arguments": {"on": "true"}, "otherwise": "No light."} for n in ("a", "b")]
    world, _ = run(data, SCORE, AGENT, script(data, *intents), also)
    return world, seen


def test_a_tool_that_runs_elsewhere(tmp_path: Path) -> None:
    async def talk(socket: ClientConnection, seen: list[dict[str, Any]]) -> None:
        async for text in socket:
            seen.append(message := json.loads(text))
            if message["type"] == "tool.call":
                answer = {"type": "tool.result", "id": message["id"], "output": "The light is on."}
                await socket.send(json.dumps(answer))

    world, seen = with_client(tmp_path, talk)
    assert seen[0] == {"type": "tools.registered", "names": ["light"]}
    assert (seen[1]["name"], seen[1]["arguments"]) == ("light", {"on": "true"})
    assert seen[-1] == {"type": "call.ended"}
    assert "The light is on." in said(world)
    assert world.session.problems == []


def test_one_that_takes_its_time_has_the_time_it_asked_for(tmp_path: Path) -> None:
    async def also(world: House, call: SimCall) -> None:
        async with client(world, await live_id(world)) as socket:
            await socket.send(json.dumps({"type": "tools.register", "tools": [LIGHT | {"timeout": 30}]}))
            async for text in socket:
                message = json.loads(text)
                if message["type"] == "tool.call":
                    await asyncio.sleep(12.0)
                    answer = {"type": "tool.result", "id": message["id"], "output": "The light is on."}
                    await socket.send(json.dumps(answer))

    intent = {"name": "a", "call": "light", "arguments": {"on": "true"}}
    world, _ = run(tmp_path, (Wait(3.0), Say(HELLO), Wait(20.0)), AGENT, script(tmp_path, intent), also)
    used = [turn for turn in world.transcript() if turn["role"] == "tool"]
    assert [turn["text"] for turn in used] == ["The light is on."]


def test_one_that_never_answers_is_told_and_the_call_goes_on(tmp_path: Path) -> None:
    async def talk(socket: ClientConnection, seen: list[dict[str, Any]]) -> None:
        async for text in socket:
            seen.append(json.loads(text))

    world, seen = with_client(tmp_path, talk)
    cancelled = [message["id"] for message in seen if message["type"] == "tool.cancelled"]
    assert cancelled[0] == next(message["id"] for message in seen if message["type"] == "tool.call")
    used = [turn for turn in world.transcript() if turn["role"] == "tool"]
    assert "did not answer within 3 seconds" in str(used[0])


def test_when_the_client_goes_its_tools_go(tmp_path: Path) -> None:
    async def talk(socket: ClientConnection, seen: list[dict[str, Any]]) -> None:
        async for text in socket:
            if json.loads(text)["type"] == "tool.call":
                return  # and leaves with the call open

    world, _ = with_client(tmp_path, talk)
    used = [turn for turn in world.transcript() if turn["role"] == "tool"]
    assert "has left" in str(used[0])
    assert "No light." in said(world), "the second time it is not declared any more"


def test_what_a_client_sends_wrong_is_told_and_changes_nothing(tmp_path: Path) -> None:
    wrong = [
        ("{", "no JSON"),
        ('"x"', "is not known"),
        ('{"type": "tools.register"}', "tools: Field required"),
        ('{"type": "tools.register", "tools": [{"name": "a b", "description": "x"}]}', "tools.0.name"),
        ('{"type": "tools.register", "tools": [{"name": "a", "description": ""}]}', "tools.0.description"),
        ('{"type": "tool.result", "id": "tool_9", "output": 1}', "nobody waits"),
        (json.dumps({"type": "tools.register", "tools": [LIGHT, LIGHT]}), "of that name already"),
    ]

    async def talk(socket: ClientConnection, seen: list[dict[str, Any]]) -> None:
        seen.append(json.loads(await socket.recv()))
        for text, sentence in wrong:
            await socket.send(text)
            answer = json.loads(await socket.recv())
            assert answer["type"] == "error"
            assert sentence in answer["message"]
            seen.append(answer)

    _, seen = with_client(tmp_path, talk)
    assert len(seen) == len(wrong) + 1


def test_a_page_of_another_site_gets_no_socket_and_a_past_call_no_tools(tmp_path: Path) -> None:
    seen: list[Any] = []

    async def also(world: House, call: SimCall) -> None:
        call_id = await live_id(world)
        try:
            async with client(world, call_id, origin="https://evil.example"):
                seen.append("let in")
        except Exception as error:  # whatever it is: no socket
            seen.append(type(error).__name__)
        async with client(world, "call_unknown") as socket:
            try:
                await socket.recv()
            except ConnectionClosed as error:
                seen.append(error.rcvd.code if error.rcvd else 0)

    run(tmp_path, SCORE, AGENT, None, also)
    assert seen == ["InvalidStatus", 4404]


# ---- people


@tool(approve=True, say="One moment please. I will connect you.")
async def refund() -> str:
    """Give the money back."""
    return "It is given back."


async def post(world: House, path: str, body: Any, **headers: str) -> httpx2.Response:
    async with httpx2.AsyncClient() as http:
        return await http.post(f"http://127.0.0.1:{world.admin_port}/api/v1{path}", json=body, headers=headers)


def test_somebody_approves_while_the_caller_waits(tmp_path: Path) -> None:
    async def also(world: House, call: SimCall) -> None:
        approvals = world.app.services.approvals
        await world.until(lambda: bool(approvals.open))
        async with httpx2.AsyncClient() as http:
            listed = (await http.get(f"http://127.0.0.1:{world.admin_port}/api/v1/approvals")).json()["approvals"]
        assert [(row["tool"], row["arguments"]) for row in listed] == [("refund", {})]
        await asyncio.sleep(3.0)
        path = f"/approvals/{listed[0]['id']}"
        assert (await post(world, path, {"approve": True}, origin="https://evil.example")).status_code == 403
        assert (await post(world, path, {"approve": "perhaps"})).status_code == 400
        assert (await post(world, path, {"approve": True, "by": "ann"})).status_code == 200
        assert (await post(world, path, {"approve": True})).status_code == 404

    agent = Agent("shop", instructions="Answer.", greeting="Hello.", tools=[refund])
    world, _ = run(tmp_path, SCORE[:3], agent, script(tmp_path, {"name": "a", "call": "refund"}), also)
    assert said(world)[-2:] == ["One moment please. I will connect you.", "It is given back."]


def test_somebody_puts_words_into_the_agents_mouth_and_hangs_up(tmp_path: Path) -> None:
    async def also(world: House, call: SimCall) -> None:
        call_id = await live_id(world)
        await asyncio.sleep(2.0)
        assert (await post(world, f"/calls/{call_id}/say", {"words": "Are you still there?"})).status_code == 202
        assert (await post(world, f"/calls/{call_id}/say", {"words": ""})).status_code == 400
        assert (await post(world, "/calls/call_none/say", {"words": "Hi."})).status_code == 404
        assert (await post(world, f"/calls/{call_id}/note", {"text": "It rains."})).status_code == 202
        await asyncio.sleep(0.1)
        assert (await post(world, f"/calls/{call_id}/hangup", {})).status_code == 202

    world, _ = run(tmp_path, (Wait(60.0),), AGENT, None, also)
    assert said(world) == ["Hello.", "Are you still there?"]
    last = world.transcript()[-1]
    assert last["heard_ms"] == last["length_ms"], "it is heard before the line drops"
    assert world.records()[0]["ended_by"] == "operator"
    items = [s.event["item"] for s in world.session.received if s.type == "conversation.item.create"]
    assert [(item["role"], item["content"][0]["text"]) for item in items] == [("system", "It rains.")]


def test_somebody_hands_the_caller_to_a_person(tmp_path: Path) -> None:
    async def also(world: House, call: SimCall) -> None:
        call_id = await live_id(world)
        await asyncio.sleep(2.0)
        refused = await post(world, f"/calls/{call_id}/transfer", {"to": "911"})
        assert (refused.status_code, "not a number to transfer to" in refused.text) == (400, True)
        assert (await post(world, f"/calls/{call_id}/transfer", {"to": "+14155550177"})).status_code == 202

    world, call = run(tmp_path, (Wait(60.0),), AGENT, None, also)
    assert world.records()[0]["end_reason"] == "transferred"
    assert world.told(call, "+14155550177</Number>")
