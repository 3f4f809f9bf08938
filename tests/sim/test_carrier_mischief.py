"""Faults on the media socket that tests of the bridge can order, seen from the bridge's end."""

import json
from itertools import pairwise
from typing import Any

from carrier_world import CALLER, NUMBER, world
from reference_bridge import ReferenceBridge, Talk, echo
from starlette.websockets import WebSocket

from bridge.sim.loop import run
from bridge.sim.phone import Phone
from bridge.sim.twilio.mischief import Maker, both, doubled, jumped, lost, slipped_in, swapped, without
from bridge.sim.twilio.stream import StreamOptions


class Stays:
    async def perform(self, phone: Phone) -> None:
        await phone.until(lambda: False, 1.0)


def messages_with(mischief: Maker, talk: Talk = echo) -> list[dict[str, Any]]:
    bridge = ReferenceBridge(talk=talk)

    async def story() -> None:
        async with world(bridge, stream=StreamOptions(mischief=mischief)) as carrier:
            await (await carrier.ring(CALLER, NUMBER, phone=Phone(Stays()))).ended()

    run(story())
    return bridge.messages


def chunks(messages: list[dict[str, Any]]) -> list[int]:
    return [int(message["media"]["chunk"]) for message in messages if message["event"] == "media"]


def test_doubled() -> None:
    assert chunks(messages_with(doubled(3)))[:7] == [1, 2, 3, 3, 4, 5, 6]


def test_lost() -> None:
    assert chunks(messages_with(lost(3)))[:6] == [1, 2, 4, 5, 7, 8]


def test_swapped() -> None:
    assert chunks(messages_with(swapped(3)))[:7] == [1, 2, 4, 3, 5, 7, 6]


def test_both() -> None:
    assert chunks(messages_with(both(lost(3), doubled(2))))[:6] == [1, 2, 2, 4, 5, 5]


def test_jumped() -> None:
    media = [message["media"] for message in messages_with(jumped(4, 1000)) if message["event"] == "media"]
    times = [int(one["timestamp"]) for one in media[:5]]
    assert [later - earlier for earlier, later in pairwise(times)] == [20, 20, 1020, 20]


def test_without_stop() -> None:
    assert "stop" not in [message["event"] for message in messages_with(without("stop"))]


def test_without_start_and_with_something_forged() -> None:
    seen: list[str | bytes] = []

    async def raw(bridge: ReferenceBridge, socket: WebSocket, sid: str) -> None:
        for _ in range(4):
            message = await socket.receive()
            seen.append(message.get("text") or message.get("bytes") or b"")

    messages = messages_with(slipped_in(2, '{"event":"media","streamSid":"{streamSid}"}', b"\x00"), raw)
    assert json.loads(seen[0]) == {"event": "media", "streamSid": messages[1]["streamSid"]}
    assert seen[1] == b"\x00"
    assert json.loads(seen[2])["event"] == "media"
