"""Handing a call from one agent of a team to another, in the middle of it.

To the model a handoff is a tool. When it is called the session is told to be the other agent (instructions, tools,
turn detection, and the audio formats once more); the conversation so far stays in it, so nothing is said twice. The
voice stays too: a session cannot change it after its first sound.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from bridge.errors import AgentError
from bridge.tools.base import Call, JSONSchema, Manner, ToolResult, definition_of

if TYPE_CHECKING:
    from bridge.agents.agent import Agent

PREFIX = "transfer_to_"


class Handoff:
    """A way to another agent: `target` is the agent or its name in the team. Raises AgentError."""

    def __init__(self, target: Agent | str, *, say: str = "", description: str = "") -> None:
        """`say`: words before the other one speaks ("I will connect you to sales."); without them it is silent.

        `description`: when to use it, for the model; the other agent's own `handoff_description` when empty.
        """
        self.target = target
        self.say = say.strip()
        self.description = description.strip()
        if not self.target_name:
            raise AgentError("a handoff needs an agent, or the name of one")

    @property
    def target_name(self) -> str:
        """The other agent's name."""
        return (self.target if isinstance(self.target, str) else self.target.name).strip()


class _Reason(BaseModel):
    rationale: str
    context: str


class HandoffTool:
    """The tool `transfer_to_<name>`: the other agent goes on."""

    manner = Manner(timeout_s=5.0, idempotent=True)

    def __init__(self, target: Agent, way: Handoff) -> None:
        self._target = target
        self._way = way
        self.name = PREFIX + tool_name(target.name)
        about = way.description or target.handoff_description
        self.description = f"Hand the caller over to {target.name}. {about}".strip()

    @property
    def parameters(self) -> JSONSchema:
        """Why, and what the other one has to know."""
        return {
            "type": "object",
            "properties": {
                "rationale": {"type": "string", "description": "Why this agent is the right one now."},
                "context": {"type": "string", "description": "What the caller wants and has said so far, briefly."},
            },
            "required": ["rationale", "context"],
            "additionalProperties": False,
        }

    def definition(self) -> JSONSchema:
        """The tool as the Realtime API wants it."""
        return definition_of(self)

    async def run(self, arguments: str, call: Call) -> ToolResult:
        """The result tells the model who it is now; `become` has the call follow."""
        try:
            reason = _Reason.model_validate_json(arguments.strip() or "{}")
        except ValidationError:
            return ToolResult.failure(f"{self.name} was not run: it needs rationale and context, both texts.")
        told = {"you_are_now": self._target.name, "rationale": reason.rationale, "context": reason.context}
        note = "Go on with the call as this agent, by your new instructions. Do not greet the caller again."
        return ToolResult(
            json.dumps({**told, "note": note}, ensure_ascii=False),
            become=self._target.name,
            why=reason.rationale,
            announce=self._way.say,
        )


def tool_name(agent: str) -> str:
    """An agent's name as part of a tool's: letters, digits and `_`."""
    return re.sub(r"[^a-z0-9]+", "_", agent.lower()).strip("_")[:48] or "agent"
