"""A brain that does what a test has planned, answer by answer, and a mouth that hums: the same on every machine.

Nothing here understands words, so a test does not depend on which recogniser or voice is installed.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, fields

from bridge.sim.brain import CallTool, Part, Say, Turn
from bridge.sim.voice import MURMUR_MS_PER_CHARACTER, Mouth, Voice, murmur, normalised

SILENT_TOOLS = frozenset({"hang_up", "send_digits", "transfer_to_person"})
"""What there was to say was said before they were called."""
_NOTHING_PLANNED = "I do not know what to say."
_ONE_EACH = "one answer is used for each turn of the caller; after a tool its result is read out, or `then` is said"
_OUT_OF_BAND = "Nothing is planned for that."


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """What the model does in one turn: say something, call a tool, or both in this order.

    What the tool returns is then read out, or `then` is said instead. Raises TypeError for what no model can do.
    """

    say: str = ""
    tool: str = ""
    arguments: Mapping[str, object] = field(default_factory=dict)
    then: str = ""

    def __post_init__(self) -> None:
        for name in ("say", "tool", "then"):
            given = getattr(self, name)
            if not isinstance(given, str):
                hint = f"; write the tool's name, {given.name!r}" if name == "tool" and hasattr(given, "name") else ""
                raise TypeError(f"Answer: {name} is text, not {given!r}{hint}")
        if not isinstance(self.arguments, Mapping):
            raise TypeError(f"Answer: arguments is a dict, not {self.arguments!r}")
        try:
            json.dumps(dict(self.arguments))
        except (TypeError, ValueError) as error:
            raise TypeError(f"Answer: a model gives arguments as JSON, and these are none ({error})") from None

    def __repr__(self) -> str:
        given = [f"{one.name}={value!r}" for one in fields(self) if (value := getattr(self, one.name))]
        return f"Answer({', '.join(given)})"


class Plan:
    """The answers of one model, used up one by one. `problems`: where the call went another way than planned."""

    def __init__(self, answers: Sequence[Answer | str]) -> None:
        self._answers = [Answer(one) if isinstance(one, str) else one for one in answers]
        self._used = 0
        self._then = ""
        self._unplanned: list[str] = []

    @property
    def problems(self) -> list[str]:
        """What came that was not planned, and what was planned and never came."""
        left = [f"the plan's {one} was never needed ({_ONE_EACH})" for one in self._answers[self._used :]]
        return self._unplanned + left

    async def reply(self, turn: Turn) -> AsyncIterator[Part]:
        """See `sim.brain.Brain`. Never raises."""
        for part in self._parts(turn):
            yield part

    def _parts(self, turn: Turn) -> list[Part]:
        if turn.exact_words is not None:
            return [Say(turn.exact_words)]
        if turn.out_of_band:
            return [Say(_OUT_OF_BAND)]
        if turn.forced_tool:
            return [CallTool(turn.forced_tool, "{}")]
        fresh = [line for line in turn.lines if line.fresh]
        spoken_to = any(line.who != "result" for line in fresh)
        parts: list[Part] = [
            Say(self._then or _read_out(line.text or ""))
            for line in fresh
            # A result nobody asked to hear about is old news once the caller has said something else.
            if line.who == "result" and (self._then or not (spoken_to or line.name in SILENT_TOOLS))
        ]
        if spoken_to or not parts:
            parts += self._next(turn)
        return parts

    def _next(self, turn: Turn) -> list[Part]:
        if self._used == len(self._answers):
            self._unplanned.append(f"turn {self._used + 1} was not planned: there are {len(self._answers)} answers")
            return [Say(_NOTHING_PLANNED)]
        answer = self._answers[self._used]
        self._used += 1
        self._then = answer.then
        parts: list[Part] = [Say(answer.say)] if answer.say else []
        if answer.tool:
            if answer.tool not in turn.tools:
                has = ", ".join(sorted(turn.tools)) or "none"
                self._unplanned.append(f"the plan calls {answer.tool!r}, which the agent does not have; it has {has}")
            parts.append(CallTool(answer.tool, json.dumps(dict(answer.arguments))))
        return parts


class Hum(Mouth):
    """Every sentence as a hum of its likely length."""

    async def say(self, text: str, *, voice: Voice = "agent") -> bytes:
        """See `Mouth.say`."""
        return murmur(max(len(text), 10) * MURMUR_MS_PER_CHARACTER) if normalised(text) else b""


def _read_out(output: str) -> str:
    try:
        value = json.loads(output)
    except ValueError:
        return output
    return f"Sorry: {value['error']}" if isinstance(value, dict) and "error" in value else output
