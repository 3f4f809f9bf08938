"""Who gets in: forged, replayed, parked, doubled and malformed, over real sockets in virtual time."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from door_client import SID, begin, form, media_socket, post, sign, start, stream_path
from house_world import PUBLIC_URL, House, house
from websockets.exceptions import ConnectionClosed, InvalidStatus

from bridge.sim import loop
from bridge.sim.script import DEMO

Story = Callable[[House], Awaitable[None]]


def inside(data: Path, story: Story, **options: Any) -> None:
    async def run() -> None:
        async with house(data, **options) as world:
            await story(world)

    loop.run(run())


async def refused(house: House, path: str, **options: Any) -> int:
    with pytest.raises(InvalidStatus) as caught:
        async with media_socket(house, path, **options):
            pass
    return int(caught.value.response.status_code)


def nothing_spent(world: House) -> None:
    assert list(world.model.sessions) == []
    assert world.app.services.switchboard.live == []
    assert world.app.services.folders.ids() == []


FORGED: dict[str, dict[str, str]] = {
    "none": {"x-twilio-signature": ""},
    "other token": {"x-twilio-signature": sign(PUBLIC_URL + "/twilio/voice", form(), "another")},
    "other url": {"x-twilio-signature": sign("https://evil.example.com/twilio/voice", form())},
    "http": {"x-twilio-signature": sign(PUBLIC_URL.replace("https", "http") + "/twilio/voice", form())},
    "not base64": {"x-twilio-signature": "hello"},
    "not ascii": {"x-twilio-signature": "\xe4\xf6\xfc"},
    "other type": {"content-type": "application/json"},
}


@pytest.mark.parametrize("headers", FORGED.values(), ids=FORGED.keys())
def test_a_forged_webhook_costs_nothing(tmp_path: Path, headers: dict[str, str]) -> None:
    async def story(world: House) -> None:
        for path in ("/twilio/voice", "/twilio/status", "/twilio/stream", "/twilio/after/x", "/twilio/amd"):
            answer = await post(world, path, form(), **headers)
            assert answer.status_code == 403
        nothing_spent(world)

    inside(tmp_path, story)


def test_headers_of_a_proxy_change_nothing(tmp_path: Path) -> None:
    async def story(world: House) -> None:
        spoof = {"host": "evil.example.com", "x-forwarded-host": "evil.example.com", "x-forwarded-proto": "http"}
        assert (await post(world, "/twilio/voice", form(), **spoof)).status_code == 200
        assert (
            await post(world, "/twilio/voice", form(), public="https://evil.example.com", **spoof)
        ).status_code == 403

    inside(tmp_path, story)


@pytest.mark.parametrize("public", ["https://bridge.example.com:8443/calls", "https://bridge.example.com/calls"])
@pytest.mark.parametrize("kept", [True, False])
def test_the_genuine_one_passes_behind_a_prefix_and_a_port(tmp_path: Path, public: str, kept: bool) -> None:
    async def story(world: House) -> None:
        seen = ("/calls" if kept else "") + "/twilio/voice"
        answer = await post(world, "/twilio/voice", form(), public=public, seen_path=seen)
        assert answer.status_code == 200
        assert f'action="{public}/twilio/after/' in answer.text
        path = stream_path(answer)
        assert path.startswith("/calls/twilio/media/")
        base = public.removesuffix("/calls")
        async with media_socket(world, path, public=base) as socket:
            await begin(socket)
            assert json.loads(await socket.recv())["event"] == "media"

    inside(tmp_path, story, public_url=public)


@pytest.mark.parametrize("path", ["/twilio/voice", "/twilio/after/"])
def test_whatever_fails_here_whoever_is_on_the_line_hears_something(
    tmp_path: Path, path: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(world: House) -> None:
        switchboard = world.app.services.switchboard
        if path == "/twilio/voice":
            monkeypatch.setattr(switchboard, "begin", broken)
            answer = await post(world, path, form())
        else:
            first = await post(world, "/twilio/voice", form())
            token = first.text.split("/twilio/after/")[1].split('"')[0]
            monkeypatch.setattr(switchboard, "get", broken)
            answer = await post(world, path + token, form())
            assert token not in caplog.text, "a token is a secret"
        assert answer.status_code == 200
        assert "We are sorry" in answer.text
        assert "cannot answer a call" in caplog.text and "the desk is on fire" in caplog.text

    inside(tmp_path, story)


def broken(*_: object) -> None:
    raise RuntimeError("the desk is on fire")


def test_tokens_are_rotated_without_a_gap(tmp_path: Path) -> None:
    async def story(world: House) -> None:
        url = PUBLIC_URL + "/twilio/voice"
        for token, status in (("old", 200), ("new", 200), ("older", 403)):
            headers = {"x-twilio-signature": sign(url, form(), token)}
            assert (await post(world, "/twilio/voice", form(), **headers)).status_code == status

    inside(tmp_path, story, twilio_auth_token="new, old")


def test_a_media_socket_needs_signature_and_token_before_its_101(tmp_path: Path) -> None:
    async def story(world: House) -> None:
        path = stream_path(await post(world, "/twilio/voice", form()))
        assert await refused(world, path, headers={"X-Twilio-Signature": "forged"}) == 403
        assert await refused(world, path, headers={"X-Twilio-Signature": ""}) == 403
        assert await refused(world, "/twilio/media/" + "x" * 32) == 403
        async with media_socket(world, path):
            pass  # the refused ones did not use the token up
        assert await refused(world, path) == 403, "and it is used once"

    inside(tmp_path, story)


def test_a_token_expires(tmp_path: Path) -> None:
    async def story(world: House) -> None:
        path = stream_path(await post(world, "/twilio/voice", form()))
        await asyncio.sleep(61)
        assert await refused(world, path) == 403

    inside(tmp_path, story)


def test_a_token_of_another_call_opens_nothing(tmp_path: Path) -> None:
    async def story(world: House) -> None:
        path = stream_path(await post(world, "/twilio/voice", form()))
        async with media_socket(world, path) as socket:
            await socket.send(start(sid="CA" + "9" * 32))
            with pytest.raises(ConnectionClosed) as caught:
                await socket.recv()
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1008

    inside(tmp_path, story)


def test_another_account_is_not_ours(tmp_path: Path) -> None:
    async def story(world: House) -> None:
        answer = await post(world, "/twilio/voice", form(AccountSid="AC" + "f" * 32))
        assert answer.status_code == 400
        nothing_spent(world)

    inside(tmp_path, story)


def test_one_call_one_session_however_often_the_webhook_comes(tmp_path: Path) -> None:
    async def story(world: House) -> None:
        answers = await asyncio.gather(*(post(world, "/twilio/voice", form()) for _ in range(4)))
        assert len({a.text for a in answers}) == 1
        path = stream_path(answers[0])
        async with media_socket(world, path) as socket:
            await begin(socket)
            await socket.recv()
            assert (await post(world, "/twilio/voice", form())).text == answers[0].text
            assert await refused(world, path) == 403, "a second socket of the same call"
        await world.written()
        assert len(world.model.sessions) == 1
        assert len(world.app.services.folders.ids()) == 1
        replayed = await post(world, "/twilio/voice", form())
        assert "<Hangup" in replayed.text, "a webhook that is replayed later begins no call"
        assert len(world.model.sessions) == 1

    inside(tmp_path, story)


def test_a_parked_socket_is_closed_and_its_warm_session_with_it(tmp_path: Path) -> None:
    async def story(world: House) -> None:
        now = asyncio.get_running_loop().time
        path = stream_path(await post(world, "/twilio/voice", form()))
        async with media_socket(world, path) as socket:
            began = now()
            with pytest.raises(ConnectionClosed):
                await socket.recv()
            assert 4 <= now() - began <= 6
        await world.written()
        assert now() - began < 12
        assert world.session.close == (1000, "")
        record = world.records()[0]
        assert (record["end_reason"], record["error"]) == ("phone_lost", "no media stream came")

    inside(tmp_path, story)


def test_a_warm_session_that_no_stream_comes_for_is_closed(tmp_path: Path) -> None:
    async def story(world: House) -> None:
        await post(world, "/twilio/voice", form())
        await asyncio.sleep(9)
        assert world.session.close is None
        await asyncio.sleep(3)
        assert world.session.close == (1000, "")

    inside(tmp_path, story)


def test_compression_is_never_negotiated(tmp_path: Path) -> None:
    async def story(world: House) -> None:
        path = stream_path(await post(world, "/twilio/voice", form()))
        async with media_socket(world, path, compression="deflate") as socket:
            assert socket.response is not None
            assert "sec-websocket-extensions" not in socket.response.headers

    inside(tmp_path, story)


def test_a_big_body_is_refused_before_it_is_read(tmp_path: Path) -> None:
    async def story(world: House) -> None:
        answer = await post(world, "/twilio/voice", form(CallerName="x" * 100_000))
        assert answer.status_code == 413
        many = form() | {f"f{n}": "" for n in range(5_000)}
        assert (await post(world, "/twilio/voice", many)).status_code == 403
        nothing_spent(world)

    inside(tmp_path, story)


PAYLOAD = base64.b64encode(b"\x7f" * 160).decode()
BOMBS: list[str | bytes] = [
    b"\x00\x01binary",
    "",
    "not json",
    "[" * 50_000,
    '{"event":"media","media":{"payload":NaN}}',
    '{"event":"media","streamSid":1,"media":7}',
    '{"event":' + "9" * 5000 + "}",
    '{"event":"media","media":{"payload":"","timestamp":"1"}}',
    '{"event":"media","media":{"payload":"\\"},{\\"","timestamp":"1"}}',
    '{"event":"media","media":{"payload":"' + PAYLOAD + '","timestamp":"-5"}}',
    '{"event":"media","streamSid":"MZother","media":{"payload":"' + PAYLOAD + '"}}',
    '{"event":"mark","mark":{"name":"never:sent:0"}}',
    '{"event":"mark"}',
    '{"event":"dtmf","dtmf":{"digit":"Z"}}',
    '{"event":"start"}',
    '{"event":"tomorrow","x":{"y":[1,2,3]}}',
    '{"event":"media","media":{"payload":"' + "\ud800" + '"}}',
    "x" * 65_000,
]


def test_rubbish_on_one_socket_never_disturbs_a_neighbour(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    async def story(world: House) -> None:
        neighbour = await world.ring(DEMO)
        path = stream_path(await post(world, "/twilio/voice", form()))
        async with media_socket(world, path) as socket:
            await begin(socket)
            await socket.send(start())  # a second start
            for message in BOMBS:
                text = message if isinstance(message, bytes) else message.encode("utf-8", "surrogatepass")
                if isinstance(message, bytes):
                    await socket.send(text)
                elif b"\xed\xa0\x80" not in text:
                    await socket.send(message)
            await socket.recv()
            good = {"track": "inbound", "payload": PAYLOAD, "timestamp": "100", "chunk": "1"}
            await socket.send(json.dumps({"event": "media", "streamSid": "MZ" + "2" * 32, "media": good}))
            await asyncio.sleep(1)
            assert len(world.app.services.switchboard.live) == 2, "the call goes on"
        await neighbour.ended()
        await world.written()
        assert neighbour.problems == []
        assert "agent_hung_up" in [r["end_reason"] for r in world.records()]

    inside(tmp_path, story)
    assert "Traceback" not in capfd.readouterr().err


def test_a_flood_of_rubbish_closes_its_own_socket_only(tmp_path: Path) -> None:
    async def story(world: House) -> None:
        path = stream_path(await post(world, "/twilio/voice", form()))
        async with media_socket(world, path) as socket:
            await begin(socket)
            with pytest.raises(ConnectionClosed):
                for _ in range(5_000):
                    await socket.send("rubbish")
                    await asyncio.sleep(0)
                while True:
                    await socket.recv()
        await world.written()
        assert world.records()[0]["end_reason"] == "phone_lost"

    inside(tmp_path, story)


def test_a_message_beyond_the_limit_closes_with_1009(tmp_path: Path) -> None:
    async def story(world: House) -> None:
        path = stream_path(await post(world, "/twilio/voice", form()))
        async with media_socket(world, path) as socket:
            await begin(socket)
            await socket.send("x" * 70_000)
            with pytest.raises(ConnectionClosed) as caught:
                while True:
                    await socket.recv()
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1009

    inside(tmp_path, story)


def test_nothing_else_answers_on_the_public_listener(tmp_path: Path) -> None:
    import httpx2

    async def story(world: House) -> None:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{world.port}") as client:
            for path in ("/", "/api/v1/calls", "/feed", "/metrics", "/twilio", "/twilio/voice/", "/docs"):
                assert (await client.get(path)).status_code in (404, 405), path
            assert (await client.get("/healthz")).json() == {"status": "ok"}
            assert (await client.get("/readyz")).status_code == 200

    inside(tmp_path, story)


def test_a_status_callback_ends_a_call_that_never_streamed(tmp_path: Path) -> None:
    async def story(world: House) -> None:
        await post(world, "/twilio/voice", form())
        assert (await post(world, "/twilio/status", form(CallStatus="completed"))).status_code == 204
        await world.written()
        assert world.records()[0]["end_reason"] == "caller_hung_up"
        assert world.records()[0]["carrier_call_id"] == SID

    inside(tmp_path, story)
