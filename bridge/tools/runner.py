"""Runs the model's tool calls, one call's at a time, and answers for them: whatever happens, there is a result."""

from __future__ import annotations

import asyncio
import difflib
import json
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

from bridge.errors import ToolError
from bridge.tools.base import Call, CheckedTool, Tool, ToolResult
from bridge.tools.consent import Consent

log = logging.getLogger(__name__)

R = TypeVar("R")

APPROVAL_S = 60.0
"""How long a person has to approve; the caller hears that it takes a moment."""


@dataclass(frozen=True, slots=True)
class Approval:
    """What a person said to a tool's running."""

    approved: bool
    by: str = ""
    reason: str = ""


Approve = Callable[[str, str], Awaitable[Approval]]
"""(tool, arguments) -> what a person says to it."""


class ToolRunner:
    """The tools of one call. `approve` asks a person; without it nobody can be asked, and such tools do not run."""

    def __init__(self, tools: Iterable[Tool], call: Call, approve: Approve | None = None) -> None:
        self._approve = approve
        self._consent = Consent(call)
        self._tools: dict[str, Tool] = {}
        self.tools = tuple(tools)
        self._call = call

    @property
    def tools(self) -> tuple[Tool, ...]:
        """What may be run now; others may be set during the call."""
        return tuple(self._tools.values())

    @tools.setter
    def tools(self, tools: Iterable[Tool]) -> None:
        self._tools = {tool.name: tool for tool in tools}

    async def run(self, name: str, arguments: str) -> ToolResult:
        """Run one call of the model's and return what it shall read.

        Nothing is raised but CancelledError, when this task is cancelled. What a tool raises is logged, and the model
        gets a sentence without inner facts; only a ToolError speaks to the model in its own words. Several calls may
        run at the same time.
        """
        tool = self._tools.get(name)
        if tool is None:
            return self._unknown(name)
        arguments = arguments.strip() or "{}"  # servers send "" for a tool without parameters
        if not _is_object(arguments):
            return ToolResult.failure(f"{name} was not run: its arguments are not a JSON object. Call it again.")
        if not isinstance(tool, CheckedTool):
            return await self._asked(tool, arguments)
        checked = await self._guarded(tool, lambda: tool.check(arguments, self._call))
        if isinstance(checked, ToolResult):  # the check itself has failed
            return checked
        result = checked.refused or await self._asked(tool, arguments)
        return replace(result, note=result.note or checked.note)

    async def _asked(self, tool: Tool, arguments: str) -> ToolResult:
        """Ask whoever has to say yes, and run it."""
        if tool.manner.confirm:
            missing = await self._consent.missing(tool, arguments)
            if missing is not None:
                return missing
        if tool.manner.approve:
            refused = await self._refused(tool, arguments)
            if refused is not None:
                return refused
        return await self._guarded(tool, lambda: tool.run(arguments, self._call))

    async def _refused(self, tool: Tool, arguments: str) -> ToolResult | None:
        """Ask a person; None when they say yes."""
        facts = {"tool": tool.name, "call_id": self._call.id}
        if self._approve is None:
            return ToolResult.failure(f"{tool.name} was not run: nobody is there to approve it. Offer another way.")
        try:
            async with asyncio.timeout(APPROVAL_S):
                said = await self._approve(tool.name, arguments)
        except TimeoutError:
            log.warning("nobody approved", extra=facts)
            return ToolResult.failure(f"{tool.name} was not run: nobody approved it in time. Offer another way.")
        log.info("approved" if said.approved else "not approved", extra={**facts, "by": said.by})
        if said.approved:
            return None
        reason = f" The reason: {said.reason}" if said.reason else ""
        return ToolResult.failure(f"{tool.name} was not run: it was not approved.{reason}")

    async def _guarded(self, tool: Tool, work: Callable[[], Awaitable[R]]) -> R | ToolResult:
        """Do it in a task of its own: one that cancels itself, or will not be stopped, keeps nobody waiting."""
        facts = {"tool": tool.name, "call_id": self._call.id}
        task = asyncio.ensure_future(self._attempt(tool, work))
        try:
            await asyncio.wait({task}, timeout=tool.manner.timeout_s)
        finally:
            late = task.cancel()
        if late:
            log.warning("tool timed out", extra={**facts, "timeout_s": tool.manner.timeout_s})
            said = f"{tool.name} did not answer within {tool.manner.timeout_s:g} seconds"
            return ToolResult.failure(f"{said}. Say so, and offer another way.")
        try:
            return task.result()
        except asyncio.CancelledError:  # not by us: what it waited for was, or it cancelled itself
            log.exception("tool failed", extra=facts)
            return _failed(tool)

    async def _attempt(self, tool: Tool, work: Callable[[], Awaitable[R]]) -> R | ToolResult:
        facts = {"tool": tool.name, "call_id": self._call.id}
        try:
            return await work()
        except ToolError as error:
            log.info("tool refused", extra=facts)
            return ToolResult.failure(str(error))
        except (asyncio.CancelledError, KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException:  # the boundary to users' code; also SystemExit, and what Rust extensions panic with
            log.exception("tool failed", extra=facts)
            return _failed(tool)

    def _unknown(self, name: str) -> ToolResult:
        if not self._tools:
            return ToolResult.failure(f"There is no tool {name!r}; there are none at all.")
        close = difflib.get_close_matches(name, self._tools, 1)
        hint = f" Did you mean {close[0]}?" if close else ""
        return ToolResult.failure(f"There is no tool {name!r}.{hint} There are: {', '.join(self._tools)}.")


def _failed(tool: Tool) -> ToolResult:
    return ToolResult.failure(f"{tool.name} failed. Say that this did not work, and offer another way.")


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
