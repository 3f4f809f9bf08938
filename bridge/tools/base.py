"""What a tool is, what it sees of the call it runs in, and what it gives back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Protocol

JSON = None | bool | int | float | str | list["JSON"] | dict[str, "JSON"]
JSONSchema = dict[str, "JSON"]

MOST_OUTPUT_BYTES = 16 * 1024
"""Of a result's UTF-8 text. The model reads all of it before it speaks: more costs money and a long silence."""


class Call(Protocol):
    """A running call, as its tools see it.

    The verbs return at once. They may be used from `async` tools and from plain ones, which run in a thread.
    """

    @property
    def id(self) -> str:
        """Our own id, `call_...`; the call's folder bears it."""

    @property
    def from_number(self) -> str:
        """Who calls, as the carrier says it (E.164, `anonymous`, a SIP address)."""

    @property
    def to_number(self) -> str:
        """Who is called."""

    @property
    def direction(self) -> str:
        """`inbound` or `outbound`, seen from us."""

    @property
    def agent(self) -> str:
        """The name of the agent that speaks."""

    @property
    def carrier_call_id(self) -> str:
        """The carrier's id of the call (Twilio: the CallSid)."""

    @property
    def data(self) -> dict[str, object]:
        """The agent's own notes, as long as the call lasts. Nothing of ours is in it."""

    def hang_up(self, reason: str = "agent_hung_up") -> None:
        """End the call once the caller has heard what is being said."""

    def transfer(self, to: str) -> None:
        """Hand the caller to this number once they have heard what is being said; our part ends there."""

    def send_digits(self, digits: str) -> None:
        """Press keys (0-9, *, #, A-D; `w` waits half a second) for a machine at the other end."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What the model gets to read. `ok`: did it work? `speak`: should the model now say something about it?"""

    output: str
    ok: bool = True
    speak: bool = True

    @classmethod
    def of(cls, value: object) -> ToolResult:
        """What a function returned, as a result.

        Text stays as it is, None becomes "Done.", everything else becomes JSON: dicts, lists, dataclasses, pydantic
        models, dates, enums ... Raises TypeError for what is none of these.
        """
        if isinstance(value, ToolResult):
            return cls(_cut(value.output), value.ok, value.speak)
        if value is None:
            return cls("Done.")
        return cls(_cut(value if isinstance(value, str) else _as_json(value)))

    @classmethod
    def failure(cls, sentence: str) -> ToolResult:
        """A sentence from which the model learns what went wrong and what to do, as `{"error": sentence}`."""
        return cls(_cut(json.dumps({"error": sentence}, ensure_ascii=False)), ok=False)


class Tool(Protocol):
    """Something the model may use. What `run` raises is the runner's affair (see `runner.py`)."""

    @property
    def name(self) -> str:
        """Letters, digits, `_` and `-`, at most 64."""

    @property
    def description(self) -> str:
        """For the model: what it does, when to use it, what to say meanwhile."""

    @property
    def parameters(self) -> JSONSchema:
        """JSON schema of one object."""

    @property
    def timeout_s(self) -> float:
        """How long the caller may be kept waiting for it."""

    async def run(self, arguments: str, call: Call) -> ToolResult:
        """Do it. `arguments` is the JSON text of an object, still unchecked against `parameters`."""

    def definition(self) -> JSONSchema:
        """The tool as the Realtime API wants it: `type`, `name`, `description`, `parameters`."""


def _as_json(value: object) -> str:
    # pydantic's own writer, because it knows its models and all that pydantic knows; raises a ValueError of its own.
    from pydantic_core import PydanticSerializationError, to_json

    try:
        return to_json(value).decode()
    except PydanticSerializationError as error:
        raise TypeError(f"a tool returned a {type(value).__name__}, which cannot be written as JSON") from error


def _cut(text: str) -> str:
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= MOST_OUTPUT_BYTES:
        return encoded.decode()  # and not `text`: half a surrogate pair cannot be sent to anybody
    note = f" [cut here: {len(encoded)} bytes are more than the {MOST_OUTPUT_BYTES} a result may have]"
    return encoded[: MOST_OUTPUT_BYTES - len(note)].decode("utf-8", "ignore") + note
