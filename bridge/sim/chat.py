"""A brain of one's own: any OpenAI-compatible chat endpoint with tools (`LOCAL_LLM_URL`), streamed.

Sentences are spoken as they are finished, so that the first words do not wait for the last.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2

from bridge.sim.brain import CallTool, Line, Part, Say, Turn
from bridge.sim.endpoints import Endpoint, EndpointError

SENTENCE_END = re.compile(r"(?<=[.!?])\s+")

NOT_UNDERSTOOD = "[The caller said something that could not be understood.]"
SILENCE = "[The caller has been silent for a while.]"

Message = dict[str, Any]


class ChatEndpoint(Endpoint):
    """`POST /v1/chat/completions`."""

    async def stream(self, messages: list[Message], tools: list[Message], choice: Any) -> AsyncIterator[Message]:
        """The deltas of one answer. Raises EndpointError."""
        body: Message = {"model": await self.model(), "messages": messages, "stream": True}
        if tools:
            body |= {"tools": tools, "tool_choice": choice}
        url = f"{self.base}/chat/completions"
        try:
            async with self.client.stream("POST", url, json=body) as answer:
                if answer.status_code >= 400:
                    await answer.aread()
                    raise EndpointError(f"{url} answered {answer.status_code}: {answer.text[:200]}")
                async for line in answer.aiter_lines():
                    if line.startswith("data:") and (data := line[5:].strip()) != "[DONE]":
                        for choice_ in json.loads(data).get("choices", [])[:1]:
                            yield choice_.get("delta") or {}
        except httpx2.HTTPError as error:
            raise EndpointError(f"{url} cannot be reached: {error or type(error).__name__}") from error
        except ValueError as error:
            raise EndpointError(f"{url} answered with something that is no JSON") from error


class ChatBrain:
    """Asks the endpoint anew for every response, with the whole conversation."""

    def __init__(self, endpoint: ChatEndpoint) -> None:
        self._endpoint = endpoint

    async def reply(self, turn: Turn) -> AsyncIterator[Part]:
        """See `Brain`. Raises EndpointError."""
        if turn.exact_words is not None:
            yield Say(turn.exact_words)
            return
        tools = [{"type": "function", "function": _function(tool)} for tool in turn.tools.values()]
        forced = {"type": "function", "function": {"name": turn.forced_tool}}
        choice = forced if turn.forced_tool else "auto"
        text = ""
        calls: dict[int, dict[str, str]] = {}
        async for delta in self._endpoint.stream(messages_of(turn), tools, choice):
            text += delta.get("content") or ""
            *sentences, text = SENTENCE_END.split(text)
            for sentence in sentences:
                if sentence.strip():
                    yield Say(sentence.strip())
            for piece in delta.get("tool_calls") or []:
                call = calls.setdefault(piece.get("index", len(calls)), {"name": "", "arguments": ""})
                function = piece.get("function") or {}
                call["name"] += function.get("name") or ""
                call["arguments"] += function.get("arguments") or ""
        if text.strip():
            yield Say(text.strip())
        for call in calls.values():
            yield CallTool(call["name"], call["arguments"] or "{}")


def messages_of(turn: Turn) -> list[Message]:
    """The conversation as chat messages."""
    messages: list[Message] = [{"role": "system", "content": turn.instructions}]
    for line in turn.lines:
        messages += _messages(line)
    if turn.idle:
        messages.append({"role": "user", "content": SILENCE})
    return messages


def _messages(line: Line) -> Iterator[Message]:
    match line.who:
        case "caller":
            yield {"role": "user", "content": line.text or NOT_UNDERSTOOD}
        case "agent" if line.text:  # what was cut off and forgotten has no text any more
            yield {"role": "assistant", "content": line.text}
        case "system":
            yield {"role": "system", "content": line.text or ""}
        case "call":
            function = {"name": line.name, "arguments": line.text or "{}"}
            call = {"id": line.call_id, "type": "function", "function": function}
            yield {"role": "assistant", "content": None, "tool_calls": [call]}
        case "result":
            yield {"role": "tool", "tool_call_id": line.call_id, "content": line.text or ""}


def _function(tool: Message) -> Message:
    known: Message = {key: tool[key] for key in ("name", "description", "parameters") if key in tool}
    return {"parameters": {"type": "object", "properties": {}}, **known}
