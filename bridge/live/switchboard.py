"""Every live call of this process: found by either id, counted, drained.

A call is known from its webhook on. When it is over it stays for a while, because the carrier still asks what comes
after its stream, and then only its folder remains.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from bridge.call import events as ev
from bridge.live.info import CallInfo
from bridge.live.session import CallSession
from bridge.live.tickets import Tickets

log = logging.getLogger(__name__)

AFTERLIFE_S = 30.0
"""How long an ended call answers the carrier's question what comes next."""

NewSession = Callable[[CallInfo], CallSession]
"""Makes a session with everything that hangs on it; `app.py` knows how."""
Finish = Callable[[CallSession], "asyncio.Future[None] | None"]


class Switchboard:
    """The calls of this process."""

    def __init__(self, new_session: NewSession, most_calls: int) -> None:
        self._new_session = new_session
        self._most_calls = most_calls
        self._by_id: dict[str, CallSession] = {}
        self._by_carrier_id: dict[str, CallSession] = {}
        self._ended: dict[str, CallSession] = {}
        self._farewells: set[asyncio.Task[None]] = set()
        self._empty = asyncio.Event()
        self._empty.set()
        self.tickets = Tickets()
        self.draining = False
        self.on_over: list[Callable[[CallSession], None]] = []

    # ---- calls come and go

    @property
    def full(self) -> bool:
        """No further call can be taken."""
        return self.draining or len(self._by_id) >= self._most_calls

    def begin(self, info: CallInfo) -> CallSession:
        """A call became known: make its session and start it."""
        session = self._new_session(info)
        self._by_id[info.call_id] = session
        self._by_carrier_id[info.carrier_call_id] = session
        self._empty.clear()
        session.start()
        task = asyncio.ensure_future(self._see_off(session))
        self._farewells.add(task)
        task.add_done_callback(self._farewells.discard)
        return session

    async def _see_off(self, session: CallSession) -> None:
        await session.over
        info = session.info
        self._by_id.pop(info.call_id, None)
        self._by_carrier_id.pop(info.carrier_call_id, None)
        self._ended[info.call_id] = session
        for tell in self.on_over:
            tell(session)
        if not self._by_id:
            self._empty.set()
        loop = asyncio.get_running_loop()
        loop.call_later(AFTERLIFE_S, self._forget, info.call_id)

    def _forget(self, call_id: str) -> None:
        self._ended.pop(call_id, None)
        self.tickets.drop(call_id)

    # ---- questions

    def get(self, call_id: str) -> CallSession | None:
        """A live call, or one that ended a moment ago."""
        return self._by_id.get(call_id) or self._ended.get(call_id)

    def by_carrier_id(self, carrier_call_id: str) -> CallSession | None:
        """A live call, by the carrier's id."""
        return self._by_carrier_id.get(carrier_call_id)

    @property
    def live(self) -> list[CallSession]:
        """Every live call, oldest first."""
        return list(self._by_id.values())

    # ---- shutting down

    async def drain(self, seconds: float) -> None:
        """Take no more calls; let the live ones finish, then say goodbye to the rest and end them."""
        self.draining = True
        try:
            await asyncio.wait_for(self._empty.wait(), seconds)
        except TimeoutError:
            await self.end_all()

    async def end_all(self, seconds: float = 3.0) -> None:
        """End every call: a goodbye in at most `seconds`, then the line is closed."""
        self.draining = True
        for session in self.live:
            session.handle(ev.LeaveAsked("shutdown", "bridge"))
        try:
            await asyncio.wait_for(self._empty.wait(), seconds)
        except TimeoutError:
            for session in self.live:
                session.handle(ev.EndAsked("shutdown"))
            await self._empty.wait()

    async def asked(self, seconds: float) -> None:
        """Wait until the carrier has asked what comes after the calls that just ended: it must still find us."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while any(s.awaits_question for s in self._ended.values()):  # noqa: ASYNC110 - a few looks at the end
                    await asyncio.sleep(0.05)
