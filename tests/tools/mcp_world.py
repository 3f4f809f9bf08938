"""How the tests of MCP servers open one, wait for what it does, and serve one over HTTP in a loop of ours."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from mcp_server import shop
from noted_call import NotedCall

from bridge.cli.serve import listen
from bridge.quiet_server import QuietServer
from bridge.tools.base import ToolResult
from bridge.tools.mcp import McpServer, ServerOfModel
from bridge.tools.runner import Approve, ToolRunner
from bridge.web.server import server

HERE = Path(__file__).parent


def local(*args: str, script: str = "mcp_server.py", **options: Any) -> McpServer:
    return McpServer.local(sys.executable, [str(HERE / script), *args], **options)


def story(telling: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(telling, 40))


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(15):
        while not true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.02)


@asynccontextmanager
async def opened(source: McpServer | ServerOfModel) -> AsyncIterator[McpServer]:
    assert isinstance(source, McpServer)
    await source.open()
    try:
        yield source
    finally:
        await source.close()


async def ask(source: McpServer, name: str, approve: Approve | None = None, **arguments: Any) -> ToolResult:
    """As the model would call it."""
    return await ToolRunner(source.tools, NotedCall(), approve).run(name, json.dumps(arguments))


@asynccontextmanager
async def served(port: int = 0) -> AsyncIterator[tuple[str, list[dict[str, str]]]]:
    """A shop on loopback: its address, and the headers of each request so far."""
    asked: list[dict[str, str]] = []
    app = shop().streamable_http_app()

    async def noting(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            asked.append({name.decode(): value.decode() for name, value in scope["headers"]})
        await app(scope, receive, send)

    socket = listen("127.0.0.1", port, "PORT")
    one: QuietServer = server(noting, lifespan="on", lane=False)
    task = asyncio.create_task(one.serve([socket]))
    while not one.started:  # noqa: ASYNC110 - uvicorn has no event
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{socket.getsockname()[1]}/mcp", asked
    finally:
        one.end()
        await task
        logging.getLogger("mcp").setLevel(logging.NOTSET)
