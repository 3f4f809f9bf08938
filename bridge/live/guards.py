"""Guardrails at work: reads along with a call and has it cut off when a check says so.

A check is asked again when enough new words have come (`Guardrail.every`), and once more when the words are complete;
one question of a guardrail about a turn at a time. It never holds the call up: the call learns of it by an event.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from bridge.agents.guardrails import Guardrail, Verdict, as_verdict
from bridge.call import events as ev
from bridge.call import facts
from bridge.tools.base import Call
from bridge.tools.threads import carried_out

log = logging.getLogger(__name__)


class _Reading:
    """One guardrail and one turn."""

    __slots__ = ("asked", "done", "final", "running", "text")

    def __init__(self) -> None:
        self.text = ""
        self.asked = 0
        self.final = False
        self.running = False
        self.done = False


class Guards:
    """The guardrails of one call; a subscriber."""

    def __init__(self, call: Call, tell: Callable[[ev.Event], None], rails: Callable[[], Sequence[Guardrail]]) -> None:
        """`rails`: those of the agent that speaks now."""
        self._call = call
        self._tell = tell
        self._rails = rails
        self._readings: dict[tuple[str, str], _Reading] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def __call__(self, fact: facts.Fact) -> None:
        """Words have come."""
        if type(fact) is facts.CallEnded:
            for task in self._tasks:
                task.cancel()
        # What we gave it to say is not checked: "I cannot talk about discounts" would trip the rule that has it said.
        if type(fact) is not facts.WordsSaid or fact.given:
            return
        for rail in self._rails():
            if rail.on == fact.who:
                reading = self._readings.setdefault((rail.name, fact.item_id), _Reading())
                reading.text, reading.final = fact.text, fact.final
                self._ask(rail, reading)

    def _ask(self, rail: Guardrail, reading: _Reading) -> None:
        new = len(reading.text) - reading.asked
        if reading.running or reading.done or not reading.text.strip():
            return
        if new < rail.every and not (reading.final and new):
            return
        reading.asked, reading.running = len(reading.text), True
        task = asyncio.ensure_future(self._check(rail, reading))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _check(self, rail: Guardrail, reading: _Reading) -> None:
        verdict = await self._verdict(rail, reading.text)
        reading.running = False
        if verdict.tripped:
            reading.done = True
            log.warning("guardrail tripped", extra={"call_id": self._call.id, "guardrail": rail.name})
            self._tell(ev.GuardrailTripped(rail.name, rail.on, verdict.rationale, rail.say))
        else:
            self._ask(rail, reading)  # what came meanwhile

    async def _verdict(self, rail: Guardrail, text: str) -> Verdict:
        about = {"call_id": self._call.id, "guardrail": rail.name}
        try:
            async with asyncio.timeout(rail.timeout_s):
                return as_verdict(await carried_out(rail.check, self._call, lambda call: rail.check(text, call)))
        except TimeoutError:
            log.warning("guardrail timed out", extra=about)
        except Exception:  # the boundary to users' code: a check that fails has not tripped
            log.exception("guardrail failed", extra=about)
        return Verdict(tripped=False)
