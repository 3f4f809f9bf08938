"""What went wrong in a call, in sentences: the same call gives the same sentences, and a healthy one gives none.

Each rule looks at one kind of trouble and says where it saw it (moments of the call), what it means for the people on
the line, and what to do. Nothing is guessed: a rule that lacks its evidence is silent. Pure: a story in, findings out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from bridge.observe.endings import ending
from bridge.observe.rules import broke, heard, turns, waits
from bridge.observe.rules.finding import Case, Finding


@dataclass(frozen=True, slots=True)
class Explained:
    """Why a call ended, and what went wrong in it, worst first."""

    ending: str
    findings: tuple[Finding, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"ending": self.ending, "findings": [asdict(one) | {"at_ms": list(one.at_ms)} for one in self.findings]}


RULES: tuple[Callable[[Case], Iterable[Finding]], ...] = (
    broke.end,
    broke.troubles,
    heard.wrong_format,
    heard.caller_never_heard,
    heard.agent_never_heard,
    heard.gaps,
    heard.stutter,
    waits.no_answer,
    waits.tools_failed,
    waits.tools_slow,
    waits.slow,
    waits.late_greeting,
    turns.false_interruptions,
    turns.dead_air,
    broke.garbage,
)
"""In the order of how bad it is."""


def explain(case: Case) -> Explained:
    """Why it ended, and what every rule finds."""
    found = [finding for rule in RULES for finding in rule(case)]
    return Explained(ending(case.record), tuple(found))
