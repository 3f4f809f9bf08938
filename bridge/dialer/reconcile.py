"""Attempts of which nothing is heard, or that nobody wants any more: what is done, and never a second dial on a guess.

An attempt hangs when the dialer that wrote it died, when the answer to its order was lost, or when the carrier's words
about it were. `next_step` says what to do, from what is known; `Reconciler` does it.

    intent, ours, not at work     this process knows whether it gave the order: never given, the contact is due again
    intent, its dialer is dead    after settle_s search the carrier's list; found nothing twice, look_again_s apart: it
                                  was never sent, and the contact is due again
    intent, its dialer lives      wait: it may be frozen and send the order when it wakes; after frozen_s, a person
    unknown                       the same search; found nothing twice: a person, unless the rules say to dial again
    placed or answered, silent    ask the carrier for the call, and again every ask_again_s

Found: the carrier's word is evidence like any other.

A call that the carrier still queues is not wanted any more when its order could not be given any more: the hours end
(`gate.CLOSING_S` before they do), the campaign was paused or cancelled or its money is spent, the number is listed.

    unwanted, waits there         call it off; look again every look_again_s, and ask what became of it, until it is
                                  over or rings: a call-off may fail, its answer be lost, or come too late. Who
                                  picked up is talked to; only what the carrier says of the call decides
    unwanted, nobody knows        search the carrier's list at once (not for a proof), and call off what is found

Its own dialer does that, or any other when it is dead, or does not within others_s. It goes before all questions, which
have their own turn and wait for no one else; what is known and not on the disk yet, as when that is full, counts.

A call of which the carrier knows nothing when it was placed a moment ago is not lost: its answers may be behind its
orders for some seconds. A carrier that wants to be left alone is, for as long as it says, by every step here.

All this waiting is measured by the loop's clock, from when this process saw the attempt first: the clocks of the day of
two machines, and of one machine before and after somebody set it, say nothing about what has settled. For the same
reason an attempt is not dialled again while the carrier has any call to its number, of eight days, that is nobody's:
the clock may have been wrong when the intent was written. A person decides then.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal, assert_never

from bridge.carriers.base import CallRef, Control
from bridge.dialer.evidence import Word, is_waiting
from bridge.dialer.ledger import Ledger
from bridge.dialer.orders import Orders
from bridge.dialer.patience import Patience
from bridge.dialer.standing import carrier_usd
from bridge.errors import CarrierError, StoreError
from bridge.store import attempts
from bridge.store.base import Attempt
from bridge.store.proof import Proof

log = logging.getLogger(__name__)

SKEW_S = 5.0
"""How far the carrier's clock and ours may be apart."""
LOOK_BACK_S = 8 * 86_400.0
"""A clock of ours that was set may have been days ahead when the intent was written."""
AT_ONCE = 5
"""Calls that are called off at a time: the carrier serves calls in progress too ..."""
ASKED_AT_ONCE = 3
"""... and questions about others: together they leave a thread to them (Python's pool has six on two cores)."""
SLOW_DOWN_S = 5.0
"""The carrier has no room for questions (HTTP 429) and does not say for how long."""

_IN_QUEUE = "queued"
"""The carrier's word for it. `initiated` is a call that has left it for the network: the phone may ring by now."""

Step = Literal["leave", "take_back", "look", "ask", "redial", "review", "search", "call_off"]


@dataclass(frozen=True, slots=True)
class Known:
    """What this process knows about an attempt and its dialer."""

    seen_s: float
    """For how long it has seen the attempt in this state."""
    tried_s: float = float("inf")
    """How long ago it looked or asked for it last."""
    mine: bool = False
    """It wrote the attempt itself."""
    at_work: bool = False
    """... and is giving the order, or writing down its answer ..."""
    under_way: bool = False
    """... or only the former: an answer that is not on the disk is known all the same."""
    dead: bool = False
    """Whoever wrote it is certainly gone."""
    unwanted_s: float | None = None
    """For how long it has seen that nobody's phone should ring for it any more; None: it may."""


def next_step(attempt: Attempt, known: Known, patience: Patience, *, redial_unknown: bool = False) -> Step:
    """What to do about an open attempt."""
    ends = _is_to_end(known, patience)
    if ends and is_waiting(attempt):
        return "call_off"
    if attempt.state in ("placed", "answered"):
        overdue = known.seen_s >= _silence_s(attempt, known, patience)
        return "ask" if overdue and known.tried_s >= patience.ask_again_s else "leave"
    if attempt.state == "unknown":
        searched: Step = "search" if ends else "leave"
        return searched if known.at_work else _looked_for(attempt, known, patience, searched, again=redial_unknown)
    if attempt.state != "intent" or known.at_work:
        return "leave"
    if known.mine:
        return "take_back" if known.seen_s >= patience.look_again_s else "leave"
    searched = "search" if ends else "leave"
    if not known.dead:  # its order may be given, and only the answer not be written
        return "review" if known.seen_s >= patience.frozen_s else searched
    return _looked_for(attempt, known, patience, searched, again=True)


def _is_to_end(known: Known, patience: Patience) -> bool:
    """Is it our turn to see that nobody's phone rings for it?"""
    if known.unwanted_s is None or known.under_way or known.tried_s < patience.look_again_s:
        return False
    return known.mine or known.dead or known.unwanted_s >= patience.others_s


def _looked_for(attempt: Attempt, known: Known, patience: Patience, meanwhile: Step, *, again: bool) -> Step:
    """Of what nobody can tell whether it was placed. `again`: what was not found is dialled again."""
    if known.seen_s < patience.settle_s:
        return meanwhile
    if attempt.looks < 2:
        return "look" if known.tried_s >= patience.look_again_s else "leave"
    return "redial" if again else "review"


def _silence_s(attempt: Attempt, known: Known, patience: Patience) -> float:
    """For how long silence about a call is nothing strange."""
    if known.dead:  # whoever was told about it may have died with the news
        return patience.settle_s
    if attempt.state == "answered":
        return 60.0 * float(attempt.terms.get("max_minutes", 10.0)) + patience.talk_s
    return float(attempt.terms.get("ring_s", 25)) + patience.queue_s


def _may_wait(attempt: Attempt) -> bool:
    """May it stand in the carrier's queue?"""
    return attempt.state in ("intent", "unknown") or is_waiting(attempt)


class Reconciler:
    """Carries the steps out."""

    def __init__(self, ledger: Ledger, proof: Proof, control: Control, orders: Orders) -> None:
        self.proof = proof
        self._ledger = ledger
        self._control = control
        self._orders = orders
        self._patience = ledger.patience
        self._seen: dict[tuple[str, str], float] = {}
        self._unwanted: dict[str, float] = {}
        self._tried: dict[str, float] = {}
        self._slow_until = float("-inf")
        """The carrier wants no questions before this, by the loop's clock."""
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._asking_gate = asyncio.Semaphore(ASKED_AT_ONCE)
        self._ending = asyncio.Lock()
        self._asking = asyncio.Lock()

    @property
    def is_ending(self) -> bool:
        """Does a pass still call off? Another one may begin behind it, and not beside it."""
        return self._ending.locked()

    async def run(self, redial_unknown: Callable[[str | None], bool]) -> None:
        """One pass over all open attempts. Raises StoreError. `redial_unknown`: what a campaign's rules say.

        It may begin while another one still asks: what is to be called off does not wait for answers about others.
        """
        async with self._ending:
            questions = await self._end_and_decide(redial_unknown)
        if not self._asking.locked():
            async with self._asking:
                await asyncio.gather(*(self._question(row, step) for row, step in questions))

    async def _end_and_decide(self, redial_unknown: Callable[[str | None], bool]) -> list[tuple[Attempt, Step]]:
        """Do what needs no answer about others; what is to be asked."""
        now = _steady()
        rows = [self._ledger.with_words(row) for row in await self._ledger.db.read(attempts.open_ones)]
        rows = [row for row in rows if row.state != "closed"]
        dead = await self._dead({row.owner for row in rows})
        self._seen = {(row.id, row.state): self._seen.get((row.id, row.state), now) for row in rows}
        self._tried = {row.id: self._tried[row.id] for row in rows if row.id in self._tried}
        self._orders.forget({row.id for row in rows})
        why = await self._ledger.unwanted([row for row in rows if _may_wait(row)])
        self._unwanted = {row.id: self._unwanted.get(row.id, now) for row in rows if why.get(row.token)}
        endings: list[Awaitable[None]] = []
        questions: list[tuple[Attempt, Step]] = []
        for row in rows:
            known = self._known(row, now, dead)
            step = next_step(row, known, self._patience, redial_unknown=redial_unknown(row.campaign_id))
            if step in ("call_off", "search"):
                endings.append(self._end_waiting(row, why[row.token], now))
            elif step in ("look", "ask"):
                questions.append((row, step))
            else:
                self._decide(row, step)
        await asyncio.gather(*endings)
        return questions

    def _known(self, row: Attempt, now: float, dead: set[str]) -> Known:
        return Known(
            seen_s=now - self._seen[row.id, row.state],
            tried_s=now - self._tried.get(row.id, float("-inf")),
            mine=row.owner in self._ledger.names,
            at_work=self._orders.at_work(row),
            under_way=self._orders.under_way(row),
            dead=row.owner in dead,
            unwanted_s=now - self._unwanted[row.id] if row.id in self._unwanted else None,
        )

    async def _dead(self, owners: Iterable[str]) -> set[str]:
        return {owner for owner in owners if owner not in self._ledger.names and await self.proof.is_dead(owner)}

    def _decide(self, row: Attempt, step: Step) -> None:
        """What the carrier is not asked for."""
        match step:
            case "take_back":
                if self._orders.take_back(row):
                    self._note(row, not_placed="not_placed", reason="never sent")
                else:
                    self._note(row, lost=True, reason="what the carrier answered is not known")
            case "redial":
                self._note(row, not_placed="not_placed", reason="never sent")
            case "review":
                self._review(row, "nobody can tell whether it was placed")
            case "look" | "ask" | "call_off" | "search" | "leave":
                pass  # see above
            case _:
                assert_never(step)

    async def _question(self, row: Attempt, step: Step) -> None:
        async with self._asking_gate:
            if self._is_slow():
                return
            self._tried[row.id] = _steady()
            try:
                await (self._look(row) if step == "look" else self._ask(row))
            except (CarrierError, StoreError) as error:
                self._failed("the carrier cannot be asked for a call", error)

    def _is_slow(self) -> bool:
        return _steady() < self._slow_until

    def _failed(self, what: str, error: CarrierError | StoreError) -> None:
        log.warning(what, extra={"error": str(error)})
        if isinstance(error, CarrierError) and error.kind == "rate_limited":
            self._slow_until = max(self._slow_until, _steady() + (error.retry_after_s or SLOW_DOWN_S))

    def _note(self, row: Attempt, **said: object) -> None:
        self._ledger.note(Word(token=row.token, at=self._ledger.now(), **said))  # type: ignore[arg-type]

    def _review(self, row: Attempt, why: str) -> None:
        log.warning("a person has to decide about a call", extra={"campaign_id": row.campaign_id})
        self._note(row, review=True, reason=why)

    async def _end_waiting(self, row: Attempt, why: str, now: float) -> None:
        """Take an unwanted call out of the carrier's queue, where it is in it."""
        async with self._gate:
            if self._is_slow():
                return
            self._tried[row.id] = now
            try:
                await self._take_out(row, why)
            except (CarrierError, StoreError) as error:
                self._failed(f"a waiting call cannot be called off ({why})", error)

    async def _take_out(self, row: Attempt, why: str) -> None:
        call_id = row.carrier_call_id
        if not call_id:
            found = await self._nobodys(row, row.claimed_at - SKEW_S)
            if not found:
                return
            call_id = found[-1]
        call = replace(row, carrier_call_id=call_id)
        # Our word for that it waits may be old: whoever's phone rings by now was called.
        if await self._ask(call) != _IN_QUEUE:
            return
        self._note(call, called_off=why, reason=f"was to be called off: {why}")
        if not await self._control.take_back(CallRef(call_id)):
            await self._ask(call)

    async def _look(self, row: Attempt) -> None:
        """Search the carrier's list for a call that may be this one."""
        found = await self._nobodys(row, row.claimed_at - SKEW_S)
        doubtful = [] if found else await self._nobodys(row, row.claimed_at - LOOK_BACK_S - SKEW_S)
        if found:
            self._note(row, carrier_call_id=found[-1])
        elif doubtful and row.looks:
            self._review(row, "the carrier has calls to this number of which nobody knows")
        else:
            await self._ledger.db.write(attempts.looked, row.id, self._ledger.now(), self._patience.look_again_s)

    async def _nobodys(self, row: Attempt, since: float) -> list[str]:
        """Calls that may be this attempt's and belong to no other, the newest first."""
        found = await self._control.find(row.phone, row.from_number, since)
        ids = [ref.carrier_call_id for ref in found]
        taken = await self._ledger.db.read(attempts.bound_to, ids) if ids else set()
        return [call_id for call_id in ids if call_id not in taken]

    async def _ask(self, row: Attempt) -> str:
        """Ask the carrier what became of a call; its word, or nothing."""
        found = await self._control.look_up(CallRef(row.carrier_call_id))
        if found is None:
            if not self._is_settled(row):
                return ""
            self._note(row, status="failed", reason="the carrier knows no such call")
            return "failed"
        self._note(
            row,
            carrier_call_id=row.carrier_call_id,
            status=found.status,
            answered_by=found.answered_by,
            carrier_usd=carrier_usd(row, found.duration_s) if found.price_usd is None else found.price_usd,
        )
        return found.status

    def _is_settled(self, row: Attempt) -> bool:
        """Was it placed so long ago that the carrier must know it?"""
        if row.state not in ("placed", "answered"):
            return False
        return _steady() - self._seen.get((row.id, row.state), float("inf")) >= self._patience.settle_s


def _steady() -> float:
    return asyncio.get_running_loop().time()
