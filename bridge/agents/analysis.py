"""What is left of a call: text and data made out of what was said, when it is over (`Agent.analysis`) or during it.

    class Booking(BaseModel):
        day: date | None
        guests: int | None

    Agent(..., analysis=Analysis(Booking, dispositions=["booked", "callback", "no_interest"]))

A text model (SUPERVISOR_...) reads the transcript, not the voice's own session: that one is closed by then, and a
Realtime response out of band (`"conversation": "none"`) would make a caller wait for it who still speaks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, Field, create_model

from bridge.agents.conversation import MATERIAL, as_text
from bridge.agents.thinker import Form, Thinker, thinker_of
from bridge.errors import AgentError
from bridge.tools.base import Call, Turn

M = TypeVar("M", bound=BaseModel)

_READING = (
    "You read the transcript of a telephone call between a caller and an agent (a machine), and write down what is "
    "asked for. Write only what was said or done in the call; what is not known stays empty (null where that is "
    "allowed). A turn of the agent ends where the caller stopped hearing it."
)
_SUMMARY = "What the caller wanted and what came of it, in two or three sentences, in the language of the call."
_DISPOSITION = "Which of these the call came to."


# Without slots: `shape` is kept once made.
@dataclass(frozen=True)
class Analysis:
    """What is to be made of a call that is over; kept as `analysis.json` in its folder. Raises AgentError."""

    schema: type[BaseModel] | None = None
    """Data to be found in the call, as a pydantic model; let what may not have been said be `... | None`."""
    summary: bool = True
    """A few sentences on what happened."""
    dispositions: Sequence[str] = ()
    """What a call can come to, such as booked, callback, no_interest; the model chooses one."""
    instructions: str = ""
    """What else the model has to know: names, rules, when which disposition is meant."""
    timeout: float = 30.0
    """How many seconds it may take. Nobody waits for it but the process's end."""

    def __post_init__(self) -> None:
        given: object = self.schema
        if given is not None and not (isinstance(given, type) and issubclass(given, BaseModel)):
            raise AgentError(f"analysis: schema is a pydantic model (a class), not {given!r}")
        names = (self.dispositions,) if isinstance(self.dispositions, str) else tuple(self.dispositions)
        object.__setattr__(self, "dispositions", names)
        if not all(isinstance(name, str) and name.strip() for name in names) or len(set(names)) < len(names):
            raise AgentError("analysis: dispositions is a list of different names")
        if not self.timeout > 0:
            raise AgentError(f"analysis: timeout is more than 0 seconds, not {self.timeout}")
        if not (self.schema or self.summary or names):
            raise AgentError("analysis: there is nothing to find; ask for a summary, dispositions or a schema")
        if self.schema is not None:
            try:
                Form.of(self.schema)
            except AgentError as error:
                raise AgentError(f"analysis: schema {error}") from None

    @cached_property
    def shape(self) -> type[BaseModel]:
        """Everything that is asked for, as one model."""
        fields: dict[str, Any] = {}
        if self.summary:
            fields["summary"] = (str, Field(description=_SUMMARY))
        if self.dispositions:
            fields["disposition"] = (Literal[tuple(self.dispositions)], Field(description=_DISPOSITION))
        if self.schema is not None:
            fields["data"] = (self.schema, ...)
        return create_model("CallAnalysis", **fields)

    async def of(self, turns: Sequence[Turn], thinker: Thinker) -> dict[str, Any]:
        """`summary`, `disposition` and `data`, as far as asked for, as JSON. Raises ModelError."""
        found = await _read(thinker, self.shape, self.instructions, turns, self.timeout)
        return found.model_dump(mode="json")


async def extract(
    call: Call,
    shape: type[M],
    instructions: str = "",
    *,
    timeout: float = 10.0,  # noqa: ASYNC109 - one time for all that is asked, and it has to be less than a tool's own
    thinker: Thinker | None = None,
) -> M:
    """What has been said in a call so far, as `shape`; for tools and hooks, while the call goes on.

    Raises ModelError when no answer came in time, AgentError for a shape that cannot be told.
    """
    return await _read(thinker or thinker_of(call), shape, instructions, call.turns, timeout)


async def _read(thinker: Thinker, shape: type[M], instructions: str, turns: Sequence[Turn], limit_s: float) -> M:
    told = re.sub(r"\n{3,}", "\n\n", f"{_READING}\n\n{MATERIAL}\n\n{instructions.strip()}").strip()
    return await thinker.ask_for(shape, told, f"The transcript:\n{as_text(turns)}", limit_s=limit_s)
