"""What a Realtime server's messages mean: every recorded one in both dialects, and what no server should send."""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from realtime_messages import LINES, wire

from bridge.call import events as ev
from bridge.errors import WireError
from bridge.realtime.session import AudioFormat
from bridge.realtime.wire import RealtimeWire

SERVER = [line for line in LINES if line["direction"] == "server"]
USAGE = {
    "total_tokens": 253,
    "input_tokens": 132,
    "output_tokens": 121,
    "input_text_tokens": 119,
    "input_audio_tokens": 13,
    "input_image_tokens": 0,
    "input_cached_tokens": 64,
    "cached_text_tokens": 64,
    "cached_audio_tokens": 0,
    "cached_image_tokens": 0,
    "output_text_tokens": 30,
    "output_audio_tokens": 91,
}
BETA_USAGE = {
    "total_tokens": 20,
    "input_tokens": 10,
    "output_tokens": 10,
    "input_text_tokens": 5,
    "input_audio_tokens": 5,
    "input_cached_tokens": 0,
    "output_text_tokens": 4,
    "output_audio_tokens": 6,
}
PART = ("resp_T1", "item_A1")
SHORTER = "Audio content of 9250ms is already shorter than 57340ms"

# The note of each recorded server message that means something to a call, and what it means. All others mean nothing.
MEANING: dict[str, ev.Event] = {
    "first server frame after the upgrade": ev.ModelOpened("sess_T0001", 1795500000),
    "effective configuration": ev.ModelConfigured(),
    "response started": ev.ResponseCreated("resp_T1"),
    "transcript of model speech": ev.AgentText(*PART, "Hello, "),
    "base64 audio in the session output format": ev.ModelAudio(*PART, 0, b"\xff" * 800, 100.0),
    "audio finished": ev.ModelAudioDone(*PART, 0),
    "transcript finished": ev.AgentText(*PART, "Hello, how can I help?", final=True),
    "response end with billing usage": ev.ResponseDone("resp_T1", "completed", usage=USAGE),
    "caller starts talking": ev.SpeechStarted("item_U1", 2240),
    "interrupted response end": ev.ResponseDone("resp_T2", "cancelled", "turn_detected", usage=USAGE),
    "caller stops talking": ev.SpeechStopped("item_U1", 4100),
    "caller transcript, partial": ev.CallerText("item_U1", "Where is"),
    "caller transcript, final; token usage": ev.CallerText("item_U1", "Where is my order?", final=True),
    "caller transcript, final; duration usage": ev.CallerText("item_U3", "", final=True),
    "dispatch tools from this one": ev.ToolCalled("call_T1", "lookup_order", '{"number":"A12"}', "resp_T3"),
    "audio committed as a user item": ev.TurnCommitted("item_U1"),
    "text answer": ev.AgentText("resp_T5", "item_X", "support"),
    "text answer final": ev.AgentText("resp_T5", "item_X", "support", final=True),
    "beta text": ev.AgentText("resp_T1", "item_A1", "Hi"),
    "beta text end": ev.AgentText("resp_T1", "item_A1", "Hi", final=True),
    "MCP call completed": ev.HostedToolRan("item_M2"),
    "MCP call failed": ev.HostedToolRan("item_M2", ok=False),
    "response with only a tool call": ev.ResponseDone("resp_T3", "completed", usage=USAGE),
    "out-of-band end: conversation_id null, metadata echoed": ev.ResponseDone(
        "resp_T5", "completed", usage=USAGE, conversational=False
    ),
    "failed response": ev.ResponseDone(
        "resp_T6", "failed", "", "credit_balance_exhausted", "Credit balance exhausted.", "fatal"
    ),
    "cut by length": ev.ResponseDone("resp_T7", "incomplete", "max_output_tokens", usage=USAGE),
    "error sample: truncate past the end (code seen as null)": ev.ModelFault(
        "invalid_request_error", SHORTER, "benign", "cli_9"
    ),
    "transcription session shape": ev.ModelOpened("sess_T2", 1795500000),
    "beta session": ev.ModelOpened("sess_B1"),
    "beta audio": ev.ModelAudio(*PART, 0, b"\xff\xff", 0.25),
    "beta audio end": ev.ModelAudioDone(*PART, 0),
    "beta transcript": ev.AgentText(*PART, "Hi"),
    "beta transcript end": ev.AgentText(*PART, "Hi", final=True),
    "beta response end: modalities/voice/output_audio_format flat, content part 'audio'": ev.ResponseDone(
        "resp_B1", "completed", usage=BETA_USAGE
    ),
}
FATAL = {"session_expired", "invalid_api_key", "beta_api_shape_disabled"}


@pytest.mark.parametrize("line", SERVER, ids=lambda line: f"{line['dialect']} {line['event']['type']}: {line['note']}")
def test_recorded_server_messages(line: dict[str, Any]) -> None:
    events = wire(line["dialect"]).read(json.dumps(line["event"]))
    if line["note"] in MEANING:
        assert events == (MEANING[line["note"]],)
    elif line["event"]["type"] == "error":
        error = line["event"]["error"]
        severity = "fatal" if error["code"] in FATAL else "benign"
        assert events == (ev.ModelFault(error["code"], error["message"], severity, error["event_id"] or ""),)
    else:
        assert events == ()


def test_the_table_above_is_about_recorded_messages() -> None:
    notes = [line["note"] for line in SERVER]
    assert set(MEANING) <= set(notes)
    assert sum(line["event"]["type"] == "error" for line in SERVER) == 11
    assert len(SERVER) == 78


def test_a_dialect_does_not_take_the_other_ones_names() -> None:
    ga = {"type": "response.output_audio.delta", "item_id": "i", "delta": "/w=="}
    beta = ga | {"type": "response.audio.delta"}
    assert [len(wire(d).read(json.dumps(m))) for d in ("ga", "beta") for m in (ga, beta)] == [1, 0, 0, 1]


@pytest.mark.parametrize(
    ("event", "meaning"),
    [
        (
            {
                "type": "response.output_item.done",
                "item": {"type": "function_call", "call_id": "c", "status": "incomplete"},
            },
            (),
        ),
        ({"type": "response.output_item.done", "item": {"type": "function_call", "name": "f"}}, ()),
        (
            {"type": "response.output_item.done", "item": {"type": "function_call", "name": "f", "call_id": "c"}},
            (ev.ToolCalled("c", "f", ""),),
        ),
        (
            {"type": "response.created", "response": {"id": "r", "conversation_id": None}},
            (ev.ResponseCreated("r", False),),
        ),
        ({"type": "response.created"}, (ev.ResponseCreated(""),)),
        ({"type": "response.done", "response": {"id": "r"}}, (ev.ResponseDone("r", "completed"),)),
        (
            {"type": "response.done", "response": {"status_details": "odd", "usage": []}},
            (ev.ResponseDone("", "completed"),),
        ),
        (
            {
                "type": "response.done",
                "response": {"usage": {"input_tokens": 2, "input_tokens_details": {"audio_tokens": 2}}},
            },
            (ev.ResponseDone("", "completed", usage={"input_tokens": 2, "input_audio_tokens": 2}),),
        ),
        ({"type": "response.output_audio.delta", "item_id": "i", "delta": ""}, ()),
        ({"type": "response.output_audio.delta", "item_id": "i"}, ()),
        ({"type": "error"}, (ev.ModelFault("", "", "benign"),)),
        (
            {"type": "error", "error": {"message": "Conversation already has an active response in progress"}},
            (
                ev.ModelFault(
                    "conversation_already_has_active_response",
                    "Conversation already has an active response in progress",
                    "benign",
                ),
            ),
        ),
        (
            {"type": "error", "error": {"type": "server_error", "code": None}},
            (ev.ModelFault("server_error", "", "transient"),),
        ),
        ({"type": "session.created", "session": {"expires_at": "soon"}}, (ev.ModelOpened(""),)),
        ({"type": "response.cancelled"}, ()),
        ({"type": "something.of.tomorrow", "delta": "x"}, ()),
    ],
)
def test_unrecorded_shapes(event: dict[str, Any], meaning: tuple[ev.Event, ...]) -> None:
    assert wire().read(json.dumps(event)) == meaning


# ---- sound --------------------------------------------------------------------------------------------------------


def delta(sound: bytes, item: str, index: int = 0) -> str:
    message = {"type": "response.output_audio.delta", "response_id": "r", "item_id": item, "content_index": index}
    return json.dumps(message | {"delta": b64encode(sound).decode()})


def done(item: str, index: int = 0) -> str:
    message = {"type": "response.output_audio.done", "response_id": "r", "item_id": item, "content_index": index}
    return json.dumps(message)


def spoken(events: list[ev.Event], item: str) -> tuple[bytes, float]:
    mine = [e for e in events if isinstance(e, ev.ModelAudio) and e.item_id == item]
    return b"".join(e.audio for e in mine), sum(e.ms for e in mine)


LOUD = b"\x00\x60" * 12_000  # 500 ms of PCM16 at 24 kHz, as far from silence as the filter can be


@pytest.mark.parametrize(("audio", "per_ms"), [("pcm", 48), ("pcmu", 8)])
@pytest.mark.parametrize("cuts", [[500], [20] * 25, [33, 1, 466], [200, 200, 100]])
def test_an_item_has_the_length_the_model_says(audio: AudioFormat, per_ms: int, cuts: list[int]) -> None:
    one, events = wire(audio=audio), list[ev.Event]()
    for ms in cuts:
        events += one.read(delta(b"\x7f" * (per_ms * ms), "item"))
    events += one.read(done("item"))
    sound, ms_said = spoken(events, "item")
    assert (len(sound), ms_said) == (500 * 8, pytest.approx(500.0))
    assert events[-1] == ev.ModelAudioDone("r", "item", 0)


def test_odd_bytes_of_pcm_are_carried_over() -> None:
    one, events = wire(audio="pcm"), list[ev.Event]()
    for at in range(0, len(LOUD), 777):
        events += one.read(delta(LOUD[at : at + 777], "item"))
    sound, ms_said = spoken([*events, *one.read(done("item"))], "item")
    whole = wire(audio="pcm")
    same, _ = spoken([*whole.read(delta(LOUD, "item")), *whole.read(done("item"))], "item")
    assert sound == same
    assert ms_said == pytest.approx(500.0)


@pytest.mark.parametrize("ending", ["cut", "another part", "done"])
def test_the_tail_of_an_item_is_not_heard_in_the_next(ending: str) -> None:
    quiet = b"\0\0" * 4800
    one = wire(audio="pcm")
    one.read(delta(LOUD, "first"))
    if ending == "done":
        one.read(done("first"))
    after = [*one.read(delta(quiet, "first" if ending == "another part" else "second", 1)), *one.read(done("late", 9))]
    assert isinstance(after[0], ev.ModelAudio)
    assert set(after[0].audio) == {0xFF}, "mu-law silence and nothing else"
    assert after[1:] == [ev.ModelAudioDone("r", "late", 9)], "an end that is not the speaking item's has no tail"


def test_sound_that_is_no_base64_is_refused_and_the_next_delta_is_heard() -> None:
    one = wire(audio="pcm")
    with pytest.raises(WireError):
        one.read(json.dumps({"type": "response.output_audio.delta", "item_id": "i", "delta": "%%%"}))
    sound, _ = spoken([*one.read(delta(LOUD, "i")), *one.read(done("i"))], "i")
    assert len(sound) == 4000


# ---- what no server should send -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "message",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"type": 7}',
        '{"type": "error", "error": ',
        b'{"type": "\xff"}',
        '{"type": "\ud800"}',
        '{"type":"response.output_audio_transcript.delta","delta":"\\ud800"}',
        '{"type":"error","error":' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"type":"input_audio_buffer.speech_started","audio_start_ms":1e999}',
        '{"type":"input_audio_buffer.speech_started","audio_start_ms":"soon"}',
        '{"type":"response.output_audio.delta","item_id":null,"delta":"AAAA"}',
        '{"type":"response.output_audio.delta","content_index":' + "9" * 5000 + ',"delta":"AAAA"}',
    ],
)
def test_what_is_no_event_is_refused_in_one_line(message: str | bytes) -> None:
    with pytest.raises(WireError) as refused:
        wire().read(message)
    assert len(str(refused.value)) < 200
    assert "\n" not in str(refused.value)


def long_way(message: bytes) -> bytes:
    """The same message, but not as servers spell it."""
    return b" " + message


AUDIO_HEAD = b'{"type":"response.output_audio.delta",'
DELTAS = st.one_of(
    st.binary(max_size=40).map(lambda sound: b64encode(sound).decode()),
    st.binary(min_size=1, max_size=40).map(lambda sound: b64encode(sound).decode().rstrip("=")),
    st.sampled_from([None, "", "AB==", "====", "AAA", "AAAA\n", "AA AA", "%%%", "AA-_", "é", 7, ["AAAA"]]),
)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "delta": DELTAS,
        "response_id": st.sampled_from(["r", "é", "", None, 7]),
        "item_id": st.sampled_from(["i", "j", "\u2028", '"', None]),
        "content_index": st.sampled_from([0, 1, -1, 1.0, 1.5, "0", None, 10**30]),
        "event_id": st.text(max_size=3) | st.none(),
        "output_index": st.integers() | st.none(),
        "of tomorrow": st.recursive(st.none() | st.text(max_size=3), lambda inner: st.lists(inner, max_size=2)),
    },
)


@st.composite
def audio_deltas(draw: st.DrawFn) -> bytes:
    """An audio delta with its fields in any order, with spaces or without, whole or cut."""
    fields = draw(FIELDS.flatmap(lambda found: st.permutations(list(found.items()))))
    text = json.dumps(
        {"type": "response.output_audio.delta"} | dict(fields),
        separators=draw(st.sampled_from([(",", ":"), (",", ":"), (", ", ": "), (" ,\n", " : ")])),
        ensure_ascii=draw(st.booleans()),
    )
    if draw(st.booleans()):
        text = text.replace("/", "\\/").replace("A", "\\u0041")
    cut = draw(st.integers(0, len(text)) if draw(st.integers(0, 9)) == 0 else st.just(len(text)))
    return text[:cut].encode()


def told(one: RealtimeWire, message: str | bytes) -> tuple[ev.Event, ...] | None:
    """The events, or None when it was refused."""
    try:
        return one.read(message)
    except WireError:
        return None


@settings(deadline=None, database=None, derandomize=True, max_examples=300)
@given(st.lists(audio_deltas(), min_size=1, max_size=5), st.sampled_from(["pcm", "pcmu"]))
def test_an_audio_delta_means_the_same_however_it_is_spelled(messages: list[bytes], audio: AudioFormat) -> None:
    quick, slow, turned = wire(audio=audio), wire(audio=audio), wire(audio=audio)
    for message in messages:
        events = told(slow, long_way(message))
        assert told(quick, message) == events
        try:
            fields = json.loads(message)
        except ValueError:
            continue
        last = {name: fields[name] for name in sorted(fields, key="type".__eq__)}  # the type is told last
        assert told(turned, json.dumps(last)) == events


@pytest.mark.parametrize(
    ("rest", "sound"),
    [
        (b'"response_id":"r","item_id":"i","output_index":0,"content_index":2,"delta":"/w=="}', b"\xff"),
        (b' "delta" : "\\/w==" , "content_index":2,"item_id":"i","response_id":"r" }', b"\xff"),
        (b'"response_id":"r","item_id":"i","content_index":2,"delta":null}', b""),
        (b'"response_id":"r","item_id":"i","content_index":2}', b""),
        (b'"response_id":"r","item_id":"i","content_index":2,"delta":"/w="}', None),
        (b'"response_id":"r","item_id":"i","content_index":2,"delta":"/w==', None),
    ],
)
def test_an_audio_delta_of_the_usual_spelling(rest: bytes, sound: bytes | None) -> None:
    events = None if sound is None else (ev.ModelAudio("r", "i", 2, sound, 0.125),) if sound else ()
    for message in (AUDIO_HEAD + rest, long_way(AUDIO_HEAD + rest), (AUDIO_HEAD + rest).decode()):
        assert told(wire(), message) == events


@pytest.mark.parametrize(
    "rest",
    [b'"x":' + b"[" * 100_000 + b"]" * 100_000 + b',"delta":"AAAA"}', b'"item_id":"\xff","delta":"AAAA"}'],
    ids=["100,000 deep", "no UTF-8"],
)
def test_hostile_audio_deltas_are_refused(rest: bytes) -> None:
    for message in (long_way(AUDIO_HEAD + rest), AUDIO_HEAD + rest):
        with pytest.raises(WireError):
            wire().read(message)


def test_an_event_of_8_mb() -> None:
    big = b64encode(bytes(6_000_000)).decode()
    item = {"id": "i", "type": "message", "content": [{"type": "input_audio", "audio": big}]}
    assert wire().read(json.dumps({"type": "conversation.item.retrieved", "item": item})) == ()
    (heard,) = wire().read(delta(bytes(6_000_000), "i"))
    assert isinstance(heard, ev.ModelAudio)
    assert (len(heard.audio), heard.ms) == (6_000_000, 750_000.0)


STRANGE: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False)
    | st.text()
    | st.sampled_from(["response.done", "function_call", "AAA=", "%%%", "\ud800", "completed"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


# The types that mean something, each as likely as the other.
BY_TYPE = {
    line["event"]["type"]: [other for other in SERVER if other["event"]["type"] == line["event"]["type"]]
    for line in SERVER
    if line["note"] in MEANING or line["event"]["type"] == "error"
}


@st.composite
def mutated_events(draw: st.DrawFn) -> tuple[str, str]:
    """A recorded server message with something in it replaced, removed or cut, and the dialect to read it in."""
    of_type = BY_TYPE[draw(st.sampled_from(sorted(BY_TYPE)))]
    line = draw(st.sampled_from(of_type))
    message = json.loads(json.dumps(line["event"]))
    for _ in range(draw(st.integers(1, 4))):
        place = message
        while place:
            key = draw(st.sampled_from(sorted(place)))
            if isinstance(place[key], dict) and place[key] and draw(st.integers(0, 3)):
                place = place[key]
                continue
            if draw(st.integers(0, 3)):
                place[key] = draw(STRANGE | st.sampled_from(["odd", 7, [1], True, {"a": 1}, 1.5]))
            else:
                del place[key]
            break
    text = json.dumps(message)
    cut = draw(st.integers(0, len(text)) if draw(st.integers(0, 9)) == 0 else st.just(len(text)))
    return draw(st.sampled_from([line["dialect"], "ga", "beta"])), text[:cut]


ODD: list[Any] = [None, "odd", "", 7, -1, 1e300, True, [1], [], {"a": 1}, {}, 10**30]


def changed_everywhere(message: dict[str, Any]) -> Iterator[str]:
    """The message with each of its values, one after the other, replaced by everything it should not be."""
    for place in places(message):
        for key in list(place):
            kept = place[key]
            for odd in ODD:
                place[key] = odd
                yield json.dumps(message)
            del place[key]
            yield json.dumps(message)
            place[key] = kept


def places(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield value
    for inner in list(value.values()):
        if isinstance(inner, dict):
            yield from places(inner)


@pytest.mark.parametrize("kind", sorted(BY_TYPE))
def test_no_single_odd_value_raises_anything_but_a_wire_error(kind: str) -> None:
    wires = {name: wire(name) for name in ("ga", "beta")}
    refusals = read = 0
    for line in BY_TYPE[kind]:
        for text in changed_everywhere(line["event"]):
            try:
                events = wires[line["dialect"]].read(text)
            except WireError:
                refusals += 1
            else:
                assert all(isinstance(event, ev.Event) for event in events)
                read += 1
    assert refusals
    assert read


@settings(deadline=None, database=None, derandomize=True, max_examples=300)
@given(st.lists(mutated_events(), min_size=1, max_size=4), st.sampled_from(["pcm", "pcmu"]))
def test_every_message_gives_events_or_a_wire_error(messages: list[tuple[str, str]], audio: AudioFormat) -> None:
    wires: dict[str, RealtimeWire] = {name: wire(name, audio) for name in ("ga", "beta")}
    for dialect, message in messages:
        try:
            events = wires[dialect].read(message)
        except WireError as error:
            assert len(str(error)) < 200
            continue
        for event in events:
            assert isinstance(event, ev.Event)
            if isinstance(event, ev.ModelAudio):
                assert event.ms >= 0
    opened = json.dumps({"type": "session.created", "session": {"id": "s"}})
    assert all(one.read(opened) == (ev.ModelOpened("s"),) for one in wires.values())


@settings(deadline=None, database=None, derandomize=True, max_examples=100)
@given(st.text() | st.binary() | STRANGE.map(json.dumps))
def test_noise_gives_a_wire_error(message: str | bytes) -> None:
    with pytest.raises(WireError):
        wire().read(message)


def test_recorded_audio_is_what_was_sent() -> None:
    line = next(line for line in SERVER if line["event"]["type"] == "response.output_audio.delta")
    (heard,) = wire().read(json.dumps(line["event"]))
    assert isinstance(heard, ev.ModelAudio)
    assert heard.audio == b64decode(line["event"]["delta"])
