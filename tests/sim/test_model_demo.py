"""The demo's call, from greeting to goodbye, as the bridge leads it: with ears for words and without."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import random
from typing import Any

import pytest
from engine_world import GREETING, HOURS, PCMU_BOTH, Client, converse, silence

from bridge.sim.engine.record import SessionRecord

ORDER = "Order 4271 is out for delivery. It arrives today before six in the evening."

needs_sphinx = pytest.mark.skipif(importlib.util.find_spec("pocketsphinx") is None, reason="extra `local`")


async def result(client: Client, output: str) -> None:
    """Wait for the tool call, let its response end, give the result and ask for the spoken answer."""
    call = await client.expect("response.function_call_arguments.done")
    await client.expect("response.done")
    item = {"type": "function_call_output", "call_id": call["call_id"], "output": output}
    await client.send("conversation.item.create", item=item)
    await client.send("response.create")


async def the_call(client: Client) -> None:
    hearing = {**PCMU_BOTH["input"], "transcription": {"model": "gpt-transcribe"}}
    await client.set_up(audio={**PCMU_BOTH, "input": hearing})
    await client.send("response.create", response={"instructions": f'exactly these words: "{GREETING}"'})
    await client.expect("response.done")
    await client.play(silence(4000))
    await client.speak("Hello. What are your opening hours?")
    await result(client, HOURS)
    done = await client.expect("response.done")
    await client.play(silence(1500))
    await client.speak("Sorry, can you check my order please?")  # over the answer, which is generated but not played
    heard = {"item_id": done["response"]["output"][0]["id"], "content_index": 0, "audio_end_ms": 1700}
    await client.send("conversation.item.truncate", **heard)
    await client.expect("conversation.item.truncated")
    await client.expect("response.done")
    keys = {"type": "input_text", "text": "The caller pressed 4271 on the keypad."}
    await client.send("conversation.item.create", item={"type": "message", "role": "user", "content": [keys]})
    await client.send("response.create")
    await result(client, ORDER)
    await client.expect("response.done")
    await client.speak("Thank you. Goodbye.")
    await client.expect("response.done")


def check(record: SessionRecord) -> None:
    said = [answer.said for answer in record.answers]
    assert said[0] == GREETING
    assert said[2] == HOURS
    assert said[3].startswith("Of course. Please type your order number")
    assert said[5] == ORDER
    assert said[6] == "Thank you for calling. Goodbye!"
    calls = [call for answer in record.answers for call in answer.calls]
    assert calls == ["opening_hours({})", 'order_status({"number": "4271"})', "hang_up({})"]
    assert [cut.audio_end_ms for cut in record.truncations] == [1700]
    assert record.problems == []


def test_the_demo_without_ears_for_words() -> None:
    _, record = converse(the_call, ears="energy")
    check(record)
    assert not any("transcription.completed" in name for name in record.types()), "nothing is pretended to be heard"


@needs_sphinx
def test_the_demo_with_ears_for_words() -> None:
    _, record = converse(the_call, ears="sphinx")
    check(record)
    written = [s.event["transcript"] for s in record.sent if s.type.endswith("transcription.completed")]
    assert written == ["hello what are your opening hours", "sorry can you check my order please", "thank you goodbye"]


SAMPLES: list[dict[str, Any]] = [
    {"type": "session.update", "session": {"type": "realtime", "audio": PCMU_BOTH, "tools": [], "tracing": "auto"}},
    {"type": "session.update", "session": {"type": "realtime", "audio": {"input": {"turn_detection": {"type": "x"}}}}},
    {"type": "session.update", "session": {"type": "realtime", "audio": {"output": {"voice": "ash", "speed": 1}}}},
    {"type": "input_audio_buffer.append", "audio": "/////w=="},
    {"type": "input_audio_buffer.commit"},
    {
        "type": "conversation.item.create",
        "item": {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "x"}]},
    },
    {
        "type": "conversation.item.create",
        "item": {"type": "function_call", "name": "f", "arguments": "{}", "call_id": "c"},
    },
    {"type": "conversation.item.create", "item": {"type": "function_call_output", "call_id": "c", "output": "1"}},
    {"type": "conversation.item.truncate", "item_id": "a", "content_index": 0, "audio_end_ms": 1},
    {"type": "conversation.item.delete", "item_id": "a"},
    {"type": "conversation.item.retrieve", "item_id": "a"},
    {"type": "response.create", "response": {"conversation": "none", "input": [], "metadata": {"a": "b"}}},
    {
        "type": "response.create",
        "response": {"audio": {"output": {"format": {"type": "audio/pcma"}}}, "tool_choice": "auto"},
    },
    {"type": "response.cancel", "response_id": "a"},
]
STRANGE: list[Any] = [None, True, -1, 1e300, "", "x" * 100, [], [None], {}, {"type": None}, {"type": "realtime"}, [[]]]


def mutated(value: Any, pick: random.Random) -> Any:
    """`value` with something in it replaced by something strange, or gone, or in addition."""
    if isinstance(value, dict) and value and pick.random() < 0.8:
        key = pick.choice(sorted(value))
        rest = {name: inner for name, inner in value.items() if name != key}
        kind = pick.random()
        if kind < 0.15:
            return rest
        if kind < 0.25:
            return value | {"strange": pick.choice(STRANGE)}
        return rest | {key: mutated(value[key], pick)}
    if isinstance(value, list) and value and pick.random() < 0.8:
        return [mutated(value[0], pick), *value[1:]]
    return pick.choice(STRANGE)


@pytest.mark.parametrize("beta", [False, True], ids=["ga", "beta"])
@pytest.mark.parametrize("seed", range(5))
def test_no_event_however_strange_breaks_the_session(seed: int, beta: bool) -> None:
    async def story(client: Client) -> int:
        pick = random.Random(seed)
        client._types = None  # a client that sends such things gets its own strange values back
        for _ in range(300):
            await client.connection.send(json.dumps(mutated(pick.choice(SAMPLES), pick)))
        await asyncio.sleep(60)
        await client.send("conversation.item.delete", item_id="the last one")
        while "the last one" not in (await client.expect("error"))["error"]["message"]:
            pass
        return len(client.events)

    count, record = converse(story, beta=beta)
    assert count > 150
    assert record.close is None or record.close[0] == 1000
