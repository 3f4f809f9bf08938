"""Has a text model read the calls that are over (`Agent.analysis`). No call waits for it, and none fails by it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

from bridge.agents.analysis import Analysis
from bridge.agents.conversation import caller_spoke
from bridge.agents.thinker import Thinker
from bridge.call import facts
from bridge.errors import ModelError
from bridge.live.taps import Subscriber
from bridge.tools.base import Call, Turn

log = logging.getLogger(__name__)

Keep = Callable[[str, dict[str, Any]], None]
"""(call id, what was found, or an `error`)."""


class Analyst:
    """One for the house. `running` are the analyses that are being made."""

    def __init__(self, thinker: Thinker, keep: Keep) -> None:
        self._thinker = thinker
        self._keep = keep
        self.running: set[asyncio.Task[None]] = set()
        self._longest_s = 0.0

    def subscriber(self, call: Call, analysis: Callable[[], Analysis | None]) -> Subscriber:
        """Reads along with one call, behind the one who remembers its turns, and begins when it is over."""

        def told(fact: facts.Fact) -> None:
            if type(fact) is not facts.CallEnded:
                return
            wanted, turns = analysis(), tuple(call.turns)
            if wanted is not None and caller_spoke(turns):
                self._begin(call, wanted, turns)

        return told

    def _begin(self, call: Call, wanted: Analysis, turns: Sequence[Turn]) -> None:
        self._longest_s = max(self._longest_s, wanted.timeout)
        own = getattr(call, "thinker", None)
        thinker = own if isinstance(own, Thinker) else self._thinker
        task = asyncio.ensure_future(self._make(call.id, wanted, turns, thinker))
        self.running.add(task)
        task.add_done_callback(self.running.discard)

    async def _make(self, call_id: str, wanted: Analysis, turns: Sequence[Turn], thinker: Thinker) -> None:
        try:
            async with asyncio.timeout(wanted.timeout + 1.0):  # the thinker's own sentence comes first
                found = await wanted.of(turns, thinker)
        except asyncio.CancelledError:
            stopped = "callbridge was stopped before the analysis was made"
            self._keep(call_id, {"model": thinker.model, "error": stopped})
            raise
        except ModelError as error:
            log.warning("the analysis failed", extra={"call_id": call_id, "error": str(error)})
            found = {"error": str(error)}
        except Exception as error:  # the boundary to users' code: validators of their schema, TimeoutError included
            log.exception("the analysis failed", extra={"call_id": call_id})
            found = {"error": f"the analysis failed ({type(error).__name__})"}
        self._keep(call_id, {"model": thinker.model, **found})

    async def finish(self) -> None:
        """Wait for what is being made, which takes as long as it may at most."""
        if self.running:
            await asyncio.wait(self.running, timeout=self._longest_s + 2.0)
        for task in self.running:
            task.cancel()
        await asyncio.gather(*self.running, return_exceptions=True)
