"""The socket by which another process brings tools to a live call: `/api/v1/calls/{id}/tools` on the admin listener."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from bridge.live.client_tools import Client
from bridge.live.session import CallSession
from bridge.web.services import Services

MOST_WAITING = 256
"""Messages a client may be behind; beyond, the oldest are lost."""
NOT_FOUND = 4404


class ClientTools:
    """The handler."""

    def __init__(self, services: Services) -> None:
        self._s = services

    async def serve(self, socket: WebSocket) -> None:
        """One client, until it or its call goes."""
        session = self._s.switchboard.get(socket.path_params["call_id"])
        await socket.accept()
        if session is None or session.crew is None:
            await socket.close(NOT_FOUND, "there is no such call, or it is over")
            return
        outbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue(MOST_WAITING)
        client = Client(session.crew.bring, lambda message: _put(outbox, message))
        tasks = [
            asyncio.create_task(self._read(socket, client)),
            asyncio.create_task(self._write(socket, outbox)),
            asyncio.create_task(_ended(session, outbox)),
        ]
        try:
            await asyncio.wait(tasks[:2], return_when=asyncio.FIRST_COMPLETED)
        finally:
            client.leave()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            with suppress(RuntimeError, WebSocketDisconnect):
                await socket.close(1000)

    @staticmethod
    async def _read(socket: WebSocket, client: Client) -> None:
        with suppress(WebSocketDisconnect, KeyError):  # KeyError: Starlette's way to say that it was binary
            while True:
                client.receive(await socket.receive_text())

    @staticmethod
    async def _write(socket: WebSocket, outbox: asyncio.Queue[dict[str, Any]]) -> None:
        with suppress(WebSocketDisconnect, RuntimeError):
            while True:
                message = await outbox.get()
                await socket.send_json(message)
                if message["type"] == "call.ended":
                    return


async def _ended(session: CallSession, outbox: asyncio.Queue[dict[str, Any]]) -> None:
    await asyncio.shield(session.over)
    _put(outbox, {"type": "call.ended"})


def _put(outbox: asyncio.Queue[dict[str, Any]], message: dict[str, Any]) -> None:
    if outbox.full():
        outbox.get_nowait()  # nobody reads: the newest is what counts
    outbox.put_nowait(message)
