"""uvicorn as both listeners run it."""

from __future__ import annotations

from starlette.types import ASGIApp

from bridge.quiet_server import QuietServer
from bridge.web.lane import Lane

MAX_MESSAGE = 65_536
"""Largest WebSocket message of a phone; Twilio's are under 1 kB. (Default 16 MiB: a bomb.)"""


def server(app: ASGIApp, *, lifespan: str, lane: bool = True) -> QuietServer:
    """A server that never negotiates compression; `lane`: see `web/lane.py`."""
    return QuietServer(
        app,
        lifespan="on" if lifespan == "on" else "off",
        ws=Lane if lane else "websockets-sansio",
        ws_max_size=MAX_MESSAGE,
        ws_per_message_deflate=False,  # a caller's deflate bomb is a phone bill's worth of memory
        ws_ping_interval=20.0,
        ws_ping_timeout=20.0,
        server_header=False,
        proxy_headers=False,  # nothing here believes X-Forwarded headers
        timeout_keep_alive=15,
        timeout_graceful_shutdown=2,
    )
