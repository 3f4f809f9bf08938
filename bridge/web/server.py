"""uvicorn as both listeners run it: it leaves signals to us, takes the lane, and sleeps while nothing happens."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn

from bridge.web.lane import Lane

AsgiApp = Callable[..., Any]
MAX_MESSAGE = 65_536
"""Largest WebSocket message of a phone; Twilio's are under 1 kB. (Default 16 MiB: a bomb.)"""


class Server(uvicorn.Server):
    """A uvicorn server that is told when to end. Its own looks ten times a second whether it shall."""

    def __init__(self, config: uvicorn.Config, *, date_s: float) -> None:
        super().__init__(config)
        self._date_s = date_s
        self._told = asyncio.Event()

    def end(self) -> None:
        """Finish what is being answered and close. To be called in the loop's own thread."""
        self.should_exit = True
        self._told.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture nothing."""
        yield

    async def main_loop(self) -> None:
        """Until told; a tick renews the Date that answers carry."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._date_s):
                    await self._told.wait()


def server(app: AsgiApp, *, lifespan: str, lane: bool = True, date_s: float = 1.0) -> Server:
    """A server that never negotiates compression; `lane`: see `web/lane.py`.

    `date_s`: how old an answer's Date may be; in virtual time a tick a second is a quiet day's whole work.
    """
    settings = uvicorn.Config(
        app,
        lifespan="on" if lifespan == "on" else "off",
        ws=Lane if lane else "websockets-sansio",
        ws_max_size=MAX_MESSAGE,
        ws_per_message_deflate=False,  # a caller's deflate bomb is a phone bill's worth of memory
        ws_ping_interval=20.0,
        ws_ping_timeout=20.0,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nothing here believes X-Forwarded headers
        timeout_keep_alive=15,
        timeout_graceful_shutdown=2,
    )
    return Server(settings, date_s=date_s)
