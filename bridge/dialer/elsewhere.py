"""How calls ended that other processes answer: the breaker of a campaign must know of them as well.

A dialer beside its own calls is told at once (`Ledger.told`). One that only dials, or that has others beside it, asks
the database now and then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from bridge.store import attempts
from bridge.store.database import Database

ASK_S = 2.0


class Elsewhere:
    """Tells of every end once, in whichever order and however late it came into the database."""

    def __init__(self, db: Database, clock: Callable[[], float], steady: Callable[[], float]) -> None:
        """`clock` gives epoch seconds, `steady` seconds that never jump."""
        self._db = db
        self._clock = clock
        self._steady = steady
        self._told: dict[str, Counter[tuple[float, str]]] = {}
        self._asked: dict[str, float] = {}

    async def news(self, campaign_id: str, window_s: float) -> list[str]:
        """Outcomes of the calls that ended within `window_s` and were not told yet. Raises StoreError."""
        now = self._steady()
        if now - self._asked.get(campaign_id, float("-inf")) < ASK_S:
            return []
        rows = Counter(await self._db.read(attempts.ended_since, campaign_id, self._clock() - window_s))
        new = rows - self._told.get(campaign_id, Counter())
        self._asked[campaign_id], self._told[campaign_id] = now, rows
        return [outcome for (_, outcome), count in new.items() for _ in range(count) if outcome != "not_placed"]
