"""Whole conversations with the local engine: the order of events, turns, interruptions, tools."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest
from engine_world import GREETING, HOURS, Client, Event, converse, silence

from bridge.sim.engine.formats import BY_TYPE, PCM, PCMA, PCMU, SoundFormat

SPOKEN_ANSWER = [
    "response.created",
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
    "response.output_audio_transcript.delta",
    "response.output_audio.delta",
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
    "rate_limits.updated",
]
TOOL_ANSWER = [
    "response.created",
    "response.output_item.added",
    "conversation.item.added",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
    "rate_limits.updated",
]
CALLER_TURN = [
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.done",
]


def without_repeats(names: list[str]) -> list[str]:
    """Words and sound come interleaved: each kind once, where it first came."""
    return list(dict.fromkeys(names))


async def greeted(client: Client) -> Event:
    await client.set_up()
    asked = {"instructions": f'Greet the caller with exactly these words: "{GREETING}"'}
    await client.send("response.create", response=asked)
    return await client.expect("response.done")


def test_the_greeting_is_said_word_for_word_and_in_order() -> None:
    async def story(client: Client) -> Event:
        done = await greeted(client)
        await client.expect("rate_limits.updated")
        return done

    done, record = converse(story)
    names = [seen.type for seen in record.sent]
    assert names[:2] == ["session.created", "session.updated"]
    assert without_repeats(names[2:]) == SPOKEN_ANSWER
    assert done["response"]["output"][0]["content"] == [{"type": "output_audio", "transcript": GREETING}]
    assert record.answers[0].said == GREETING


def test_a_spoken_question_leads_to_a_tool_and_its_result_is_spoken() -> None:
    async def story(client: Client) -> str:
        await client.set_up()
        start = len(client.events)
        await client.speak("Hello. What are your opening hours?")
        call = await client.expect("response.function_call_arguments.done")
        await client.expect("rate_limits.updated")
        assert client.types(start) == CALLER_TURN + TOOL_ANSWER
        assert call["name"] == "opening_hours"
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": HOURS}
        await client.send("conversation.item.create", item=output)
        await client.send("response.create")
        done = await client.expect("response.done")
        return str(done["response"]["output"][0]["content"][0]["transcript"])

    said, record = converse(story)
    assert said == HOURS
    assert record.answers[0].calls == ["opening_hours({})"]
    assert len(record.audio_out) == record.answers[1].audio_ms * 8


def test_a_turn_announces_its_item_and_counts_in_written_sound() -> None:
    async def story(client: Client) -> list[Event]:
        await client.set_up()
        await client.play(silence(2000))
        await client.speak("Where is my order?")
        await client.expect("response.created")
        return [e for e in client.events if e["type"].startswith("input_audio_buffer")]

    (started, stopped, committed), _ = converse(story)
    assert started["item_id"] == stopped["item_id"] == committed["item_id"]
    assert 1600 <= started["audio_start_ms"] <= 2100  # 300 ms of padding before the first voiced frame
    assert 3000 <= stopped["audio_end_ms"] <= 4200


def test_speaking_over_the_agent_cancels_it_and_it_can_be_truncated() -> None:
    async def story(client: Client) -> tuple[Event, list[str], Event]:
        await client.set_up()
        await client.send("response.create", response={"instructions": f'exactly these words: "{HOURS}"'})
        added = await client.expect("response.output_item.added")
        await asyncio.sleep(0.3)
        start = len(client.events)
        await client.play(b"\x00\x80" * 800)  # 200 ms as loud as mu-law gets
        done = await client.expect("response.done")
        names = client.types(start)
        heard = {"item_id": added["item"]["id"], "content_index": 0, "audio_end_ms": 900}
        await client.send("conversation.item.truncate", **heard)
        truncated = await client.expect("conversation.item.truncated")
        await client.send("conversation.item.retrieve", item_id=added["item"]["id"])
        await client.expect("conversation.item.retrieved")
        assert {key: truncated[key] for key in heard} == heard
        return done, names, client.events[-1]

    (done, names, retrieved), record = converse(story, speed=4.0)
    assert done["response"]["status"] == "cancelled"
    assert done["response"]["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    assert done["response"]["usage"]["output_token_details"]["audio_tokens"] > 0
    tail = names[names.index("input_audio_buffer.speech_started") :]
    assert tail[:8] == [
        "input_audio_buffer.speech_started",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    item = done["response"]["output"][0]
    assert item["status"] == "incomplete"
    assert HOURS.startswith(item["content"][0]["transcript"])
    assert "transcript" not in retrieved["item"]["content"][0], "what was cut has no transcript any more"
    assert len(retrieved["item"]["content"][0]["audio"]) == 7200 * 4 / 3  # 900 ms of mu-law
    assert [(t.audio_end_ms, t.had_ms >= 900) for t in record.truncations] == [(900, True)]


def test_interruption_can_be_switched_off() -> None:
    async def story(client: Client) -> Event:
        detection = {"type": "server_vad", "interrupt_response": False, "create_response": False}
        await client.set_up(audio={**PCMU_AUDIO, "input": {**PCMU_AUDIO["input"], "turn_detection": detection}})
        await client.send("response.create", response={"instructions": f'exactly these words: "{HOURS}"'})
        await client.expect("response.output_audio.delta")
        await client.speak("Where is my order?")
        return await client.expect("response.done")

    done, record = converse(story, speed=2.0)
    assert done["response"]["status"] == "completed"
    assert list(record.types()).count("response.created") == 1, "create_response: false"


PCMU_AUDIO: dict[str, Any] = {"input": {"format": PCMU.wire}, "output": {"format": PCMU.wire}}


@pytest.mark.parametrize(
    ("heard", "spoken"), list(itertools.product((PCM, PCMU, PCMA), repeat=2)), ids=lambda sound: sound.beta_name
)
def test_each_format_works_in_each_direction(heard: SoundFormat, spoken: SoundFormat) -> None:
    async def story(client: Client) -> tuple[str, int]:
        sound = {"input": {"format": heard.wire}, "output": {"format": spoken.wire}}
        updated = await client.set_up(audio=sound, tools=[])
        assert BY_TYPE[updated["session"]["audio"]["input"]["format"]["type"]] is heard
        await client.speak("Where is my order?", heard)
        await client.expect("input_audio_buffer.committed")
        done = await client.expect("response.done")
        item = done["response"]["output"][0]
        return item["content"][0]["transcript"], len(client.sound(item["id"]))

    (said, sound_bytes), record = converse(story)
    assert said.startswith("Sorry, I cannot look up our opening hours"), (
        "the first turn of the script, without its tool"
    )
    assert sound_bytes / spoken.bytes_per_ms == record.answers[0].audio_ms
    assert 2000 < record.answers[0].audio_ms < 6000


def test_sound_comes_as_many_times_faster_as_asked_in_deltas_of_mixed_size() -> None:
    async def story(client: Client) -> tuple[float, set[int]]:
        loop = asyncio.get_running_loop()
        await client.set_up()
        await client.send("response.create", response={"instructions": f'exactly these words: "{HOURS}"'})
        await client.expect("response.output_audio.delta")
        began = loop.time()
        await client.expect("response.output_audio.done")
        sizes = {len(e["delta"]) * 3 // 4 // 8 for e in client.events if e["type"] == "response.output_audio.delta"}
        return loop.time() - began, sizes

    (took_s, sizes), record = converse(story, speed=5.0, delta_ms=200)
    assert took_s == pytest.approx(record.answers[0].audio_ms / 5000, abs=0.02)
    assert {200, 100, 250, 150} <= sizes


def test_the_words_run_ahead_of_the_sound() -> None:
    async def story(client: Client) -> list[tuple[int, float]]:
        await client.set_up()
        await client.send("response.create", response={"instructions": f'exactly these words: "{HOURS}"'})
        await client.expect("response.done")
        words, audio, seen = 0, 0.0, []
        for event in client.events:
            if event["type"] == "response.output_audio_transcript.delta":
                words += len(event["delta"])
            elif event["type"] == "response.output_audio.delta":
                audio += len(event["delta"])
                seen.append((words, audio))
        return seen

    seen, _ = converse(story)
    (all_words, all_audio) = seen[-1]
    assert all_words == len(HOURS)
    assert all(words / all_words >= 0.9 * audio / all_audio for words, audio in seen)


def test_a_manual_turn_is_committed_by_the_client() -> None:
    async def story(client: Client) -> str:
        audio = {**PCMU_AUDIO, "input": {**PCMU_AUDIO["input"], "turn_detection": None}}
        await client.set_up(audio=audio)
        await client.speak("Hello. What are your opening hours?")
        await client.send("input_audio_buffer.commit")
        committed = await client.expect("input_audio_buffer.committed")
        await client.send("response.create")
        await client.expect("response.function_call_arguments.done")
        return str(committed["item_id"])

    item_id, record = converse(story)
    assert not {"input_audio_buffer.speech_started", "error"} & set(record.types())
    assert item_id.startswith("item_")


def test_out_of_band_text_runs_beside_the_answer_and_leaves_no_item() -> None:
    async def story(client: Client) -> tuple[Event, Event]:
        await client.set_up()
        await client.send("response.create", response={"instructions": f'exactly these words: "{HOURS}"'})
        await client.expect("response.output_audio.delta")
        asked = {"conversation": "none", "output_modalities": ["text"], "metadata": {"topic": "test"}, "input": []}
        await client.send("response.create", response={**asked, "instructions": 'Write exactly these words: "sales"'})
        beside = await client.expect("response.done")
        return beside, await client.expect("response.done")

    (beside, spoken), record = converse(story)
    assert beside["response"]["conversation_id"] is None
    assert beside["response"]["metadata"] == {"topic": "test"}
    assert beside["response"]["output"][0]["content"] == [{"type": "output_text", "text": "sales"}]
    assert spoken["response"]["status"] == "completed"
    added = [s.event["item"]["id"] for s in record.sent if s.type == "conversation.item.added"]
    assert beside["response"]["output"][0]["id"] not in added


def test_the_client_may_cancel_and_the_floor_is_free_at_once() -> None:
    async def story(client: Client) -> tuple[Event, Event]:
        await client.set_up()
        await client.send("response.create", response={"instructions": f'exactly these words: "{HOURS}"'})
        await client.expect("response.output_audio.delta")
        await client.send("response.cancel")
        done = await client.expect("response.done")
        await client.send("response.create", response={"instructions": 'exactly these words: "Yes?"'})
        return done, await client.expect("response.done")

    (cancelled, after), _ = converse(story)
    assert cancelled["response"]["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}
    assert after["response"]["status"] == "completed"


def test_silence_after_an_answer_triggers_the_idle_timeout() -> None:
    async def story(client: Client) -> tuple[float, Event, Event]:
        detection = {"type": "server_vad", "idle_timeout_ms": 6000}
        await client.set_up(audio={**PCMU_AUDIO, "input": {**PCMU_AUDIO["input"], "turn_detection": detection}})
        await client.send("response.create", response={"instructions": f'exactly these words: "{GREETING}"'})
        await client.expect("response.output_audio.delta")
        began = asyncio.get_running_loop().time()
        triggered = await client.expect("input_audio_buffer.timeout_triggered")
        waited = asyncio.get_running_loop().time() - began
        committed = await client.expect("input_audio_buffer.committed")
        assert committed["item_id"] == triggered["item_id"]
        return waited, triggered, await client.expect("response.done")

    (waited_s, _, done), record = converse(story)
    assert waited_s == pytest.approx(6.0 + record.answers[0].audio_ms / 1000, abs=0.05)
    assert done["response"]["output"][0]["content"][0]["transcript"] == "Are you still there?"


def test_usage_counts_100_ms_of_caller_and_50_ms_of_model_as_a_token() -> None:
    async def story(client: Client) -> tuple[Event, Event, Event]:
        await client.set_up(instructions="Hello you", tools=[], audio=MANUAL)
        await client.play(silence(1250))
        await client.send("input_audio_buffer.commit")
        await client.send("response.create", response={"instructions": 'exactly these words: "Yes?"'})
        first = await client.expect("response.done")
        await client.send("response.create", response={"instructions": 'exactly these words: "Yes?"'})
        return first, await client.expect("response.done"), client.events[-1]

    (first, second, _), record = converse(story)
    usage = first["response"]["usage"]
    text = -(-len('exactly these words: "Yes?"') // 4)
    spoken = -(-record.answers[0].audio_ms // 50)
    assert usage["input_token_details"] == {
        "text_tokens": text,
        "audio_tokens": 13,
        "image_tokens": 0,
        "cached_tokens": 0,
        "cached_tokens_details": {"text_tokens": 0, "audio_tokens": 0, "image_tokens": 0},
    }
    assert usage["output_token_details"] == {"text_tokens": 1, "audio_tokens": spoken}
    again = second["response"]["usage"]["input_token_details"]
    assert again["audio_tokens"] == 13 + spoken, "the conversation is input again, the model's own sound with it"
    assert again["cached_tokens_details"] == {"text_tokens": text, "audio_tokens": 13, "image_tokens": 0}


MANUAL: dict[str, Any] = {
    "input": {"format": PCMU.wire, "turn_detection": None},
    "output": {"format": PCMU.wire},
}


def test_too_few_output_tokens_cut_the_answer_off() -> None:
    async def story(client: Client) -> Event:
        await client.set_up(max_output_tokens=30)
        await client.send("response.create", response={"instructions": f'exactly these words: "{HOURS}"'})
        return await client.expect("response.done")

    done, record = converse(story)
    assert done["response"]["status"] == "incomplete"
    assert done["response"]["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
    assert 0 < record.answers[0].audio_ms < 3000


def test_a_session_expires_with_an_error_and_close_1001() -> None:
    async def story(client: Client) -> tuple[int | None, str | None]:
        await client.set_up()
        return await client.closed()

    closed, record = converse(story, session_seconds=120)
    text = "Your session hit the maximum duration of 2 minutes."
    assert closed == (1001, text)
    assert record.sent[-1].event["error"]["code"] == "session_expired"
    assert record.sent[-1].at_s == pytest.approx(120, abs=0.1)


def test_a_transcription_session_writes_and_never_answers() -> None:
    async def story(client: Client) -> list[str]:
        change = {"format": PCMU.wire, "transcription": {"model": "gpt-transcribe"}}
        await client.send("session.update", session={"type": "transcription", "audio": {"input": change}})
        await client.expect("session.updated")
        start = len(client.events)
        await client.speak("Where is my order?")
        await client.expect("conversation.item.input_audio_transcription.failed")
        return client.types(start)

    names, record = converse(story, query="?intent=transcription")
    assert record.config["object"] == "realtime.transcription_session"
    assert names == [*CALLER_TURN, "conversation.item.input_audio_transcription.failed"], "energy ears know no words"


def test_the_same_conversation_gives_the_same_events_twice() -> None:
    async def story(client: Client) -> None:
        await greeted(client)
        await client.speak("Hello. What are your opening hours?")
        await client.expect("response.done")

    def run_once() -> list[Any]:
        _, record = converse(story)
        seen = [(round(s.at_s, 6), s.event) for s in record.sent]
        return [(at, e) for at, e in seen if "session" not in e]  # session carries the wall clock's expires_at

    assert run_once() == run_once()
