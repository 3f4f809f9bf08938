"""What an MCP server has: asked of it page by page, and asked again when it says that this has changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcp import Client
    from mcp.types import Tool

PAUSES_S = (0.25, 1.0, 3.0, 10.0, 30.0)
"""Between attempts at something that a server broke off; the last one for ever."""
_MOST_PAGES = 50


async def all_tools(client: Client) -> list[Tool]:
    """Every tool of the server."""
    if client.server_capabilities.tools is None:
        return []
    found: list[Tool] = []
    cursor: str | None = None
    for _ in range(_MOST_PAGES):
        page = await client.list_tools(cursor=cursor)
        found += page.tools
        cursor = page.next_cursor
        if not cursor:
            break
    return found


async def listen(client: Client, changed: Callable[[], None]) -> None:
    """Have newer servers tell us of changes, as long as the session lasts; older ones do so unasked, or never."""
    from mcp import MCPError
    from mcp.client.subscriptions import SubscriptionLost

    tools = client.server_capabilities.tools
    if tools is None or not tools.list_changed:
        return
    failures = 0
    while True:
        try:
            async with client.listen(tools_list_changed=True) as changes:
                failures = 0
                async for _ in changes:
                    changed()
        except (MCPError, SubscriptionLost, TimeoutError):
            pass  # it ends them now and then; what follows makes up for it
        except RuntimeError:
            return  # an older server, or the session is over
        await asyncio.sleep(PAUSES_S[min(failures, len(PAUSES_S) - 1)])
        failures += 1
        changed()  # whatever may have been missed
