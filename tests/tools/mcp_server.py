"""A server of tools for the tests: over stdio, or in a loop of ours over streamable HTTP.

It does what servers should not: it tells its key, prints nonsense, crashes, and does not leave when it is told to.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from typing import Annotated, Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.utilities.types import Image
from mcp.types import ToolAnnotations
from pydantic import Field


def shop() -> MCPServer:
    """A server with all the tools of the tests."""
    server = MCPServer("shop", version="1", log_level="ERROR")
    good(server)
    bad(server)
    return server


def good(server: MCPServer) -> None:
    @server.tool(annotations=ToolAnnotations(read_only_hint=True))
    def stock(item: Annotated[str, Field(description="The name of the item.")]) -> str:
        """How many of an item there are."""
        return f"There are 7 {item}."

    @server.tool(name="orders.cancel")
    def cancel(number: int) -> str:
        """Cancel an order."""
        return f"Order {number} is cancelled."

    @server.tool(name="a" * 80, structured_output=False)
    def long_name() -> None:
        """Have a long name."""

    @server.tool(structured_output=True)
    def opening() -> dict[str, Any]:
        """When we are open."""
        return {"from": 9, "to": 18}

    @server.tool(structured_output=False)
    def picture() -> list[Any]:
        """What it looks like."""
        return ["A red chair.", Image(data=b"\x89PNG", format="png")]

    @server.tool()
    async def grow(ctx: Context) -> str:
        """Have one tool more."""

        def rain() -> str:
            """Whether it rains."""
            return "It rains."

        server.add_tool(rain)
        await ctx.notify_tools_changed()
        return "grown"


def bad(server: MCPServer) -> None:
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
    def around() -> str:
        """Which process this is, and which variables there are."""
        return f"{os.getpid()} {' '.join(sorted(os.environ))}"


def main() -> None:
    if "--deaf" in sys.argv:  # to the end of its stdin, and to SIGTERM
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        with contextlib.suppress(BaseException):
            shop().run()
        while True:
            signal.pause()
    elif "--mute" in sys.argv:
        signal.pause()
    else:
        os.write(1, b"Welcome to the shop!\n")  # this is no message
        shop().run()


if __name__ == "__main__":
    main()
