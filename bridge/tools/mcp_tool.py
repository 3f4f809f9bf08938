"""One tool of an MCP server: what the model is told of it, and what the model gets to read of a result.

What a server says is written by others: it goes to the model as a tool's result and never as an instruction, cut and
without our keys.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from typing import TYPE_CHECKING, cast

from bridge.errors import ToolError
from bridge.tools.base import Call, JSONSchema, Manner, ToolResult, definition_of
from bridge.tools.mcp_session import McpSession, ServerGone
from bridge.tools.statuses import ANOTHER_WAY

if TYPE_CHECKING:
    from mcp.types import CallToolResult, ContentBlock, Tool

log = logging.getLogger(__name__)

LONGEST_NAME = 64
_LONGEST_DESCRIPTION = 4000
_NOT_LEGAL = re.compile(r"[^a-zA-Z0-9_-]")
_UNSURE = "It may have been done all the same: do not try again, and say that you are not sure."


class McpTool:
    """A tool that runs in a server's process. `asked` is its name over there."""

    def __init__(self, session: McpSession, listed: Tool, name: str, manner: Manner) -> None:
        self._session = session
        self.asked = listed.name
        self.name = name
        """What the model calls it by."""
        self.description = (listed.description or listed.title or listed.name)[:_LONGEST_DESCRIPTION]
        """What the server says of it."""
        self.parameters: JSONSchema = parameters(listed)
        """The server's schema of its arguments."""
        self.manner = manner
        """See `Tool.manner`."""

    def __repr__(self) -> str:
        return f"<mcp tool {self.name}>"

    def definition(self) -> JSONSchema:
        """The tool as the Realtime API wants it."""
        return definition_of(self)

    async def run(self, arguments: str, call: Call) -> ToolResult:
        """Have the server do it. Raises nothing but CancelledError."""
        given = _object(arguments)
        if given is None:
            return ToolResult.failure(f"{self.name} was not run: its arguments are not a JSON object. Call it again.")
        try:
            result = await self._session.call(self.asked, given)
        except ServerGone as gone:
            log.warning("mcp tool failed", extra={"tool": self.name, "call_id": call.id, "reason": "gone"})
            harmless = self.manner.idempotent or not gone.sent
            return ToolResult.failure(f"{self.name} failed: {gone}. {ANOTHER_WAY if harmless else _UNSURE}")
        except ToolError as refused:
            log.info("mcp tool refused", extra={"tool": self.name, "call_id": call.id})
            return ToolResult.failure(f"{self.name} failed. Its server says: {refused}")
        text = as_text(result)
        if result.is_error:
            log.info("mcp tool refused", extra={"tool": self.name, "call_id": call.id})
            return ToolResult.failure(f"{self.name} failed. Its server says: {self._session.words(text)}")
        return ToolResult.of(self._session.masked(text) if text else None)


def as_text(result: CallToolResult) -> str:
    """What there is to read in a result; pictures and sounds are only named."""
    parts = [_named(part) for part in result.content]
    if not any(part.type == "text" and part.text.strip() for part in result.content):
        if result.structured_content is not None:
            return json.dumps(result.structured_content, ensure_ascii=False)
        parts = [part for part in parts if part]
    return "\n".join(parts)


def _named(part: ContentBlock) -> str:
    if part.type == "text":
        return part.text
    if part.type == "image":
        return "[an image]"
    if part.type == "audio":
        return "[a sound]"
    if part.type == "resource_link":
        return f"[a resource: {part.title or part.name}]"
    return "[a resource]"


def parameters(listed: Tool) -> JSONSchema:
    """The schema of a tool's arguments, as an object's: the Realtime API takes no other."""
    schema = cast("JSONSchema", dict(listed.input_schema))
    if schema.get("type") != "object":
        schema["type"] = "object"
    schema.setdefault("properties", {})
    return schema


def legal_name(asked: str, prefix: str, taken: set[str]) -> str:
    """A name the Realtime API takes, and no other tool of this server has; the same one every time."""
    name = _NOT_LEGAL.sub("_", prefix + asked) or "tool"
    if len(name) > LONGEST_NAME or name in taken:
        mark = "_" + hashlib.sha256(asked.encode("utf-8", "replace")).hexdigest()[:6]
        name = name[: LONGEST_NAME - len(mark)] + mark
    return name


def _object(text: str) -> dict[str, object] | None:
    try:
        found = json.loads(text.strip() or "{}")
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
