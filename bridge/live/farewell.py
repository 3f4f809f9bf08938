"""When a call is over and the carrier does not ask what comes next, it is told by REST.

The usual way needs no REST: we close the stream, the carrier fetches the after document and follows it. This is the
backstop for a carrier that never asked (the stream never came, its request was lost), so that nobody pays for, or
listens to, a line without anybody on it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from bridge.carriers.base import CallRef, DialPerson, JoinRoom
from bridge.carriers.registry import Carrier
from bridge.errors import CarrierError
from bridge.live.session import CallSession

log = logging.getLogger(__name__)

ASKED_WITHIN_S = 5.0
"""Twilio asks within a fraction of a second after the stream ended."""


class Farewell:
    """Sees to it that ended calls end at the carrier too."""

    def __init__(self, carrier: Carrier, way_to: Callable[[str, CallSession], DialPerson | JoinRoom | None]) -> None:
        """`way_to`: a caller's way to whom they are handed to; None when nobody is there."""
        self._carrier = carrier
        self._way_to = way_to
        self._tasks: set[asyncio.Task[None]] = set()

    def __call__(self, session: CallSession) -> None:
        """A call is over. One that the carrier or the caller ended needs nothing."""
        if not session.awaits_question:
            return
        task = asyncio.ensure_future(self._see_to(session))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _see_to(self, session: CallSession) -> None:
        await asyncio.sleep(ASKED_WITHIN_S)
        if session.after_asked:
            return
        call = CallRef(session.info.carrier_call_id)
        try:
            to = session.end.transfer_to if session.end is not None else ""
            way = self._way_to(to, session) if to else None
            if way is not None:
                await self._carrier.control.redirect(call, self._carrier.webhook.answer(way).text)
            else:
                await self._carrier.control.hang_up(call)
        except CarrierError as error:
            level = logging.INFO if error.gone else logging.WARNING
            log.log(level, "the carrier did not follow", extra={"call_id": session.info.call_id, "error": str(error)})

    def cancel(self) -> None:
        """The process ends."""
        for task in self._tasks:
            task.cancel()
