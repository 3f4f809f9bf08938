"""What follows from an attempt to deliver a message. Pure: time and chance are handed in.

By Standard Webhooks 1.0.0: 2xx is success and nothing else is (a redirect is not followed); 410 means that nobody is
there any more; everything else is tried again, over days, at times that no two messages share; Retry-After is honoured.
"""

from __future__ import annotations

from dataclasses import dataclass

PAUSES_S = (5.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
"""After the first attempt, after the second ...: 10 attempts over about three days."""
JITTER = 0.2
"""A pause is up to so much longer: what failed together is not tried together."""
LONGEST_S = 86_400.0
"""Nobody is believed who wants to be left alone for longer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `status` 0: nothing did, and `error` says why."""

    status: int
    ms: int = 0
    error: str = ""
    retry_after_s: float | None = None
    hopeless: bool = False
    """Asking again brings nothing: the address may not be asked at all."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """It was taken."""


@dataclass(frozen=True, slots=True)
class Again:
    """Try it again at `at`, epoch seconds."""

    at: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """It was tried for days, or cannot be delivered."""

    why: str


@dataclass(frozen=True, slots=True)
class Gone:
    """The endpoint wants no more messages, this one or another."""


def decide(attempts: int, answer: Answer, now: float, chance: float) -> Delivered | Again | GiveUp | Gone:
    """What follows after this many attempts, the one in hand included. `chance`: 0 to 1."""
    if 200 <= answer.status < 300:
        return Delivered()
    if answer.status == 410:
        return Gone()
    if answer.hopeless:
        return GiveUp(answer.error)
    if attempts > len(PAUSES_S):
        return GiveUp(f"given up after {attempts} attempts")
    pause = PAUSES_S[max(0, attempts - 1)] * (1.0 + JITTER * chance)
    return Again(now + max(pause, min(answer.retry_after_s or 0.0, LONGEST_S)))
