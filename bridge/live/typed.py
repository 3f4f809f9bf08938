"""A conversation with an agent in writing: the same instructions, tools, handoffs and greeting, without a phone.

The session speaks text. Whoever types always has the word after the agent has said all it had to say, tools included,
so none of a call's rules about who may speak, and what was heard, is needed here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from bridge.call import commands as do
from bridge.call import events as ev
from bridge.errors import ModelError, ModelUnreachable, WireError
from bridge.live.model import Connect, Socket
from bridge.realtime.wire import RealtimeWire
from bridge.tools.base import ToolResult, Turn

ANSWER_S = 60.0
"""A model that says nothing at all for this long has failed."""
MOST_ROUNDS = 12
"""Responses that one line typed may lead to; a model that goes on calling tools is stopped."""

RunTool = Callable[[str, str], Awaitable[ToolResult]]


@dataclass(frozen=True, slots=True)
class Said:
    """Words of the agent, as they come; `ends`: its turn is complete."""

    text: str
    ends: bool = False


@dataclass(frozen=True, slots=True)
class Used:
    """A tool was run."""

    name: str
    arguments: str
    output: str


Tell = Callable[[Said | Used], None]
E = TypeVar("E", bound=ev.Event)


class TypedTalk:
    """One conversation. `over` is set when the agent has hung up or handed the caller to a person."""

    def __init__(self, wire: RealtimeWire, connect: Connect, run_tool: RunTool, tell: Tell) -> None:
        self._wire = wire
        self._connect = connect
        self._run_tool = run_tool
        self._tell = tell
        self._events: asyncio.Queue[ev.Event] = asyncio.Queue()
        self._socket: Socket | None = None
        self._count = 0
        self._hosted = False
        """The model's service has run a tool, and the model has not spoken about it."""
        self.over = ""
        self.turns: list[Turn] = []
        """What was said, for tools that look at it."""

    async def open(self, greeting: str) -> None:
        """Connect, configure, and hear the greeting (instructions for it; empty: none). Raises ModelError."""
        self._socket = await self._connect(self._received, self._closed)
        await self._until(ev.ModelOpened)
        self._send(do.Configure())
        configured = await self._until(ev.ModelConfigured)
        if configured.problems:
            raise ModelUnreachable("the model did not take our configuration: " + "; ".join(configured.problems))
        if greeting:
            await self._respond(greeting)

    async def answer(self, text: str) -> None:
        """Say something, and hear all that the agent has to say to it. Raises ModelError."""
        self.turns.append(Turn("caller", text, 0))
        self._send(do.AddText(text))
        await self._respond("")

    def heed(self, event: ev.Event) -> None:
        """What tools ask of the call."""
        match event:
            case ev.AgentChanged(agent=agent):
                self._send(do.Configure(agent))
            case ev.NoteAsked(text):
                self._send(do.AddText(text, "system"))
            case ev.WordsAsked(words):
                self._tell(Said(words, ends=True))
            case ev.LeaveAsked():
                self.over = "the agent hangs up"
            case ev.TransferAsked(to=to):
                self.over = f"the agent hands the caller to {to}"
            case ev.DigitsAsked(digits):
                self._tell(Used("keys", "", digits))
            case _:
                pass

    def close(self) -> None:
        """Leave."""
        if self._socket is not None:
            self._socket.close()

    # ---- inside

    async def _respond(self, instructions: str) -> None:
        for _ in range(MOST_ROUNDS):
            self._count += 1
            self._send(do.Respond(f"typed_{self._count}", instructions))
            self._hosted = False
            calls = await self._turn()
            results = [await self._use(call) for call in calls]
            if not (self._hosted or any(result.speak for result in results)):
                return
            instructions = ""

    async def _turn(self) -> list[ev.ToolCalled]:
        """One response: its words are told as they come; returns what it called."""
        calls: dict[str, ev.ToolCalled] = {}
        spoke = False
        while True:
            event = await self._next()
            if isinstance(event, ev.AgentText) and event.final:
                self.turns.append(Turn("agent", event.text, 0))
            elif isinstance(event, ev.AgentText):
                self._tell(Said(event.text))
                spoke = True
            elif isinstance(event, ev.ToolCalled):
                calls[event.call_id] = event
            elif isinstance(event, ev.HostedToolRan):
                self._hosted = True
            elif isinstance(event, ev.ResponseDone) and event.conversational:
                if event.status == "failed":
                    raise ModelUnreachable(f"the model failed: {event.error_message or event.error_code}")
                if spoke:
                    self._tell(Said("", ends=True))
                return list(calls.values())

    async def _use(self, call: ev.ToolCalled) -> ToolResult:
        result = await self._run_tool(call.name, call.arguments)
        self._send(do.ReturnTool(call.call_id, result.output))
        self._tell(Used(call.name, call.arguments, result.output))
        return result

    async def _until(self, kind: type[E]) -> E:
        while True:
            event = await self._next()
            if isinstance(event, kind):
                return event

    async def _next(self) -> ev.Event:
        try:
            async with asyncio.timeout(ANSWER_S):
                event = await self._events.get()
        except TimeoutError:
            raise ModelUnreachable(f"the model said nothing for {ANSWER_S:g} s") from None
        if isinstance(event, ev.ModelLost):
            raise ModelUnreachable(event.detail)
        if isinstance(event, ev.ModelFault) and event.severity != "benign":
            raise ModelUnreachable(f"the model refused: {event.message or event.code}")
        return event

    def _send(self, command: do.ModelCommand) -> None:
        if self._socket is None:
            raise ModelError("not connected")
        self._socket.send_all(self._wire.write(command))

    def _received(self, messages: list[bytes]) -> None:
        for message in messages:
            try:
                events = self._wire.read(message)
            except WireError:
                continue  # what is no event is nobody's word
            for event in events:
                self._events.put_nowait(event)

    def _closed(self, code: int, reason: str) -> None:
        detail = f"the Realtime server closed the connection ({code}{': ' + reason if reason else ''})"
        self._events.put_nowait(ev.ModelLost(detail))
