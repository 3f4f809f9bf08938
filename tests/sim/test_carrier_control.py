"""The simulator's own door: ring, look, follow, hang up."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from carrier_world import world
from reference_bridge import ACCOUNT, PUBLIC_URL, TOKEN, ReferenceBridge, twiml
from starlette.requests import Request
from starlette.responses import Response

from bridge.audio.wav import read_wav
from bridge.sim.carrier import Carrier, CarrierOptions, serve
from bridge.sim.loop import run

Story = Callable[[Carrier, httpx2.AsyncClient], Awaitable[None]]


def asked(story: Story, bridge: ReferenceBridge | None = None, **options: Any) -> None:
    async def main() -> None:
        async with world(bridge or ReferenceBridge(), **options) as carrier:
            limits = httpx2.Limits(max_keepalive_connections=0)
            async with httpx2.AsyncClient(base_url=carrier.url, limits=limits, timeout=600) as client:
                await story(carrier, client)

    run(main())


def test_a_phone_rings_and_what_it_heard_can_be_fetched(tmp_path: Path) -> None:
    async def story(carrier: Carrier, client: httpx2.AsyncClient) -> None:
        script = 'wait 0.5\nsay "Hello."\nwait 1\npress 5\nhang up'
        answer = await client.post("/sim/calls", json={"from": "+14155550111", "script": script})
        assert answer.status_code == 201
        sid = answer.json()["sid"]
        assert (await client.get(f"/sim/calls/{sid}")).json()["heard_wav"] is None
        await carrier.calls[sid].ended()
        told = (await client.get(f"/sim/calls/{sid}")).json()
        assert (told["status"], told["from"], told["problems"]) == ("completed", "+14155550111", [])
        assert "phone.said" in [moment["what"] for moment in told["timeline"]]
        assert told["webhooks"][0]["form"]["From"] == "+14155550111"
        assert told["streams"][0]["frames_sent"] > 50
        assert len(read_wav(told["heard_wav"], 8000)) > 8000
        assert [call["sid"] for call in (await client.get("/sim/calls")).json()["calls"]] == [sid]

    asked(story, recordings=tmp_path / "heard")


def test_a_call_can_be_hung_up() -> None:
    async def story(carrier: Carrier, client: httpx2.AsyncClient) -> None:
        sid = (await client.post("/sim/calls", json={"say": "Hello."})).json()["sid"]
        await asyncio.sleep(1)
        await client.post(f"/sim/calls/{sid}/hangup")
        assert (await carrier.calls[sid].ended()).end_reason == "caller_hung_up"

    asked(story)


def test_a_ringing_call_can_be_hung_up() -> None:
    async def story(carrier: Carrier, client: httpx2.AsyncClient) -> None:
        sid = (await client.post("/sim/calls", json={"say": "Hello."})).json()["sid"]
        await client.post(f"/sim/calls/{sid}/hangup")
        call = await carrier.calls[sid].ended()
        assert (call.status, call.end_reason) == ("canceled", "caller_hung_up")

    async def slow(request: Request) -> Response:
        await asyncio.sleep(10)
        return Response(twiml("<Hangup/>"), media_type="text/xml")

    bridge = ReferenceBridge(pages={"/twilio/voice": slow})
    asked(story, bridge)


def test_what_happens_can_be_followed() -> None:
    async def story(carrier: Carrier, client: httpx2.AsyncClient) -> None:
        seen = []
        async with client.stream("GET", "/sim/events") as answer:
            await carrier.ring("+14155550100", "+14155550199")
            async for line in answer.aiter_lines():
                seen.append(json.loads(line)["what"])
                if seen[-1] == "stream-started":
                    break
        assert seen[:3] == ["created", "status", "webhook"]

    asked(story)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "not JSON"),
        (b"[]", "not a JSON object"),
        (b'{"to": "1", "speech": "x"}', "speech"),
        (b'{"script": "sing"}', "line 1"),
        (b'{"wav": "missing.wav"}', "cannot be read"),
    ],
)
def test_wishes_that_cannot_be_granted(body: bytes, words: str) -> None:
    async def story(carrier: Carrier, client: httpx2.AsyncClient) -> None:
        answer = await client.post("/sim/calls", content=body)
        assert answer.status_code == 400
        assert words in answer.json()["error"]
        assert carrier.calls == {}

    asked(story)


def test_a_call_nobody_knows() -> None:
    async def story(carrier: Carrier, client: httpx2.AsyncClient) -> None:
        assert (await client.get("/sim/calls/CA1")).status_code == 404
        assert (await client.post("/sim/calls/CA1/hangup")).status_code == 404

    asked(story)


def test_serve_runs_until_it_is_stopped() -> None:
    async def story() -> int:
        urls: asyncio.Queue[str] = asyncio.Queue()
        options = CarrierOptions(PUBLIC_URL, ACCOUNT, TOKEN, connect=("127.0.0.1", 9))
        serving = asyncio.create_task(serve(options, urls.put_nowait))
        async with httpx2.AsyncClient(base_url=await urls.get()) as client:
            status = (await client.get("/sim/calls")).status_code
        serving.cancel()
        await asyncio.wait({serving})
        return status

    assert run(story()) == 200


def test_conferences_and_messages_can_be_looked_at() -> None:
    async def story(carrier: Carrier, client: httpx2.AsyncClient) -> None:
        sid = (await client.post("/sim/calls", json={"script": "wait 3\nhang up"})).json()["sid"]
        await carrier.calls[sid].ended()
        (conference,) = (await client.get(f"/sim/calls/{sid}")).json()["conferences"]
        assert (conference["name"], conference["started"]) == ("desk", False)
        assert conference["reason"] == "last-participant-left"
        message = {"To": "+14155550123", "From": "+14155550199", "Body": "Hello."}
        path = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
        sent = (await client.post(path, data=message, auth=(ACCOUNT, TOKEN))).json()
        (seen,) = (await client.get("/sim/messages")).json()["messages"]
        assert (seen["sid"], seen["to"], seen["body"]) == (sent["sid"], "+14155550123", "Hello.")

    asked(story, ReferenceBridge(pages={"/twilio/voice": twiml("<Dial><Conference>desk</Conference></Dial>")}))
