"""The phone's WebSocket: who may open it, and the loop that reads it.

Three things must hold before a call is touched: the carrier's signature on the upgrade, a fresh token in the path, and
a `start` message that names the call the token was made for. Without the first two there is no 101.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections import Counter
from contextlib import suppress

from starlette.websockets import WebSocket, WebSocketDisconnect

from bridge.errors import RefusedRequest
from bridge.live.phone import PhoneLink
from bridge.live.session import CallSession
from bridge.web import intake, leg
from bridge.web.services import Services

log = logging.getLogger(__name__)


class Media:
    """The media door."""

    def __init__(self, services: Services) -> None:
        self._s = services
        self._waiting: Counter[str] = Counter()
        self._refusals = 0

    async def serve(self, socket: WebSocket) -> None:
        """One media socket, from its upgrade to its end."""
        address = socket.client.host if socket.client else ""
        try:
            session = self._admit(socket, address)
        except RefusedRequest as error:
            self._refusals += 1
            if self._refusals <= 5 or self._refusals % 100 == 0:
                log.warning("media socket refused", extra={"error": str(error), "refusals": self._refusals})
            await socket.close()  # before accept: HTTP 403
            return
        self._waiting[address] += 1
        link = PhoneLink(self._s.carrier.new_wire())
        try:
            await socket.accept()
            started = await self._started(socket, link)
        finally:
            self._waiting[address] -= 1
            if not self._waiting[address]:
                del self._waiting[address]
        if started and self._belongs(link, session) and session.attach_phone(link):
            await self._talk(socket, link, session)
        else:
            log.warning("media socket closed before its call", extra={"call_id": session.info.call_id})
            with suppress(RuntimeError, WebSocketDisconnect):
                await socket.close(1008)

    def _admit(self, socket: WebSocket, address: str) -> CallSession:
        self._s.carrier.webhook.verify(intake.bare(socket))
        if self._waiting[address] >= self._s.settings.limit_upgrades:
            raise RefusedRequest("too many media sockets of this address wait for their start")
        now = asyncio.get_running_loop().time()
        call_id = self._s.switchboard.tickets.redeem_media(socket.path_params["token"], now)
        session = self._s.switchboard.get(call_id)
        if session is None or session.end is not None:
            raise RefusedRequest("the call of this token is over")
        return session

    async def _started(self, socket: WebSocket, link: PhoneLink) -> bool:
        """Read until the leg says who it is; False when it does not within 5 s."""
        with suppress(TimeoutError, WebSocketDisconnect):
            async with asyncio.timeout(leg.START_S):
                while link.start is None and not link.closing:
                    link.receive([await leg.receive(socket)])
        return link.start is not None

    def _belongs(self, link: PhoneLink, session: CallSession) -> bool:
        start = link.start
        if start is None or not hmac.compare_digest(start.carrier_call_id, session.info.carrier_call_id):
            return False
        account = self._s.carrier.account_id
        return not account or hmac.compare_digest(start.account_id, account)

    async def _talk(self, socket: WebSocket, link: PhoneLink, session: CallSession) -> None:
        writer = asyncio.create_task(self._write(socket, link))
        detail = "the carrier closed the socket"
        try:
            code = await leg.listen(socket, link, session, link.receive)
            detail = f"{detail} ({code})"
        finally:
            session.detach_phone(link, detail)
            link.short_way = None
            link.close()
            await leg.stop(writer)

    @staticmethod
    async def _write(socket: WebSocket, link: PhoneLink) -> None:
        """The outbox into the socket; a link that was closed by us closes the socket, which ends the reading too."""
        with suppress(RuntimeError, WebSocketDisconnect):  # the socket is gone; the reader says so
            await leg.write(socket, link)
            await socket.close(1000)
