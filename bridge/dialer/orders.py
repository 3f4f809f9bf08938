"""Orders to the carrier: each is given once, by this process, for an intent that it wrote; its answer is evidence.

What this process knows of its own intents is certain, so nobody has to look for them at the carrier: an intent that was
never given to `begin`, or for which the order was not yet sent, was never sent. `take_back` says which, and sees to it
that it stays so.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Protocol

from bridge.carriers.base import CallRef, Control, DialOrder
from bridge.dialer.evidence import Word
from bridge.dialer.ledger import Ledger
from bridge.dialer.outcomes import Outcome
from bridge.errors import CarrierError, StoreError
from bridge.store.base import Attempt

log = logging.getLogger(__name__)

SLOW_DOWN_S = 5.0
"""The carrier has no room for orders (HTTP 429) and does not say for how long."""

_REFUSED: dict[str, Outcome] = {"bad_number": "bad_number", "not_allowed": "refused", "rate_limited": "not_placed"}
_OURS = frozenset({"caller_id", "account"})
"""Refusals that every order of this campaign would meet: it is paused, and nobody's attempt is used up."""


class House(Protocol):
    """What the dialer needs to know of the process around it."""

    @property
    def room(self) -> int:
        """Calls that can still be taken; 0 while the process is going down."""
        ...

    def refuses(self, phone: str) -> str:
        """Empty when this number may be dialled, else why not: premium, a country that is not allowed ..."""
        ...

    async def ready(self, attempt: Attempt) -> str:
        """Empty when somebody could talk to them, else why not."""
        ...


@dataclass(frozen=True, slots=True)
class Paths:
    """Where the carrier asks and tells about an attempt; `{token}` is put in."""

    answer: str = "/twilio/voice/{token}"
    status: str = "/twilio/status/{token}"
    detect: str = "/twilio/amd/{token}"


class Orders:
    """Gives the orders of one dialer. `pause` stops a campaign: its id, and why."""

    def __init__(
        self, ledger: Ledger, control: Control, house: House, pause: Callable[[str, str], Awaitable[None]]
    ) -> None:
        self.ordering: list[Callable[[Attempt], None]] = []
        """Is told of every order before it goes out: its webhooks may come before its answer does."""
        self.slow_until = float("-inf")
        """The carrier wants no orders before this, by the loop's clock."""
        self._ledger = ledger
        self._control = control
        self._house = house
        self._pause = pause
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._sent: set[str] = set()
        self._taken_back: set[str] = set()

    def begin(self, attempt: Attempt) -> None:
        """Give the order for a call whose intent is on the disk. Returns at once."""
        if attempt.id in self._taken_back:
            return
        task = asyncio.ensure_future(self._give(attempt, asyncio.get_running_loop().time()))
        self._tasks[attempt.id] = task
        task.add_done_callback(lambda _: self._tasks.pop(attempt.id))

    def at_work(self, attempt: Attempt) -> bool:
        """Is something being done about it, or written down?"""
        return attempt.id in self._tasks or self._ledger.has_words(attempt.token)

    def under_way(self, attempt: Attempt) -> bool:
        """Is its order being given, so that nobody knows yet what the carrier says?"""
        return attempt.id in self._tasks

    def take_back(self, attempt: Attempt) -> bool:
        """True: no order was given for it, and none ever will be. Not for one that is at work."""
        if attempt.id in self._sent:
            return False
        self._taken_back.add(attempt.id)
        return True

    def forget(self, still_open: Collection[str]) -> None:
        """Nothing has to be known of others than these any more, by their ids."""
        self._sent &= set(still_open) | self._tasks.keys()
        self._taken_back &= set(still_open)

    async def finished(self) -> None:
        """Wait for what is under way: its answers are evidence."""
        while self._tasks:
            await asyncio.wait(self._tasks.values())

    # ---- one order

    async def _give(self, attempt: Attempt, begun_at: float) -> None:
        try:
            why = await self._ledger.may_send(attempt)
        except StoreError as error:
            why = str(error)
        if why:
            self._not_sent(attempt, "not_placed", why)
            return
        refused = self._house.refuses(attempt.phone) or await self._house.ready(attempt)
        if refused:
            self._not_sent(attempt, "refused", refused)
            return
        try:
            placed = await self._order(attempt, begun_at)
        except CarrierError as error:
            await self._refused(attempt, error)
            return
        if placed is None:
            self._not_sent(attempt, "not_placed", "too_late")
        else:
            self._note(attempt, carrier_call_id=placed.carrier_call_id)

    async def _order(self, attempt: Attempt, begun_at: float) -> CallRef | None:
        """The order itself; None when we were asleep and it is too late for it."""
        paths, terms = Paths(), attempt.terms
        order = DialOrder(
            to=attempt.phone,
            from_=attempt.from_number,
            answer_path=paths.answer.format(token=attempt.token),
            status_path=paths.status.format(token=attempt.token),
            ring_s=int(terms.get("ring_s", 25)),
            detect_path=paths.detect.format(token=attempt.token),
            time_limit_s=round(60 * float(terms.get("max_minutes", 10))) + 60,
        )
        asleep_s = asyncio.get_running_loop().time() - begun_at
        if asleep_s > self._ledger.patience.fresh_s or not self._ledger.is_fresh(attempt):
            return None
        for tell in self.ordering:
            tell(attempt)
        self._sent.add(attempt.id)
        return await self._control.dial(order)

    async def _refused(self, attempt: Attempt, error: CarrierError) -> None:
        if error.placed == "maybe":
            self._note(attempt, lost=True, reason=str(error))
            return
        if error.kind == "rate_limited":
            self.slow_until = asyncio.get_running_loop().time() + (error.retry_after_s or SLOW_DOWN_S)
        outcome: Outcome = "not_placed" if error.kind in _OURS else _REFUSED.get(error.kind, "refused")
        self._note(attempt, not_placed=outcome, reason=str(error), error_code=error.code)
        if error.kind in _OURS and attempt.campaign_id is not None:
            try:
                await self._pause(attempt.campaign_id, str(error))
            except StoreError as trouble:  # the next order meets the same refusal, and pauses it then
                log.warning("a campaign could not be paused", extra={"error": str(trouble)})

    def _not_sent(self, attempt: Attempt, outcome: Outcome, why: str) -> None:
        log.info("a call was not placed", extra={"campaign_id": attempt.campaign_id, "reason": why})
        self._note(attempt, not_placed=outcome, reason=why)

    def _note(self, attempt: Attempt, **said: object) -> None:
        self._ledger.note(Word(token=attempt.token, at=self._ledger.now(), **said))  # type: ignore[arg-type]
