"""Status callbacks of one call: in order, one at a time, beside the call and never in its way.

Unless the weather (`weather.py`) is bad: then they are lost, doubled, late or out of order, as the real ones may be.
"""

from __future__ import annotations

import asyncio

from bridge.sim.party import SIP_CODES
from bridge.sim.twilio.call import SimCall
from bridge.sim.twilio.forms import progress_fields
from bridge.sim.twilio.webhook import Form

EVENTS = ("initiated", "ringing", "answered", "completed")
"""What can be subscribed to. `completed` stands for every way to end."""
OVERTAKEN_S = 1.0
"""How long one is held back that should be overtaken, when nothing follows."""


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
        self._held: Form | None = None
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
        """Wait until everything told has been posted, but for what is late."""
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
            sip_code="200" if call.answered_at is not None else call.sip_code or SIP_CODES.get(call.status, "487"),
            answered_by=call.answered_by if over else "",
        )

    async def _post(self) -> None:
        while (form := await self._queue.get()) is not None:
            await self._weathered(form)
        if self._held is not None:
            self._call.account.later(self._after(OVERTAKEN_S, self._held))

    async def _weathered(self, form: Form) -> None:
        weather, rng = self._call.account.callbacks, self._call.account.rng
        if rng.random() < weather.lost:
            self._call.note("callback_lost", dict(form)["CallStatus"])
            return
        if rng.random() < weather.late:
            self._call.account.later(self._after(rng.uniform(0.0, weather.late_s), form))
            return
        if self._held is None and rng.random() < weather.reordered:
            self._held = form
            return
        for _ in range(2 if rng.random() < weather.doubled else 1):
            await self._send(form)
        if self._held is not None:
            held, self._held = self._held, None
            await self._send(held)

    async def _after(self, seconds: float, form: Form) -> None:
        await asyncio.sleep(seconds)
        await self._send(form)

    async def _send(self, form: Form) -> None:
        exchange = await self._call.post(self._url, self._method, form)
        if exchange.failure or exchange.status >= 300:
            self._call.report(15003, f"the status callback {self._url}: {exchange.reason or exchange.status}")
