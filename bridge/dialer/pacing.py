"""How many calls may begin now, and why not more.

There is no pool of agents to keep busy, so nothing is predicted: a call may begin when every limit has room for it. The
limits are the campaign's calls at a time, the account's, the warm model sessions, calls per second (of the campaign and
of the account), caller ids, money, and the share of calls that failed lately.

**Money is a hard stop.** A running call counts with all that it may still cost (`Rules.call_cost_usd`), so a budget is
not passed by calls that were already under way when it was reached: what is spent and what may still be spent together
stay below it, and the next call begins when one of them ends cheaper than it might have.

`Pacer` holds what must be remembered between two ticks, and no clock: `grant` asks, `dialled` and `ended` tell.
Sources: Twilio's queueing of calls above CPS (they wait there up to a day, where no window is looked at, so it must not
come to that); the breaker's figures are Dograh's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from bridge.dialer.outcomes import TROUBLE
from bridge.dialer.rules import Rules

Why = Literal["concurrency", "account", "warm", "cps", "caller_ids", "budget_open", "budget_day", "budget", "breaker"]
"""
concurrency  the campaign's calls at a time are all running
account      the account's are, or the process takes no more
warm         no model session would be ready when they answer
cps          the next call may begin in a moment
caller_ids   every caller id has as many calls as it may have
budget_open  the money that is left may be needed by the calls that are running
budget_day   today's is spent
budget       all of it is spent: the campaign stops
breaker      too many calls failed: the campaign stops
"""
STOPS: frozenset[str] = frozenset({"budget", "breaker"})
"""These do not pass by waiting: the campaign is paused with this reason, and a person has to look."""
_ROUNDING = 1e-6
"""Dollars: sums of floats are compared with this between them."""
_PLENTY = 1_000_000
"""Calls: no limit."""


@dataclass(frozen=True, slots=True)
class Grant:
    """So many calls may begin now, at least one."""

    calls: int


@dataclass(frozen=True, slots=True)
class Hold:
    """None may; `until` when it is known that it will be different (epoch seconds), else None."""

    why: Why
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Load:
    """What is going on at the moment of the question, as the database and the switchboard have it."""

    open_calls: int = 0
    """Attempts of this campaign that are not closed."""
    account_room: int = _PLENTY
    """Calls that the account (or this process) can still take."""
    warm_room: int = _PLENTY
    """Model sessions that can still be opened."""
    spent_usd: float = 0.0
    """By the campaign's calls that are over."""
    spent_today_usd: float = 0.0
    day_ends_at: float | None = None
    busy: Mapping[str, int] = field(default_factory=dict)
    """Open attempts by caller id, of all campaigns."""


class Bucket:
    """Calls per second as tokens: one at a time for small rates, a tenth of a second's worth for large ones.

    Not more, because the carrier queues what is above its rate: in no second more than 1.1 times the rate begins.
    """

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._size = max(1.0, rate / 10)
        self._tokens = self._size
        self._at: float | None = None

    def obey(self, rate: float) -> None:
        """Another rate from now on; what was taken stays taken."""
        self.rate = rate
        self._size = max(1.0, rate / 10)
        self._tokens = min(self._tokens, self._size)

    def room(self, now: float) -> int:
        """How many calls may begin now."""
        self._fill(now)
        return int(self._tokens + 1e-9)

    def take(self, now: float) -> None:
        """A call begins. More than there is room for is remembered, and waited off."""
        self._fill(now)
        self._tokens -= 1.0

    def next_at(self, now: float) -> float:
        """When there is room for one."""
        self._fill(now)
        return now + max(0.0, 1.0 - self._tokens) / self.rate

    def _fill(self, now: float) -> None:
        # A clock that was set back fills nothing, and does not empty it either.
        passed = max(0.0, now - self._at) if self._at is not None else 0.0
        self._tokens = min(self._size, self._tokens + passed * self.rate)
        self._at = now


class Pacer:
    """The pace of one campaign."""

    def __init__(self, rules: Rules, default_number: str = "", account: Bucket | None = None) -> None:
        """`default_number` is the caller id where the rules name none; `account` is shared by all campaigns."""
        self.rules = rules
        self._default = default_number
        self._account = account
        self._dialers = 1
        self._bucket = Bucket(rules.cps)
        self._ends: deque[tuple[float, bool]] = deque()
        self._used: dict[str, float] = {}

    def obey(self, rules: Rules) -> None:
        """The rules were edited; what is remembered stays."""
        if rules.cps != self.rules.cps:
            self._bucket = Bucket(rules.cps / self._dialers)
        self.rules = rules

    def share(self, dialers: int) -> None:
        """So many dialers begin calls of this campaign, and each of them its part of the rate."""
        self._dialers = dialers
        if self._bucket.rate != self.rules.cps / dialers:
            self._bucket.obey(self.rules.cps / dialers)

    def grant(self, now: float, load: Load) -> Grant | Hold:
        """How many calls may begin now; the first limit without room says why none may."""
        if self.tripped(now):
            return Hold("breaker")
        rooms: list[tuple[int, Hold]] = [
            *self._money(load),
            (self.rules.concurrency - load.open_calls, Hold("concurrency")),
            (load.account_room, Hold("account")),
            (load.warm_room, Hold("warm")),
            (sum(self._line_room(number, load.busy) for number in self._pool()), Hold("caller_ids")),
            *((bucket.room(now), Hold("cps", bucket.next_at(now))) for bucket in self._buckets()),
        ]
        for room, hold in rooms:
            if room < 1:
                return hold
        return Grant(min(room for room, _ in rooms))

    def dialled(self, now: float, from_number: str = "") -> None:
        """A call begins; to be told before the carrier is asked, so that a slow answer does not make two of one."""
        for bucket in self._buckets():
            bucket.take(now)
        self._used[from_number] = now

    def ended(self, now: float, outcome: str) -> None:
        """What became of a call (`dialer.outcomes`)."""
        self._ends.append((now, outcome in TROUBLE))
        self._forget(now)

    def tripped(self, now: float) -> bool:
        """Did too many of the last calls fail?"""
        self._forget(now)
        breaker, failed = self.rules.breaker, sum(trouble for _, trouble in self._ends)
        return len(self._ends) >= breaker.least and failed >= breaker.share * len(self._ends)

    def reset(self) -> None:
        """Somebody looked and goes on: the failures until now are forgotten."""
        self._ends.clear()

    def caller_id(self, busy: Mapping[str, int]) -> str | None:
        """The number to call from: the least busy of the pool, of these the one not used for longest; None: all full.

        `busy` are the open attempts by caller id, of all campaigns.
        """
        free = [number for number in self._pool() if self._line_room(number, busy) > 0]
        return min(free, key=lambda number: (busy.get(number, 0), self._used.get(number, 0.0)), default=None)

    def _pool(self) -> tuple[str, ...]:
        return self.rules.numbers or (self._default,)

    def _line_room(self, number: str, busy: Mapping[str, int]) -> int:
        return max(0, self.rules.per_number - busy.get(number, 0)) if self.rules.per_number else _PLENTY

    def _money(self, load: Load) -> list[tuple[int, Hold]]:
        """Room for calls under each budget: those that run count with all that they may cost."""
        cost, rules = self.rules.call_cost_usd, self.rules
        found = []
        for budget, spent, hold in (
            (rules.budget_usd, load.spent_usd, Hold("budget")),
            (rules.budget_day_usd, load.spent_today_usd, Hold("budget_day", load.day_ends_at)),
        ):
            if budget:
                left = budget - spent + _ROUNDING
                room = int((left - load.open_calls * cost) // cost) if cost else int(left > 0)
                # What a running call does not use is there for the next one: wait for it, do not stop.
                waiting = load.open_calls > 0 and left >= cost
                found.append((room, Hold("budget_open") if waiting else hold))
        return found

    def _buckets(self) -> list[Bucket]:
        return [self._bucket, self._account] if self._account is not None else [self._bucket]

    def _forget(self, now: float) -> None:
        while self._ends and self._ends[0][0] <= now - self.rules.breaker.window_s:
            self._ends.popleft()
