"""HTTP requests at the door of a WebSocket server: one port for both, as real servers have it.

websockets' server reads upgrade requests, and GETs that ask for something else; it refuses a request with a body. So
the first byte of a connection decides: a GET is for websockets, anything else for a small ASGI app.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, ClassVar

import uvicorn
from starlette.applications import Starlette
from starlette.routing import BaseRoute
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState
from websockets.asyncio.server import ServerConnection

KEEP_ALIVE_S = 60
"""Longer than any client keeps an idle connection."""
SILENT_S = 10.0
"""A client that sends nothing at all for so long is closed."""


class HttpSide:
    """The app, and the connections that turned out to be for it."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        app = Starlette(routes=list(routes))
        app.router.redirect_slashes = False
        self._config = uvicorn.Config(
            app, lifespan="off", log_config=None, access_log=False, ws="none", timeout_keep_alive=KEEP_ALIVE_S
        )
        self._state = ServerState()
        self.undecided: set[asyncio.BaseTransport] = set()

    def door(self) -> type[ServerConnection]:
        """The class of connections for websockets' `serve(create_connection=...)`."""
        return type("OurDoor", (Door,), {"side": self})

    def take(self, transport: asyncio.BaseTransport, data: bytes) -> None:
        """This connection is for the app."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - narrows the type
        protocol = H11Protocol(self._config, self._state, {})
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        protocol.data_received(data)

    def close(self) -> None:
        """Drop all connections; what is being answered is given up."""
        for connection in list(self._state.connections):
            if isinstance(connection, H11Protocol):
                connection.transport.abort()
        for transport in list(self.undecided):
            transport.close()
        for task in list(self._state.tasks):
            task.cancel()

    async def closed(self) -> None:
        """Wait for what was given up."""
        await asyncio.gather(*self._state.tasks, return_exceptions=True)


class Door(ServerConnection):
    """A connection, undecided until its first byte."""

    side: ClassVar[HttpSide]

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._undecided: asyncio.BaseTransport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody connected; wait for what they want."""
        self._undecided = transport
        self.side.undecided.add(transport)
        self._timer = asyncio.get_running_loop().call_later(SILENT_S, transport.close)

    def data_received(self, data: bytes) -> None:
        """The first byte decides."""
        transport = self._decided()
        if transport is not None:
            if not data.startswith(b"G"):
                self.side.take(transport, data)
                return
            super().connection_made(transport)
        super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """They left, perhaps without a word."""
        if self._decided() is None:
            super().connection_lost(exc)

    def eof_received(self) -> None:
        """They have said all."""
        if self._undecided is None:
            super().eof_received()

    def _decided(self) -> asyncio.BaseTransport | None:
        """The transport, the first time this is asked."""
        transport, self._undecided = self._undecided, None
        if transport is not None:
            self.side.undecided.discard(transport)
        if self._timer is not None:
            self._timer.cancel()
        return transport
