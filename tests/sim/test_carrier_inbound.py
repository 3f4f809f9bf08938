"""Inbound calls from ring to hang-up: what the application sees, what the caller hears, and when marks return."""

import asyncio
import base64
from typing import Any

import pytest
from carrier_world import CALLER, NUMBER, world
from reference_bridge import STREAM, ReferenceBridge, say, twiml
from starlette.websockets import WebSocket

from bridge.sim.loop import run
from bridge.sim.phone import Phone
from bridge.sim.twilio.call import SimCall
from bridge.sim.twilio.stream import StreamOptions

TONE = bytes(range(1, 161))


class Stays:
    """A person who says a second of something and stays for a while."""

    def __init__(self, seconds: float, keys: str = "") -> None:
        self.seconds = seconds
        self.keys = keys

    async def perform(self, phone: Phone) -> None:
        phone.say(TONE * 50)
        phone.press(self.keys)
        await phone.until(lambda: False, self.seconds)


def one_call(bridge: ReferenceBridge, stays_s: float = 2.0, keys: str = "", **options: Any) -> SimCall:
    async def story() -> SimCall:
        async with world(bridge, **options) as carrier:
            call = await carrier.ring(CALLER, NUMBER, phone=Phone(Stays(stays_s, keys), noise=False))
            return await call.ended()

    return run(story(), limit_s=300)


def b64(sound: bytes) -> str:
    return base64.b64encode(sound).decode()


def test_a_whole_call() -> None:
    bridge = ReferenceBridge()
    call = one_call(bridge)
    assert call.problems == call.notices == []
    assert (call.status, call.end_reason) == ("completed", "caller_hung_up")
    assert [path for path, _, _ in bridge.requests] == ["/twilio/voice", "/stream", "/stream", "/twilio/status"]
    assert [form["StreamEvent"] for form in bridge.forms("/stream")] == ["stream-started", "stream-stopped"]
    # 20 ms to the bridge and 20 ms to the next tick: the echo is whole and in one piece.
    assert call.heard.sound[: 160 * 50] == TONE * 50
    assert len(call.heard.segments) == 1


def test_the_first_request_looks_like_the_real_one() -> None:
    bridge = ReferenceBridge()
    call = one_call(bridge)
    _, form, headers = bridge.requests[0]
    assert form["CallSid"] == call.sid
    assert form["CallStatus"] == "ringing"
    assert form["Direction"] == "inbound"
    assert form["FromCity"] == ""
    assert form["CallToken"]
    assert headers["user-agent"] == "TwilioProxy/1.1"
    assert headers["content-type"] == "application/x-www-form-urlencoded; charset=utf-8"
    assert headers["host"] == "voice.example.test"
    assert len(headers["i-twilio-idempotency-token"]) == 32


def test_the_last_request_carries_the_duration() -> None:
    bridge = ReferenceBridge()
    one_call(bridge)
    (form,) = bridge.forms("/twilio/status")
    assert (form["CallStatus"], form["SequenceNumber"], form["CallDuration"]) == ("completed", "0", "2")
    assert form["CallbackSource"] == "call-progress-events"
    assert form["Duration"] == "1"


def test_the_upgrade_looks_like_the_real_one() -> None:
    bridge = ReferenceBridge()
    one_call(bridge)
    (headers,) = bridge.upgrades
    assert headers["user-agent"] == "Twilio.TmeWs/1.0"
    assert headers["host"] == "voice.example.test"
    assert headers["accept-encoding"] == "gzip"
    assert headers["x-twilio-signature"]
    assert not {"origin", "sec-websocket-extensions", "sec-websocket-protocol"} & headers.keys()


def test_messages_have_the_real_shapes_and_counters() -> None:
    bridge = ReferenceBridge()
    call = one_call(bridge, keys="4#")
    connected, start, *rest = bridge.messages
    assert connected == {"event": "connected", "protocol": "Call", "version": "1.0.0"}
    sid = call.streams[0].sid
    assert start == {
        "event": "start",
        "sequenceNumber": "1",
        "start": {
            "accountSid": call.account.account_sid,
            "streamSid": sid,
            "callSid": call.sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"token": "t1"},
        },
        "streamSid": sid,
    }
    assert [message["sequenceNumber"] for message in rest] == [str(n) for n in range(2, len(rest) + 2)]
    media = [message["media"] for message in rest if message["event"] == "media"]
    assert [one["chunk"] for one in media] == [str(n) for n in range(1, len(media) + 1)]
    first = int(media[0]["timestamp"])
    assert 100 <= first <= 180
    assert [int(one["timestamp"]) for one in media] == [first + 20 * n for n in range(len(media))]
    digits = [message["dtmf"] for message in rest if message["event"] == "dtmf"]
    assert digits == [{"track": "inbound_track", "digit": "4"}, {"track": "inbound_track", "digit": "#"}]
    assert rest[-1]["stop"] == {"accountSid": call.account.account_sid, "callSid": call.sid}


async def half_a_second(bridge: ReferenceBridge, socket: WebSocket, sid: str) -> None:
    """500 ms at once, a mark at 300 and at 510 ms, one behind nothing, then whatever comes."""
    await say(socket, "mark", sid, mark={"name": "nothing"})
    await say(socket, "media", sid, media={"payload": b64(TONE * 15)})
    await say(socket, "mark", sid, mark={"name": "at 300"})
    await say(socket, "media", sid, media={"payload": b64(TONE * 10 + TONE[:80])})
    await say(socket, "mark", sid, mark={"name": "at 510"})
    async for _ in socket.iter_text():
        pass


def test_marks_return_when_their_audio_has_been_heard() -> None:
    call = one_call(ReferenceBridge(talk=half_a_second))
    ((began_s, sound),) = call.heard.segments
    assert sound == TONE * 25 + TONE[:80]
    returned = dict(call.streams[0].counts.marks_returned)
    assert returned["nothing"] <= began_s
    assert returned["at 300"] - began_s == pytest.approx(0.30)
    assert returned["at 510"] - began_s == pytest.approx(0.52)  # the tick behind it


def test_exact_marks_return_in_the_instant() -> None:
    call = one_call(ReferenceBridge(talk=half_a_second), stream=StreamOptions(marks="exact"))
    began_s = call.heard.segments[0][0]
    returned = dict(call.streams[0].counts.marks_returned)
    assert returned["at 300"] - began_s == pytest.approx(0.30)
    assert returned["at 510"] - began_s == pytest.approx(0.51)


def test_the_phone_hears_later_than_marks_say_when_it_is_far_away() -> None:
    call = one_call(ReferenceBridge(talk=half_a_second), phone_latency_ms=200)
    began_s = call.heard.segments[0][0]
    returned = dict(call.streams[0].counts.marks_returned)
    assert returned["at 300"] - began_s == pytest.approx(0.10)


def test_clear_stops_the_sound_and_returns_all_marks() -> None:
    async def talk(bridge: ReferenceBridge, socket: WebSocket, sid: str) -> None:
        await say(socket, "media", sid, media={"payload": b64(TONE * 500)})
        await say(socket, "mark", sid, mark={"name": "never heard"})
        for _ in range(50):  # one second of caller
            await socket.receive_text()
        await say(socket, "clear", sid)
        await half_a_second(bridge, socket, sid)

    call = one_call(ReferenceBridge(talk=talk), stays_s=4.0)
    counts = call.streams[0].counts
    assert [name for name, _ in counts.marks_returned] == ["never heard", "nothing", "at 300", "at 510"]
    assert counts.clears == 1
    first_s = len(call.heard.sound) / 8000 - 0.51
    assert 0.9 < first_s < 1.1


def test_closing_the_socket_asks_for_the_action() -> None:
    async def bye(bridge: ReferenceBridge, socket: WebSocket, sid: str) -> None:
        await socket.receive_text()

    pages = {"/twilio/voice": twiml(STREAM + "<Say>never said</Say>"), "/after": twiml("<Hangup/>")}
    bridge = ReferenceBridge(pages=pages, talk=bye)
    call = one_call(bridge)
    assert call.end_reason == "twiml_hangup"
    assert [form["CallStatus"] for form in bridge.forms("/after")] == ["in-progress"]
    assert [notice.code for notice in call.notices] == [31921]
    assert call.problems == []


def test_without_an_action_the_next_verb_follows_and_then_the_end() -> None:
    async def bye(bridge: ReferenceBridge, socket: WebSocket, sid: str) -> None:
        await socket.receive_text()

    voice = twiml('<Connect><Stream url="wss://voice.example.test/media"/></Connect><Pause length="3"/>')
    call = one_call(ReferenceBridge(pages={"/twilio/voice": voice}, talk=bye), stays_s=60)
    assert call.end_reason == "twiml_ended"
    assert call.duration_s == pytest.approx(3, abs=0.2)


def test_a_relative_stream_url_belongs_to_the_document() -> None:
    voice = twiml('<Connect><Stream url="/media"/></Connect>')
    call = one_call(ReferenceBridge(pages={"/twilio/voice": voice}))
    assert call.streams[0].noun.url == "wss://voice.example.test/media"
    assert call.problems == []


def test_the_carrier_can_hang_up_and_says_stop() -> None:
    bridge = ReferenceBridge()

    async def story() -> SimCall:
        async with world(bridge) as carrier:
            call = await carrier.ring(CALLER, NUMBER)
            await asyncio.sleep(1)
            call.hang_up()
            return await call.ended()

    assert run(story()).end_reason == "carrier"
    assert bridge.messages[-1]["event"] == "stop"


def test_the_time_limit_ends_a_call() -> None:
    async def story() -> SimCall:
        async with world(ReferenceBridge()) as carrier:
            call = await carrier.ring(CALLER, NUMBER)
            call.time_limit_s = 5.0
            return await call.ended()

    assert run(story()).end_reason == "time_limit"


def test_many_calls_at_once_do_not_meet() -> None:
    async def story() -> list[SimCall]:
        async with world(ReferenceBridge()) as carrier:
            calls = [await carrier.ring(CALLER, NUMBER, phone=Phone(Stays(1.5), noise=False)) for _ in range(20)]
            return [await call.ended() for call in calls]

    calls = run(story())
    assert len({call.sid for call in calls}) == 20
    assert all(call.heard.sound[:8000] == TONE * 50 and not call.problems for call in calls)


@pytest.mark.sockets
def test_the_same_call_in_real_time() -> None:
    async def story() -> SimCall:
        async with world(ReferenceBridge()) as carrier:
            call = await carrier.ring(CALLER, NUMBER, phone=Phone(Stays(0.6), noise=False))
            return await call.ended()

    call = asyncio.run(story())
    assert call.problems == []
    assert call.heard.sound[: 160 * 20] == TONE * 20
