"""Twilio's Media Streams messages, both ways: every recorded one, and what no real one looks like."""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.audio.path import make_path
from bridge.call import commands as do
from bridge.call import events as ev
from bridge.carriers.twilio.wire import GAP_MS, LONGEST_MS, RESTART_FRAMES, TwilioWire
from bridge.errors import WireError

QUIET = settings(deadline=None, database=None, derandomize=True)
FIXTURES = Path(__file__).parents[1] / "fixtures" / "twilio_messages.jsonl"
LINES = [json.loads(line) for line in FIXTURES.read_text("utf-8").splitlines()]
IN = {line["name"]: line["msg"] for line in LINES if line["dir"].startswith("twilio->app")}
OUT = {line["name"]: line["msg"] for line in LINES if line["dir"].startswith("app->twilio")}
STREAM = "MZ00112233445566778899aabbccddeeff"
FRAME = b64encode(b"\x55" * 160).decode()


def read(wire: TwilioWire, message: Any) -> tuple[ev.Event, ...]:
    return wire.read(message if isinstance(message, str | bytes) else json.dumps(message))


def started(stream: str = STREAM) -> TwilioWire:
    wire = TwilioWire()
    start = {"streamSid": stream, "callSid": "CA1", "accountSid": "AC1"}
    assert read(wire, {"event": "start", "streamSid": stream, "start": start}) == (ev.PhoneAttached(stream),)
    return wire


def media(timestamp: Any, payload: str = FRAME, **more: Any) -> dict[str, Any]:
    body = {"track": "inbound", "chunk": "1", "payload": payload}
    if timestamp is not None:
        body["timestamp"] = timestamp
    return {"event": "media", "sequenceNumber": "2", "streamSid": STREAM, "media": body} | more


def audio_of(message: dict[str, Any]) -> ev.PhoneAudio:
    payload = message["media"]["payload"]
    return ev.PhoneAudio(b64decode(payload))


# ---- the recorded messages ----------------------------------------------------------------------------------------


def test_all_29_recorded_messages_are_told_here() -> None:
    assert (len(LINES), len(IN), len(OUT)) == (29, 22, 7)


def test_a_recorded_stream_from_connected_to_stop() -> None:
    wire = TwilioWire()
    story: list[tuple[str, tuple[ev.Event, ...]]] = [
        ("connected", ()),
        ("start_bidirectional", (ev.PhoneAttached(STREAM),)),
        ("media_1", (audio_of(IN["media_1"]),)),
        ("media_2", (audio_of(IN["media_2"]),)),
        ("media_3", (audio_of(IN["media_3"]),)),
        ("media_4", (audio_of(IN["media_4"]),)),
        ("media_after_gap", (ev.PhoneGap(1240), audio_of(IN["media_after_gap"]))),
        ("media_out_of_20ms_size", (audio_of(IN["media_out_of_20ms_size"]),)),
        ("media_outbound_track", ()),
        ("dtmf", (ev.PhoneKey("1"),)),
        ("dtmf_star", (ev.PhoneKey("*"),)),
        ("dtmf_hash", (ev.PhoneKey("#"),)),
        ("dtmf_zero", (ev.PhoneKey("0"),)),
        ("mark_played", (ev.PhoneMark("item_A:400:1"),)),
        ("mark_after_clear", (ev.PhoneMark("item_A:800:2"),)),
        ("unknown_event_future", ()),
        ("stop", (ev.PhoneStopped(),)),
    ]
    for name, events in story:
        assert read(wire, IN[name]) == events, name
    assert wire.start is not None
    assert (wire.start.stream_id, wire.start.carrier_call_id) == (STREAM, "CAfedcba9876543210fedcba9876543210")
    assert wire.start.account_id == "AC0123456789abcdef0123456789abcdef"
    assert wire.start.parameters == {"token": "k7Qw0-example", "direction": "inbound"}
    assert wire.duplicates == 0


@pytest.mark.parametrize("name", ["start_no_params", "start_unidirectional_both", "start_token_missing"])
def test_other_recorded_starts(name: str) -> None:
    wire = TwilioWire()
    assert read(wire, IN[name]) == (ev.PhoneAttached(STREAM),)
    assert wire.start is not None
    assert wire.start.parameters == {}


@pytest.mark.parametrize("name", ["media_before_start", "media_bad_base64"])
def test_recorded_hostile_media(name: str) -> None:
    wire = TwilioWire() if name == "media_before_start" else started()
    with pytest.raises(WireError):
        read(wire, IN[name])


# ---- what we write ------------------------------------------------------------------------------------------------


def complaint(message: dict[str, Any], stream: str) -> str:
    """Why Twilio would warn (31951) about a message of ours; empty when it would not."""
    content = {"media": {"payload": str}, "mark": {"name": str}, "clear": None}
    if message.get("event") not in content:
        return "unknown event"
    if message.get("streamSid") != stream:
        return "wrong streamSid"
    shape = content[message["event"]]
    expected = {"event", "streamSid"} | ({message["event"]} if shape else set())
    if set(message) != expected:
        return "missing or extra fields"
    body = message.get(message["event"], {})
    if shape and {name: type(value) for name, value in body.items()} != shape:
        return "wrong content"
    return ""


def test_the_recorded_commands_are_what_we_write() -> None:
    wire = started()
    audio = b64decode(OUT["media"]["media"]["payload"])
    first, mark = (json.loads(text) for text in wire.write(do.Play(audio, "item_A:400:1")))
    assert (first, mark) == (OUT["media"], OUT["mark"])
    long = b64decode(OUT["media_long"]["media"]["payload"])
    assert json.loads(wire.write(do.Play(long, "x"))[0]) == OUT["media_long"]
    assert [json.loads(text) for text in wire.write(do.Flush())] == [OUT["clear"]]
    assert wire.write(do.Detour("1w2")) == ()


@pytest.mark.parametrize("name", ["mark_without_object", "wrong_stream_sid", "unknown_event"])
def test_the_recorded_invalid_commands_are_caught_by_the_check_below(name: str) -> None:
    assert complaint(OUT[name], STREAM)


@settings(QUIET, max_examples=100)
@given(st.binary(max_size=1600), st.text(st.characters(exclude_categories=["Cs"])), st.text(min_size=1, max_size=40))
def test_whatever_is_played_is_valid_for_twilio(audio: bytes, mark: str, stream: str) -> None:
    stream = stream.encode("utf-8", "replace").decode()
    wire = started(stream)
    said = [json.loads(text) for text in wire.write(do.Play(audio, mark)) + wire.write(do.Flush())]
    assert [complaint(message, stream) for message in said] == ["", "", ""]
    assert [message["event"] for message in said] == ["media", "mark", "clear"]
    assert b64decode(said[0]["media"]["payload"], validate=True) == audio
    assert said[1]["mark"]["name"] == mark


# ---- what no real message looks like ------------------------------------------------------------------------------

HOSTILE = {
    "binary": b"\x00\x01\x02",
    "binary that would be JSON": json.dumps(media("5")).encode(),
    "nothing": "",
    "no JSON": "{",
    "no object": "[1, 2]",
    "no event": "{}",
    "null event": '{"event": null}',
    "100,000 deep": '{"event":"mark","x":' + "[" * 100_000 + "]" * 100_000 + "}",
    "open 100,000 deep": '{"event":' + '{"a":' * 100_000,
    "NaN": '{"event":"mark","mark":{"name":NaN}}',
    "lone surrogate, escaped": '{"event":"mark","mark":{"name":"\\ud800"}}',
    "lone surrogate, raw": '{"event":"mark","mark":{"name":"\ud800"}}',
    "number of 5,000 digits": '{"event":"media","media":{"payload":"/w==","timestamp":' + "9" * 5000 + "}}",
    "empty payload": media("5", ""),
    "padding alone": media("5", "===="),
    "one character": media("5", "A"),
    "no payload": {"event": "media", "streamSid": STREAM, "media": {"track": "inbound", "timestamp": "5"}},
    "no media": {"event": "media", "streamSid": STREAM},
    "payload of another type": media("5") | {"media": {"payload": [255], "timestamp": "5"}},
    "line break in payload": media("5", "/w==\n"),
    "quote in payload": media("5", '/w="'),
    "URL alphabet": media("5", "_-_-"),
    "another stream": media("5", streamSid="MZ" + "f" * 32),
    "second start": {"event": "start", "streamSid": STREAM, "start": {"callSid": "CA1", "accountSid": "AC1"}},
    "two keys at once": {"event": "dtmf", "streamSid": STREAM, "dtmf": {"digit": "12"}},
    "no key": {"event": "dtmf", "streamSid": STREAM, "dtmf": {"digit": ""}},
    "mark without content": {"event": "mark", "streamSid": STREAM},
    "stop of another stream": {"event": "stop", "streamSid": "MZ0"},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_messages_are_refused_in_one_line_and_the_leg_goes_on(name: str) -> None:
    wire = started()
    with pytest.raises(WireError) as refused:
        read(wire, HOSTILE[name])
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 200
    assert read(wire, media("7")) == (ev.PhoneAudio(b64decode(FRAME)),)


def test_nothing_is_believed_before_start() -> None:
    wire = TwilioWire()
    for name in ("media_1", "dtmf", "mark_played", "stop", "unknown_event_future"):
        with pytest.raises(WireError, match="before start"):
            read(wire, IN[name])
    with pytest.raises(WireError, match="without its content"):
        read(wire, {"event": "start", "streamSid": STREAM})
    with pytest.raises(WireError, match="without its content"):
        read(wire, {"event": "start", "start": {"callSid": "CA1", "accountSid": "AC1"}})
    assert wire.start is None
    assert read(wire, IN["start_bidirectional"]) == (ev.PhoneAttached(STREAM),)


def test_a_large_frame_is_audio_and_nothing_more() -> None:
    payload = b64encode(bytes(range(256)) * 4096).decode()
    assert read(started(), media("5", payload)) == (ev.PhoneAudio(b64decode(payload)),)


def test_unknown_fields_and_counters_mean_nothing() -> None:
    odd = media("5", sequenceNumber="-7", more={"a": [1]}, chunk=-1)
    assert read(started(), odd) == (ev.PhoneAudio(b64decode(FRAME)),)


RAW = {
    "@nan@": "NaN",
    "@inf@": "1e999",
    "@digits@": "9" * 5000,
    "@deep@": "[" * 2000 + "]" * 2000,
    "@surrogate@": '"\\ud800"',
    "@long@": '"' + "A" * 70_000 + '"',
}
STRANGE = st.one_of(
    st.sampled_from(sorted(RAW)),
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just([]) | st.just({}),
    st.sampled_from(["", "%%%", "=", "AAA=", "AAAA", "-1", "9" * 4000, "9" * 5000, "1_0", " 5 ", "inbound", STREAM]),
)


@st.composite
def mutated_frames(draw: st.DrawFn) -> str:
    """A recorded message with something in it replaced, removed, doubled or cut."""
    message = json.loads(json.dumps(draw(st.sampled_from(list(IN.values())))))
    for _ in range(draw(st.integers(1, 3))):
        place = message
        while True:
            key = draw(st.sampled_from(sorted(place)))
            if isinstance(place[key], dict) and place[key] and draw(st.booleans()):
                place = place[key]
                continue
            break
        if draw(st.booleans()):
            place[key] = draw(STRANGE)
        elif len(place) > 1:
            del place[key]
    text = json.dumps(message)
    for mark, raw in RAW.items():
        text = text.replace(json.dumps(mark), raw)
    at = draw(st.integers(0, min(len(text), 400)))
    return draw(st.sampled_from([text, text, text, text[:at], text[at:], text[:at] + draw(st.text()) + text[at:]]))


FRAMES = mutated_frames() | st.text() | st.binary(max_size=200) | st.recursive(STRANGE, st.lists).map(json.dumps)
PATHS = [make_path("pcm", "pcm"), make_path("pcmu", "pcmu")]


@settings(QUIET, max_examples=250)
@given(st.lists(FRAMES, min_size=1, max_size=8))
def test_every_frame_gives_events_or_a_wire_error(frames: list[str | bytes]) -> None:
    wire = started()
    assert read(wire, media("118")), "the clock runs: a wrong time stamp is now a gap or a frame of the past"
    for frame in frames:
        try:
            events = wire.read(frame)
        except WireError as error:
            assert len(str(error)) < 200
            continue
        for event in events:
            # What went through must be fit for the rest of the house: sound that decodes, gaps that are lengths.
            if isinstance(event, ev.PhoneAudio):
                assert len(event.audio) > 0
                assert all(path.to_model(event.audio) for path in PATHS)
            elif isinstance(event, ev.PhoneGap):
                assert 0 < event.ms <= 86_400_000
            else:
                assert isinstance(event, ev.PhoneMark | ev.PhoneKey | ev.PhoneStopped)
    assert read(wire, {"event": "mark", "mark": {"name": "still here"}}) == (ev.PhoneMark("still here"),)


ODD: list[Any] = [None, "odd", "", 7, -1, 1.5, 1e300, True, [1], {"a": 1}, 10**30, "9" * 4000, "-40", "=", "AAA="]


def test_no_single_odd_value_raises_anything_but_a_wire_error() -> None:
    refusals = 0
    for message in IN.values():
        inner = [value for value in message.values() if isinstance(value, dict)]
        for place, key, odd in ((p, key, odd) for p in (message, *inner) for key in list(p) for odd in ODD):
            wire, kept = (TwilioWire() if message["event"] == "start" else started()), place[key]
            wire.read(json.dumps(media("118"))) if wire.start else None
            place[key] = odd
            try:
                events = wire.read(json.dumps(message))
                assert all(event.ms <= 86_400_000 for event in events if isinstance(event, ev.PhoneGap))
            except WireError:
                refusals += 1
            finally:
                place[key] = kept
    assert refusals > 100


# ---- the caller's clock -------------------------------------------------------------------------------------------


def numbered(index: int) -> str:
    return b64encode(index.to_bytes(4, "big") * 40).decode()


def hear(wire: TwilioWire, frames: list[dict[str, Any]]) -> tuple[float, list[int], int]:
    """Milliseconds of caller audio with its gaps, the numbers of the frames in it, how many gaps."""
    total_ms, order, gaps = 0.0, [], 0
    for frame in frames:
        for event in read(wire, frame):
            if isinstance(event, ev.PhoneGap):
                total_ms += event.ms
                gaps += 1
            else:
                assert isinstance(event, ev.PhoneAudio)
                total_ms += len(event.audio) / 8
                order.append(int.from_bytes(event.audio[:4], "big"))
    return total_ms, order, gaps


@st.composite
def faulty_streams(draw: st.DrawFn) -> list[dict[str, Any]]:
    """20 ms frames of a stream in which some are lost and repeated, and some swapped or without a readable time.

    Not swapped and without a time: of those nobody could say where they belong.
    """
    faults = ["", "", "", "", "lost", "twice", *draw(st.sampled_from([["swap", "late"], ["mute"]]))]
    first = draw(st.integers(0, 500))
    stamps = [first + 20 * i + draw(st.integers(0, 2)) for i in range(draw(st.integers(5, 60)))]
    frames: list[dict[str, Any]] = []
    for i, at in enumerate(stamps):
        inside = 0 < i < len(stamps) - 3
        fault = draw(st.sampled_from(faults)) if inside else ""
        frame = media(str(at), numbered(i))
        if fault == "lost":
            continue
        if fault == "mute":
            frame = media(draw(st.sampled_from([None, "", "soon", "-40", "9" * 30])), numbered(i))
        frames.append(frame)
        if fault == "twice":
            frames += [frame] * draw(st.integers(1, 40))
        if fault == "swap":
            frames[-2:] = frames[-2:][::-1]
        if fault == "late" and len(frames) > 5:
            frames.append(frames[-4])
    return frames


@settings(QUIET, max_examples=200)
@given(faulty_streams())
def test_the_caller_is_heard_in_time_and_in_order(frames: list[dict[str, Any]]) -> None:
    heard_ms, order, gaps = hear(started(), frames)
    stamps = [int(f["media"]["timestamp"]) for f in frames if f["media"].get("timestamp", "").isdecimal()]
    span_ms = max(at for at in stamps if at < 10_000) - int(frames[0]["media"]["timestamp"]) + 20
    assert abs(heard_ms - span_ms) <= 20 * max(1, gaps)
    assert order == sorted(set(order)), "nothing twice, nothing put back in the past"


@pytest.mark.parametrize("wrap_ms", [2**16, 2**32])
def test_a_wrapped_clock_is_a_new_count(wrap_ms: int) -> None:
    first = min(wrap_ms, 86_400_000) - 1_000
    stamps = [str((first + 20 * i) % wrap_ms) for i in range(100)]
    heard_ms, order, gaps = hear(started(), [media(at, numbered(i)) for i, at in enumerate(stamps)])
    assert (heard_ms, order, gaps) == (2000.0, list(range(100)), 0)


def test_a_clock_set_back_costs_half_a_second_and_not_a_minute() -> None:
    stamps = [*range(118, 10_118, 20), *range(0, 4000, 20)]
    wire = started()
    heard_ms, order, gaps = hear(wire, [media(str(at), numbered(i)) for i, at in enumerate(stamps)])
    assert wire.duplicates == RESTART_FRAMES - 1
    assert heard_ms == 20 * (len(stamps) - wire.duplicates)
    assert (order[-1], gaps) == (len(stamps) - 1, 0)


def test_a_stream_without_time_stamps_is_taken_as_it_comes() -> None:
    silent = [media(None, numbered(i)) for i in range(200)]
    assert hear(started(), silent) == (4000.0, list(range(200)), 0)
    # And when they begin, what was heard without them is no gap.
    assert hear(started(), [media("100"), *silent[1:], media("4100")])[::2] == (4020.0, 0)


def test_frames_of_any_length_keep_the_clock() -> None:
    frames, at = [], 102
    for i in range(60):
        blocks = 1 + i % 5
        frames.append(media(at, b64encode(i.to_bytes(4, "big") * 40 * blocks).decode()))
        at += 20 * blocks
    heard_ms, order, gaps = hear(started(), frames)
    assert (heard_ms, order, gaps) == (at - 102, list(range(60)), 0)


# ---- the short way ------------------------------------------------------------------------------------------------


def short(wire: TwilioWire, message: Any) -> tuple[ev.Event, ...]:
    """As the lane reads: by `sound` first, by `read` when that says None."""
    text = message if isinstance(message, str) else json.dumps(message, separators=(",", ":"))
    audio = wire.sound(text.encode("utf-8", "surrogatepass"))
    return (ev.PhoneAudio(audio),) if audio is not None else wire.read(text)


def spelled(draw: st.DrawFn, message: dict[str, Any]) -> str:
    """The message as JSON, in Twilio's spelling or another that means the same."""
    tight = json.dumps(message, separators=(",", ":"))
    way = draw(st.sampled_from(["tight", "tight", "tight", "wide", "turned", "escaped", "indented"]))
    if way == "wide":
        return json.dumps(message)
    if way == "turned":
        return json.dumps(dict(reversed(message.items())), separators=(",", ":"))
    if way == "escaped":
        return tight.replace("/", "\\/").replace("V", "\\u0056")
    return json.dumps(message, indent=1) if way == "indented" else tight


STAMPS = st.one_of(
    st.integers(0, 400).map(str),
    st.integers(-50, 400),
    st.sampled_from([None, "", "soon", "-40", " 60 ", "1_0", "9" * 30, 86_400_000, 86_400_001, 65_000, 1.5, True]),
)


@st.composite
def any_stream(draw: st.DrawFn) -> list[str]:
    """Frames that mostly follow each other, of any length, and whatever else may come between."""
    messages, at = [], draw(st.integers(0, 200) | st.integers(LONGEST_MS - 300, LONGEST_MS))
    for _ in range(draw(st.integers(1, 40))):
        kind = draw(st.sampled_from(["next"] * 6 + ["any time", "body", "other", "garbage"]))
        size = draw(st.sampled_from([160, 160, 160, 1, 4, 161, 800, 0]))
        payload = b64encode(
            bytes(draw(st.integers(0, 255)) for _ in range(min(size, 2))) * (size // 2 or size)
        ).decode()
        message = media(draw(st.sampled_from([str(at), at])), payload)
        at += 20 + draw(st.sampled_from([0, 0, 0, 0, 1, 10, GAP_MS - 1, GAP_MS, 1000, -20]))
        if kind == "any time":
            message = media(draw(STAMPS), payload)
        elif kind == "body":
            name, odd = draw(st.sampled_from(BODIES))
            message["media"][name] = odd
        elif kind == "other":
            message = draw(st.sampled_from([*IN.values(), media("20", streamSid="MZ0"), media("20", streamSid="")]))
        text = spelled(draw, message)
        if kind == "garbage":
            at_char = draw(st.integers(0, len(text)))
            text = text[:at_char] + draw(st.text(max_size=3)) + text[at_char + draw(st.integers(0, 2)) :]
        messages.append(text)
    return messages


BODIES: list[tuple[str, Any]] = [
    ("track", "outbound"),
    ("track", None),
    ("payload", ""),
    ("payload", "===="),
    ("payload", "AAA"),
    ("payload", "AB=="),
    ("payload", "%%%%"),
    ("payload", [1]),
    ("chunk", {"any": "thing"}),
]


def told(way: Callable[[TwilioWire, str], tuple[ev.Event, ...]], messages: list[str]) -> tuple[list[Any], int]:
    """Events, or what was wrong, of each message, and the frames that were dropped."""
    wire, seen = started(), list[Any]()
    for message in messages:
        try:
            seen.append(way(wire, message))
        except WireError as error:
            seen.append(str(error))
    return seen, wire.duplicates


@settings(QUIET, max_examples=200)
@given(any_stream())
def test_the_short_way_hears_what_the_long_way_hears(messages: list[str]) -> None:
    assert told(short, messages) == told(read, messages)


def test_a_next_frame_by_the_short_way_ends_a_run_of_old_ones() -> None:
    fresh = [media(str(at)) for at in (1000, 1020, 1040)]
    old = [media(str(at)) for at in range(0, 20 * (RESTART_FRAMES - 1), 10)]
    half = RESTART_FRAMES - 1
    story = [*fresh[:2], *old[:half], fresh[2], *old[half:]]
    messages = [json.dumps(message, separators=(",", ":")) for message in story]
    assert told(short, messages) == told(read, messages)
    assert told(short, messages)[1] == 2 * half


def test_the_short_way_is_taken_by_all_but_the_first_frame() -> None:
    wire = started()
    texts = [json.dumps(media(str(20 * i), numbered(i)), separators=(",", ":")).encode() for i in range(50)]
    assert wire.sound(texts[0]) is None, "where a stream begins, the long way says"
    assert len(wire.read(texts[0].decode())) == 1
    assert [wire.sound(text) for text in texts[1:]] == [b64decode(numbered(i)) for i in range(1, 50)]


@pytest.mark.parametrize(
    "change", ["again", "gap", "another stream", "our own track", "no time", "no JSON", "no audio"]
)
def test_what_the_short_way_leaves_has_not_happened(change: str) -> None:
    left = {
        "again": media("20"),
        "gap": media("500"),
        "another stream": media("40", streamSid="MZ0"),
        "our own track": media("40") | {"media": {"track": "outbound", "timestamp": "40", "payload": FRAME}},
        "no time": media(None),
        "no audio": media("40", ""),
    }
    text = json.dumps(left[change], separators=(",", ":")) if change in left else '{"event":"media",'
    wire, other = started(), started()
    for one in (wire, other):
        assert read(one, media("20"))
    before = {name: getattr(wire, name) for name in TwilioWire.__slots__}
    assert wire.sound(text.encode()) is None
    assert {name: getattr(wire, name) for name in TwilioWire.__slots__} == before
    after = [media(str(40 + 20 * i), numbered(i)) for i in range(5)]
    assert hear(wire, after) == hear(other, after)
    assert TwilioWire().sound(json.dumps(media("40"), separators=(",", ":")).encode()) is None, "before start"


@pytest.mark.parametrize("message", [{"event": "mark", "mark": {"name": "x"}}, {"event": "stop"}])
def test_nothing_without_a_stream_is_believed_before_start(message: dict[str, Any]) -> None:
    with pytest.raises(WireError, match="before start"):
        read(TwilioWire(), message)
