"""Attempts of which nothing is heard: what is done about them, and never a second dial on a guess.

An attempt hangs when the dialer that wrote it died, when the answer to its order was lost, or when the carrier's words
about it were. `next_step` says what to do, from what is known; `Reconciler` does it.

    intent, its dialer is dead    after SETTLE_S search the carrier's list; found nothing twice, LOOK_AGAIN_S apart: it
                                  was never sent, and the contact is due again
    intent, its dialer lives      wait: it may be frozen and send the order when it wakes; after PATIENCE_S, a person
    unknown                       the same search; found nothing twice: a person, unless the rules say to dial again
    placed or answered, silent    ask the carrier for the call, and again every ASK_AGAIN_S

Found: the carrier's word is evidence like any other.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from bridge.carriers.base import CallRef, Control
from bridge.dialer.evidence import Word
from bridge.dialer.ledger import Ledger
from bridge.errors import CarrierError
from bridge.store import attempts
from bridge.store.base import Attempt
from bridge.store.proof import Proof

log = logging.getLogger(__name__)

SEND_S = 10.0
"""What an order may take: its time-out."""
SETTLE_S = SEND_S + 30.0
"""Intent -> everything that could have been sent is where it was sent to, and in the carrier's list."""
LOOK_AGAIN_S = 5.0
ASK_AGAIN_S = 60.0
PATIENCE_S = 600.0
"""A dialer that lives and says nothing for so long is somebody's problem."""
QUEUE_S = 90.0
"""What a call may wait in the carrier's queue, on top of its ringing, before we ask."""
TALK_S = 120.0
"""The same on top of the longest conversation."""
SKEW_S = 5.0
"""How far the carrier's clock and ours may be apart."""
AT_ONCE = 5
"""Questions to the carrier at a time: it serves calls in progress too."""

Step = Literal["leave", "look", "ask", "redial", "review"]


@dataclass(frozen=True, slots=True)
class Owner:
    """What is known of the dialer that wrote an attempt."""

    mine: bool
    dead: bool


def next_step(
    attempt: Attempt, now: float, owner: Owner, *, redial_unknown: bool = False, asked_at: float = 0.0
) -> Step:
    """What to do about an open attempt. `asked_at`: when the carrier was asked for its call last."""
    age = now - attempt.claimed_at
    if attempt.state in ("placed", "answered"):
        overdue = now >= _silent_until(attempt, owner)
        return "ask" if overdue and now - asked_at >= ASK_AGAIN_S else "leave"
    if attempt.state not in ("intent", "unknown"):
        return "leave"
    if attempt.state == "intent" and not (owner.dead or owner.mine):
        return "review" if age >= PATIENCE_S else "leave"
    if age < SETTLE_S:
        return "leave"
    if attempt.looks < 2:
        soon = attempt.looked_at is not None and now - attempt.looked_at < LOOK_AGAIN_S
        return "leave" if soon else "look"
    return "redial" if owner.dead or redial_unknown else "review"


def _silent_until(attempt: Attempt, owner: Owner) -> float:
    """Until when silence about a call is nothing strange."""
    if owner.dead:  # whoever was told about it may have died with the news
        return attempt.claimed_at + SETTLE_S
    if attempt.answered_at is not None:
        return attempt.answered_at + 60.0 * float(attempt.terms.get("max_minutes", 10.0)) + TALK_S
    return attempt.claimed_at + float(attempt.terms.get("ring_s", 25)) + QUEUE_S


class Reconciler:
    """Carries the steps out. `clock` gives epoch seconds."""

    def __init__(self, ledger: Ledger, proof: Proof, control: Control, clock: Callable[[], float]) -> None:
        self._ledger = ledger
        self.proof = proof
        self._control = control
        self._clock = clock
        self._asked: dict[str, float] = {}
        self._gate = asyncio.Semaphore(AT_ONCE)

    async def run(self, redial_unknown: Callable[[str | None], bool]) -> None:
        """One pass over all open attempts. Raises StoreError. `redial_unknown`: what a campaign's rules say."""
        now = self._clock()
        rows = await self._ledger.db.read(attempts.open_ones)
        dead = await self._dead({row.owner for row in rows})
        steps = []
        for row in rows:
            owner = Owner(row.owner == self._ledger.owner, row.owner in dead)
            step = next_step(
                row,
                now,
                owner,
                redial_unknown=redial_unknown(row.campaign_id),
                asked_at=self._asked.get(row.token, 0.0),
            )
            if step != "leave":
                steps.append(self._take(row, step, now))
        self._asked = {row.token: self._asked[row.token] for row in rows if row.token in self._asked}
        await asyncio.gather(*steps)

    async def _dead(self, owners: Iterable[str]) -> set[str]:
        return {owner for owner in owners if owner != self._ledger.owner and await self.proof.is_dead(owner)}

    async def _take(self, row: Attempt, step: Step, now: float) -> None:
        if step == "redial":
            self._ledger.note(Word(token=row.token, at=now, not_placed="not_placed", reason="never sent"))
        elif step == "review":
            log.warning("a person has to decide about a call", extra={"campaign_id": row.campaign_id})
            self._ledger.note(
                Word(token=row.token, at=now, review=True, reason="nobody can tell whether it was placed")
            )
        else:
            async with self._gate:
                await (self._look(row, now) if step == "look" else self._ask(row, now))

    async def _look(self, row: Attempt, now: float) -> None:
        """Search the carrier's list for a call that may be this one."""
        try:
            found = await self._control.find(row.phone, row.from_number, row.claimed_at - SKEW_S)
        except CarrierError as error:
            log.warning("the carrier's list of calls cannot be read", extra={"error": str(error)})
            return
        ids = [ref.carrier_call_id for ref in found]
        taken = await self._ledger.db.read(attempts.bound_to, ids) if ids else set()
        free = [call_id for call_id in ids if call_id not in taken]
        if free:
            self._ledger.note(Word(token=row.token, at=now, carrier_call_id=free[-1]))
        else:
            await self._ledger.db.write(attempts.looked, row.token, now)

    async def _ask(self, row: Attempt, now: float) -> None:
        """Ask the carrier what became of a call."""
        self._asked[row.token] = now
        try:
            found = await self._control.look_up(CallRef(row.carrier_call_id))
        except CarrierError as error:
            log.warning("the carrier cannot be asked for a call", extra={"error": str(error)})
            return
        status = found.status if found is not None else "failed"
        self._ledger.note(
            Word(
                token=row.token,
                at=now,
                carrier_call_id=row.carrier_call_id,
                status=status,
                answered_by=found.answered_by if found is not None else "",
                carrier_usd=found.price_usd if found is not None else None,
                reason="" if found is not None else "the carrier knows no such call",
            )
        )
