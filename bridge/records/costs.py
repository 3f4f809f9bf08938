"""What a call cost at the model, by its own token counts and the dated price table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bridge.realtime.prices import Price


class Costs:
    """One call's tokens and their price. Without a known price the sum stays unknown, never zero."""

    def __init__(self, price: Price | None) -> None:
        self._price = price
        self.usage: dict[str, int] = {}

    def add(self, usage: dict[str, int]) -> None:
        """Count one response."""
        for name, tokens in usage.items():
            self.usage[name] = self.usage.get(name, 0) + tokens

    @property
    def usd(self) -> float | None:
        """What it cost so far, in US dollars; cached tokens are part of the input counts and cheaper."""
        if self._price is None:
            return None
        total = 0.0
        for kind, (full, cached, out) in self._price.items():
            taken = self.usage.get(f"input_{kind}_tokens", 0)
            held = min(taken, self.usage.get(f"cached_{kind}_tokens", 0))
            total += (taken - held) * full + held * cached + self.usage.get(f"output_{kind}_tokens", 0) * out
        return round(total / 1_000_000, 6)


@dataclass(frozen=True, slots=True)
class CostLine:
    """Tokens of one kind, and what they cost; None: nobody knows."""

    what: str
    """text, audio or image."""
    way: str
    """input, cached or output."""
    tokens: int
    usd: float | None


def breakdown(usage: Mapping[str, int], price: Price | None) -> list[CostLine]:
    """What a call's tokens cost, kind by kind; kinds without any are left out."""
    found = []
    for kind in ("audio", "text", "image"):
        taken = usage.get(f"input_{kind}_tokens", 0)
        held = min(taken, usage.get(f"cached_{kind}_tokens", 0))
        given = usage.get(f"output_{kind}_tokens", 0)
        rates = (price or {}).get(kind)
        for at, (way, tokens) in enumerate((("input", taken - held), ("cached", held), ("output", given))):
            if tokens:
                usd = None if rates is None else round(tokens * rates[at] / 1_000_000, 6)
                found.append(CostLine(kind, way, tokens, usd))
    return found
