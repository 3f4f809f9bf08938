"""The dialer at work: claims, dials, looks after what hangs. The only file of this room with a loop in it.

Each round, for every campaign that runs: how many calls may begin (`pacing`), whom (`Ledger.claim`), and one task for
each that gives the order and notes the answer. What comes of a call arrives as evidence, from wherever.
Nothing is dialled while the database does not answer: without an intent on the disk there is no order.

What is waited for inside this process is measured by the loop's clock, which no one sets: a clock of the day that jumps
by an hour or a day makes nothing early and lets nothing hang. Only what people mean by a time (windows, when somebody
is due) is asked of the other one.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from bridge.carriers.base import Control
from bridge.dialer.elsewhere import Elsewhere
from bridge.dialer.ledger import Ledger, Standing
from bridge.dialer.orders import House, Orders
from bridge.dialer.pacing import STOPS, Bucket, Grant, Hold, Load, Pacer
from bridge.dialer.reconcile import Reconciler
from bridge.dialer.rules import kept
from bridge.errors import StoreError
from bridge.store import attempts, campaigns, contacts, dialers
from bridge.store.base import Attempt, Campaign, Contact
from bridge.store.database import Connection
from bridge.store.proof import Proof

log = logging.getLogger(__name__)

NEWS_S = 0.2
"""News of other processes are gathered for so long: every call that ends is some."""
BREATH_S = 0.01
"""Between two rounds, always: a clock of floats may not show that a moment has come that is almost there."""
MOST_AT_ONCE = 50
"""Contacts of one claim."""


@dataclass(slots=True)
class _Campaign:
    """What is remembered of a running campaign between two rounds."""

    pacer: Pacer
    """By the loop's clock."""
    hold: Hold | None = None
    due_at: float = 0.0
    """When the next contact is due, epoch seconds; looked up again when something changed ..."""
    asked_at: float = 0.0
    """... and some time after this (by the loop's clock), because another process may have changed it."""
    look_at: float = 0.0
    """Nothing is expected before this, by the loop's clock."""


@dataclass(slots=True)
class Seen:
    """What a person may ask about the dialer."""

    holds: dict[str, Hold] = field(default_factory=dict)
    """Why a campaign begins no call now."""
    next_due: dict[str, float] = field(default_factory=dict)
    trouble: str = ""
    """Why nothing at all is dialled."""


class Worker:
    """One dialer. `clock` gives epoch seconds."""

    def __init__(
        self,
        ledger: Ledger,
        proof: Proof,
        prove: Callable[[], Awaitable[Proof]],
        control: Control,
        house: House,
        *,
        clock: Callable[[], float],
        default_number: str = "",
        account_cps: float = 1.0,
    ) -> None:
        self.ledger = ledger
        self.seen = Seen()
        self.orders = Orders(ledger, control, house, self.pause)
        self._proof = proof
        self._prove = prove
        self._house = house
        self._clock = clock
        self._patience = ledger.patience
        self._default_number = default_number
        self.claims = True
        """It runs campaigns; else it only looks after the single calls of its process."""
        self.elsewhere: Elsewhere | None = None
        """Set where other processes hear of calls that this one places."""
        self._account = Bucket(account_cps)
        self._account_cps = account_cps
        self._dialers = 1
        self._counted_at = float("-inf")
        self._campaigns: dict[str, _Campaign] = {}
        self._ended: list[tuple[str, float, str]] = []
        self._reconciler = Reconciler(ledger, proof, control, self.orders)
        self._reconciled_at = float("-inf")
        self._reconciling: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()
        self._hearing: asyncio.TimerHandle | None = None
        self._listens: Proof | None = None
        ledger.told.append(self._told)

    @property
    def ordering(self) -> list[Callable[[Attempt], None]]:
        """Is told of every order before it goes out."""
        return self.orders.ordering

    # ---- the loop

    def wake(self) -> None:
        """Something changed: a campaign, a contact, a call that ended."""
        for known in self._campaigns.values():
            known.due_at = known.look_at = 0.0
        self._woken.set()

    def news(self) -> None:
        """Another process changed something; much of it at once is one change."""
        if self._hearing is None:
            self._hearing = asyncio.get_running_loop().call_later(random.uniform(0.0, NEWS_S), self._heard)

    def _heard(self) -> None:
        self._hearing = None
        self.wake()

    async def run(self) -> None:
        """Until cancelled. Orders that are under way are then waited for: their answers are evidence."""
        try:
            while True:
                pause = await self._round_or_trouble()
                self._woken.clear()
                try:
                    async with asyncio.timeout(pause):
                        await self._woken.wait()
                except TimeoutError:
                    pass
        finally:
            for task in self._reconciling:
                task.cancel()
            await self.orders.finished()

    async def _round_or_trouble(self) -> float:
        """One round; seconds until the next one."""
        if self.seen.trouble:
            self._look_after()
        try:
            if not await self._proof.holds():
                await self._live_again()
            if self._listens is not self._proof:
                await self._proof.listen(self.news)
                self._listens = self._proof
            await self._share()
            pause = await self.round()
        except StoreError as error:
            if not self.seen.trouble:
                log.warning("nothing is dialled: the database does not answer", extra={"error": str(error)})
            self.seen.trouble = str(error)
            return self._patience.trouble_s
        except Exception as error:  # the boundary of the loop: what nobody foresaw is told, and not the end of dialling
            if not self.seen.trouble:
                log.exception("nothing is dialled")
            self.seen.trouble = f"nothing is dialled: {error}"
            return self._patience.trouble_s
        if self.seen.trouble:
            log.info("the trouble is over; dialling goes on")
            self.seen.trouble = ""
        return pause

    async def _live_again(self) -> None:
        """Others may think us dead by now. So we are: what we wrote is theirs to look after, and we begin anew."""
        await self._proof.close()
        self._proof = await self._prove()
        self.ledger.go_by(self._proof.owner)
        self._reconciler.proof = self._proof
        log.warning("the proof that this dialer lives was lost; it goes on under another name")

    async def _share(self) -> None:
        """Count the dialers: calls per second are for all of them together."""
        now = _steady()
        if not self.claims or now - self._counted_at < self._patience.count_s:
            return
        self._counted_at = now
        found = await dialers.count(self.ledger.db, self.ledger.owner)
        if found != self._dialers:
            self._dialers = found
            self._account.obey(self._account_cps / found)
            for known in self._campaigns.values():
                known.pacer.share(found)

    async def round(self) -> float:
        """Begin what may begin; seconds until there may be more. Raises StoreError."""
        running = await self.ledger.db.read(campaigns.every, "running") if self.claims else ()
        self._keep(running)
        self._look_after()
        pauses = [self._patience.idle_s]
        for campaign in running:
            pauses.append(await self._serve(campaign))
        return max(BREATH_S, min(pauses))

    def _look_after(self) -> None:
        """Begin to look after what hangs or nobody wants any more, when it is time. Not for a write to come first: that
        only reads, and where no intent can be written calls wait at the carrier all the same."""
        now = _steady()
        if now - self._reconciled_at < self._patience.round_s or self._reconciler.is_ending:
            return
        self._reconciled_at = now
        task = asyncio.create_task(self._reconcile(), name="look after hanging calls")
        self._reconciling.add(task)
        task.add_done_callback(self._reconciling.discard)

    async def _reconcile(self) -> None:
        try:
            await self._reconciler.run(self._redials_unknown)
        except StoreError as error:
            if not self.seen.trouble:  # else that is told
                log.warning("hanging calls are not looked after", extra={"error": str(error)})

    def _keep(self, rows: Sequence[Campaign]) -> None:
        ids = {campaign.id for campaign in rows}
        if self._campaigns.keys() - ids:  # paused or cancelled: what waits at the carrier shall not ring
            self._reconciled_at = float("-inf")
        self._campaigns = {key: known for key, known in self._campaigns.items() if key in ids}
        self.seen.holds = {key: hold for key, hold in self.seen.holds.items() if key in ids}
        self.seen.next_due = {key: at for key, at in self.seen.next_due.items() if key in ids}
        for campaign in rows:
            rules = kept(campaign.rules)
            known = self._campaigns.get(campaign.id)
            if known is None:
                known = self._campaigns[campaign.id] = _Campaign(Pacer(rules, self._default_number, self._account))
                known.pacer.share(self._dialers)
            elif rules != known.pacer.rules:
                known.pacer.obey(rules)
                known.due_at = known.look_at = 0.0
        ended, self._ended = self._ended, []
        for campaign_id, at, outcome in ended:
            if campaign_id in self._campaigns:
                self._campaigns[campaign_id].pacer.ended(at, outcome)

    def _redials_unknown(self, campaign_id: str | None) -> bool:
        known = self._campaigns.get(campaign_id or "")
        return known is not None and known.pacer.rules.redial_unknown

    # ---- one campaign

    async def _serve(self, campaign: Campaign) -> float:
        """Begin its calls; seconds until it is to be looked at again."""
        known = self._campaigns[campaign.id]
        if self.elsewhere is not None:
            for outcome in await self.elsewhere.news(campaign.id, known.pacer.rules.breaker.window_s):
                known.pacer.ended(_steady(), outcome)
        steady = _steady()
        due_in = min(known.due_at - self._clock(), known.asked_at + self._patience.ask_due_s - steady)
        pause = max(due_in, known.look_at - steady, self.orders.slow_until - steady)
        if pause > 0:
            return pause
        claim = await self.ledger.claim(campaign.id, lambda standing: self._permit(known, standing, steady))
        for attempt in claim.attempts:
            known.pacer.dialled(_steady(), attempt.from_number)
            self.begin(attempt)
        return await self._next(campaign, known, claim.looked_at)

    def _permit(self, known: _Campaign, standing: Standing, steady: float) -> list[str]:
        """Pure: one of our numbers for each call that may begin. Runs inside the claim's transaction."""
        room = self._house.room
        busy = Counter(standing.busy_numbers)
        load = Load(
            open_calls=standing.open_calls,
            account_room=room,
            spent_usd=standing.campaign.spent_usd,
            spent_today_usd=standing.spent_today_usd,
            busy=busy,
        )
        granted = known.pacer.grant(steady, load)
        known.hold = None if isinstance(granted, Grant) else granted
        if isinstance(granted, Hold):
            return []
        numbers = []
        for _ in range(min(granted.calls, MOST_AT_ONCE)):
            number = known.pacer.caller_id(busy)
            if number is None:
                break
            busy[number] += 1
            numbers.append(number)
        return numbers

    async def _next(self, campaign: Campaign, known: _Campaign, looked_at: int) -> float:
        hold = known.hold
        if hold is not None:
            self.seen.holds[campaign.id] = Hold(hold.why)
            if hold.why in STOPS:
                await self._stop(campaign, hold)
            return self._patience.idle_s if hold.until is None else hold.until - _steady()
        self.seen.holds.pop(campaign.id, None)
        if looked_at:
            return 0.0  # there may be more
        due_at = await self.ledger.db.read(contacts.next_due, campaign.id)
        if due_at is None:
            await self._finish(campaign)
            known.look_at = _steady() + self._patience.idle_s
            return self._patience.idle_s
        known.due_at = self.seen.next_due[campaign.id] = due_at
        known.asked_at = _steady()
        return due_at - self._clock()

    async def _stop(self, campaign: Campaign, hold: Hold) -> None:
        why = {
            "breaker": "too many of the last calls failed",
            "budget": "the campaign's budget is spent",
        }.get(hold.why, hold.why)
        await self.pause(campaign.id, why)
        self._campaigns[campaign.id].pacer.reset()

    async def pause(self, campaign_id: str, reason: str) -> None:
        """Stop a campaign until a person goes on with it. Raises StoreError."""
        done = await self.ledger.db.write(
            lambda conn: campaigns.move(
                conn, campaign_id, "paused", out_of=("running",), at=self._clock(), reason=reason
            )
        )
        if done:
            log.warning("a campaign was paused", extra={"campaign_id": campaign_id, "reason": reason})

    async def _finish(self, campaign: Campaign) -> None:
        """Nobody waits any more: is everybody decided?"""
        now = self._clock()
        if not await self.ledger.db.read(_all_is_over, campaign.id, now, self._patience.late_s):
            return
        done = await self.ledger.db.write(
            lambda conn: campaigns.move(conn, campaign.id, "done", out_of=("running",), at=now, ended_at=now)
        )
        if done:
            log.info("a campaign is done", extra={"campaign_id": campaign.id})

    # ---- one call

    def begin(self, attempt: Attempt) -> None:
        """Give the order for a call whose intent is on the disk."""
        if attempt.campaign_id is None:  # a person asked for it: it goes first, and campaigns wait for their turn
            self._account.take(_steady())
        self.orders.begin(attempt)

    def _told(self, before: Attempt, after: Attempt, _: Contact | None) -> None:
        """Evidence was written: a call that ended makes room, and counts for the breaker."""
        if after.campaign_id is None or before.state == after.state:
            return
        here = self.elsewhere is None and after.state == "closed" and after.outcome != "not_placed"
        if here or after.state == "unknown":
            self._ended.append((after.campaign_id, _steady(), after.outcome or "unknown"))
        if after.state == "closed":
            known = self._campaigns.get(after.campaign_id)
            if known is not None:
                known.due_at = known.look_at = 0.0
            self._woken.set()


def _steady() -> float:
    """Seconds that only go forward."""
    return asyncio.get_running_loop().time()


def _all_is_over(conn: Connection, campaign_id: str, now: float, late_s: float) -> bool:
    """Is everybody of a campaign decided, and has nothing been heard for a while?"""
    if contacts.unfinished(conn, campaign_id):
        return False
    return all(at > now for at, _ in attempts.ended_since(conn, campaign_id, now - late_s))
