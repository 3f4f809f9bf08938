"""Keys that must not be repeated: what was put into an environment or a header, wherever it comes back."""

from __future__ import annotations

from collections.abc import Iterable

_SHORTEST = 8
"""A shorter one is a word: masking it would only garble sentences."""


class Secrets:
    """Values to be masked in texts that others write."""

    def __init__(self, values: Iterable[str]) -> None:
        found = {part for value in values for part in (value, *value.split())}  # "Bearer <key>" is two
        self._values = sorted((one for one in found if len(one) >= _SHORTEST and "://" not in one), key=len)

    def __repr__(self) -> str:
        return f"<{len(self._values)} secrets>"

    def masked(self, text: str) -> str:
        """The text with *** for each of them."""
        for value in reversed(self._values):  # the longest first: one may be part of another
            text = text.replace(value, "***")
        return text
