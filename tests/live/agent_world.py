"""Calls of agents whose model follows a script: what is said, called and configured, on the whole simulator."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from house_world import House, house

from bridge.agents.agent import Agent
from bridge.agents.team import Routing
from bridge.sim import loop
from bridge.sim.model import ModelOptions
from bridge.sim.twilio.call import SimCall

HELLO = "Hello. What are your opening hours?"
LONG = "We are open from Monday to Friday, nine in the morning until six in the evening. On Sunday we are closed."


def script(folder: Path, *intents: dict[str, Any], **more: Any) -> ModelOptions:
    """An engine that answers the caller's turns with these intents, one after the other."""
    texts = {"greeting": "Hello.", "unknown": "Sorry?", "idle": "Hm?", "failed": "That failed.", "out_of_band": "No."}
    lines = [f"{key} = {json.dumps(value)}" for key, value in (texts | more).items()]
    lines.append(f"turns = {json.dumps([intent['name'] for intent in intents])}")
    for intent in intents:
        lines.append("[[intent]]")
        for key, value in intent.items():
            told = json.dumps(value)
            if isinstance(value, dict):
                told = "{ " + ", ".join(f"{k} = {json.dumps(v)}" for k, v in value.items()) + " }"
            lines.append(f"{key} = {told}")
    path = folder / "script.toml"
    path.write_text("\n".join(lines), "utf-8")
    return ModelOptions(ears="energy", keep=True, script=str(path))


def run(
    data: Path,
    score: tuple[Any, ...],
    agent: Agent | Routing,
    model: ModelOptions | None = None,
    also: Callable[[House, SimCall], Any] | None = None,
    **options: Any,
) -> tuple[House, SimCall]:
    async def story() -> tuple[House, SimCall]:
        async with house(data / "data", agent=agent, model=model, **options) as world:  # type: ignore[arg-type]
            call = await world.ring(score)
            if also is not None:
                await also(world, call)
            await call.ended()
            await world.written()
        return world, call

    return loop.run(story())


def updates(world: House) -> list[Mapping[str, Any]]:
    return [seen.event["session"] for seen in world.session.received if seen.type == "session.update"]


def asked(world: House) -> list[str]:
    """The instructions of every response we asked for."""
    creates = [seen.event for seen in world.session.received if seen.type == "response.create"]
    return [event.get("response", {}).get("instructions", "") for event in creates]


def said(world: House) -> list[str]:
    return [turn["text"] for turn in world.transcript() if turn["role"] == "agent"]
