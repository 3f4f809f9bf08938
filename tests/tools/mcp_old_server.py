"""A server of an older protocol, written out by hand: it shakes hands, and tells everybody that its list changes."""

from __future__ import annotations

import json
import sys
from typing import Any

TOOLS = [{"name": "learn", "description": "Learn a word.", "inputSchema": {"type": "object"}}]
MORE = {"name": "word", "inputSchema": {"type": "object"}, "annotations": {"idempotentHint": True}}


def say(**message: Any) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def answer(method: str, params: dict[str, Any]) -> dict[str, Any] | None:
    if method == "initialize":
        told = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {"listChanged": True}}}
        return told | {"serverInfo": {"name": "old", "version": "1"}}
    if method == "tools/list":
        first = not params.get("cursor")  # one page for each tool
        return {"tools": TOOLS[:1], "nextCursor": "2"} if first and len(TOOLS) > 1 else {"tools": TOOLS[-1:]}
    if method == "tools/call":
        TOOLS.append(MORE)
        say(method="notifications/tools/list_changed")
        return {"content": [{"type": "text", "text": "I know one more."}]}
    return None


for line in sys.stdin:
    message = json.loads(line)
    if "id" in message:
        result = answer(message["method"], message.get("params") or {})
        if result is None:
            say(id=message["id"], error={"code": -32601, "message": "Method not found"})
        else:
            say(id=message["id"], result=result)
