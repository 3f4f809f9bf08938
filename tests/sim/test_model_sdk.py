"""OpenAI's own Python client against the local engine, over real sockets: it must not notice the difference."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from engine_world import GREETING, HOURS, OPTIONS, PCMU_BOTH, RECEPTION_TOOLS, silence
from openai import AsyncOpenAI

from bridge.audio import base64text
from bridge.sim.engine.formats import PCMU, from_mouth
from bridge.sim.model import ModelServer
from bridge.sim.voice import Mouth

pytestmark = pytest.mark.sockets


async def caller_sentence() -> list[str]:
    """The question for the opening hours and the silence after it, as base64 in chunks of 100 ms."""
    spoken = from_mouth(await Mouth().say("Hello. What are your opening hours?", voice="caller"), PCMU) + silence(700)
    return [base64text.encode(spoken[start : start + 800]) for start in range(0, len(spoken), 800)]


async def talk(connection: Any, session: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Greeting, a spoken question, a tool, its result: names of all events, and what the agent said."""
    names, said = [], []
    await connection.session.update(session=session)
    await connection.response.create(response={"instructions": f'exactly these words: "{GREETING}"'})
    async for event in connection:
        names.append(event.type)
        assert type(event).__name__ != "BaseModel", f"the SDK has no type for {event.type}"
        if event.type.endswith("audio_transcript.done"):
            said.append(event.transcript)
        elif event.type == "response.output_item.done" and event.item.type == "function_call":
            item = {"type": "function_call_output", "call_id": event.item.call_id, "output": HOURS}
            await connection.conversation.item.create(item=item)
        elif event.type == "response.done":
            assert event.response.status == "completed"
            if len(said) == 2:
                return names, said
            if event.response.output[0].type == "function_call":
                await connection.response.create()
            else:
                for audio in await caller_sentence():
                    await connection.input_audio_buffer.append(audio=audio)
    return names, said


def test_the_ga_client_holds_a_spoken_conversation() -> None:
    async def world() -> tuple[list[str], list[str]]:
        async with ModelServer(OPTIONS) as server:
            client = AsyncOpenAI(api_key="local", websocket_base_url=server.url.removesuffix("/realtime"))
            async with client, client.realtime.connect(model="gpt-realtime-2.1") as connection:
                session = {"type": "realtime", "audio": PCMU_BOTH, "tools": RECEPTION_TOOLS}
                return await asyncio.wait_for(talk(connection, session), 30)

    names, said = asyncio.run(world())
    assert said == [GREETING, HOURS]
    assert "response.output_audio.delta" in names


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the SDK marks its beta client so
def test_the_beta_client_holds_a_spoken_conversation() -> None:
    async def world() -> tuple[list[str], list[str]]:
        async with ModelServer(OPTIONS) as server:
            client = AsyncOpenAI(api_key="local", websocket_base_url=server.url.removesuffix("/realtime"))
            model = "gpt-4o-realtime-preview"
            async with client, client.beta.realtime.connect(model=model) as connection:
                formats = {"input_audio_format": "g711_ulaw", "output_audio_format": "g711_ulaw"}
                return await asyncio.wait_for(talk(connection, {**formats, "tools": RECEPTION_TOOLS}), 30)

    names, said = asyncio.run(world())
    assert said == [GREETING, HOURS]
    assert "response.audio.delta" in names
