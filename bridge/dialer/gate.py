"""The last question before somebody is dialled: may this contact be called now?

Asked twice, by the same words: when a contact is taken from the list, and again when the intent is on the disk and the
order is about to go out. Between the two somebody may have said no, the campaign may have been paused, an hour may have
passed. No I/O and no clock; what has to be looked up is handed in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bridge.dialer.rules import Rules
from bridge.dialer.windows import is_open, local_day, next_day, next_open
from bridge.store.base import Contact

BUSY_S = 60.0
"""A number that is being called by another campaign is looked at again after this."""


@dataclass(frozen=True, slots=True)
class Go:
    """Yes."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Not now; `until` is an epoch time in seconds."""

    until: float
    why: str


@dataclass(frozen=True, slots=True)
class Never:
    """Not at all, and why."""

    why: str


Answer = Go | Wait | Never


def ask(contact: Contact, rules: Rules, now: float, *, listed: bool, dialled: Sequence[float]) -> Answer:
    """May they be called? `listed`: they said no. `dialled`: when their number was dialled lately, by anybody."""
    if listed:
        return Never("do_not_call")
    if not contact.zones:
        return Never("unknown_zone")
    if not is_open(rules.window, contact.zones, now):
        return _later(contact, rules, now, "window")
    if _that_day(contact, dialled, now) >= rules.per_day:
        return _later(contact, rules, next_day(contact.zones, now), "per_day")
    return Go()


def _later(contact: Contact, rules: Rules, not_before: float, why: str) -> Wait | Never:
    at = next_open(rules.window, contact.zones, not_before)
    return Never("no_common_hours") if at is None else Wait(at, why)


def _that_day(contact: Contact, dialled: Sequence[float], now: float) -> int:
    """How often they were dialled on the date that their wall shows; in doubt about the zone, on any that it may be."""
    days = [(zone, local_day(zone, now)) for zone in contact.zones]
    return sum(any(local_day(zone, at) == day for zone, day in days) for at in dialled)
