"""Status callbacks of one call: in order, one at a time, beside the call and never in its way."""

from __future__ import annotations

import asyncio

from bridge.sim.party import SIP_CODES
from bridge.sim.twilio.call import SimCall
from bridge.sim.twilio.forms import progress_fields
from bridge.sim.twilio.webhook import Form

EVENTS = ("initiated", "ringing", "answered", "completed")
"""What can be subscribed to. `completed` stands for every way to end."""


class Progress:
    """Posts the events somebody subscribed to; `SequenceNumber` counts those posted, from 0."""

    def __init__(
        self, call: SimCall, url: str, *, method: str = "POST", events: frozenset[str] = frozenset({"completed"})
    ) -> None:
        self._call = call
        self._url = url
        self._method = method
        self._events = events
        self._sequence = 0
        self._queue: asyncio.Queue[Form | None] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    def tell(self, event: str) -> None:
        """Queue one event of `EVENTS`, with the call as it stands now."""
        if not self._url or event not in self._events:
            return
        self._queue.put_nowait(self._form(event))
        self._sequence += 1
        if self._task is None:
            self._task = asyncio.create_task(self._post(), name="status callbacks")

    async def finish(self) -> None:
        """Wait until everything told has been posted."""
        if self._task is not None:
            self._queue.put_nowait(None)
            await self._task

    def _form(self, event: str) -> Form:
        call = self._call
        # On the way `answered` is called in-progress; the end by how it ended.
        status = {"initiated": "initiated", "answered": "in-progress"}.get(event, call.status)
        over = event == "completed"
        return call.form(status) + progress_fields(
            self._sequence,
            call.account.now(),
            duration_s=call.duration_s if over else None,
            sip_code="200" if call.answered_at is not None else SIP_CODES.get(call.status, "487"),
            answered_by=call.answered_by if over else "",
        )

    async def _post(self) -> None:
        while (form := await self._queue.get()) is not None:
            exchange = await self._call.post(self._url, self._method, form)
            if exchange.failure or exchange.status >= 300:
                self._call.report(15003, f"the status callback {self._url}: {exchange.reason or exchange.status}")
