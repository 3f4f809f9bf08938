"""Everything the real carrier would complain about, each with its number."""

import asyncio
import base64
import json
import socket as sockets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from carrier_world import CALLER, NUMBER, world
from reference_bridge import PUBLIC_URL, STREAM, ReferenceBridge, Talk, say, twiml
from starlette.responses import RedirectResponse, Response
from starlette.websockets import WebSocket

from bridge.errors import ConfigError
from bridge.sim.carrier import Carrier, CarrierOptions
from bridge.sim.loop import run
from bridge.sim.phone import Phone
from bridge.sim.twilio.call import SimCall
from bridge.sim.twilio.problems import CallRefused

MESSAGES = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "fixtures" / "twilio_messages.jsonl").read_text("utf-8").splitlines()
]


class Stays:
    async def perform(self, phone: Phone) -> None:
        await phone.until(lambda: False, 3.0)


def one_call(bridge: ReferenceBridge, **options: Any) -> SimCall:
    async def story() -> SimCall:
        async with world(bridge, **options) as carrier:
            return await (await carrier.ring(CALLER, NUMBER, phone=Phone(Stays()))).ended()

    return run(story(), limit_s=300)


def codes(call: SimCall) -> list[int]:
    return [problem.code for problem in call.problems]


def answered_with(page: Any) -> list[int]:
    return codes(one_call(ReferenceBridge(pages={"/twilio/voice": page})))


def with_stream(attributes: str, inside: str = "") -> SimCall:
    verbs = f'<Connect><Stream statusCallback="{PUBLIC_URL}/stream" {attributes}>{inside}</Stream></Connect>'
    bridge = ReferenceBridge(pages={"/twilio/voice": twiml(verbs)})
    call = one_call(bridge)
    if call.problems and call.problems[0].level == "error":
        assert [form["StreamEvent"] for form in bridge.forms("/stream")] == ["stream-error"]
        assert bridge.forms("/stream")[0]["StreamError"] == call.problems[0].title
    return call


def talking(talk: Talk) -> SimCall:
    return one_call(ReferenceBridge(talk=talk))


# Documents


@pytest.mark.parametrize(
    ("page", "code"),
    [
        (Response("no", 500), 11200),
        (Response("no", 404), 11200),
        (Response(twiml("<Hangup/>"), media_type="application/json"), 12300),
        ("<Response><Hangup>", 12100),
        ("<Reply/>", 12100),
        ('<!DOCTYPE x [<!ENTITY e "x">]><Response/>', 12100),
        (twiml("<Hangup/>" + " " * 70_000), 11750),
        (twiml("<Hangun/>"), 12200),
        (twiml('<Hangup now="yes"/>'), 12200),
        (twiml("hello <Hangup/>"), 12200),
        (twiml('<Pause length="long"/>'), 12200),
        (twiml("<Connect/>"), 12200),
        (twiml("<Connect><Stream/></Connect>"), 12200),
        (twiml("<Say></Say>"), 13520),
        (twiml(f"<Say>{'x' * 5000}</Say>"), 13521),
        (twiml("<Dial/>"), 13224),
        (twiml("<Redirect>https://elsewhere.example.test/</Redirect>"), 11100),
        (twiml("<Play>/missing.wav</Play>"), 12300),
    ],
)
def test_bad_documents(page: Any, code: int) -> None:
    assert code in answered_with(page)


def test_a_parameter_that_is_too_long_is_skipped() -> None:
    long = f'<Parameter name="p" value="{"v" * 500}"/><Parameter name="q" value="1"/>'
    call = with_stream('url="wss://voice.example.test/media"', long)
    assert codes(call) == [12200]
    assert call.streams[0].noun.parameters == {"q": "1"}


def test_nobody_listening_is_tried_twice() -> None:
    async def story() -> SimCall:
        with sockets.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            place = closed.getsockname()
            async with world(ReferenceBridge(), connect=place, status_path="") as carrier:
                return await (await carrier.ring(CALLER, NUMBER)).ended()

    call = run(story())
    assert codes(call) == [11205]
    assert [seen.failure for seen in call.webhooks] == ["ct", "ct"]
    assert call.status == "failed"


def test_fifteen_seconds_are_the_limit() -> None:
    async def story() -> tuple[SimCall, float]:
        async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        server = await asyncio.start_server(never, "127.0.0.1", 0)
        async with world(ReferenceBridge(), connect=server.sockets[0].getsockname(), status_path="") as carrier:
            call = await (await carrier.ring(CALLER, NUMBER)).ended()
        server.close()
        return call, call.webhooks[0].took_s

    call, took_s = run(story())
    assert codes(call) == [11200]
    assert took_s == pytest.approx(15)


def test_an_unwell_status_callback_is_a_warning() -> None:
    pages = {"/twilio/voice": twiml("<Hangup/>"), "/twilio/status": Response("no", 500)}
    call = one_call(ReferenceBridge(pages=pages))
    assert [(problem.code, problem.level) for problem in call.problems] == [(15003, "warning")]


def test_the_fallback_url_takes_over_and_is_told_why() -> None:
    bridge = ReferenceBridge(pages={"/twilio/voice": Response("no", 503), "/fallback": twiml("<Hangup/>")})
    call = one_call(bridge, fallback_path="/fallback")
    (form,) = bridge.forms("/fallback")
    assert (form["ErrorCode"], form["ErrorUrl"]) == ("11200", f"{PUBLIC_URL}/twilio/voice")
    assert call.end_reason == "twiml_hangup"


def test_a_url_may_ask_for_more_tries() -> None:
    bridge = ReferenceBridge(pages={"/twilio/voice": Response("no", 503)})
    call = one_call(bridge, voice_path="/twilio/voice#rc=3&rp=5xx")
    assert [seen.status for seen in call.webhooks if seen.url.startswith(f"{PUBLIC_URL}/twilio/voice")] == [503] * 4
    tokens = {headers["i-twilio-idempotency-token"] for path, _, headers in bridge.requests if path == "/twilio/voice"}
    assert len(tokens) == 1


def test_a_redirect_loses_the_form() -> None:
    pages = {"/twilio/voice": RedirectResponse("/moved", 302), "/moved": twiml("<Hangup/>")}
    bridge = ReferenceBridge(pages=pages)
    call = one_call(bridge)
    assert bridge.forms("/moved") == [{}]
    assert call.end_reason == "twiml_hangup"


# Streams that do not start


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ('url="ws://voice.example.test/media"', 31922),
        ('url="https://voice.example.test/media"', 31922),
        ('url="wss:///media"', 31923),
        ('url="wss://voice.example.test:port/media"', 31923),
        ('url="wss://voice.example.test/media?token=1"', 31920),
        ('url="wss://voice.example.test/media" track="both_tracks"', 31941),
        ('url="wss://elsewhere.example.test/media"', 31902),
        ('url="wss://127.0.0.1:1/media"', 31902),
    ],
)
def test_streams_that_cannot_start(attributes: str, code: int) -> None:
    assert codes(with_stream(attributes)) == [code]


def test_an_upgrade_answered_with_anything_but_101() -> None:
    async def story() -> SimCall:
        async def forbid(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(forbid, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        voice = twiml(f'<Connect><Stream url="wss://127.0.0.1:{port}/media"/></Connect>')
        async with world(ReferenceBridge(pages={"/twilio/voice": voice})) as carrier:
            call = await (await carrier.ring(CALLER, NUMBER)).ended()
        server.close()
        return call

    call = run(story())
    assert codes(call) == [31920]
    assert "302" in call.problems[0].text


def test_an_upgrade_never_answered() -> None:
    async def story() -> SimCall:
        async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        server = await asyncio.start_server(never, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        voice = twiml(f'<Connect><Stream url="wss://127.0.0.1:{port}/media"/></Connect>')
        async with world(ReferenceBridge(pages={"/twilio/voice": voice})) as carrier:
            call = await (await carrier.ring(CALLER, NUMBER)).ended()
        server.close()
        return call

    assert codes(run(story())) == [31901]


# Messages


async def until_stop(socket: WebSocket) -> None:
    async for text in socket.iter_text():
        if json.loads(text)["event"] == "stop":
            return


def invalid(text: str) -> Talk:
    async def talk(bridge: ReferenceBridge, socket: WebSocket, sid: str) -> None:
        for _ in range(3):  # said once for a stream, however often it happens
            await socket.send_text(text.replace("SID", sid))
        await until_stop(socket)

    return talk


def b64(sound: bytes) -> str:
    return base64.b64encode(sound).decode()


@pytest.mark.parametrize(
    "text",
    [
        "hello",
        "[1]",
        "[" * 100_000,
        '{"event": "hangup", "streamSid": "SID"}',
        '{"streamSid": "SID"}',
        '{"event": "clear"}',
        '{"event": "clear", "streamSid": "MZffffffffffffffffffffffffffffffff"}',
        '{"event": "clear", "streamSid": "SID", "now": true}',
        '{"event": "mark", "streamSid": "SID"}',
        '{"event": "mark", "streamSid": "SID", "mark": "name"}',
        '{"event": "mark", "streamSid": "SID", "mark": {"name": 1}}',
        '{"event": "mark", "streamSid": "SID", "mark": {"name": ""}}',
        '{"event": "media", "streamSid": "SID", "media": {}}',
        '{"event": "media", "streamSid": "SID", "media": {"payload": ""}}',
        '{"event": "media", "streamSid": "SID", "media": {"payload": 5}}',
        '{"event": "media", "streamSid": "SID", "media": {"payload": "%%%"}}',
        '{"event": "media", "streamSid": "SID", "media": {"payload": "AAA"}}',
        '{"event": "media", "streamSid": "SID", "media": {"payload": "AAAA", "track": "outbound"}}',
        f'{{"event": "media", "streamSid": "SID", "media": {{"payload": "{b64(b"RIFF" + bytes(160))}"}}}}',
    ],
)
def test_invalid_messages_are_reported_once(text: str) -> None:
    call = talking(invalid(text))
    assert codes(call) == [31951]
    assert call.streams[0].counts.invalid == 3
    assert call.end_reason == "caller_hung_up"


@pytest.mark.parametrize("case", [one for one in MESSAGES if one["dir"] == "app->twilio"], ids=lambda one: one["name"])
def test_recorded_messages_of_applications(case: dict[str, Any]) -> None:
    sid = "MZ00112233445566778899aabbccddeeff"
    call = talking(invalid(json.dumps(case["msg"]).replace(sid, "SID")))
    assert codes(call) == ([31951] if case["name"].startswith("INVALID") else [])


def test_a_binary_frame_ends_the_stream() -> None:
    async def talk(bridge: ReferenceBridge, socket: WebSocket, sid: str) -> None:
        await socket.send_bytes(bytes(160))
        await until_stop(socket)

    assert codes(talking(talk)) == [31924]


def test_more_than_ten_minutes_of_audio_are_thrown_away() -> None:
    async def talk(bridge: ReferenceBridge, socket: WebSocket, sid: str) -> None:
        for _ in range(11):
            await say(socket, "media", sid, media={"payload": b64(bytes(60 * 8000))})
        await until_stop(socket)

    assert codes(talking(talk)) == [31931]


def test_an_unusual_close_is_a_problem_and_a_usual_one_is_not() -> None:
    def closing(code: int) -> Callable[[ReferenceBridge, WebSocket, str], Awaitable[None]]:
        async def talk(bridge: ReferenceBridge, socket: WebSocket, sid: str) -> None:
            await socket.close(code, "because")

        return talk

    healthy, ill = talking(closing(1000)), talking(closing(1011))
    assert (codes(healthy), [notice.code for notice in healthy.notices]) == ([], [31921])
    assert (codes(ill), ill.streams[0].close_code) == ([31921], 1011)


def test_a_broken_connection_is_a_broken_pipe() -> None:
    from bridge.sim.network import Network

    async def story() -> SimCall:
        bridge = ReferenceBridge()
        async with world(bridge) as carrier:
            network = Network(carrier.account.post.address.connect)
            await network.start()
            carrier.account.post.address.connect = network.address
            call = await carrier.ring(CALLER, NUMBER, phone=Phone(Stays()))
            await asyncio.sleep(1)
            network.reset()
            await call.ended()
            await network.stop()
        return call

    call = run(story())
    assert codes(call) == [31903]
    assert call.end_reason == "twiml_ended"


def test_audio_nobody_reads_is_thrown_away() -> None:
    async def story() -> SimCall:
        from bridge.sim.network import Network

        bridge = ReferenceBridge()
        async with world(bridge) as carrier:
            network = Network(carrier.account.post.address.connect)
            await network.start()
            carrier.account.post.address.connect = network.address
            call = await carrier.ring(CALLER, NUMBER)
            await asyncio.sleep(1)
            network.freeze()
            await asyncio.sleep(60)
            call.hang_up()
            await asyncio.sleep(1)
            network.thaw()
            await call.ended()
            await network.stop()
        return call

    assert 31930 in codes(run(story()))


# The whole carrier


def test_a_strict_carrier_lets_the_call_fail() -> None:
    with pytest.raises(CallRefused, match="31951"):
        one_call(ReferenceBridge(talk=invalid("hello")), strict=True)


def test_problems_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    from bridge.sim.twilio.account import print_problem

    one_call(ReferenceBridge(talk=invalid("hello")), on_problem=print_problem)
    assert "warning 31951 Stream - Message - Invalid Message" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("public_url", "connect"),
    [
        ("voice.example.test", ("127.0.0.1", 80)),
        ("ftp://voice.example.test", ("127.0.0.1", 80)),
        ("https://voice.example.test", None),
        ("https://voice.example.test", ("192.0.2.7", 80)),
    ],
)
def test_a_carrier_that_cannot_be_set_up(public_url: str, connect: tuple[str, int] | None) -> None:
    with pytest.raises(ConfigError):
        Carrier(CarrierOptions(public_url=public_url, account_sid="AC1", auth_token="t", connect=connect))


def test_ws_is_allowed_on_loopback_when_the_public_url_is_http() -> None:
    async def story() -> SimCall:
        bridge = ReferenceBridge()
        async with world(bridge) as secure:
            port = secure.account.post.address.connect[1]
            stream = f'<Connect><Stream url="ws://127.0.0.1:{port}/media"/></Connect>'
            bridge.pages = {"/twilio/voice": Response(twiml(stream), media_type="text/xml")}
            call = await secure.ring(CALLER, NUMBER, phone=Phone(Stays()))
            return await call.ended()

    assert codes(run(story())) == [31922]  # the public URL is https: here it is not


def test_a_stream_inside_nothing_but_connect() -> None:
    assert STREAM.startswith("<Connect")
    assert 12200 in answered_with(twiml('<Start><Stream url="wss://voice.example.test/media"/></Start>'))
