"""uvicorn that sleeps while nothing happens: it is told when to end, and each answer says itself what time it is.

Its own loop looks ten times a second whether it shall end, and renews the Date of all answers. That was most of what an
idle process did, and in virtual time most of what a quiet day costs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class QuietServer(uvicorn.Server):
    """Serves `app`; signals are left to whoever runs the process. `more`: see `uvicorn.Config`."""

    def __init__(self, app: ASGIApp, **more: Any) -> None:
        super().__init__(uvicorn.Config(_dated(app), date_header=False, log_config=None, access_log=False, **more))
        self._told = asyncio.Event()

    def end(self) -> None:
        """Finish what is being answered and close. To be called in the loop's own thread."""
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


def _dated(app: ASGIApp) -> ASGIApp:
    """Tell the time with every answer, as servers do: by the wall clock, which callers compare with theirs."""

    async def dated(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"date", formatdate(usegmt=True).encode())]
            await send(message)

        await app(scope, receive, send_dated if scope["type"] == "http" else send)

    return dated
