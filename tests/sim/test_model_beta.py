"""The beta dialect: other names, the same conversation. Every event is checked against the SDK's beta types."""

from __future__ import annotations

import json
from typing import Any

from engine_world import GREETING, HOURS, RECEPTION_TOOLS, Client, Event, converse

MODEL = "?model=gpt-4o-realtime-preview"  # the SDK's beta types know the old names only

BETA_SESSION = {
    "modalities": ["text", "audio"],
    "instructions": "You answer a phone line.",
    "voice": "sage",
    "input_audio_format": "g711_ulaw",
    "output_audio_format": "g711_ulaw",
    "input_audio_transcription": {"model": "whisper-1"},
    "turn_detection": {"type": "server_vad", "threshold": 0.5, "silence_duration_ms": 500},
    "tools": RECEPTION_TOOLS,
    "tool_choice": "auto",
    "temperature": 0.7,
    "max_response_output_tokens": "inf",
}
GA_WORDS = (
    '"response.output_audio',
    '"output_audio"',
    '"output_text"',
    "output_modalities",
    '"conversation.item.added"',
)


async def set_up(client: Client, **change: Any) -> Event:
    await client.send("session.update", session=BETA_SESSION | change)
    return await client.expect("session.updated")


def test_the_session_is_flat_and_keeps_what_was_set() -> None:
    async def story(client: Client) -> tuple[Event, Event]:
        created = await client.expect("session.created")
        return created["session"], (await set_up(client))["session"]

    (created, updated), record = converse(story, query=MODEL, beta=True)
    assert created["input_audio_format"] == "pcm16"
    assert {key: updated[key] for key in ("voice", "temperature", "modalities", "output_audio_format")} == {
        key: BETA_SESSION[key] for key in ("voice", "temperature", "modalities", "output_audio_format")
    }
    assert record.dialect == "beta"
    assert "audio" not in updated


def test_a_spoken_conversation_with_a_tool_uses_beta_names_only() -> None:
    async def story(client: Client) -> Event:
        await set_up(client)
        await client.send("response.create", response={"instructions": f'exactly these words: "{GREETING}"'})
        await client.expect("response.done")
        await client.speak("Hello. What are your opening hours?")
        call = await client.expect("response.function_call_arguments.done")
        assert "name" not in call
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": HOURS}
        await client.send("conversation.item.create", item=output)
        await client.expect("response.done")
        await client.send("response.create", response={"modalities": ["audio", "text"]})
        await client.expect("response.audio.delta")
        return await client.expect("response.done")

    done, record = converse(story, query=MODEL, beta=True)
    assert done["response"]["output"][0]["content"] == [{"type": "audio", "transcript": HOURS}]
    assert done["response"]["output_audio_format"] == "g711_ulaw"
    assert "image_tokens" not in done["response"]["usage"]["input_token_details"]
    assert {"response.audio.delta", "response.audio_transcript.done", "conversation.item.created"} <= set(
        record.types()
    )
    sent = json.dumps([seen.event for seen in record.sent])
    assert not [word for word in GA_WORDS if word in sent]


def test_text_answers_and_assistant_text_items_have_beta_names() -> None:
    async def story(client: Client) -> Event:
        await set_up(client, modalities=["text"])
        replayed = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "Hello!"}]}
        await client.send("conversation.item.create", item=replayed)
        created = await client.expect("conversation.item.created")
        assert created["item"]["content"] == [{"type": "text", "text": "Hello!"}]
        await client.send("response.create", response={"instructions": 'exactly these words: "Yes."'})
        await client.expect("response.text.done")
        return await client.expect("response.done")

    done, _ = converse(story, query=MODEL, beta=True)
    assert done["response"]["output"][0]["content"] == [{"type": "text", "text": "Yes."}]
    assert done["response"]["modalities"] == ["text"]


def test_ga_fields_are_unknown_to_beta() -> None:
    async def story(client: Client) -> Event:
        await client.send("session.update", session={"type": "realtime"})
        return await client.expect("error")

    error = converse(story, query=MODEL, beta=True)[0]["error"]
    assert (error["code"], error["param"]) == ("unknown_parameter", "session.type")


def test_a_beta_transcription_session_has_events_of_its_own() -> None:
    async def story(client: Client) -> Event:
        change = {"input_audio_format": "g711_ulaw", "input_audio_transcription": {"model": "whisper-1"}}
        await client.send("transcription_session.update", session=change)
        updated = await client.expect("transcription_session.updated")
        await client.speak("Where is my order?")
        await client.expect("input_audio_buffer.committed")
        return updated

    async def unchecked(client: Client) -> Event:
        # The SDK's beta union has no transcription_session.created; its fields are checked here instead.
        client._types = None
        return await story(client)

    updated, record = converse(unchecked, query="?intent=transcription", beta=True)
    assert updated["session"]["input_audio_format"] == "g711_ulaw"
    assert next(iter(record.types())) == "transcription_session.created"
    assert "response.created" not in set(record.types())


def test_azures_dated_address_speaks_beta_without_the_header() -> None:
    async def story(client: Client) -> Event:
        client._types = None
        return await client.expect("session.created")

    created, _ = converse(story, query="?api-version=2025-04-01-preview&deployment=my-model")
    assert created["session"]["model"] == "my-model"
    assert created["session"]["modalities"] == ["text", "audio"]
