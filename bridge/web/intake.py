"""A carrier's request, read exactly as it came and no further than it may be long."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from bridge.carriers.base import RawRequest

MAX_BODY = 65_536
"""Twilio's largest webhook is some kB."""


BODY_S = 10.0
"""Twilio sends its fields at once."""


class TooLarge(Exception):
    """The body is longer than MAX_BODY; reading stopped."""


async def read(request: Request) -> RawRequest:
    """The request with its whole body. Raises TooLarge as soon as it is clear."""
    announced = request.headers.get("content-length", "0")
    if not announced.isdigit() or int(announced) > MAX_BODY:
        raise TooLarge
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY:
            raise TooLarge
    return bare(request, bytes(body))


def bare(connection: HTTPConnection, body: bytes = b"") -> RawRequest:
    """The request line and headers, for a signature."""
    scope = connection.scope
    path = scope.get("raw_path") or scope["path"].encode()
    return RawRequest(
        path=path.decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers={k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]},
        body=body,
        websocket=scope["type"] == "websocket",
    )


class StripPrefix:
    """PUBLIC_URL may have a path prefix. A proxy takes it off or leaves it on; the routes never see it."""

    def __init__(self, app: ASGIApp, public_url: str) -> None:
        self._app = app
        self._prefix = urlsplit(public_url).path.rstrip("/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        prefix = self._prefix
        if prefix and scope["type"] in ("http", "websocket") and scope["path"].startswith(prefix + "/"):
            raw = scope.get("raw_path")
            scope = dict(scope, path=scope["path"][len(prefix) :])
            if raw and raw.startswith(prefix.encode() + b"/"):
                scope["raw_path"] = raw[len(prefix) :]
        await self._app(scope, receive, send)
