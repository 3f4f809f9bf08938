"""The dialer at work: claims, dials, looks after what hangs. The only file of this room with a loop in it.

Each round, for every campaign that runs: how many calls may begin (`pacing`), whom (`Ledger.claim`), and one task for
each that gives the order and notes the answer. What comes of a call arrives as evidence, from wherever.
Nothing is dialled while the database does not answer: without an intent on the disk there is no order.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bridge.carriers.base import CallRef, Control, DialOrder
from bridge.dialer.evidence import Word
from bridge.dialer.ledger import FRESH_S, Ledger, Standing
from bridge.dialer.outcomes import Outcome
from bridge.dialer.pacing import STOPS, Bucket, Grant, Hold, Load, Pacer
from bridge.dialer.reconcile import Reconciler
from bridge.dialer.rules import kept
from bridge.errors import CarrierError, StoreError
from bridge.store import attempts, campaigns, contacts
from bridge.store.base import Attempt, Campaign, Contact
from bridge.store.database import Connection
from bridge.store.proof import Proof

log = logging.getLogger(__name__)

IDLE_S = 1.0
"""Nothing happens: look again for what other processes may have changed."""
BREATH_S = 0.01
"""Between two rounds, always: a clock of floats may not show that a moment has come that is almost there."""
TROUBLE_S = 2.0
"""The database did not answer: ask it again after this."""
RECONCILE_S = 5.0
SETTLED_S = 15.0
"""A campaign is over so long after its last call: evidence that is late may still bring somebody back."""
SLOW_DOWN_S = 5.0
"""The carrier has no room for orders (HTTP 429) and does not say for how long."""
MOST_AT_ONCE = 50
"""Contacts of one claim."""

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


@dataclass(slots=True)
class _Campaign:
    """What is remembered of a running campaign between two rounds."""

    pacer: Pacer
    hold: Hold | None = None
    due_at: float = 0.0
    """When the next contact is due; looked up again when something changed."""


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

    def __init__(  # noqa: PLR0913 - the parts it joins, each once
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
        idle_s: float = IDLE_S,
    ) -> None:
        self.ledger = ledger
        self.seen = Seen()
        self._proof = proof
        self._prove = prove
        self._control = control
        self._house = house
        self._clock = clock
        self._idle_s = idle_s
        self._default_number = default_number
        self.claims = True
        """It runs campaigns; else it only looks after the single calls of its process."""
        self._account = Bucket(account_cps)
        self._campaigns: dict[str, _Campaign] = {}
        self._ended: list[tuple[str, float, str]] = []
        self._reconciler = Reconciler(ledger, proof, control, clock)
        self._reconciled_at = float("-inf")
        self._reconciling: asyncio.Task[None] | None = None
        self._slow_until = 0.0
        self.ordering: list[Callable[[Attempt], None]] = []
        """Is told of every order before it goes out: its webhooks may come before its answer does."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()
        ledger.told.append(self._told)

    # ---- the loop

    def wake(self) -> None:
        """Something changed: a campaign, a contact, a call that ended."""
        for known in self._campaigns.values():
            known.due_at = 0.0
        self._woken.set()

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
            while self._tasks:
                await asyncio.wait(self._tasks)

    async def _round_or_trouble(self) -> float:
        """One round; seconds until the next one."""
        try:
            if not await self._proof.holds():
                await self._live_again()
            pause = await self.round()
        except StoreError as error:
            if not self.seen.trouble:
                log.warning("nothing is dialled: the database does not answer", extra={"error": str(error)})
            self.seen.trouble = str(error)
            return TROUBLE_S
        if self.seen.trouble:
            log.info("the database answers again; dialling goes on")
            self.seen.trouble = ""
        return pause

    async def _live_again(self) -> None:
        """Others may think us dead by now. So we are: what we wrote is theirs to look after, and we begin anew."""
        await self._proof.close()
        self._proof = await self._prove()
        self.ledger.owner = self._proof.owner
        self._reconciler.proof = self._proof
        log.warning("the proof that this dialer lives was lost; it goes on under another name")

    async def round(self) -> float:
        """Begin what may begin; seconds until there may be more. Raises StoreError."""
        running = await self.ledger.db.read(campaigns.every, "running") if self.claims else ()
        self._keep(running)
        now = self._clock()
        wake_at = [now + self._idle_s]
        for campaign in running:
            wake_at.append(await self._serve(campaign))
        if now - self._reconciled_at >= RECONCILE_S and (self._reconciling is None or self._reconciling.done()):
            self._reconciled_at = now
            self._reconciling = self._spawn(self._reconcile())
        return max(BREATH_S, min(wake_at) - self._clock())

    async def _reconcile(self) -> None:
        try:
            await self._reconciler.run(self._redials_unknown)
        except StoreError as error:
            log.warning("hanging calls are not looked after", extra={"error": str(error)})

    def _keep(self, rows: Sequence[Campaign]) -> None:
        ids = {campaign.id for campaign in rows}
        self._campaigns = {key: known for key, known in self._campaigns.items() if key in ids}
        self.seen.holds = {key: hold for key, hold in self.seen.holds.items() if key in ids}
        self.seen.next_due = {key: at for key, at in self.seen.next_due.items() if key in ids}
        for campaign in rows:
            rules = kept(campaign.rules)
            known = self._campaigns.get(campaign.id)
            if known is None:
                self._campaigns[campaign.id] = _Campaign(Pacer(rules, self._default_number, self._account))
            elif rules != known.pacer.rules:
                known.pacer.obey(rules)
                known.due_at = 0.0
        ended, self._ended = self._ended, []
        for campaign_id, at, outcome in ended:
            if campaign_id in self._campaigns:
                self._campaigns[campaign_id].pacer.ended(at, outcome)

    def _redials_unknown(self, campaign_id: str | None) -> bool:
        known = self._campaigns.get(campaign_id or "")
        return known is not None and known.pacer.rules.redial_unknown

    # ---- one campaign

    async def _serve(self, campaign: Campaign) -> float:
        """Begin its calls; when to look at it again."""
        known = self._campaigns[campaign.id]
        now = self._clock()
        if now < max(known.due_at, self._slow_until):
            return max(known.due_at, self._slow_until)
        claim = await self.ledger.claim(campaign.id, lambda standing: self._permit(known, standing))
        for attempt in claim.attempts:
            known.pacer.dialled(now, attempt.from_number)
            self.begin(attempt)
        return await self._next(campaign, known, claim.looked_at, now)

    def _permit(self, known: _Campaign, standing: Standing) -> list[str]:
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
        granted = known.pacer.grant(self._clock(), load)
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

    async def _next(self, campaign: Campaign, known: _Campaign, looked_at: int, now: float) -> float:
        hold = known.hold
        if hold is not None:
            self.seen.holds[campaign.id] = hold
            if hold.why in STOPS:
                await self._stop(campaign, hold)
            return now + self._idle_s if hold.until is None else hold.until
        self.seen.holds.pop(campaign.id, None)
        if looked_at:
            return now  # there may be more
        due_at = await self.ledger.db.read(contacts.next_due, campaign.id)
        if due_at is None:
            await self._finish(campaign, now)
            known.due_at = now + self._idle_s
        else:
            known.due_at = max(due_at, now)
            self.seen.next_due[campaign.id] = due_at
        return known.due_at

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
            lambda conn: campaigns.move(conn, campaign_id, "paused", out_of=("running",), reason=reason)
        )
        if done:
            log.warning("a campaign was paused", extra={"campaign_id": campaign_id, "reason": reason})

    async def _finish(self, campaign: Campaign, now: float) -> None:
        """Nobody waits any more: is everybody decided?"""
        if not await self.ledger.db.read(_all_is_over, campaign.id, now):
            return
        done = await self.ledger.db.write(
            lambda conn: campaigns.move(conn, campaign.id, "done", out_of=("running",), ended_at=now)
        )
        if done:
            log.info("a campaign is done", extra={"campaign_id": campaign.id})

    # ---- one call

    def begin(self, attempt: Attempt) -> None:
        """Give the order for a call whose intent is on the disk."""
        self._spawn(self._dial_or_log(attempt))

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _dial_or_log(self, attempt: Attempt) -> None:
        try:
            await self._dial(attempt)
        except StoreError as error:  # the intent stays, and is looked after when the database is back
            log.warning("a call was not placed", extra={"error": str(error)})

    async def _dial(self, attempt: Attempt) -> None:
        """Ask once more, then give the order, once. What its answer says is evidence."""
        why = await self.ledger.may_send(attempt)
        if why:
            self._not_sent(attempt, "not_placed", why)
            return
        refused = self._house.refuses(attempt.phone) or await self._house.ready(attempt)
        if refused:
            self._not_sent(attempt, "refused", refused)
            return
        try:
            placed = await self._order(attempt)
        except CarrierError as error:
            await self._refused(attempt, error)
            return
        if placed is None:
            self._not_sent(attempt, "not_placed", "too_late")
        else:
            self._note(attempt, carrier_call_id=placed.carrier_call_id)

    async def _order(self, attempt: Attempt) -> CallRef | None:
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
        if self._clock() - attempt.claimed_at > FRESH_S:
            return None
        for tell in self.ordering:
            tell(attempt)
        return await self._control.dial(order)

    async def _refused(self, attempt: Attempt, error: CarrierError) -> None:
        if error.placed == "maybe":
            self._note(attempt, lost=True, reason=str(error))
            return
        if error.kind == "rate_limited":
            self._slow_until = self._clock() + (error.retry_after_s or SLOW_DOWN_S)
        outcome: Outcome = "not_placed" if error.kind in _OURS else _REFUSED.get(error.kind, "refused")
        self._note(attempt, not_placed=outcome, reason=str(error), error_code=error.code)
        if error.kind in _OURS and attempt.campaign_id is not None:
            await self.pause(attempt.campaign_id, str(error))

    def _not_sent(self, attempt: Attempt, outcome: Outcome, why: str) -> None:
        log.info("a call was not placed", extra={"campaign_id": attempt.campaign_id, "reason": why})
        self._note(attempt, not_placed=outcome, reason=why)

    def _note(self, attempt: Attempt, **said: object) -> None:
        self.ledger.note(Word(token=attempt.token, at=self._clock(), **said))  # type: ignore[arg-type]

    def _told(self, before: Attempt, after: Attempt, _: Contact | None) -> None:
        """Evidence was written: a call that ended makes room, and counts for the breaker."""
        if after.campaign_id is None or before.state == after.state:
            return
        if after.state == "unknown" or (after.state == "closed" and after.outcome != "not_placed"):
            self._ended.append((after.campaign_id, self._clock(), after.outcome or "unknown"))
        if after.state == "closed":
            known = self._campaigns.get(after.campaign_id)
            if known is not None:
                known.due_at = 0.0
            self._woken.set()


def _all_is_over(conn: Connection, campaign_id: str, now: float) -> bool:
    """Is everybody of a campaign decided, and has nothing been heard for a while?"""
    return not contacts.unfinished(conn, campaign_id) and not attempts.ended_since(conn, campaign_id, now - SETTLED_S)
