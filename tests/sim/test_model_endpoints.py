"""A whole private agent: language model, speech-to-text and speech from OpenAI-compatible endpoints on loopback."""

from __future__ import annotations

import asyncio
import io
import json
import math
import wave
from array import array
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from engine_world import OPTIONS, PCMU_BOTH, client_of, in_virtual_time
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from bridge.errors import ConfigError
from bridge.sim.brain import Line, Turn
from bridge.sim.chat import NOT_UNDERSTOOD, SILENCE, messages_of
from bridge.sim.endpoints import Endpoint, EndpointError, SpeechEndpoint, TranscriptionEndpoint
from bridge.sim.model import ModelServer
from bridge.sim.server import Server


class PrivateServer:
    """The endpoints, with a model that looks up an order and then says what it found; it keeps what it was sent."""

    def __init__(self) -> None:
        self.chats: list[dict[str, Any]] = []
        self.speeches: list[dict[str, Any]] = []
        self.heard_ms = 0.0
        self.base = ""
        self.broken = False

    async def models(self, request: Request) -> Response:
        return JSONResponse({"data": [{"id": "tiny"}]})

    async def chat(self, request: Request) -> Response:
        self.chats.append(await request.json())
        if self.broken:
            return JSONResponse({"error": "out of memory"}, status_code=500)
        if self.chats[-1]["messages"][-1]["role"] == "tool":
            deltas: list[dict[str, Any]] = [
                {"content": "It is on"},
                {"content": " its way. Anything"},
                {"content": " else?"},
            ]
        else:
            call = {"index": 0, "id": "x", "function": {"name": "order_status", "arguments": ""}}
            rest = {"index": 0, "function": {"arguments": '{"number": "4271"}'}}
            deltas = [{"content": "Let me see."}, {"tool_calls": [call]}, {"tool_calls": [rest]}]

        async def lines() -> AsyncIterator[str]:
            for delta in deltas:
                yield f"data: {json.dumps({'choices': [{'delta': delta}]})}\n\n"
            yield "data: [DONE]\n\n"

        return StreamingResponse(lines(), media_type="text/event-stream")

    async def transcribe(self, request: Request) -> Response:
        async with request.form() as form:
            with wave.open(io.BytesIO(await form["file"].read())) as sound:  # type: ignore[union-attr]
                self.heard_ms = 1000 * sound.getnframes() / sound.getframerate()
        return JSONResponse({"text": " Where is order 4271? "})

    async def speak(self, request: Request) -> Response:
        self.speeches.append(await request.json())
        tone = array("h", [round(8000 * math.sin(n / 10)) for n in range(24_000)])
        return Response(tone.tobytes() + b"\x00", media_type="audio/pcm")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[PrivateServer]:
        routes = [
            Route("/v1/models", self.models),
            Route("/v1/chat/completions", self.chat, methods=["POST"]),
            Route("/v1/audio/transcriptions", self.transcribe, methods=["POST"]),
            Route("/v1/audio/speech", self.speak, methods=["POST"]),
        ]
        server = Server(routes, "127.0.0.1", 0)
        await server.start()
        self.base = server.url
        try:
            yield self
        finally:
            await server.stop()


def test_an_agent_of_ones_own_hears_thinks_calls_and_speaks() -> None:
    async def world() -> tuple[PrivateServer, Any, list[dict[str, Any]]]:
        async with PrivateServer().running() as private:
            urls: dict[str, Any] = {
                "llm_url": private.base,
                "stt_url": f"{private.base}/v1",
                "tts_url": f"{private.base}/v1/",
            }
            async with ModelServer(replace(OPTIONS, **urls)) as server, client_of(server) as client:
                hearing = {**PCMU_BOTH["input"], "transcription": {"model": "gpt-transcribe"}}
                audio = {"input": hearing, "output": {**PCMU_BOTH["output"], "voice": "af_heart"}}
                client._types = None  # a foreign voice is in no list of OpenAI's
                await client.set_up(audio=audio, instructions="You know all orders.")
                await client.speak("Where is my order?")
                written = await client.expect("conversation.item.input_audio_transcription.completed")
                call = await client.expect("response.function_call_arguments.done")
                await client.expect("response.done")
                output = {"type": "function_call_output", "call_id": call["call_id"], "output": "on its way"}
                await client.send("conversation.item.create", item=output)
                await client.send("response.create")
                done = await client.expect("response.done")
                assert call["arguments"] == '{"number": "4271"}'
                assert written["transcript"] == "Where is order 4271?"
                return private, server.sessions[0], done["response"]["output"]

    private, record, output = in_virtual_time(world())
    assert [answer.said for answer in record.answers] == ["Let me see.", "It is on its way. Anything else?"]
    assert len(output) == 2, "two sentences, spoken as they were finished"
    assert private.heard_ms > 1000
    assert [speech["input"] for speech in private.speeches] == ["Let me see.", "It is on its way.", "Anything else?"]
    first, second = private.chats
    assert (first["model"], first["stream"]) == ("tiny", True)
    assert first["messages"] == [
        {"role": "system", "content": "You know all orders."},
        {"role": "user", "content": "Where is order 4271?"},
    ]
    assert [tool["function"]["name"] for tool in first["tools"]] == ["opening_hours", "order_status", "hang_up"]
    assert [message["role"] for message in second["messages"]] == ["system", "user", "assistant", "assistant", "tool"]


def test_a_model_that_fails_fails_the_response_and_not_the_call() -> None:
    async def world() -> tuple[dict[str, Any], dict[str, Any]]:
        async with PrivateServer().running() as private:
            private.broken = True
            async with ModelServer(replace(OPTIONS, llm_url=private.base)) as server, client_of(server) as client:
                await client.send("response.create")
                failed = await client.expect("response.done")
                await client.send("response.create", response={"instructions": 'exactly these words: "Yes?"'})
                return failed["response"], (await client.expect("response.done"))["response"]

    failed, after = in_virtual_time(world())
    assert failed["status"] == "failed"
    assert "answered 500" in failed["status_details"]["error"]["message"]
    assert after["status"] == "completed", "fixed words need no model"


def test_the_conversation_as_chat_messages() -> None:
    lines = (
        Line("agent", "Hello."),
        Line("caller", None),
        Line("system", "The caller is verified."),
        Line("call", '{"n": 1}', name="look", call_id="call_1"),
        Line("result", "found", name="look", call_id="call_1"),
        Line("agent", ""),
    )
    messages = messages_of(Turn(lines, "Be brief.", idle=True))
    function = {"name": "look", "arguments": '{"n": 1}'}
    assert messages == [
        {"role": "system", "content": "Be brief."},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": NOT_UNDERSTOOD},
        {"role": "system", "content": "The caller is verified."},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "call_1", "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "found"},
        {"role": "user", "content": SILENCE},
    ]


def test_urls_with_and_without_version_and_with_a_model_behind_the_hash() -> None:
    for url in ("http://localhost:1", "http://localhost:1/", "http://localhost:1/v1", "http://localhost:1/v1/#llama"):
        assert Endpoint(url).base == "http://localhost:1/v1"
    assert asyncio.run(Endpoint("http://localhost:1/v1#llama3.2").model()) == "llama3.2"
    with pytest.raises(ConfigError, match="not an http"):
        Endpoint("localhost:11434")


@pytest.mark.parametrize("verb", ["hear", "say", "model"])
def test_an_endpoint_that_is_not_there_is_named(verb: str) -> None:
    url = "http://127.0.0.1:9"  # the discard port: nobody listens

    async def ask() -> object:
        if verb == "hear":
            return await TranscriptionEndpoint(url).hear(bytes(1600), 8000)
        if verb == "say":
            return await SpeechEndpoint(url).say("hello", "agent")
        return await Endpoint(url).model()

    with pytest.raises(EndpointError, match=r"127\.0\.0\.1:9/v1"):
        asyncio.run(ask())
