"""What every request to the admin listener has to pass, in this order, before anything happens.

1. It was sent to a name that is ours. Any page of the web may point its own name at 127.0.0.1 (DNS rebinding) and
   would then be of the same origin as we; but the Host header tells.
2. It was not sent by another site's page. Reading is left to the browser's same-origin policy; whatever changes
   something, and every WebSocket (for which that policy does not hold), must come from our own page or from a program:
   the rules of Go's CrossOriginProtection. A Bearer token is sent by no browser on its own and is exempt.
3. It is from somebody we know (`access.py`), or for one of the few paths that are for anybody.

What a role may do is said beside each route, in `routes.py`.
"""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from bridge.config import Settings, is_loopback
from bridge.errors import StoreError
from bridge.web.access import Access, session_cookie
from bridge.web.problem import refusal, wants_page

FREE = ("/healthz", "/login")
"""For anybody; so are `/static/...` files, which hold nothing of ours to hide."""
READING = ("GET", "HEAD", "OPTIONS")


class Guard:
    """ASGI middleware of the admin listener."""

    def __init__(self, app: ASGIApp, access: Access, settings: Settings) -> None:
        self._app = app
        self._access = access
        own = urlsplit(settings.admin_url)
        self._names = {name for name in (settings.admin_host, own.hostname, socket.gethostname().lower()) if name}
        self._own_origin = own.netloc

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        no = await self._refusal(HTTPConnection(scope))
        if no is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})  # before it was accepted: the server says 403
        else:
            await no(scope, receive, send)

    async def _refusal(self, request: HTTPConnection) -> Response | None:
        scope, headers = request.scope, request.headers
        if scope["path"] == "/healthz":
            return None
        if not self._is_ours(headers.get("host", "")):
            detail = "without BRIDGE_ADMIN_TOKEN this answers only to loopback names"
            if not self._access.open:
                detail = "this is not a name of this admin listener; BRIDGE_ADMIN_URL names it"
            return refusal(request, 403, "Forbidden", detail)
        if not self._is_from_us(scope, headers):
            return refusal(request, 403, "Forbidden", "this came from another site's page")
        free = scope["path"] in FREE or scope["path"].startswith("/static/")
        try:
            who = await self._access.who(headers)
        except StoreError as error:
            if not free:
                detail = f"{error}. A token from the database opens nothing without it; BRIDGE_ADMIN_TOKEN still does"
                return refusal(request, 503, "The database is not there", detail)
            who = None
        scope.setdefault("state", {})["who"] = who
        return self._unknown(request) if who is None and not free else None

    def _is_ours(self, host: str) -> bool:
        try:
            name = (urlsplit(f"//{host}").hostname or "").lower()
        except ValueError:  # brackets that hold no IPv6 address
            return False
        if is_loopback(name):
            return True
        # An address cannot be pointed anywhere else, so nobody's page is of the same origin as it.
        return not self._access.open and (name in self._names or _is_address(name))

    def _is_from_us(self, scope: Scope, headers: Headers) -> bool:
        if scope["type"] == "http" and scope["method"] in READING:
            return True
        if headers.get("authorization", "").lower().startswith("bearer "):
            return True
        site = headers.get("sec-fetch-site")
        if site is not None:
            return site in ("same-origin", "none")
        origin = headers.get("origin")
        if origin is None:  # every browser of these years sends one of the two; a program has no cookie of ours
            return not session_cookie(headers)
        return urlsplit(origin).netloc in {headers.get("host", ""), self._own_origin or headers.get("host", "")}

    def _unknown(self, request: HTTPConnection) -> Response:
        if wants_page(request):
            if "hx-request" in request.headers:  # a part of a page: the whole page has to go there
                return Response(status_code=401, headers={"hx-redirect": "/login"})
            path = request.url.path
            return RedirectResponse("/login" if path == "/" else f"/login?next={path}", 303)
        no = refusal(
            request,
            401,
            "Unauthorized",
            "send a token as a Bearer token: BRIDGE_ADMIN_TOKEN, or one that was made for you",
        )
        no.headers["www-authenticate"] = "Bearer"
        return no


def _is_address(name: str) -> bool:
    return ":" in name or name.replace(".", "").isdigit()
