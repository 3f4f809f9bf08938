"""A model with a will of its own, in a whole call: it calls what it was told to call, in any form, declared or not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from agent_world import HELLO
from house_world import House, house

from bridge.agents.agent import Agent
from bridge.audio.g711 import ulaw_to_pcm16
from bridge.audio.level import rms
from bridge.sim import brain as sim
from bridge.sim.heard import Heard
from bridge.sim.phone import FRAME_BYTES, FRAME_S
from bridge.sim.script import Listen, Say, Score, Wait
from bridge.sim.twilio.call import SimCall

AUDIBLE_RMS = 40
"""The soft tone of a wait is quieter than speech; an open line is far below it."""


@dataclass
class Wilful:
    """Calls these (name, arguments as text), one a turn of the caller; then says `then`.

    `again`: so often it calls the same once more instead of speaking about the result.
    """

    calls: Sequence[tuple[str, str]]
    then: str = "That is all I can say about it."
    again: int = 0
    read: list[str] = field(default_factory=list)
    """What it got to read of tools, in order."""
    asked_at: list[float] = field(default_factory=list)
    read_at: list[float] = field(default_factory=list)
    _taken: int = 0

    async def reply(self, turn: sim.Turn) -> AsyncIterator[sim.Part]:
        """See `sim.brain.Brain`."""
        now = asyncio.get_running_loop().time()
        fresh = [line for line in turn.lines if line.fresh]
        results = [line.text or "" for line in fresh if line.who == "result"]
        self.read += results
        self.read_at += [now] * len(results)
        if turn.exact_words is not None:
            yield sim.Say(turn.exact_words)
        elif not turn.tools:
            yield sim.Say("Sorry, something is wrong here. Please call again. Goodbye.")
        elif results and not self.again:
            yield sim.Say(self.then)
        elif any(line.who == "caller" for line in fresh) or results:
            if not results:
                self._taken += 1
            else:
                self.again -= 1
            if self._taken > len(self.calls):
                yield sim.Say("And now?")
                return
            self.asked_at.append(now)
            name, arguments = self.calls[self._taken - 1]
            yield sim.CallTool(name, arguments)
        else:
            yield sim.Say("Yes?")


def longest_silence(heard: Heard, from_s: float, to_s: float) -> float:
    """The longest time between these two in which nothing could be heard, in seconds."""
    sounds = [from_s]
    for at_s, sound in heard.segments:
        for start in range(0, len(sound), FRAME_BYTES):
            begun = at_s + start / FRAME_BYTES * FRAME_S
            frame = sound[start : start + FRAME_BYTES]
            if from_s <= begun <= to_s and rms(ulaw_to_pcm16(frame)) > AUDIBLE_RMS:
                sounds.append(begun)
    return max((after - before for before, after in pairwise([*sounds, to_s])), default=0.0)


def error_of(output: str) -> str:
    """The sentence of a failure."""
    found: Any = json.loads(output)
    return str(found["error"])


SCORE: Score = (Listen(), Say(HELLO), Listen(patience_s=30.0), Wait(0.5))
Told = tuple[House, SimCall]


async def story(data: Path, agent: Agent, brain: Wilful, score: Score = SCORE) -> Told:
    async with house(data / "data", agent=agent, brain=lambda: brain) as world:
        call = await world.ring(score)
        await call.ended()
        await world.written()
    return world, call


def desk(*tools: Any, **more: Any) -> Agent:
    return Agent("desk", instructions="Answer.", greeting="Hello.", tools=list(tools), **more)


def outputs(world: House) -> list[str]:
    """Every function_call_output that the model was sent."""
    items = [seen.event["item"] for seen in world.session.received if seen.type == "conversation.item.create"]
    return [item["output"] for item in items if item["type"] == "function_call_output"]


def unharmed(world: House, call: SimCall, brain: Wilful) -> None:
    """One text, once; nobody waited in silence; the caller ended the call; nobody complained."""
    assert len(brain.read) == len(brain.asked_at) == len(outputs(world)) == 1
    assert longest_silence(call.phone.heard, brain.asked_at[0], brain.read_at[0] + 0.5) < 1.5
    agent_said = [turn["text"] for turn in world.transcript() if turn["role"] == "agent"]
    assert agent_said[-1] == brain.then
    record = world.records()[0]
    assert (record["end_reason"], record["error"]) == ("caller_hung_up", None)
    assert world.session.problems == [] and call.problems == []
