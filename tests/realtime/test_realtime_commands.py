"""What we send a Realtime server, held against the types of the official `openai` package; sessions; verdicts."""

import json
import warnings
from base64 import b64decode, b64encode
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter
from realtime_messages import LINES, LOOKUP, TURNS, config, wire

from bridge.call import commands as do
from bridge.call import events as ev
from bridge.errors import ModelRefused, ModelUnreachable
from bridge.realtime import verdicts
from bridge.realtime.connection import with_model
from bridge.realtime.dialect import DIALECTS
from bridge.realtime.prices import price_of
from bridge.realtime.reconnect import ATTEMPTS, retry_after_s
from bridge.realtime.session import AudioFormat, Difference

FRAME = b64encode(b"\x55" * 160).decode()
COMMANDS: dict[str, do.ModelCommand] = {
    "session.update": do.Configure(),
    "input_audio_buffer.append": do.Feed(b64decode(FRAME)),
    "response.create": do.Respond("respond_1", "Greet the caller."),
    "response.cancel": do.Cancel("resp_1"),
    "conversation.item.truncate": do.Truncate("item_1", 0, 1480),
    "conversation.item.create message": do.AddText("[keys: 1234#]"),
    "conversation.item.create function_call_output": do.ReturnTool("call_1", '{"status":"shipped"}'),
}


@pytest.fixture(scope="module")
def official() -> dict[str, TypeAdapter[Any]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from openai.types.beta.realtime import RealtimeClientEvent as Beta
        from openai.types.realtime import RealtimeClientEvent as Ga

        return {"ga": TypeAdapter(Ga), "beta": TypeAdapter(Beta)}


def unknown_fields(value: Any, where: str = "") -> Iterator[str]:
    """The official types take unknown fields in silence; the server does not. So they are looked for."""
    if isinstance(value, BaseModel):
        yield from (f"{where}.{name}" for name in value.model_extra or ())
        for name in value.model_fields_set:
            yield from unknown_fields(getattr(value, name, None), f"{where}.{name}")
    elif isinstance(value, list):
        for item in value:
            yield from unknown_fields(item, where + "[]")


def sent(dialect: str, command: do.ModelCommand, **more: Any) -> dict[str, Any]:
    (text,) = wire(dialect, **more).write(command)
    message: dict[str, Any] = json.loads(text)
    return message


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("dialect", ["ga", "beta"])
@pytest.mark.parametrize("audio", ["pcm", "pcmu"])
def test_every_command_is_a_client_event(
    official: dict[str, TypeAdapter[Any]], dialect: str, audio: AudioFormat, name: str
) -> None:
    message = sent(dialect, COMMANDS[name], audio=audio)
    assert message["type"] == name.partition(" ")[0]
    event = official[dialect].validate_python(message, strict=True)
    assert event.type == message["type"]
    assert list(unknown_fields(event)) == []


@pytest.mark.parametrize(
    "change",
    [
        {"turn_detection": None, "transcription": None, "noise_reduction": None, "tools": ()},
        {"turn_detection": {"type": "semantic_vad", "eagerness": "low", "create_response": True}},
        {"extra": {"max_output_tokens": 500, "tool_choice": "required"}},
    ],
)
def test_other_sessions_are_client_events_too(official: dict[str, TypeAdapter[Any]], change: dict[str, Any]) -> None:
    message = sent("ga", do.Configure(), **change)
    assert list(unknown_fields(official["ga"].validate_python(message, strict=True))) == []


def test_the_check_above_finds_what_a_server_would_refuse(official: dict[str, TypeAdapter[Any]]) -> None:
    beta_shape = {"type": "session.update", "session": {"type": "realtime", "turn_detection": None}}
    assert list(unknown_fields(official["ga"].validate_python(beta_shape))) == [".session.turn_detection"]


def test_a_session_is_written_whole_and_as_recorded() -> None:
    recorded = [line["event"] for line in LINES if line["event"]["type"] == "session.update"]
    ga, beta = recorded[0]["session"], next(e for e in recorded if "modalities" in e["session"])["session"]
    ours = sent("ga", do.Configure())["session"]
    assert ours == ga | {
        "audio": {"input": ours["audio"]["input"], "output": ours["audio"]["output"]},
        "tools": [LOOKUP],
    }
    assert ours["audio"]["input"]["format"] == ga["audio"]["input"]["format"] == {"type": "audio/pcmu"}
    assert ours["audio"]["input"]["turn_detection"] == TURNS
    ours = sent("beta", do.Configure())["session"]
    assert {k: ours[k] for k in ("input_audio_format", "output_audio_format")} == {
        k: beta[k] for k in ("input_audio_format", "output_audio_format")
    }
    assert set(ours["turn_detection"]) >= set(beta["turn_detection"])


def test_each_direction_has_its_own_format() -> None:
    mixed = sent("ga", do.Configure(), input_audio="pcmu", output_audio="pcm")["session"]["audio"]
    assert mixed["input"]["format"] == {"type": "audio/pcmu"}
    assert mixed["output"]["format"] == {"type": "audio/pcm", "rate": 24000}
    assert sent("ga", do.Feed(b64decode(FRAME)), input_audio="pcmu", output_audio="pcm")["audio"] == FRAME


def test_the_words_of_each_command() -> None:
    assert sent("ga", do.Respond("e")) == {"type": "response.create", "event_id": "e"}
    assert sent("ga", do.Respond("e", "Hi"))["response"] == {"instructions": "Hi"}
    truncate = {"type": "conversation.item.truncate", "item_id": "i", "content_index": 2, "audio_end_ms": 7}
    assert sent("ga", do.Truncate("i", 2, 7)) == truncate
    assert sent("ga", do.AddText('"\n')) == {
        "type": "conversation.item.create",
        "item": {"type": "message", "role": "user", "content": [{"type": "input_text", "text": '"\n'}]},
    }
    output = {"type": "function_call_output", "call_id": "c", "output": "é"}
    assert sent("ga", do.ReturnTool("c", "é"))["item"] == output


def test_caller_audio_untouched_or_converted() -> None:
    assert sent("ga", do.Feed(b64decode(FRAME)))["audio"] == FRAME
    converted = wire("ga", "pcm")
    sizes = [len(b64decode(json.loads(converted.write(do.Feed(b64decode(FRAME)))[0])["audio"])) for _ in range(5)]
    assert sizes == [960] * 5, "20 ms of PCM16 at 24 kHz for each 20 ms"


# ---- did the session become what was asked ------------------------------------------------------------------------


def differences(dialect: str, change: dict[str, Any] | None = None, audio: AudioFormat = "pcm") -> list[Difference]:
    """What is found when a server answers with what was asked, but for `change` (a path of names to a value)."""
    agreed = config(audio)
    session = json.loads(json.dumps(DIALECTS[dialect].session(agreed)))
    for path, value in (change or {}).items():
        *way, last = path.split(".")
        place = session
        for name in way:
            place = place[name]
        place[last] = value
    return DIALECTS[dialect].differences(agreed, session)


@pytest.mark.parametrize("dialect", ["ga", "beta"])
@pytest.mark.parametrize("audio", ["pcm", "pcmu"])
def test_a_session_as_asked_has_no_difference(dialect: str, audio: AudioFormat) -> None:
    assert differences(dialect, audio=audio) == []


@pytest.mark.parametrize(
    ("dialect", "path", "value"),
    [
        ("ga", "audio.input.format", {"type": "audio/pcmu"}),
        ("ga", "audio.output.format", {"type": "audio/pcma"}),
        ("ga", "audio.output.format", {"type": "audio/pcm", "rate": 16000}),
        ("ga", "audio.output.format", "pcm16"),
        ("beta", "input_audio_format", "g711_ulaw"),
        ("beta", "output_audio_format", "g711_alaw"),
        ("beta", "output_audio_format", ["pcm16"] * 50),
    ],
)
def test_another_audio_format_is_decisive(dialect: str, path: str, value: Any) -> None:
    (found,) = differences(dialect, {path: value})
    assert found.decisive
    assert "audio format is" in found.text
    assert len(found.text) < 200


@pytest.mark.parametrize(
    ("dialect", "path", "value", "words"),
    [
        ("ga", "audio.input.format", None, "input audio format not confirmed"),
        ("ga", "audio.output.voice", "alloy", "voice is alloy instead of marin"),
        (
            "ga",
            "audio.input.turn_detection",
            TURNS | {"silence_duration_ms": 200},
            "turn detection: silence_duration_ms",
        ),
        ("ga", "tools", [], "tools is [] instead of ['lookup_order']"),
        ("beta", "voice", "alloy", "voice is alloy"),
        ("beta", "turn_detection", {"type": "semantic_vad"}, "turn detection: type, threshold"),
        ("beta", "tools", [LOOKUP, {"name": "x"}], "tools is ['lookup_order', 'x']"),
    ],
)
def test_other_differences_are_noted_and_the_call_goes_on(dialect: str, path: str, value: Any, words: str) -> None:
    (found,) = differences(dialect, {path: value})
    assert not found.decisive
    assert words in found.text


def test_a_server_that_says_nothing_is_believed() -> None:
    for dialect in ("ga", "beta"):
        found = DIALECTS[dialect].differences(config(), {})
        assert not any(d.decisive for d in found)
    assert differences("ga", {"audio.output.format": {"type": "audio/pcm"}}) == []


def test_the_wire_keeps_notes_and_tells_the_decisive() -> None:
    one = wire("ga", "pcm")
    session = DIALECTS["ga"].session(config("pcm"))
    answer = json.loads(json.dumps({"type": "session.updated", "session": session}))
    assert one.read(json.dumps(answer)) == (ev.ModelConfigured(),)
    answer["session"]["audio"]["output"] = {"format": {"type": "audio/pcmu"}, "voice": "alloy"}
    (configured,) = one.read(json.dumps(answer))
    assert isinstance(configured, ev.ModelConfigured)
    assert [p.partition(" is ")[0] for p in configured.problems] == ["output audio format"]
    assert one.notes == ["voice is alloy instead of marin"]


# ---- verdicts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "kind", "severity"),
    [
        ("invalid_api_key", "invalid_request_error", "fatal"),
        ("credit_balance_exhausted", "insufficient_quota", "fatal"),
        ("something_new", "insufficient_quota", "fatal"),
        ("session_expired", "invalid_request_error", "fatal"),
        ("model_not_found", "invalid_request_error", "fatal"),
        ("rate_limit_exceeded", "", "transient"),
        ("slow_down", "", "transient"),
        ("", "server_error", "transient"),
        ("response_cancel_not_active", "invalid_request_error", "benign"),
        ("unknown_parameter", "invalid_request_error", "benign"),
        ("", "", "benign"),
    ],
)
def test_errors(code: str, kind: str, severity: str) -> None:
    assert verdicts.of_error(code, kind) == severity


@pytest.mark.parametrize(
    ("code", "reason", "fatal"),
    [
        (1000, "", False),
        (1001, "Your session hit the maximum duration of 60 minutes.", False),
        (1006, "", False),
        (1011, "keepalive ping timeout", False),
        (1013, "", False),
        (1008, "quota", True),
        (3000, "invalid_request_error.invalid_api_key", True),
        (4000, "invalid_request_error.missing_model", True),
        (4004, "invalid_request_error.model_not_found", True),
        (1011, "invalid_request_error.insufficient_quota", True),
    ],
)
def test_closes(code: int, reason: str, fatal: bool) -> None:
    assert verdicts.close_is_fatal(code, reason) is fatal


def test_upgrades() -> None:
    fatal = {
        status
        for status in (200, 301, 400, 401, 403, 404, 408, 425, 429, 500, 502, 503)
        if verdicts.http_is_fatal(status)
    }
    assert fatal == {200, 301, 400, 401, 403, 404}


def test_when_to_try_again() -> None:
    busy, refused = ModelUnreachable(), ModelRefused()
    assert [retry_after_s(n, busy, rand=0.5) for n in range(1, ATTEMPTS + 1)] == [
        pytest.approx(0.3),
        pytest.approx(0.9),
        None,
    ]
    assert retry_after_s(1, refused) is None
    waits = [retry_after_s(1, busy) or 0.0 for _ in range(200)]
    assert 0.15 <= min(waits) < max(waits) < 0.45


def test_prices_are_known_for_the_default_model_and_never_guessed() -> None:
    assert price_of("gpt-realtime-2.1") == {
        "text": (4.0, 0.4, 24.0),
        "audio": (32.0, 0.4, 64.0),
        "image": (5.0, 0.5, 0.0),
    }
    assert price_of("gpt-of-tomorrow") is None


@pytest.mark.parametrize(
    ("url", "model", "expected"),
    [
        ("wss://h/v1/realtime", "m", "wss://h/v1/realtime?model=m"),
        ("wss://h/v1/realtime?a=1", "m", "wss://h/v1/realtime?a=1&model=m"),
        ("wss://h/v1/realtime?model=x", "m", "wss://h/v1/realtime?model=x"),
        ("wss://h/v1/realtime?a=1&model=x", "m", "wss://h/v1/realtime?a=1&model=x"),
        ("wss://h/v1/realtime?base_model=x", "m", "wss://h/v1/realtime?base_model=x&model=m"),
        ("wss://h/v1/realtime", "", "wss://h/v1/realtime"),
        ("ws://127.0.0.1:9/v1", "a b&c=d/é", "ws://127.0.0.1:9/v1?model=a%20b%26c%3Dd%2F%C3%A9"),
    ],
)
def test_the_model_is_named_in_the_url(url: str, model: str, expected: str) -> None:
    assert with_model(url, model) == expected
