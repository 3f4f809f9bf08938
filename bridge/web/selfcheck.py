"""What our own checks ask of the public listener, to see whether the way to it is sound.

    GET  /healthz?nonce=        is it us who answers here? (`store/identity.py`)
    POST /twilio/check/{nonce}  does a signature that the carrier makes fit what arrives here?
    WS   /twilio/check/{nonce}  does an upgrade arrive, and go through?

Nothing is spent on anybody, and nothing is told: a stranger learns that a bridge lives here, which `/healthz` says to
everybody. Only a question that carries this installation's own proof is told why a signature did not fit.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from bridge.errors import RefusedRequest, StoreError
from bridge.store.identity import Identity, is_nonce
from bridge.web import intake
from bridge.web.checks.question import ASK
from bridge.web.services import Services
from bridge.web.webhooks import Webhooks

log = logging.getLogger(__name__)

SEEN = ("host", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-prefix", "content-type")
"""Headers that tell what a proxy made of a request."""


class SelfCheck:
    """The handlers."""

    def __init__(self, services: Services, hooks: Webhooks) -> None:
        self._s = services
        self._identity = Identity(services.settings.data)
        self._for_strangers = hooks.signed(self._signed)

    async def health(self, request: Request) -> Response:
        """The process is alive; `?nonce=`: and it is this one."""
        nonce = request.query_params.get("nonce", "")
        if not is_nonce(nonce):
            return JSONResponse({"status": "ok"})
        try:
            proof = await asyncio.to_thread(self._identity.answer, nonce)
        except StoreError as error:
            log.warning("cannot say who we are", extra={"error": str(error)})
            return JSONResponse({"status": "ok"})
        return JSONResponse({"status": "ok", "answer": proof})

    async def signature(self, request: Request) -> Response:
        """A signed request: 200. Else 403, which says what was computed here if the question is ours."""
        answer = await self._for_strangers(request)
        if answer.status_code != 403 or not await self._is_ours(request):
            return answer
        raw = intake.bare(request)
        seen = {name: raw.headers.get(name, "") for name in SEEN}
        computed = self._s.carrier.webhook.signed_url(raw)
        return JSONResponse({"computed": computed, "seen": {name: value for name, value in seen.items() if value}}, 403)

    async def _signed(self, request: Request, _: Mapping[str, str]) -> Response:
        nonce = request.path_params["nonce"]
        if not is_nonce(nonce):
            return Response(status_code=404)
        return JSONResponse({"answer": await asyncio.to_thread(self._identity.answer, nonce)})

    async def _is_ours(self, request: Request) -> bool:
        given = request.headers.get(ASK, "")
        return bool(given) and await asyncio.to_thread(self._identity.asked_by_us, request.path_params["nonce"], given)

    async def socket(self, socket: WebSocket) -> None:
        """A signed upgrade of ours: one message, and the end."""
        nonce = socket.path_params["nonce"]
        try:
            self._s.carrier.webhook.verify(intake.bare(socket))
            proof = await asyncio.to_thread(self._identity.answer, nonce) if is_nonce(nonce) else ""
        except (RefusedRequest, StoreError):
            proof = ""
        if not proof:
            await socket.close()  # before accept: HTTP 403
            return
        with suppress(RuntimeError, WebSocketDisconnect):  # they left
            await socket.accept()
            await socket.send_text(proof)
            await socket.close(1000)
