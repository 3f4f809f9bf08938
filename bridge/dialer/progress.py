"""How far a campaign has come: its contacts from step to step, and how many calls it makes a minute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bridge.dialer.outcomes import ANSWERED, REACHED
from bridge.store import attempts, contacts
from bridge.store.database import Connection

SHOWN_S = 3600
"""The pace is told for so long back."""
MINUTE_S = 60


@dataclass(frozen=True, slots=True)
class Steps:
    """Contacts, each step a part of the one before it."""

    loaded: int
    dialable: int
    """Not left out before anybody called them: do-not-call, no calling hours, no consent."""
    dialled: int
    answered: int
    """Somebody or something picked up, in one of the attempts."""
    human: int
    goal: int


@dataclass(frozen=True, slots=True)
class Minute:
    """What began in one minute of the clock; `at` is its begin in epoch seconds."""

    at: float
    begun: int
    answered: int


def steps(conn: Connection, campaign_id: str, loaded: int) -> Steps:
    """The steps of a campaign that has `loaded` contacts."""
    dialled, answered, human, goal = attempts.reached(conn, campaign_id, sorted(ANSWERED), sorted(REACHED))
    return Steps(loaded, loaded - contacts.never_dialable(conn, campaign_id), dialled, answered, human, goal)


def pace(conn: Connection, campaign_id: str, now: float) -> Sequence[Minute]:
    """The last hour's minutes, the running one last; those in which nothing began too."""
    last = now // MINUTE_S * MINUTE_S
    first = last - SHOWN_S + MINUTE_S
    begun, answered = [0] * (SHOWN_S // MINUTE_S), [0] * (SHOWN_S // MINUTE_S)
    for at, answered_at in attempts.begun_since(conn, campaign_id, first):
        place = min(int((at - first) // MINUTE_S), len(begun) - 1)
        begun[place] += 1
        answered[place] += answered_at is not None
    return [Minute(first + n * MINUTE_S, begun[n], answered[n]) for n in range(len(begun))]
