"""The last question before somebody is dialled: may this contact be called now?

Asked by the same words when a contact is taken from the list, when the intent is on the disk and the order is about to
go out, and for as long as the call waits in the carrier's queue. Between these somebody may have said no, the campaign
may have been paused, an hour may have passed. No I/O and no clock; what has to be looked up is handed in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bridge.dialer import retries, windows
from bridge.dialer.rules import Rules
from bridge.errors import NumberRefused
from bridge.numbers import check_number
from bridge.store.base import Contact

CLOSING_S = 20.0
"""So long before somebody's hours end they are not called any more, and what waits at the carrier is taken back: that
takes two looks (`patience.round_s`) and an answer of the carrier's, or `patience.others_s` more where its own dialer is
frozen and another one does it, and nothing may ring after the end."""


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
    """May they be called? `listed`: they said no. `dialled`: when the number was dialled lately, by any campaign.

    Who asked to be called now is: a promise goes before the caps (see `retries.py`), never before the window.
    """
    if listed:
        return Never("do_not_call")
    if rules.countries:  # an edit may have taken a country away since the list was read
        try:
            check_number(contact.phone, rules.countries)
        except NumberRefused as error:
            return Never(error.why)
    promised = contact.outcome == "callback"
    found = retries.may_dial(contact, rules, now, () if promised else dialled)
    if found is None and not windows.is_open(rules.window, contact.zones, now + CLOSING_S):
        closing_at = windows.closes_at(rules.window, contact.zones, now) or now
        found = retries.may_dial(contact, rules, closing_at, () if promised else dialled)
    if found is None:
        return Go()
    if isinstance(found, retries.Skip):
        return Never(found.why)
    return Wait(found.at, "window or cap")
