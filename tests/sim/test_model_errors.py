"""What the engine refuses, in which words, and that a refusal changes nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from engine_world import HOURS, OPTIONS, PCMU_BOTH, Client, Event, client_of, converse, in_virtual_time, silence

from bridge.errors import UsageError
from bridge.sim.model import ModelOptions, ModelServer

SESSION = "session.update"
ITEM = "conversation.item.create"
USER_TEXT = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}


def session(**change: Any) -> Event:
    return {"type": SESSION, "session": {"type": "realtime", **change}}


def hearing(**change: Any) -> Event:
    return session(audio={"input": change})


def item(**change: Any) -> Event:
    return {"type": ITEM, "item": change}


REFUSED: list[tuple[Event, str | None, str | None, str]] = [
    (session(turn_detection=None), "unknown_parameter", "session.turn_detection", "Unknown parameter"),
    (session(temperature=0.8), "unknown_parameter", "session.temperature", "Unknown parameter"),
    (session(modalities=["audio"]), "unknown_parameter", "session.modalities", "Unknown parameter"),
    ({"type": SESSION, "session": {}}, "missing_required_parameter", "session.type", "Missing required parameter"),
    ({"type": SESSION}, "missing_required_parameter", "session", "Missing required parameter"),
    ({"type": SESSION, "session": {"type": "transcription"}}, "invalid_parameter", "session.type", "Passing a trans"),
    (session(model="gpt-other"), "invalid_parameter", "session.model", "Cannot update"),
    (session(output_modalities=["audio", "text"]), "invalid_value", "session.output_modalities", "expected"),
    (session(instructions=7), "invalid_type", "session.instructions", "expected a string, but got an integer"),
    (session(max_output_tokens=9999), "invalid_value", "session.max_output_tokens", "from 1 to 4096"),
    (session(tools=[{"type": "function"}]), "missing_required_parameter", "session.tools[0].name", "Missing"),
    (
        session(tools=[{"type": "function", "name": "a", "strict": True}]),
        "unknown_parameter",
        "session.tools[0].strict",
        "",
    ),
    (session(audio={"output": {"voice": "nova"}}), "invalid_value", "session.audio.output.voice", "'alloy', 'ash'"),
    (hearing(format={"type": "g711_ulaw"}), "invalid_value", "session.audio.input.format.type", "'audio/pcmu'"),
    (hearing(format={"type": "audio/pcm", "rate": 8000}), "invalid_value", "session.audio.input.format.rate", "24000"),
    (hearing(turn_detection={"type": "vad"}), "invalid_value", "session.audio.input.turn_detection.type", "semantic"),
    (
        hearing(turn_detection={"type": "server_vad", "idle_timeout_ms": 100}),
        "invalid_value",
        "session.audio.input.turn_detection.idle_timeout_ms",
        "5000",
    ),
    (
        hearing(turn_detection={"type": "semantic_vad", "threshold": 0.5}),
        "unknown_parameter",
        "session.audio.input.turn_detection.threshold",
        "",
    ),
    ({"type": "session.begin"}, "invalid_value", "type", "Supported values are: 'session.update'"),
    ({"event_id": "mine"}, "missing_required_parameter", "type", "Missing required parameter: 'type'."),
    ({"type": "response.cancel"}, "response_cancel_not_active", None, "Cancellation failed: no active response found"),
    ({"type": "response.create", "response": {"voice": "ash"}}, "unknown_parameter", "response.voice", ""),
    (
        {"type": "response.create", "response": {"metadata": {"a": "x" * 513}}},
        "invalid_value",
        "response.metadata.a",
        "",
    ),
    (
        {"type": "response.create", "response": {"input": [{"type": "item_reference", "id": "nope"}]}},
        "item_retrieve_invalid_item_id",
        None,
        "does not exist",
    ),
    (
        {"type": "conversation.item.delete", "item_id": "nope"},
        "item_delete_invalid_item_id",
        None,
        "Error deleting item: the item with id 'nope' does not exist.",
    ),
    ({"type": "conversation.item.retrieve", "item_id": "nope"}, "item_retrieve_invalid_item_id", None, "retrieving"),
    (
        {"type": "conversation.item.truncate", "item_id": "nope", "content_index": 0, "audio_end_ms": 0},
        "item_truncate_invalid_item_id",
        None,
        "truncating",
    ),
    (
        {"type": "conversation.item.truncate", "item_id": "nope", "content_index": 0, "audio_end_ms": 1.5},
        "invalid_type",
        "audio_end_ms",
        "expected an integer, but got a decimal",
    ),
    (
        {"type": "conversation.item.truncate", "item_id": "nope"},
        "missing_required_parameter",
        "content_index",
        "",
    ),
    (item(type="function_call_output", call_id="call_x", output="1"), "invalid_tool_call_id", "item.call_id", "call_x"),
    (
        item(type="message", role="user", content=[{"type": "text", "text": "x"}]),
        "invalid_value",
        "item.content[0].type",
        "",
    ),
    (
        item(type="message", role="assistant", content=[{"type": "output_audio", "audio": ""}]),
        "invalid_value",
        "item.content[0].type",
        "",
    ),
    (item(type="item_reference", id="x"), "invalid_value", "item.type", ""),
    (item(id="x" * 33, **USER_TEXT), "invalid_value", "item.id", "maximum length 32"),
    (
        {"type": ITEM, "item": USER_TEXT, "previous_item_id": "nope"},
        "item_create_invalid_previous_item_id",
        "previous_item_id",
        "does not exist",
    ),
    ({"type": "input_audio_buffer.append", "audio": "%%%"}, "invalid_type", "audio", "base64"),
    ({"type": "input_audio_buffer.append"}, "missing_required_parameter", "audio", ""),
    (
        {"type": "input_audio_buffer.commit"},
        "input_audio_buffer_commit_empty",
        None,
        "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, "
        "but buffer only has 0.00ms of audio.",
    ),
    ({"type": "output_audio_buffer.clear"}, "invalid_event", "type", "WebRTC"),
    ({"type": "response.cancel", "reason": "x"}, "unknown_parameter", "reason", ""),
]


@pytest.mark.parametrize(("event", "code", "param", "words"), REFUSED, ids=lambda value: str(value)[:50])
def test_a_mistake_is_named_and_changes_nothing(event: Event, code: str, param: str, words: str) -> None:
    async def story(client: Client) -> tuple[Event, Event, Event]:
        before = await client.set_up()
        await client.connection.send(json.dumps(event))
        error = await client.expect("error")
        await client.send("session.update", session={"type": "realtime"})
        return before, error["error"], await client.expect("session.updated")

    (before, error, after), record = converse(story)
    assert (error["code"], error["param"]) == (code, param)
    assert words in error["message"]
    assert error["type"] == "invalid_request_error"
    assert before["session"] == after["session"]
    assert len(record.problems) == 1


@pytest.mark.parametrize(
    ("message", "code"),
    [("{", "invalid_json"), ("[1]", "invalid_event"), (b"\x00\x01", "invalid_event"), ('"text"', "invalid_event")],
)
def test_what_is_no_event_is_told_and_the_session_goes_on(message: str | bytes, code: str) -> None:
    async def story(client: Client) -> Event:
        await client.connection.send(message)
        error = await client.expect("error")
        await client.set_up()
        return error

    error, _ = converse(story)
    assert error["error"]["code"] == code


def test_the_clients_event_id_comes_back_with_its_error() -> None:
    async def story(client: Client) -> Event:
        await client.send("response.cancel", event_id="mine_7")
        return await client.expect("error")

    assert converse(story)[0]["error"]["event_id"] == "mine_7"


def test_a_second_response_is_refused_while_one_is_active() -> None:
    async def story(client: Client) -> tuple[str, Event]:
        await client.set_up()
        await client.send("response.create", response={"instructions": f'exactly these words: "{HOURS}"'})
        created = await client.expect("response.created")
        await client.send("response.create", event_id="second")
        error = await client.expect("error")
        done = await client.expect("response.done")
        assert done["response"]["status"] == "completed"
        return created["response"]["id"], error["error"]

    (response_id, error), _ = converse(story)
    assert error["code"] == "conversation_already_has_active_response"
    assert error["event_id"] == "second"
    assert error["message"] == (
        f"Conversation already has an active response in progress: {response_id}. "
        "Wait until the response is finished before creating a new one."
    )


def test_truncation_beyond_what_was_generated_is_refused_with_both_lengths() -> None:
    async def story(client: Client) -> tuple[Event, Event, int]:
        await client.set_up()
        await client.send("conversation.item.create", item=USER_TEXT)
        await client.send("response.create")
        done = await client.expect("response.done")
        spoken = done["response"]["output"][0]["id"]
        length = len(client.sound(spoken)) // 8
        await client.send("conversation.item.truncate", item_id=spoken, content_index=0, audio_end_ms=length + 1)
        beyond = await client.expect("error")
        typed = next(e["item"]["id"] for e in client.events if e["type"] == "conversation.item.added")
        await client.send("conversation.item.truncate", item_id=typed, content_index=0, audio_end_ms=0)
        no_audio = await client.expect("error")
        await client.send("conversation.item.truncate", item_id=spoken, content_index=0, audio_end_ms=length)
        await client.expect("conversation.item.truncated")
        return beyond["error"], no_audio["error"], length

    (beyond, no_audio, length), _ = converse(story)
    assert beyond["message"] == f"Audio content of {length}ms is already shorter than {length + 1}ms"
    assert beyond["code"] is None
    assert no_audio["code"] == "unsupported_content_type"
    assert no_audio["message"] == "Only model output audio messages can be truncated"


def test_the_voice_is_fixed_once_it_has_been_heard() -> None:
    async def story(client: Client) -> Event:
        change = {"type": "realtime", "audio": {"output": {"voice": "ash"}}}
        await client.set_up()
        await client.send("session.update", session=change)
        assert (await client.expect("session.updated"))["session"]["audio"]["output"]["voice"] == "ash"
        await client.send("response.create")
        await client.expect("response.done")
        await client.send("session.update", session=change)
        await client.expect("session.updated")
        await client.send("session.update", session={"type": "realtime", "audio": {"output": {"voice": "echo"}}})
        return await client.expect("error")

    error = converse(story)[0]["error"]
    assert error["code"] == "cannot_update_voice"
    assert error["message"] == "Cannot update a conversation's voice if assistant audio is present."


def test_updates_are_merged_arrays_replaced_and_null_clears() -> None:
    async def story(client: Client) -> list[Event]:
        first = await client.set_up(audio={"input": {"noise_reduction": {"type": "near_field"}}})
        await client.send("session.update", session={"type": "realtime", "tracing": "auto", "tools": []})
        second = await client.expect("session.updated")
        hearing_ = {"noise_reduction": None, "turn_detection": {"silence_duration_ms": 300}}
        await client.send("session.update", session={"type": "realtime", "audio": {"input": hearing_}})
        third = await client.expect("session.updated")
        other = {"turn_detection": {"type": "semantic_vad"}, "format": {"type": "audio/pcm"}}
        await client.send("session.update", session={"type": "realtime", "audio": {"input": other}})
        return [e["session"] for e in (first, second, third, await client.expect("session.updated"))]

    (first, second, third, fourth), _ = converse(story)
    assert len(first["tools"]) == 3
    assert second["tools"] == []
    assert second["audio"] == first["audio"], "the second update of openai-agents must not reset anything"
    assert third["audio"]["input"]["noise_reduction"] is None
    assert third["audio"]["input"]["turn_detection"] == {
        **first["audio"]["input"]["turn_detection"],
        "silence_duration_ms": 300,
    }
    assert fourth["audio"]["input"]["turn_detection"] == {
        "type": "semantic_vad",
        "eagerness": "auto",
        "create_response": True,
        "interrupt_response": True,
    }
    assert fourth["audio"]["input"]["format"] == {"type": "audio/pcm", "rate": 24000}


def test_a_commit_of_less_than_100_ms_is_refused_with_its_length() -> None:
    async def story(client: Client) -> str:
        await client.set_up(audio={**PCMU_BOTH, "input": {"format": {"type": "audio/pcmu"}, "turn_detection": None}})
        await client.play(silence(80))
        await client.send("input_audio_buffer.commit")
        return str((await client.expect("error"))["error"]["message"])

    assert "only has 80.00ms" in converse(story)[0]


def test_items_can_be_put_anywhere_and_deleted() -> None:
    async def story(client: Client) -> list[Any]:
        for name, after in (("b", None), ("a", "root"), ("c", "b")):
            await client.send("conversation.item.create", item={"id": name, **USER_TEXT}, previous_item_id=after)
        await client.send("conversation.item.create", item={"id": "b", **USER_TEXT})
        duplicate = await client.expect("error")
        assert duplicate["error"]["code"] == "item_create_duplicate_item_id"
        await client.send("conversation.item.delete", item_id="b")
        await client.expect("conversation.item.deleted")
        await client.send("conversation.item.create", item={"id": "d", **USER_TEXT}, previous_item_id="a")
        while (await client.expect("conversation.item.done"))["item"]["id"] != "d":
            pass
        return [e["previous_item_id"] for e in client.events if e["type"] == "conversation.item.done"]

    assert converse(story)[0] == [None, None, "b", "a"]


REFUSED_AT_THE_DOOR = [
    ("", {}, {}, 4000, "invalid_request_error.missing_model"),
    ("?intent=transcription&model=x", {}, {}, 4000, "invalid_request_error.invalid_model"),
    ("?model=x", {"require_key": "right"}, {}, 3000, "invalid_request_error.invalid_api_key"),
    ("?model=x", {"strict_ga": True}, {"beta": True}, 4000, "invalid_request_error.beta_api_shape_disabled"),
]


@pytest.mark.parametrize(("query", "options", "how", "code", "reason"), REFUSED_AT_THE_DOOR)
def test_an_impossible_session_gets_one_error_and_a_private_close_code(
    query: str, options: dict[str, Any], how: dict[str, Any], code: int, reason: str
) -> None:
    async def story(client: Client) -> tuple[list[str], Any]:
        closed = await client.closed()
        return client.types(), closed

    (names, closed), _ = converse(story, query=query, **options, **how)
    assert names == ["error"]
    assert closed == (code, reason)


def test_the_right_key_opens_from_a_header_or_a_browsers_subprotocol() -> None:
    async def world() -> tuple[list[str], str | None]:
        async with ModelServer(ModelOptions(ears="energy", require_key="right")) as server:
            offers: Any = ["realtime", "openai-insecure-api-key.right"]
            async with client_of(server, subprotocols=offers) as client:
                await client.expect("session.created")
                return client.types(), client.connection.subprotocol

    assert in_virtual_time(world()) == (["session.created"], "realtime")


@pytest.mark.parametrize(
    "options",
    [{"ears": "bat"}, {"script": "nothing"}, {"faults": ("explode",)}, {"speed": 0.0}, {"llm_url": "localhost"}],
)
def test_options_that_make_no_sense_are_refused_in_one_sentence(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as refusal:
        ModelServer(ModelOptions(**options))
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) > 20


def test_a_port_in_use_is_refused_in_one_sentence() -> None:
    async def world() -> str:
        async with ModelServer(OPTIONS) as server:
            with pytest.raises(UsageError) as refusal:
                await ModelServer(ModelOptions(ears="energy", port=server.port)).start()
            return str(refusal.value)

    assert "cannot listen on 127.0.0.1" in in_virtual_time(world())
