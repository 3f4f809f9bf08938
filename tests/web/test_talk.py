"""Calls from a browser, by the socket that `/talk` opens: a phone's path, and what a phone cannot do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from guard_world import ADMIN, Admin, bearer, cookie, inside
from talk_client import talking
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from bridge.audio.g711 import pcm16_to_ulaw
from bridge.errors import ModelUnreachable
from bridge.sim.voice import Mouth
from bridge.store import folder
from bridge.store.audit import Audit

Story = Callable[[Admin], Awaitable[None]]
HOURS = "Hello, what are your opening hours?"


async def spoken(words: str) -> bytes:
    mouth = Mouth()
    try:
        return pcm16_to_ulaw(await mouth.say(words, voice="caller"))
    finally:
        mouth.close()


def test_a_call_from_a_browser_is_a_call_like_any_other(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        async with talking(world) as browser:
            said = await browser.until("AgentSaid")
            assert said["text"].startswith("Thanks for calling")
            assert not said["cut"] and said["heard_ms"] == said["length_ms"]
            browser.say(await spoken(HOURS))
            await browser.until("ToolUsed")
            answer = await browser.until("AgentSaid", 2)
            assert 0 < answer["latency_ms"] < 2500
            await browser.send("stop", stop={})
            assert (await browser.until("CallEnded"))["reason"] == "caller_hung_up"
            assert browser.call["local"] and browser.call["sound"] == "phone"
        await world.house.written()
        [record] = world.house.records()
        assert (record["from"], record["to"], record["direction"]) == ("browser", "reception", "inbound")
        assert record["id"] == browser.call["id"] and record["end_reason"] == "caller_hung_up"
        roles = [line["role"] for line in world.house.transcript()]
        assert roles[0] == "agent" and "caller" in roles and "tool" in roles
        assert (world.house.app.services.folders.path(record["id"]) / folder.RECORDING).stat().st_size > 100_000
        # Not a sample of it was changed on the way to the model (pcmu: nothing is decoded).
        assert (await spoken(HOURS))[800:4000] in bytes(world.house.session.audio_in)

    inside(tmp_path, story, token="")


def test_a_caller_who_speaks_stops_the_agent(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        async with talking(world) as browser:
            await browser.until("AgentStarted")
            await asyncio.sleep(1.0)
            browser.say(await spoken(HOURS))
            cut = await browser.until("Interrupted")
            assert cut["why"] == "speech" and browser.clears == 1
            assert abs(cut["heard_ms"] - len(browser.heard) / 8) <= 60

    inside(tmp_path, story, token="")


def test_what_is_typed_is_answered_in_speech(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        async with talking(world) as browser:
            await browser.until("AgentSaid")
            await browser.type("When do you open?")
            said = await browser.until("CallerSaid")
            assert said["text"] == "When do you open?"
            assert "nine in the morning" in (await browser.until("AgentSaid", 2))["text"]
            await browser.socket.send('{"event":"text","text":7}')
            await browser.type("x" * 5000)
            assert len((await browser.until("CallerSaid", 2))["text"]) == 4000

    inside(tmp_path, story, token="")


def test_keys_reach_the_agent(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        async with talking(world) as browser:
            await browser.until("AgentSaid")
            for digit in "4271#":
                await browser.send("dtmf", dtmf={"track": "inbound_track", "digit": digit})
            assert (await browser.until("KeysPressed"))["digits"] == "4271"
            assert (await browser.until("ToolUsed"))["name"] == "order_status"

    inside(tmp_path, story, token="")


def test_wideband_is_the_models_own_sound_at_the_phones_pace(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        async with talking(world, {"sound": "wideband"}) as browser:
            said = await browser.until("AgentSaid")
            assert said["heard_ms"] == said["length_ms"]
            assert browser.encodings == {"audio/l16;rate=24000"}
            own = bytes(world.house.session.audio_out)
            assert len(own) == said["length_ms"] * 48
            # To the very sample, but for the silence that fills the last frame; and it is more than a phone carries.
            assert bytes(browser.heard[: len(own)]) == own and not any(browser.heard[len(own) :])
            await browser.type("When do you open?")
            await browser.until("AgentStarted", 2)
            await asyncio.sleep(1.0)
            await browser.type("And where is my order?")
            await browser.until("Interrupted")
            browser.heard.clear()
            answer = await browser.until("AgentSaid", 3)
            item = bytes(world.house.session.audio_out)[-answer["length_ms"] * 48 :]
            assert bytes(browser.heard[: len(item)]) == item

    inside(tmp_path, story, token="")


def test_nobody_is_rung_from_a_browser(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        async with talking(world) as browser:
            await browser.until("AgentSaid")
            call = f"/api/v1/calls/{browser.call['id']}"
            answer = await world.http.post(f"{call}/transfer", json={"to": "+14155550107"})
            assert answer.status_code == 202, answer.text
            back = await browser.until("TakenBack")
            assert back["why"] == "a browser cannot be connected to a telephone"
            await browser.until("AgentStarted", 2)  # it says so, on the same socket
            await browser.until("AgentSaid", 2)
            await browser.type("When do you open?")
            assert "nine in the morning" in (await browser.until("AgentSaid", 3))["text"]
        await world.house.written()
        await asyncio.sleep(8)  # by then a carrier would have been told that the call is over
        assert world.house.carrier.dialled == {} and world.house.carrier.calls == {}

    inside(tmp_path, story, token="", twilio_phone_number="+14155550100")


def test_a_page_that_is_closed_has_hung_up(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        async with talking(world) as browser:
            await browser.until("AgentStarted")
        await world.house.written()
        async with talking(world) as browser:
            await browser.until("AgentStarted")
            browser.socket.transport.abort()
        await world.house.written()
        first, second = world.house.records()
        assert (first["end_reason"], second["end_reason"]) == ("caller_hung_up", "phone_lost")

    inside(tmp_path, story, token="")


def test_the_agent_hangs_up_and_the_page_is_told_why(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        async with talking(world) as browser:
            await browser.until("AgentSaid")
            await browser.type("Thank you, goodbye.")
            end = await browser.until("CallEnded")
            assert (end["reason"], end["by"]) == ("agent_hung_up", "agent")
            await browser.socket.wait_closed()
            assert browser.socket.close_code == 1000
        assert world.house.app.services.switchboard.live == []

    inside(tmp_path, story, token="")


@pytest.mark.parametrize(
    ("wish", "why", "part"),
    [
        ({"agent": "nobody_at_all"}, "choice", "no module 'nobody_at_all'"),
        ({"model": "another"}, "choice", "there is no model 'another' here: it is configured"),
        ({"sound": "surround"}, "choice", "it is phone or wideband"),
    ],
)
def test_a_choice_that_there_is_not_is_told_in_a_sentence(
    tmp_path: Path, wish: dict[str, str], why: str, part: str
) -> None:
    async def story(world: Admin) -> None:
        async with talking(world, wish) as browser:
            await browser.socket.wait_closed()
            assert browser.refused["why"] == why and part in browser.refused["sentence"]
        assert not world.house.model.sessions

    inside(tmp_path, story, token="")


def test_the_limit_holds_for_browsers_too(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        async with talking(world) as first:
            await first.until("AgentStarted")
            async with talking(world) as second:
                await second.socket.wait_closed()
                assert second.refused["why"] == "full"
                assert second.refused["sentence"] == "all 1 calls that may go on at once are going on"
            world.house.app.services.switchboard.draining = True
            async with talking(world) as third:
                await third.socket.wait_closed()
                assert third.refused["why"] == "draining"

    inside(tmp_path, story, token="", limit_calls=1)


def test_a_socket_that_does_not_begin_is_closed(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        async with connect(f"ws://{world.base}/api/v1/talk", compression=None) as socket:
            await socket.send("no JSON")
            began = asyncio.get_running_loop().time()
            assert json.loads(await socket.recv())["why"] == "start"
            assert 4.9 < asyncio.get_running_loop().time() - began < 5.2
        assert world.house.app.services.switchboard.live == []

    inside(tmp_path, story, token="")


def test_only_an_operator_on_our_own_page_may_call(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        url = f"ws://{world.base}/api/v1/talk"
        viewer = (await world.token("viewer"))["token"]
        operator = await world.session((await world.token("operator"))["token"])
        here = {"origin": f"http://{world.base}", "sec-fetch-site": "same-origin"}
        for headers in (
            {},
            bearer(viewer),
            here | cookie(await world.session(viewer)),
            cookie(operator) | {"origin": "https://evil.example", "sec-fetch-site": "cross-site"},
        ):
            with pytest.raises(InvalidStatus):
                await connect(url, additional_headers=headers, compression=None)
        async with talking(world, **here, **cookie(operator)) as browser:
            await browser.until("AgentStarted")
        await world.house.written()
        [entry] = [e for e in (await Audit(world.house.app.services.db).page(20)).entries if e.what == "call.talk"]
        assert entry.who == "a operator" and entry.subject == browser.call["id"]
        assert entry.after["agent"] == "reception"

    inside(tmp_path, story, token=ADMIN)


def test_the_local_engine_answers_in_place_of_a_model_that_has_no_key(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        found = (await world.http.get("/api/v1/talk")).json()
        assert [(m["id"], m["missing"]) for m in found["models"]] == [
            ("engine", ""),
            ("configured", "OPENAI_API_KEY is not set"),
        ]
        async with talking(world, {"model": "configured"}) as browser:
            await browser.socket.wait_closed()
            assert browser.refused["sentence"] == "gpt-realtime-2.1 cannot be talked to: OPENAI_API_KEY is not set"

        class Ready:
            async def url(self) -> str:
                return world.house.model.url

        class Broken:
            async def url(self) -> str:
                raise ModelUnreachable("the local engine did not start: exit code 1")

        services = world.house.app.services
        object.__setattr__(services, "engine", Ready())
        async with talking(world) as browser:
            await browser.until("AgentSaid")
            assert browser.call["model"] == "local-engine"
        await world.house.written()
        object.__setattr__(services, "engine", Broken())
        async with talking(world) as browser:
            await browser.socket.wait_closed()
            assert (browser.refused["why"], browser.socket.close_code) == ("engine", 1013)

    inside(tmp_path, story, token="", model_url="wss://api.example.com/v1/realtime", openai_api_key="")


def test_another_agent_than_those_that_serve(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        async with talking(world, {"agent": "bridge.agents.examples.survey"}) as browser:
            await browser.until("AgentStarted")
            assert browser.call["agent"] == "survey"
        await world.house.written()
        assert "survey" in json.dumps(world.house.session.config)

    inside(tmp_path, story, token="")
