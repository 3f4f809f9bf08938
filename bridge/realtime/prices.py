"""The price table, read from `prices.toml`. Prices change: the file carries its date."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

Price = dict[str, tuple[float, float, float]]
"""Modality (text, audio, image) -> US dollars a million tokens: input, cached input, output."""


@cache
def _table() -> dict[str, Price]:
    path = Path(__file__).with_name("prices.toml")
    models = tomllib.loads(path.read_text(encoding="utf-8"))["models"]
    return {
        name: {kind: (float(row[0]), float(row[1]), float(row[2])) for kind, row in prices.items()}
        for name, prices in models.items()
    }


def price_of(model: str) -> Price | None:
    """The prices of a model, or None when the table does not know it."""
    return _table().get(model)
