"""Who may use the admin listener.

With BRIDGE_ADMIN_TOKEN: whoever sends it as a Bearer token. Without: this machine only, and only under a loopback name,
so that no page on the web can reach it by pointing its own name at 127.0.0.1.
"""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from bridge.config import is_loopback


def problem(status: int, title: str, detail: str = "", *, why: str = "") -> JSONResponse:
    """An error as problem+json (RFC 9457); `why` is one word for programs, where there is one."""
    body = {"type": "about:blank", "title": title, "status": status} | ({"detail": detail} if detail else {})
    body |= {"why": why} if why else {}
    return JSONResponse(body, status, media_type="application/problem+json")


def same_site(headers: Headers) -> bool:
    """Was this asked by a program, or by a page of ours? Any page of the web may send requests to 127.0.0.1."""
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host", "")


class AdminGuard:
    """ASGI middleware of the admin listener. `/healthz` is for anybody."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "lifespan" and scope["path"] != "/healthz":
            refusal = self._refusal(Headers(scope=scope))
            if refusal is not None:
                if scope["type"] == "websocket":
                    await send({"type": "websocket.close", "code": 1008})
                else:
                    await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _refusal(self, headers: Headers) -> JSONResponse | None:
        if self._token:
            kind, _, given = headers.get("authorization", "").partition(" ")
            if kind.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), self._token):
                return None
            refusal = problem(401, "Unauthorized", "send BRIDGE_ADMIN_TOKEN as a Bearer token")
            refusal.headers["www-authenticate"] = "Bearer"
            return refusal
        host = urlsplit("//" + headers.get("host", "")).hostname or ""
        if not is_loopback(host):
            return problem(403, "Forbidden", "without BRIDGE_ADMIN_TOKEN this answers only to loopback names")
        return None
