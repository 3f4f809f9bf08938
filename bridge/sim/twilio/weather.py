"""What can go wrong between the phone company and us, by chance: with what it posts, and with what it is asked.

The chances are drawn from the carrier's own seed, so a run can be repeated. What a test wants at a certain place it
puts into `Carrier.rest_faults` or `Carrier.dial_faults` instead. On the media socket: `mischief.py`.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TypeVar

from bridge.errors import UsageError

NEVER_S = 3600.0
"""Longer than anybody waits for an answer."""


@dataclass(frozen=True, slots=True)
class CallbackWeather:
    """Chances, each from 0 to 1, for one status or detection callback. One that is lost is never posted."""

    lost: float = 0.0
    doubled: float = 0.0
    reordered: float = 0.0
    """Posted behind the one that follows it; where none follows, a little later."""
    late: float = 0.0
    late_s: float = 30.0
    """How late at most."""

    @staticmethod
    def read(text: str) -> CallbackWeather:
        """`lost=0.05,late=0.1,late_s=60`. Raises UsageError."""
        return _read(CallbackWeather, text, "a callback can be")


@dataclass(frozen=True, slots=True)
class RestFault:
    """What one request meets: `status` and `code` instead of the answer, after `delay_s`; `placed`: it was done all
    the same, only the answer is lost. `reset`: the connection breaks instead of an answer."""

    status: int = 500
    code: int = 20500
    placed: bool = False
    delay_s: float = 0.0
    reset: bool = False


TROUBLES: Mapping[str, RestFault] = {
    "rate_limited": RestFault(429, 20429),
    "error": RestFault(),
    "error_placed": RestFault(placed=True),
    "timeout": RestFault(delay_s=NEVER_S),
    "timeout_placed": RestFault(placed=True, delay_s=NEVER_S),
    "reset": RestFault(reset=True),
    "reset_placed": RestFault(placed=True, reset=True),
}
"""The faults that an order to call somebody can meet, by name."""


@dataclass(frozen=True, slots=True)
class DialWeather:
    """Chances of each of `TROUBLES` for one order to call somebody."""

    rate_limited: float = 0.0
    error: float = 0.0
    error_placed: float = 0.0
    timeout: float = 0.0
    timeout_placed: float = 0.0
    reset: float = 0.0
    reset_placed: float = 0.0

    @staticmethod
    def read(text: str) -> DialWeather:
        """`rate_limited=0.01,timeout_placed=0.02`. Raises UsageError."""
        return _read(DialWeather, text, "an order can meet")

    def draw(self, rng: random.Random) -> RestFault | None:
        """What the next order meets; mostly nothing."""
        chance = rng.random()
        for name, fault in TROUBLES.items():
            chance -= getattr(self, name)
            if chance < 0:
                return fault
        return None


FAIR = CallbackWeather()
CALM = DialWeather()

_W = TypeVar("_W", CallbackWeather, DialWeather)


def _read(kind: type[_W], text: str, can: str) -> _W:
    known = [one.name for one in fields(kind)]
    given: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = part.partition("=")
        if name not in known:
            raise UsageError(f"{part!r}: {can} {', '.join(known)}, as in {known[0]}=0.05")
        try:
            given[name] = float(value)
        except ValueError:
            raise UsageError(f"{part!r}: {name} wants a number, as in {name}=0.05") from None
        if not 0 <= given[name] <= (1 if name != "late_s" else NEVER_S):
            raise UsageError(f"{part!r}: {name} is a chance, from 0 to 1")
    return kind(**given)
