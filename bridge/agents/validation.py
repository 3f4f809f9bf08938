"""A tool that a supervisor has to allow: the same to the speaking model, and asked about before anything happens.

A voice model that wants to please says yes to what a policy forbids. So the decision is made by a model that reads the
policy and the conversation, in a form (`Ruling`) that begins with its reasons. The order is: verdict, then the caller's
own yes (`Manner.confirm`), then a person's (`Manner.approve`), then the tool. A verdict holds for one use of the tool
with the very same arguments in the same call.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, cast

from pydantic import BaseModel, Field

from bridge.agents.conversation import MATERIAL
from bridge.errors import AgentError, ModelError, ToolError
from bridge.tools.base import JSON, Call, Checked, JSONSchema, Tool, ToolResult

if TYPE_CHECKING:
    from bridge.agents.supervisor import Supervisor

log = logging.getLogger(__name__)

MOST_ALLOWED = 1000
"""Verdicts that are kept for calls whose tool has not run yet."""
SPARE_S = 1.0
_JUDGING = (
    "You are the supervisor of an agent who is on the telephone with a caller. The agent wants to use a tool. Decide "
    "by the policy, and only by it, whether it may. verdict is `true` when the policy allows it and everything it asks "
    "for is known from the conversation or the arguments, `false` when the policy forbids it, and "
    "`need_more_information` when that depends on something that is not known yet. Give your reasons first."
)


class Ruling(BaseModel):
    """What a supervisor decides."""

    rationale: str = Field(description="Why, by which rule of the policy; one or two sentences.")
    user_request: str = Field(description="What the caller wants, in one sentence.")
    verdict: Literal["true", "false", "need_more_information"]
    information_needed: list[str] = Field(description="What the caller has to be asked for; empty unless it is needed.")
    next_steps: str = Field(description="What the agent shall say or do now, in one or two sentences.")


class ValidatedTool:
    """What `Supervisor.validates` makes. Raises AgentError for what cannot work."""

    def __init__(self, supervisor: Supervisor, tool: Tool, policy: str, on_failure: Literal["refuse", "allow"]) -> None:
        name = getattr(tool, "name", repr(tool))
        if not all(hasattr(tool, part) for part in ("name", "manner", "parameters", "run", "definition")):
            raise AgentError(f"supervisor {supervisor.name!r}: {name} is not a tool; put @tool above the function")
        if not policy.strip():
            raise AgentError(f"supervisor {supervisor.name!r}: the policy for {name} is empty; nothing could be judged")
        if on_failure not in ("refuse", "allow"):
            raise AgentError(f"supervisor {supervisor.name!r}: on_failure is refuse or allow, not {on_failure!r}")
        self._supervisor = supervisor
        self._tool = tool
        self._policy = policy.strip()
        self._on_failure = on_failure
        self._allowed: OrderedDict[tuple[str, str], str] = OrderedDict()
        """(call, arguments) -> the note of a verdict that has not been used."""
        how = tool.manner
        self.manner = replace(
            how, say=how.say or supervisor.say, timeout_s=how.timeout_s + supervisor.timeout + SPARE_S
        )
        """The tool's own, with the time it takes to be judged."""

    def __repr__(self) -> str:
        return f"{self._tool!r} with {self._supervisor!r}"

    @property
    def name(self) -> str:
        """The tool's."""
        return self._tool.name

    @property
    def description(self) -> str:
        """The tool's."""
        return self._tool.description

    @property
    def parameters(self) -> JSONSchema:
        """The tool's."""
        return self._tool.parameters

    def definition(self) -> JSONSchema:
        """The tool's."""
        return self._tool.definition()

    async def check(self, arguments: str, call: Call) -> Checked:
        """Ask the supervisor; see `bridge.tools.base.CheckedTool`."""
        key = (call.id, _canonical(arguments))
        note = self._allowed.get(key)
        if note is not None:
            return Checked(note=note)
        checked = await self._judged(arguments, call)
        if checked.refused is None:
            self._allowed[key] = checked.note
            while len(self._allowed) > MOST_ALLOWED:
                self._allowed.popitem(last=False)
        return checked

    async def run(self, arguments: str, call: Call) -> ToolResult:
        """Run the tool if it is allowed: a runner has asked already, anybody else cannot get past it."""
        checked = await self.check(arguments, call)
        if checked.refused is not None:
            return replace(checked.refused, note=checked.note)
        self._allowed.pop((call.id, _canonical(arguments)), None)
        limit = asyncio.timeout(self._tool.manner.timeout_s)
        try:
            async with limit:
                result = await self._tool.run(arguments, call)
        except TimeoutError:
            if not limit.expired():
                raise
            late = f"{self.name} did not answer within {self._tool.manner.timeout_s:g} seconds"
            raise ToolError(f"{late}. Say so, and offer another way.") from None
        return replace(result, note=result.note or checked.note)

    async def _judged(self, arguments: str, call: Call) -> Checked:
        by = self._supervisor
        instructions = f"{_JUDGING}\n\n{MATERIAL}\n\n{by.instructions}\n\nThe policy:\n{self._policy}"
        wants = json.dumps(cast("JSON", self._tool.definition()), ensure_ascii=False)
        text = (
            f"The conversation so far:\n{by.read(call)}\n\n"
            f"The tool the agent wants to use:\n{wants}\n\nWith these arguments:\n{arguments}"
        )
        try:
            thinker = by.thinker(call)
            ruling = await thinker.ask_for(Ruling, instructions, text, limit_s=by.timeout, model=by.model)
        except ModelError as error:
            return self._unjudged(call, error)
        facts = {"call_id": call.id, "supervisor": by.name, "tool": self.name, "verdict": ruling.verdict}
        log.info("the supervisor decided", extra={**facts, "rationale": ruling.rationale})
        return Checked(self._told(ruling), f"{by.name}: {ruling.verdict}. {ruling.rationale}")

    def _unjudged(self, call: Call, error: ModelError) -> Checked:
        by = self._supervisor
        by.failed(call, self.name, error)
        if self._on_failure == "allow":
            return Checked(note=f"{by.name}: not checked, allowed all the same. {error}")
        sentence = f"{self.name} was not run: it could not be checked whether it may be."
        refused = ToolResult.failure(f"{sentence} Say to the caller: {by.fallback}")
        return Checked(refused, f"{by.name}: not checked, refused. {error}")

    def _told(self, ruling: Ruling) -> ToolResult | None:
        """What the speaking model reads instead of a result; None: it may."""
        if ruling.verdict == "true":
            return None
        why = f"The reason: {ruling.rationale.strip()}"
        if ruling.verdict == "false":
            return ToolResult.failure(f"{self.name} was not run: it is not allowed. {why} {ruling.next_steps}".strip())
        asked = "; ".join(ruling.information_needed) or "what is missing"
        todo = f"Ask the caller for: {asked}. {why} {ruling.next_steps}".strip()
        told = {"not_done_yet": f"{todo} When you know it, call {self.name} again."}
        return ToolResult(json.dumps(told, ensure_ascii=False))


def _canonical(arguments: str) -> str:
    try:
        return json.dumps(json.loads(arguments), sort_keys=True)
    except (ValueError, RecursionError):
        return arguments
