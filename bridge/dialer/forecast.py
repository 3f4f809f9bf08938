"""The dry run: who would be called and when, who would not and why, how long it takes and what it costs.

Rows go in, a value comes out, and nobody is called. What cannot be known is said as a range: who answers and how long
they talk is taken from `Guess`, low, likely and high. The end is found by playing the days ahead in quarters of an
hour: windows, calls at a time, calls per second, and who did not answer again the next day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from bridge.dialer import template, windows
from bridge.dialer.importer import ImportedRow, RowProblem
from bridge.dialer.rules import Rules

HOUR_S = 3600
STEP_S = 900
PREVIEWS = 3
MOST_PROBLEMS = 20
HORIZON_S = 60 * windows.DAY_S
_RING_S = 20.0
"""A call that nobody answers holds its line about this long."""


_Group = tuple[float, tuple[str, ...], int]
"""Contacts that are due at one time, in the same zones, for their n-th attempt; counted in shares of people."""


@dataclass(frozen=True, slots=True)
class Guess:
    """How a list of people behaves: `answered` is the share that picks up, `minutes` how long they then talk."""

    answered: float
    minutes: float


LOW, LIKELY, HIGH = Guess(0.2, 0.7), Guess(0.4, 1.5), Guess(0.8, 4.0)
"""Between a cold list and one of customers who wait for the call."""


@dataclass(frozen=True, slots=True)
class Range:
    """An estimate."""

    low: float
    likely: float
    high: float


@dataclass(frozen=True, slots=True)
class Preview:
    """The first words to one contact."""

    line: int
    phone: str
    name: str
    greeting: str


@dataclass(slots=True)
class Forecast:
    """All that a dry run found; times are epoch seconds, money US dollars."""

    rows: int = 0
    valid: int = 0
    """Rows that would be imported, those on the do-not-call list among them."""
    do_not_call: int = 0
    dialable: int = 0
    """Contacts that would be called."""
    dialable_now: int = 0
    never: int = 0
    """Valid, but no moment is inside the window in all of their zones."""
    duplicates: int = 0
    invalid: dict[str, int] = field(default_factory=dict)
    """By reason, duplicates left out."""
    repaired: int = 0
    """Numbers that were mended, as their notes say."""
    kinds: dict[str, int] = field(default_factory=dict)
    countries: dict[str, int] = field(default_factory=dict)
    zones: dict[str, int] = field(default_factory=dict)
    """By zone; numbers of several zones under all of them, joined by " + "."""
    opens: list[tuple[float, int]] = field(default_factory=list)
    """(hour, contacts whose window opens in it); those that are open now are not in it."""
    minutes: Range = Range(0, 0, 0)
    cost_usd: Range = Range(0, 0, 0)
    most_usd: float = 0.0
    """What it costs when everybody talks as long as they may in every attempt; a budget may stop it before."""
    finish_at: float | None = None
    """When the last contact is settled, as the likely guess has it; None: after more than 60 days, or nobody is called.
    """
    previews: list[Preview] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)
    """The first 20; `errors.csv` has all."""

    def dump(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def forecast(
    rows: Iterable[ImportedRow | RowProblem],
    rules: Rules,
    *,
    now: float,
    greeting: str = "",
    do_not_call: Callable[[str], bool] = lambda _: False,
    on_problem: Callable[[RowProblem], None] = lambda _: None,
) -> Forecast:
    """Read all rows and say what would come of them.

    Args:
        rows: Of `read_contacts`.
        rules: The campaign's.
        now: Epoch seconds.
        greeting: The first words, with `{columns}` in them.
        do_not_call: Whether an E.164 number is on the list (`frozenset.__contains__`).
        on_problem: Told of every row that is not taken, in order: for errors.csv.
    """
    counting = _Counting(rules, now, greeting)
    for row in rows:
        if isinstance(row, RowProblem):
            counting.problem(row)
            on_problem(row)
        else:
            counting.contact(row, listed=do_not_call(row.number.e164))
    return counting.done()


class _Counting:
    """A forecast while the rows come."""

    def __init__(self, rules: Rules, now: float, greeting: str) -> None:
        self._rules = rules
        self._now = now
        self._greeting = greeting
        self._found = Forecast()
        self._invalid: Counter[str] = Counter()
        self._kinds: Counter[str] = Counter()
        self._countries: Counter[str] = Counter()
        self._zones: Counter[tuple[str, ...]] = Counter()
        self._opens: Counter[float] = Counter()
        self._groups: dict[_Group, float] = {}
        self._opening: dict[tuple[str, ...], float | None] = {}

    def problem(self, problem: RowProblem) -> None:
        self._found.rows += 1
        if problem.why == "duplicate":
            self._found.duplicates += 1
        else:
            self._invalid[problem.why] += 1
        if len(self._found.problems) < MOST_PROBLEMS:
            self._found.problems.append(problem)

    def contact(self, row: ImportedRow, *, listed: bool) -> None:
        found = self._found
        found.rows += 1
        found.valid += 1
        found.repaired += bool(row.notes)
        self._kinds[row.number.kind] += 1
        self._countries[row.number.country] += 1
        self._zones[row.zones] += 1
        opening = self._opens_at(row)
        if listed:
            found.do_not_call += 1
        elif opening is None:
            found.never += 1
        else:
            self._dialable(row, opening)

    def _opens_at(self, row: ImportedRow) -> float | None:
        if row.not_before > self._now:
            return windows.next_open(self._rules.window, row.zones, row.not_before)
        if row.zones not in self._opening:
            self._opening[row.zones] = windows.next_open(self._rules.window, row.zones, self._now)
        return self._opening[row.zones]

    def _dialable(self, row: ImportedRow, opening: float) -> None:
        found = self._found
        found.dialable += 1
        if opening <= self._now:
            found.dialable_now += 1
        else:
            self._opens[opening // HOUR_S * HOUR_S] += 1
        # Quarters of an hour are fine enough, and few enough.
        group = (self._now + -((self._now - opening) // STEP_S) * STEP_S, row.zones, 1)
        self._groups[group] = self._groups.get(group, 0.0) + 1
        if len(found.previews) < PREVIEWS:
            words = template.render(self._greeting, row.variables | {"phone_number": row.number.e164})
            found.previews.append(Preview(row.line, row.number.e164, row.name, words))

    def done(self) -> Forecast:
        found = self._found
        found.invalid = dict(self._invalid.most_common())
        found.kinds = dict(self._kinds.most_common())
        found.countries = dict(self._countries.most_common())
        found.zones = {" + ".join(zones): count for zones, count in self._zones.most_common()}
        found.opens = sorted(self._opens.items())
        self._estimate()
        found.finish_at = _finish(self._groups, self._rules, self._now)
        return found

    def _estimate(self) -> None:
        found, rules = self._found, self._rules
        low, likely, high = (_minutes(found.dialable, rules, guess) for guess in (LOW, LIKELY, HIGH))
        found.minutes = Range(low, likely, high)
        price, limit = rules.price_minute_usd, rules.budget_usd or float("inf")
        found.cost_usd = Range(*(round(min(minutes * price, limit), 2) for minutes in (low, likely, high)))
        found.most_usd = round(min(found.dialable * rules.attempts * rules.call_cost_usd, limit), 2)


def _minutes(contacts: int, rules: Rules, guess: Guess) -> float:
    """Minutes of talk: whoever answers in one of the attempts talks once."""
    reached = 1 - (1 - guess.answered) ** rules.attempts
    return round(contacts * reached * min(guess.minutes, rules.max_minutes), 1)


def _finish(waiting: dict[_Group, float], rules: Rules, now: float) -> float | None:
    """Play the days ahead with the likely guess."""
    mean_s = LIKELY.answered * min(LIKELY.minutes, rules.max_minutes) * 60 + _RING_S
    a_step = STEP_S * min(rules.cps, rules.concurrency / mean_s)
    moment, last = now, None
    while waiting and moment < now + HORIZON_S:
        room = a_step
        for key in sorted(key for key in waiting if key[0] <= moment):
            if room <= 0:
                break
            if windows.is_open(rules.window, key[1], moment):
                room -= _dial(waiting, key, min(room, waiting[key]), rules, moment)
                last = moment + STEP_S * (1 - room / a_step)
        if room < a_step:
            moment += STEP_S
        else:
            # Nobody's window is open: on to the first that opens, never back to this quarter.
            opens = (windows.next_open(rules.window, key[1], max(key[0], moment)) for key in waiting)
            moment = max(moment + 1, min((at for at in opens if at is not None), default=now + HORIZON_S))
    return None if waiting else last


def _dial(waiting: dict[_Group, float], key: _Group, count: float, rules: Rules, moment: float) -> float:
    """Dial so many of a group; who does not answer comes again when the rules allow."""
    _, zones, n = key
    waiting[key] -= count
    if waiting[key] <= 1e-9:
        del waiting[key]
    silent = count * (1 - LIKELY.answered)
    if n < rules.attempts and silent > 0:
        ready = moment + rules.spacing_h * HOUR_S
        if n % rules.per_day == 0:
            ready = max(ready, windows.next_day(zones, moment))
        opening = windows.next_open(rules.window, zones, ready)
        if opening is not None:
            again = (opening, zones, n + 1)
            waiting[again] = waiting.get(again, 0.0) + silent
    return count
