"""A small HTTP server on loopback for the simulator's own doors, as a task of the running loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.routing import BaseRoute

from bridge.errors import ConfigError
from bridge.quiet_server import QuietServer

_POLL_S = 0.01


class Server:
    """Routes at a host and port; port 0 takes a free one."""

    def __init__(self, routes: Sequence[BaseRoute], host: str, port: int, *, websockets: bool = False) -> None:
        self._websockets = websockets
        self._app = Starlette(routes=list(routes))
        self._host = host
        self._port = port
        self._server: QuietServer | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{self._host}:{self._port}"

    async def start(self) -> None:
        """Listen. Raises ConfigError when the address is taken."""
        # The protocol is named, because asyncio switches Nagle's algorithm off (TCP_NODELAY) only where it is; with it
        # on, the second of two small messages waits up to 40 ms for an acknowledgement.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self._host, self._port))
        except OSError as error:
            listener.close()
            raise ConfigError(f"cannot listen on {self._host}:{self._port}: {error.strerror}") from error
        self._port = listener.getsockname()[1]
        self._server = QuietServer(
            self._app,
            lifespan="off",
            log_level="warning",
            timeout_graceful_shutdown=1,
            ws="websockets-sansio" if self._websockets else "none",
        )
        self._task = asyncio.create_task(self._serve(self._server, listener), name=f"server at {self.url}")
        while not self._server.started and not self._task.done():  # noqa: ASYNC110  # uvicorn has no event for it
            await asyncio.sleep(_POLL_S)

    async def stop(self) -> None:
        """Finish what is being answered and close."""
        if self._server is not None and self._task is not None:
            self._server.end()
            await self._task

    async def _serve(self, server: QuietServer, listener: socket.socket) -> None:
        with listener:
            await server.serve(sockets=[listener])
