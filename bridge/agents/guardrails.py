"""Guardrails: what the agent may not say, and what a caller may not ask for, checked while the words are being said.

A check reads the transcript as it grows. The transcript runs ahead of the voice by seconds, because a model generates
faster than a phone plays, so most of what a guardrail forbids is cut off before anybody has heard it.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from bridge.agents.fields import takes
from bridge.errors import AgentError
from bridge.tools.base import Call


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found, and why."""

    tripped: bool
    rationale: str = ""


Found = bool | str | None | Verdict
"""What a check may return: a Verdict; True or False; or a text, which trips it and is the rationale."""
Check = Callable[[str, Call], Found | Awaitable[Found]]
"""(the words so far, the call) -> what was found. Plain functions run in a thread, `async` ones on the event loop."""

DEFAULT_SAY = "I am sorry, I cannot talk about that. How else can I help you?"


@dataclass(frozen=True, slots=True)
class Guardrail:
    """One rule. When it trips, the agent is cut off at once and says `say` instead. Raises AgentError."""

    check: Check
    name: str = ""
    """Shown in logs and records; the check's own name when empty."""
    on: Literal["agent", "caller"] = "agent"
    """Whose words are checked."""
    say: str = DEFAULT_SAY
    """What the agent says instead, word for word. Not checked itself, nor is anything else we give it to say so."""
    every: int = 40
    """The check is asked again after this many more characters, and once more when the words are complete."""
    timeout_s: float = 3.0
    """A check that takes longer has not tripped; that is logged."""

    def __post_init__(self) -> None:
        if not callable(self.check):
            raise AgentError(f"a guardrail's check is a function of (text, call), not {self.check!r}")
        if not takes(self.check, 2):
            raise AgentError("a guardrail's check is called with two values: the words so far, and the call")
        if not self.name:
            object.__setattr__(self, "name", getattr(self.check, "__name__", "guardrail"))
        if self.on not in ("agent", "caller"):
            raise AgentError(f"guardrail {self.name!r}: on is agent or caller, not {self.on!r}")
        if not self.say.strip():
            raise AgentError(f"guardrail {self.name!r}: without `say` the caller would be left in silence")
        if self.every < 1 or not self.timeout_s > 0:
            raise AgentError(f"guardrail {self.name!r}: every is 1 or more characters, timeout_s more than 0 s")


def as_verdict(found: Found) -> Verdict:
    """What a check returned, in one form."""
    if isinstance(found, Verdict):
        return found
    if isinstance(found, str):
        return Verdict(bool(found.strip()), found.strip())
    return Verdict(bool(found))


def forbidden(words: Sequence[str]) -> Check:
    """A check for words and phrases that may not be said, as they stand: "discount" is not "discounts".

    Raises AgentError for what is no list of texts.
    """
    if isinstance(words, str) or not words or not all(isinstance(one, str) and one.strip() for one in words):
        raise AgentError(f"words is a list of words or phrases, not {words!r}")
    # Blanks of a phrase stand for any blanks; a word's edges are where letters and digits end.
    either = "|".join(r"\s+".join(re.escape(part) for part in word.split()) for word in words)
    return matching(rf"(?<!\w)(?:{either})(?!\w)")


def matching(pattern: str) -> Check:
    """A check for what matches a regular expression, in any case. Raises AgentError for what is none."""
    try:
        expression = re.compile(pattern, re.IGNORECASE)
    except re.error as error:
        raise AgentError(f"pattern is no regular expression: {error}") from None

    def holds(words: str, call: Call) -> Verdict:
        found = expression.search(words)
        return Verdict(True, f"it holds {found[0]!r}") if found else Verdict(False)

    return holds
