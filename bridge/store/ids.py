"""Ids that people see: a word for what it is, and 20 characters that sort by age."""

from __future__ import annotations

import secrets
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: sorts as it counts, no l, i, o or u


def new_id(kind: str, epoch_s: float | None = None) -> str:
    """`kind_` and 20 characters: 10 of the time in ms, 10 of chance. `epoch_s`: another time than now."""
    ms = int((time.time() if epoch_s is None else epoch_s) * 1000)
    stamp = "".join(_ALPHABET[ms >> shift & 31] for shift in range(45, -1, -5))
    return f"{kind}_{stamp}" + "".join(secrets.choice(_ALPHABET) for _ in range(10))


def made_at(found: str) -> float:
    """When an id was made, in epoch seconds."""
    ms = 0
    for letter in found.partition("_")[2][:10]:
        ms = ms << 5 | _ALPHABET.index(letter)
    return ms / 1000
