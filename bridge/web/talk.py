"""`/api/v1/talk`: a browser calls the agent.

It speaks as a carrier's media socket does (connected, start, media, mark, dtmf, stop; media, mark and clear come
back), so the call takes a phone's own path: wire, link, rules, records, recording. More than a phone it can do two
things: it writes, `{"event":"text","text":"..."}`, and it is told what happens, `{"event":"fact","fact":{...}}`, in
one line with the sound, so that what it shows and what it plays are of one order.

The first answer is `{"event":"call","call":{...}}`, or `{"event":"refused","why":"...","sentence":"..."}` and the end.
`why`: start, full, draining, choice (no such agent, model or sound), engine (it does not start).
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from bridge.call import events as ev
from bridge.call.facts import Fact
from bridge.carriers.base import LegStart
from bridge.errors import BridgeError, ModelUnreachable, WireError
from bridge.live.info import CallInfo
from bridge.live.phone import PhoneLink
from bridge.live.session import CallSession
from bridge.live.visit import Visit
from bridge.live.wideband import WideWire
from bridge.store.folder import new_call_id
from bridge.web import leg
from bridge.web.feed import told
from bridge.web.services import Services
from bridge.web.visits import PHONE, WIDE, ModelChoice, Visits

log = logging.getLogger(__name__)

BROWSER = "browser"
"""Who calls, instead of a number."""
_TYPED = '{"event":"text",'
LONGEST_TEXT = 4000
"""Characters of a line that is typed; what is beyond is left out."""
LEFT = frozenset({1000, 1001})
"""How a browser closes a socket on purpose: done, or the page was closed. All else is an accident."""


class _Text(msgspec.Struct):
    text: str


_read_text = msgspec.json.Decoder(_Text).decode


class Talk:
    """The door."""

    def __init__(self, services: Services) -> None:
        self._s = services
        self.visits = Visits(services)

    async def choices(self, _: Request) -> Response:
        """`GET /api/v1/talk`: agents, models and sounds to choose from."""
        return JSONResponse(self.visits.choices())

    async def serve(self, socket: WebSocket) -> None:
        """One call, from the socket's upgrade to its end. (Who may open it, `routes.py` and the guard say.)"""
        await socket.accept()
        with suppress(RuntimeError, WebSocketDisconnect):  # gone before there was a call
            await self._serve(socket)

    async def _serve(self, socket: WebSocket) -> None:
        text, start = await self._start(socket)
        if start is None:
            await _refuse(socket, "start", "no start message came within 5 s")
            return
        full = self._full()
        if full is not None:
            await _refuse(socket, *full)
            return
        try:
            visit, model = await self.visits.visit(start.parameters)
        except BridgeError as error:
            await _refuse(socket, "engine" if isinstance(error, ModelUnreachable) else "choice", str(error))
            return
        full = self._full()  # an engine takes its time to start
        if full is not None:
            await _refuse(socket, *full)
            return
        call = BrowserCall(self._s, socket, text, visit)
        wish = {"agent": visit.agent.name, "model": model.name, "sound": WIDE if visit.wide else PHONE}
        noted = asyncio.ensure_future(self._s.audit(socket, "call.talk", call.info.call_id, after=wish))
        try:
            await call.run(model)
        finally:
            await noted

    async def _start(self, socket: WebSocket) -> tuple[str | bytes, LegStart | None]:
        """The start message, and what it says; None when none comes in time."""
        wire, message = self._s.carrier.new_wire(), ""
        with suppress(TimeoutError, WebSocketDisconnect):
            async with asyncio.timeout(leg.START_S):
                while wire.start is None:
                    message = await leg.receive(socket)  # type: ignore[assignment]
                    with suppress(WireError):
                        wire.read(message)
        return message, wire.start

    def _full(self) -> tuple[str, str] | None:
        board = self._s.switchboard
        if board.draining:
            return "draining", "callbridge is being stopped and takes no more calls"
        if board.full:
            return "full", f"all {self._s.settings.limit_calls} calls that may go on at once are going on"
        return None


async def _refuse(socket: WebSocket, why: str, sentence: str) -> None:
    log.info("a call from a browser was refused", extra={"why": why, "error": sentence})
    await socket.send_text(msgspec.json.encode({"event": "refused", "why": why, "sentence": sentence}).decode())
    await socket.close(1013 if why in ("full", "draining", "engine") else 1008)


class BrowserCall:
    """One call of a browser's."""

    def __init__(self, services: Services, socket: WebSocket, start: str | bytes, visit: Visit) -> None:
        self._s = services
        self._socket = socket
        self._start = start
        self._visit = visit
        now = time.time()
        self.info = CallInfo(
            call_id=new_call_id(now),
            carrier_call_id=f"{BROWSER}-{secrets.token_hex(12)}",
            direction="inbound",
            from_number=BROWSER,
            to_number=visit.agent.name,
            agent=visit.agent.name,
            began_at=now,
            visit=visit,
        )
        self._link = self._new_link()

    def _new_link(self) -> PhoneLink:
        wire = self._s.carrier.new_wire()
        link = PhoneLink(wire if self._visit.wide is None else WideWire(wire, self._visit.wide))
        link.receive([self._start])
        return link

    async def run(self, model: ModelChoice) -> None:
        """Begin it, and stay until it is over."""
        session = self._s.switchboard.begin(self.info)
        session.after_asked = True  # there is no carrier that would ask what comes next
        session.subscribers.append(self._tell)
        self._say("call", self._described(model))
        session.attach_phone(self._link)
        writer = asyncio.create_task(self._write(session))
        code = 1006
        try:
            code = await leg.listen(self._socket, self._link, session, lambda come: self._take(session, come))
        finally:
            session.handle(ev.CarrierReported("completed" if code in LEFT else "failed"))
            self._link.short_way = None
            self._link.close()
            await leg.stop(writer)

    def _described(self, model: ModelChoice) -> dict[str, Any]:
        found = {"id": self.info.call_id, "agent": self.info.agent, "model": model.name, "local": model.local}
        return found | {"sound": PHONE if self._visit.wide is None else WIDE}

    # ---- to the browser

    def _tell(self, fact: Fact) -> None:
        self._link.tell(b'{"event":"fact","fact":%b}' % told(self.info.call_id, fact))

    def _say(self, event: str, content: dict[str, Any]) -> None:
        self._link.tell(msgspec.json.encode({"event": event, event: content}))

    async def _write(self, session: CallSession) -> None:
        """The outbox into the socket. When the call leaves its stream (keys to be sent, the caller handed over), the
        browser stays where it is and is on the line again at once: nobody else can be connected to it."""
        with suppress(RuntimeError, WebSocketDisconnect):  # the socket is gone; the reader says so
            await leg.write(self._socket, self._link)
            while session.end is None and self._come_back(session):
                await leg.write(self._socket, self._link)
            await self._socket.close(1000)

    def _come_back(self, session: CallSession) -> bool:
        left, self._link = self._link, self._new_link()
        self._link.short_way = left.short_way
        session.detour = ""
        if session.handing_to:
            session.handing_to = ""
            session.handle(ev.HandOverFailed("a browser cannot be connected to a telephone"))
        return session.attach_phone(self._link)

    # ---- from the browser

    def _take(self, session: CallSession, come: Sequence[str | bytes]) -> None:
        for message in come:
            if isinstance(message, str) and message.startswith(_TYPED):
                self._typed(session, message)
            else:
                self._link.receive([message])

    def _typed(self, session: CallSession, message: str) -> None:
        try:
            text = _read_text(message).text
        except msgspec.DecodeError as error:
            log.warning("a typed line was not understood", extra={"error": str(error)[:120]})
            return
        session.handle(ev.CallerTyped(text[:LONGEST_TEXT]))
