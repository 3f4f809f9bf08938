"""What a call cost at the model, by its own token counts and the dated price table."""

from __future__ import annotations

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
