"""What comes after an attempt: again, and when; or never. A decision is a value, and whoever acts on it is elsewhere.

Every time that is given out lies inside the contact's window, and keeps the campaign's spacing and the number's cap for
a day of its own calendar. A contact has one cap in all (`Rules.attempts`), and the table of outcomes may only lower it.
One thing goes beyond it: a promise. Who says "call me tomorrow at ten" has asked for that call, so spacing and the caps
do not hold for it; the window does, and `retry.callback.most` bounds how often.

603, 607 and 608 (`declined`, `blocked`) and numbers that do not exist are not tried again: a network that takes us for
unwanted takes note of the next try too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bridge.dialer import windows
from bridge.dialer.outcomes import REACHED, Outcome
from bridge.dialer.rules import NEVER, Rules
from bridge.store.base import Contact

HOUR_S = 3600.0
_DAYS_AHEAD = 60
"""A cap for a day moves a call to the next one; no campaign has so many full days before it."""
_NO_ATTEMPT = frozenset({"canceled", "refused", "callback"})
"""Nobody had the chance to answer, or it was they who asked for another: the cap on attempts counts without these."""


@dataclass(frozen=True, slots=True)
class RetryAt:
    """Call again, not before `at` (epoch seconds, inside the window)."""

    at: float
    promised: bool = False
    """They asked for it: spacing and caps do not hold."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The attempts are used up, or there is no use in another one."""

    why: str
    """An outcome, `attempts` (the cap), or `no_hours` (no moment is inside the window)."""


@dataclass(frozen=True, slots=True)
class Done:
    """It is settled; `do_not_call`: and the number goes on the list, at once."""

    do_not_call: bool = False


@dataclass(frozen=True, slots=True)
class Skip:
    """Nobody may be called, so nobody was tried."""

    why: str


@dataclass(frozen=True, slots=True)
class Review:
    """Nobody can tell what happened: a person has to decide."""

    why: str


Decision = RetryAt | GiveUp | Done | Skip | Review


def decide(
    outcome: Outcome,
    contact: Contact,
    rules: Rules,
    *,
    ended_at: float,
    outcomes: Sequence[str] = (),
    dialled: Sequence[float] = (),
    callback_at: float | None = None,
) -> Decision:
    """What follows from an attempt that is over.

    Args:
        outcome: What became of it.
        contact: As it stands; its `attempts` are those in all, this one included.
        rules: The campaign's, as they are now.
        ended_at: When it ended, epoch seconds.
        outcomes: Of all attempts of this contact, this one included.
        dialled: When the contact's number was dialled in the last two days, for any campaign, this time included; what
            the carrier refused was not dialled.
        callback_at: When they asked to be called, for `callback`.
    """
    if outcome == "opted_out":
        return Done(do_not_call=True)
    if outcome == "unknown" and not rules.redial_unknown:
        return Review("nobody can tell whether it was dialled")
    if outcome in NEVER - {"unknown"}:
        return GiveUp(outcome)
    counts = Counter([*outcomes, *([] if outcome in outcomes else [outcome])])
    if outcome == "callback":
        return _promised(contact, rules, ended_at, counts, callback_at)
    row = rules.retry.get(outcome)
    if row is not None and counts[outcome] > row.most:
        settled = outcome in REACHED or outcome == "voicemail_left"
        return Done() if settled else GiveUp("attempts" if row.most else outcome)
    if contact.attempts - _not_counted(counts) >= rules.attempts:
        return Done() if outcome in REACHED else GiveUp("attempts")
    delay = row.delay_h if row is not None else rules.spacing_h
    at = earliest(contact, rules, not_before=ended_at + delay * HOUR_S, dialled=dialled)
    return GiveUp("no_hours") if at is None else RetryAt(at)


def earliest(contact: Contact, rules: Rules, *, not_before: float, dialled: Sequence[float] = ()) -> float | None:
    """The first moment at which this contact may be dialled, epoch seconds; None: never (no zone, no common hour).

    Args:
        contact: Its zones count.
        rules: Window, spacing and cap for a day count.
        not_before: Now, or when it is due.
        dialled: When the number was dialled lately, for any campaign.
    """
    moment = max([not_before, *(at + rules.spacing_h * HOUR_S for at in dialled)])
    for _ in range(_DAYS_AHEAD):
        opening = windows.next_open(rules.window, contact.zones, moment)
        if opening is None or not _full_day(contact, rules, opening, dialled):
            return opening
        moment = windows.next_day(contact.zones, opening)
    return None


def may_dial(contact: Contact, rules: Rules, now: float, dialled: Sequence[float] = ()) -> RetryAt | Skip | None:
    """The last look before a dial: None when it may be dialled now, else what becomes of it instead.

    A contact whose last outcome is `callback` is owed the call: only the window counts.
    """
    at = earliest(contact, rules, not_before=now, dialled=() if contact.outcome == "callback" else dialled)
    if at is None:
        return Skip("no_hours" if contact.zones else "no_zone")
    return None if at <= now else RetryAt(at)


def _promised(
    contact: Contact, rules: Rules, ended_at: float, counts: Counter[str], callback_at: float | None
) -> Decision:
    row = rules.retry["callback"]
    if counts["callback"] > row.most:
        return Done()
    wanted = ended_at + row.delay_h * HOUR_S if callback_at is None else max(callback_at, ended_at)
    at = windows.next_open(rules.window, contact.zones, wanted)
    return GiveUp("no_hours") if at is None else RetryAt(at, promised=True)


def _not_counted(counts: Counter[str]) -> int:
    return sum(counts[outcome] for outcome in _NO_ATTEMPT)


def _full_day(contact: Contact, rules: Rules, moment: float, dialled: Sequence[float]) -> bool:
    """Was the number dialled often enough on the date of that moment, in any zone in which it may be?"""
    for zone in contact.zones:
        today = windows.local_day(zone, moment)
        if sum(windows.local_day(zone, at) == today for at in dialled) >= rules.per_day:
            return True
    return False
