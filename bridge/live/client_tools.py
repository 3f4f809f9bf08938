"""Tools that run where somebody else is: another process, or a page, registers them on a live call and answers there.

    -> {"type": "tools.register", "tools": [{"name", "description", "parameters", "timeout"?, "say"?, "speak_after"?}]}
    <- {"type": "tools.registered", "names": [...]}
    <- {"type": "tool.call", "id", "name", "arguments"}
    -> {"type": "tool.result", "id", "output", "ok"?, "speak"?}
    <- {"type": "tool.cancelled", "id"}          it took too long; its result is not wanted any more
    <- {"type": "error", "message"}              what was sent cannot be used; nothing has changed
    <- {"type": "call.ended"}                    and the socket is closed

Registering again replaces what was registered before. When the socket goes, its tools go, and what still ran there is
answered for. Arrows are seen from the other process.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bridge.errors import AgentError, ToolError
from bridge.tools.base import JSON, Call, JSONSchema, Manner, SpeakAfter, Tool, ToolResult

MOST_TOOLS = 64
LONGEST_S = 120.0

Send = Callable[[dict[str, Any]], None]
Bring = Callable[[object, Sequence[Tool]], None]
"""(owner, tools): what the owner brings to the call, instead of what it brought before. Raises AgentError."""


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")
    description: str = Field(min_length=1)
    parameters: dict[str, Any] = Field(default_factory=lambda: {"type": "object", "properties": {}})
    timeout: float = Field(default=10.0, gt=0, le=LONGEST_S)
    say: str = ""
    speak_after: SpeakAfter = "always"


class _Register(BaseModel):
    tools: list[_Declared] = Field(max_length=MOST_TOOLS)


class _Result(BaseModel):
    id: str
    output: Any = None
    ok: bool = True
    speak: bool = True


class ClientTool:
    """One tool of a client."""

    def __init__(self, declared: _Declared, ask: Callable[[str, JSON], asyncio.Future[ToolResult]]) -> None:
        self.name = declared.name
        self.description = declared.description
        self.parameters: JSONSchema = declared.parameters
        self.manner = Manner(declared.timeout, declared.say, declared.speak_after)
        self._ask = ask

    def definition(self) -> JSONSchema:
        """The tool as the Realtime API wants it."""
        about = {"name": self.name, "description": self.description, "parameters": cast("JSON", self.parameters)}
        return {"type": "function", **about}

    async def run(self, arguments: str, call: Call) -> ToolResult:
        """Ask the client. Raises ToolError when it goes."""
        return await self._ask(self.name, json.loads(arguments))


class Client:
    """One client of one call. `send` gives it a message; it may not wait."""

    def __init__(self, bring: Bring, send: Send) -> None:
        self._bring = bring
        self._send = send
        self._asked: dict[str, asyncio.Future[ToolResult]] = {}
        self._count = count(1)

    def receive(self, text: str) -> None:
        """A message of the client. One that cannot be used is answered with an error and changes nothing."""
        try:
            message = json.loads(text)
            kind = message.get("type") if isinstance(message, dict) else None
            if kind == "tools.register":
                self._register(_Register.model_validate(message))
            elif kind == "tool.result":
                self._result(_Result.model_validate(message))
            else:
                self._error(f"a message of type {kind!r} is not known; there are tools.register and tool.result")
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            self._error(f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
        except (ValueError, RecursionError):
            self._error("that is no JSON")

    def _register(self, wanted: _Register) -> None:
        tools = [ClientTool(declared, self._ask) for declared in wanted.tools]
        try:
            self._bring(self, tools)
        except AgentError as error:
            self._error(str(error))
        else:
            self._send({"type": "tools.registered", "names": [tool.name for tool in tools]})

    def _ask(self, name: str, arguments: JSON) -> asyncio.Future[ToolResult]:
        call_id = f"tool_{next(self._count)}"
        answer: asyncio.Future[ToolResult] = asyncio.get_running_loop().create_future()
        self._asked[call_id] = answer
        answer.add_done_callback(lambda done: self._over(call_id, cancelled=done.cancelled()))
        self._send({"type": "tool.call", "id": call_id, "name": name, "arguments": arguments})
        return answer

    def _over(self, call_id: str, *, cancelled: bool) -> None:
        self._asked.pop(call_id, None)
        if cancelled:
            self._send({"type": "tool.cancelled", "id": call_id})

    def _result(self, result: _Result) -> None:
        answer = self._asked.get(result.id)
        if answer is None or answer.done():
            self._error(f"nobody waits for {result.id!r}")
            return
        told = ToolResult.of(result.output)
        answer.set_result(ToolResult(told.output, result.ok, result.speak))

    def _error(self, sentence: str) -> None:
        self._send({"type": "error", "message": re.sub(r"\s+", " ", sentence)})

    def leave(self) -> None:
        """The socket is gone: its tools go, and what it was asked is answered for."""
        for answer in list(self._asked.values()):
            if not answer.done():
                answer.set_exception(ToolError("Whoever runs this tool has left. Offer another way."))
        self._bring(self, ())
