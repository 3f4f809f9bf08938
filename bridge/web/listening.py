"""Listening in: both sides of a running call on `/api/v1/calls/{id}/audio`, for people with a browser.

    <- {"type": "listening", "rate": 8000, "block_ms": 100, "behind_ms": 600}
    <- binary: 4 bytes (big-endian) of ms since the call began, 800 of the caller (mu-law), 800 of the agent
    <- {"type": "over", "dropped": 0}

Nothing is read but the end. Each listener is written down in the audit, when they come and when they go.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.websockets import WebSocket, WebSocketDisconnect

from bridge.live.audience import BEHIND_MS, BLOCK_MS, Listener
from bridge.web.access import Access
from bridge.web.client_tools import NOT_FOUND
from bridge.web.services import Services
from bridge.web.updates import LOOK_S


class ListenIn:
    """The handler."""

    def __init__(self, services: Services, access: Access) -> None:
        self._s = services
        self._access = access

    async def serve(self, socket: WebSocket) -> None:
        """One listener, until they or the call go."""
        call_id = socket.path_params["call_id"]
        session = self._s.switchboard.get(call_id)
        await socket.accept()
        if session is None or session.end is not None:
            await socket.close(NOT_FOUND, "there is no such call, or it is over")
            return
        await self._s.audit(socket, "call.listen", call_id)
        loop = asyncio.get_running_loop()
        began = loop.time()
        with self._s.audience.listens(session) as listener:
            writing = asyncio.create_task(_write(socket, listener))
            tasks = (writing, asyncio.create_task(_read(socket)), asyncio.create_task(self._while_known(socket)))
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        with suppress(RuntimeError, WebSocketDisconnect):
            await socket.close(1000)
        await self._s.audit(socket, "call.listened", call_id, after={"seconds": round(loop.time() - began, 1)})

    async def _while_known(self, socket: WebSocket) -> None:
        """Until whoever listens is logged out, or their token is revoked."""
        while True:
            await asyncio.sleep(LOOK_S)
            if await self._access.who(socket.headers) != socket.state.who:
                return


async def _write(socket: WebSocket, listener: Listener) -> None:
    with suppress(WebSocketDisconnect, RuntimeError):
        await socket.send_json({"type": "listening", "rate": 8000, "block_ms": BLOCK_MS, "behind_ms": BEHIND_MS})
        while (block := await listener.block()) is not None:
            await socket.send_bytes(block.at_ms.to_bytes(4, "big") + block.caller + block.agent)
        await socket.send_json({"type": "over", "dropped": listener.dropped})


async def _read(socket: WebSocket) -> None:
    """Wait for the end; whatever they say means nothing."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
