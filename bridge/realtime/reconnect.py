"""When to try again to open the model's socket. A decision, not an act."""

from __future__ import annotations

import random

from bridge.errors import ModelError

ATTEMPTS = 3
"""Tries in all. A caller is ringing: with 0.3 and 0.9 s between them the decision is there in 4 s."""


def retry_after_s(attempt: int, error: ModelError, rand: float | None = None) -> float | None:
    """Seconds to wait after the failed `attempt` (1, 2 ...), or None to give up. `rand` in [0, 1) is the jitter."""
    if not error.retry or attempt >= ATTEMPTS:
        return None
    jitter = 0.5 + (random.random() if rand is None else rand)  # half to one and a half
    return float(0.3 * 3 ** (attempt - 1) * jitter)
