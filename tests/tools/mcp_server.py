"""A server of tools for the tests, over stdio or, with a port, streamable HTTP on loopback.

It prints what it may not: its key on stderr, nonsense on stdout, and it does not leave when it is told to.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from typing import Annotated, Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.utilities.types import Image
from mcp.types import ToolAnnotations
from pydantic import Field

server = MCPServer("shop", version="1")


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def stock(item: Annotated[str, Field(description="The name of the item.")]) -> str:
    """How many of an item there are."""
    return f"There are 7 {item}."


@server.tool(name="orders.cancel")
def cancel(number: int) -> str:
    """Cancel an order."""
    return f"Order {number} is cancelled."


@server.tool(structured_output=True)
def opening() -> dict[str, Any]:
    """When we are open."""
    return {"from": 9, "to": 18}


@server.tool(structured_output=False)
def picture() -> list[Any]:
    """What it looks like."""
    return ["A red chair.", Image(data=b"\x89PNG", format="png")]


@server.tool()
def fail(words: str) -> str:
    """Fail in these words."""
    raise ToolError(words)


@server.tool()
def crash() -> str:
    """End in the middle of it."""
    os._exit(3)


@server.tool()
async def slow() -> str:
    """Take too long."""
    await asyncio.sleep(60)
    return "done"


@server.tool(structured_output=False)
def much() -> str:
    """Say 10 MB."""
    return "x" * 10_000_000


@server.tool()
def secret() -> str:
    """Say what nobody may know."""
    key = os.environ.get("SHOP_KEY", "none")
    sys.stderr.write(f"the key is {key}\n")
    return f"the key is {key}"


@server.tool()
def environment() -> str:
    """Which variables there are."""
    return " ".join(sorted(os.environ))


@server.tool()
async def grow(ctx: Context) -> str:
    """Have one tool more."""

    def rain() -> str:
        """Whether it rains."""
        return "It rains."

    with contextlib.suppress(ValueError):
        server.add_tool(rain)
    await ctx.notify_tools_changed()
    with contextlib.suppress(Exception):  # older clients are told in another way
        await ctx.session.send_tool_list_changed()
    return "grown"


def main() -> None:
    logging.getLogger().setLevel(logging.WARNING)
    if "--deaf" in sys.argv:  # to the end of its stdin, and to SIGTERM
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        with contextlib.suppress(BaseException):
            server.run()
        signal.pause()
    elif "--noise" in sys.argv:
        os.write(1, b"Welcome!\n")
        server.run()
    elif "--mute" in sys.argv:
        signal.pause()
    elif len(sys.argv) > 1:
        server.run("streamable-http", port=int(sys.argv[1]))
    else:
        server.run()


if __name__ == "__main__":
    main()
