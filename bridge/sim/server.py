"""A small HTTP server on loopback for the simulator's own doors, as a task of the running loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from email.utils import formatdate

import uvicorn
from starlette.applications import Starlette
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bridge.errors import ConfigError

_POLL_S = 0.01


class _QuietServer(uvicorn.Server):
    """uvicorn that leaves the process's signals to whoever runs the simulator, and looks at no clock to know its end.

    Its own loop looks ten times a second, which in virtual time is most of what a quiet day costs.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._told = asyncio.Event()

    def end(self) -> None:
        """Finish what is being answered and close."""
        self.should_exit = True
        self._told.set()

    async def main_loop(self) -> None:
        """Until told."""
        await self.on_tick(0)
        await self._told.wait()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture nothing."""
        yield


class Server:
    """Routes at a host and port; port 0 takes a free one."""

    def __init__(self, routes: Sequence[BaseRoute], host: str, port: int, *, websockets: bool = False) -> None:
        self._websockets = websockets
        self._app = Starlette(routes=list(routes))
        self._host = host
        self._port = port
        self._server: _QuietServer | None = None
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
        config = uvicorn.Config(
            _dated(self._app),
            lifespan="off",
            date_header=False,
            log_config=None,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=1,
            ws="websockets-sansio" if self._websockets else "none",
        )
        self._server = _QuietServer(config)
        self._task = asyncio.create_task(self._serve(self._server, listener), name=f"server at {self.url}")
        while not self._server.started and not self._task.done():  # noqa: ASYNC110  # uvicorn has no event for it
            await asyncio.sleep(_POLL_S)

    async def stop(self) -> None:
        """Finish what is being answered and close."""
        if self._server is not None and self._task is not None:
            self._server.end()
            await self._task

    async def _serve(self, server: uvicorn.Server, listener: socket.socket) -> None:
        with listener:
            await server.serve(sockets=[listener])


def _dated(app: ASGIApp) -> ASGIApp:
    """Tell the time with every answer, as servers do: by the wall clock, which callers compare with theirs.

    (uvicorn's own header is renewed by the loop that looks at the clock, which is not run here.)
    """

    async def dated(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"date", formatdate(usegmt=True).encode())]
            await send(message)

        await app(scope, receive, send_dated if scope["type"] == "http" else send)

    return dated
