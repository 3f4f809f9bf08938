"""The dial ledger: nobody twice, nobody forgotten.

A phone company has no key by which the same order could be given twice and be carried out once. So:

1. **No intent, no dial.** One transaction asks every question about a contact (is the campaign running, the window
   open, the number listed, the money there), takes the contact from the list and writes an attempt `intent` with a
   random token. It is on the disk before anything is sent. A partial unique index holds one open attempt for a phone
   number, over all campaigns.
2. **The order is given once**, by nobody but the dialer that wrote the intent, and only while the intent is young: one
   that woke up from a long sleep does not send it (`may_send`).
3. **Everything that is heard of the token is evidence** (`note`), whoever says it and in whatever order; see
   `evidence.py`. It is written in small groups, each in one transaction: evidence that a crash loses is found again by
   asking the carrier, which an order twice given is not.
4. **What nobody can tell is looked up**, never repeated: see `reconcile.py`.

Nothing here waits for a phone; what is done when is the worker's.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bridge.dialer import gate, standing, told
from bridge.dialer.evidence import Word, lay
from bridge.dialer.patience import Patience
from bridge.dialer.rules import Rules, kept
from bridge.dialer.together import Together
from bridge.errors import StoreError
from bridge.store import attempts, campaigns, claims, contacts, do_not_call, wake, webhooks
from bridge.store.base import Attempt, Campaign, Contact, DoNotCall
from bridge.store.database import Connection, Database
from bridge.store.ids import new_id

log = logging.getLogger(__name__)

_STEP_S = 1.0
"""A clock may be set back so far by those who keep it right."""
GATHER_S = 0.05
"""Evidence is written together with what comes within this time."""
AGAIN_S = 1.0
"""A database that did not take evidence is asked again after this."""
_DAYS_BACK_S = 36 * 3600.0
"""Diallings that may fall on today's date in some zone."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a campaign stands when somebody is to be claimed for it."""

    campaign: Campaign
    rules: Rules
    open_calls: int
    """Of this campaign, by any dialer."""
    spent_today_usd: float
    busy_numbers: dict[str, int]
    """Calls that go on from each of our numbers."""


@dataclass(slots=True)
class Claim:
    """What a claim brought: attempts that are on the disk, and what the campaign waits for."""

    attempts: list[Attempt] = field(default_factory=list)
    looked_at: int = 0
    """Contacts that were due, dialled or not."""


Permit = Callable[[Standing], Sequence[str]]
"""Whom may be called from now: one of our numbers for each call that may begin. Pure; asked inside the transaction."""
Told = Callable[[Attempt, Attempt, Contact | None], None]
"""Is told of every attempt that was written: how it was, how it is, and its contact once the call is over."""


class Ledger:
    """One dialer's ledger. `clock` gives epoch seconds."""

    def __init__(self, db: Database, owner: str, clock: Callable[[], float], patience: Patience | None = None) -> None:
        self.db = db
        self.owner = owner
        self.names = {owner}
        """All that this process went by: after its proof of life was lost it goes on under another one."""
        self.patience = patience or Patience()
        self.now = clock
        self.told: list[Told] = []
        self._words: dict[str, list[Word]] = {}
        self._in_hand: dict[str, list[Word]] = {}
        """Words that are being written at the moment."""
        self._may_send = Together(self._refusals)
        self._rows = Together(self._read)
        self._writing: asyncio.Task[None] | None = None

    def go_by(self, owner: str) -> None:
        """From now on this process writes under another name."""
        self.owner = owner
        self.names.add(owner)

    # ---- intents

    async def claim(self, campaign_id: str, permit: Permit) -> Claim:
        """Take as many contacts as may be called now, and write their intents. Raises StoreError: nobody is taken."""
        return await self.db.write_briefly(self._claim, campaign_id, permit)

    def _claim(self, conn: Connection, campaign_id: str, permit: Permit) -> Claim:
        now = self.now()
        campaigns.hold(conn, campaign_id)
        state = claims.state(conn, campaign_id, day_of(now))
        if state is None or state.campaign.state != "running":
            return Claim()
        campaign, rules = state.campaign, kept(state.campaign.rules)
        numbers = permit(Standing(campaign, rules, state.open_calls, state.spent_today_usd, state.busy_numbers))
        due = claims.due(conn, campaign_id, now, len(numbers)) if numbers else ()
        if not due:
            return Claim()
        return self._take(conn, campaign, rules, due, numbers, now)

    def _take(
        self,
        conn: Connection,
        campaign: Campaign,
        rules: Rules,
        due: Sequence[Contact],
        numbers: Sequence[str],
        now: float,
    ) -> Claim:
        known = claims.known(conn, due, now - _DAYS_BACK_S)
        going: list[tuple[Contact, Attempt]] = []
        places: list[contacts.Moved] = []
        for contact in due:
            answer = gate.ask(
                contact, rules, now, listed=contact.phone in known.listed, dialled=known.dialled.get(contact.phone, ())
            )
            if isinstance(answer, gate.Go):
                n = 1 + known.latest.get(contact.id, 0)
                going.append((contact, self._intent(campaign, rules, contact, n, numbers[len(going)], now)))
            else:
                places.append(contacts.moved(standing.held(contact, answer)))
        written = attempts.intend(conn, [attempt for _, attempt in going])
        for contact, attempt in going:
            taken = attempt.id in written
            after = standing.dialing(contact, now) if taken else standing.busy_elsewhere(contact, now)
            places.append(contacts.moved(after))
        contacts.move(conn, places)
        return Claim([attempt for _, attempt in going if attempt.id in written], len(due))

    def _intent(
        self, campaign: Campaign, rules: Rules, contact: Contact, n: int, from_number: str, now: float
    ) -> Attempt:
        return Attempt(
            token=secrets.token_urlsafe(24),
            phone=contact.phone,
            from_number=from_number,
            state="intent",
            owner=self.owner,
            claimed_at=now,
            id=new_id("att", now),
            contact_id=contact.id,
            campaign_id=campaign.id,
            n=n,
            agent=contact.agent or campaign.agent,
            variables=standing.variables(contact, n),
            terms=standing.terms(rules, contact),
        )

    async def may_send(self, attempt: Attempt) -> str:
        """Empty when the order may go out now, else why not. Raises StoreError: then it may not, either."""
        if not self.is_fresh(attempt):
            return "too_late"
        return await self._may_send.ask(attempt.token) or ""

    def is_fresh(self, attempt: Attempt) -> bool:
        """Was it written just now? Where the clock was set back, nobody knows: it was not."""
        return -_STEP_S <= self.now() - attempt.claimed_at <= self.patience.fresh_s

    async def _refusals(self, tokens: Sequence[str]) -> dict[str, str]:
        return await self.db.read(self._refuse, tokens)

    def _refuse(self, conn: Connection, tokens: Sequence[str]) -> dict[str, str]:
        """Why orders for these may not go out, empty where they may."""
        rows = attempts.get(conn, tokens)
        mine = [row for row in rows.values() if row.state == "intent" and row.owner == self.owner]
        return {token: "not_mine" for token in tokens} | self._unwanted(conn, mine)

    async def unwanted(self, rows: Sequence[Attempt]) -> dict[str, str]:
        """By token, why nobody's phone should ring for these any more, empty where it may. Raises StoreError."""
        return await self.db.read(self._unwanted, rows) if rows else {}

    def _unwanted(self, conn: Connection, rows: Sequence[Attempt]) -> dict[str, str]:
        now = self.now()
        listed = do_not_call.listed(conn, [row.phone for row in rows])
        people = contacts.get(conn, [row.contact_id for row in rows if row.contact_id is not None])
        theirs = {row.campaign_id for row in rows if row.campaign_id is not None}
        known = {campaign_id: campaigns.get(conn, campaign_id) for campaign_id in theirs}
        found = {}
        for row in rows:
            if row.contact_id is None or row.campaign_id is None:
                found[row.token] = "do_not_call" if row.phone in listed else ""
            else:
                campaign, contact = known[row.campaign_id], people.get(row.contact_id)
                found[row.token] = _refusal(campaign, contact, now, listed=row.phone in listed)
        return found

    # ---- evidence

    def note(self, word: Word) -> None:
        """Keep a piece of evidence; it is on the disk a moment later."""
        self._words.setdefault(word.token, []).append(word)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.ensure_future(self._write_on())

    async def _write_on(self) -> None:
        """Write what gathers, until there is nothing left. Trouble with the database is waited out: nothing is lost."""
        told = False
        while self._words:
            await asyncio.sleep(GATHER_S)
            try:
                await self._write_words()
            except StoreError as error:
                if not told:
                    log.warning("evidence about calls waits for the database", extra={"error": str(error)})
                told = True
                await asyncio.sleep(AGAIN_S)

    async def _write_words(self) -> None:
        words, self._words = self._words, {}
        self._in_hand = words
        try:
            written = await self.db.write(self._lay, words)
        except BaseException:
            for token, more in words.items():
                self._words[token] = more + self._words.get(token, [])
            raise
        finally:
            self._in_hand = {}
        for before, after, contact in written:
            for tell in self.told:
                tell(before, after, contact)

    def stop(self) -> None:
        """Nobody waits for the database any more."""
        if self._writing is not None:
            self._writing.cancel()

    async def settled(self) -> None:
        """Wait until all evidence is on the disk."""
        while self._words or (self._writing is not None and not self._writing.done()):
            if self._writing is not None:
                await asyncio.shield(self._writing)

    def _lay(self, conn: Connection, words: dict[str, list[Word]]) -> list[tuple[Attempt, Attempt, Contact | None]]:
        known = attempts.get(conn, sorted(words), lock=True)
        changed: list[tuple[Attempt, Attempt]] = []
        for token, before in known.items():
            after = before
            for word in words[token]:
                after = lay(after, word)
            if after != before:
                changed.append((before, after))
        attempts.write(conn, [after for _, after in changed])
        self._count_money(conn, changed)
        for before, after in changed:
            if after.result == "opted_out" and before.result != "opted_out":
                entry = DoNotCall(after.phone, self.now(), "call", after.reason, after.call_id)
                do_not_call.add(conn, [entry])
        places = standing.follow(conn, changed)
        if any(after.state == "closed" != before.state for before, after in changed):
            wake.tell(conn)  # there is room for another call
        webhooks.announce(conn, told.news(changed, places, self.now()))
        return [(before, after, places.get(after.token)) for before, after in changed]

    def _count_money(self, conn: Connection, changed: list[tuple[Attempt, Attempt]]) -> None:
        more: dict[str, float] = {}
        for before, after in changed:
            usd = after.carrier_usd + after.model_usd - before.carrier_usd - before.model_usd
            if after.campaign_id is not None and usd:
                more[after.campaign_id] = more.get(after.campaign_id, 0.0) + usd
        for campaign_id, usd in more.items():
            campaigns.spend_more(conn, campaign_id, day_of(self.now()), usd)

    async def attempt(self, token: str) -> Attempt | None:
        """One attempt as it is on the disk, evidence that still waits included."""
        waiting = self._waiting(token)
        found = await self._rows.ask(token)
        for word in waiting:  # they may be written by now, or not: twice makes no difference
            found = found and lay(found, word)
        return found and self.with_words(found)

    def with_words(self, attempt: Attempt) -> Attempt:
        """An attempt that was read from the disk, with the evidence that still waits to be written there."""
        for word in self._waiting(attempt.token):
            attempt = lay(attempt, word)
        return attempt

    def _waiting(self, token: str) -> list[Word]:
        return [*self._in_hand.get(token, ()), *self._words.get(token, ())]

    async def _read(self, tokens: Sequence[str]) -> dict[str, Attempt]:
        return await self.db.read(attempts.get, tokens)

    def has_words(self, token: str) -> bool:
        """Is there evidence about it that is not on the disk yet?"""
        return bool(self._words.get(token) or self._in_hand.get(token))


def _refusal(campaign: Campaign | None, contact: Contact | None, now: float, *, listed: bool) -> str:
    """Why an order may not go out, or stand, empty where it may."""
    if campaign is None or contact is None:
        return "deleted"
    if campaign.state != "running":
        return campaign.state
    answer = gate.ask(contact, kept(campaign.rules), now, listed=listed, dialled=())
    return "" if isinstance(answer, gate.Go) else answer.why


def day_of(now: float) -> str:
    """The day on which money is counted: UTC, `2026-11-27`."""
    return datetime.fromtimestamp(now, UTC).date().isoformat()
