"""What a tool is, what it sees of the call it runs in, and what it gives back."""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol, TypeGuard, cast, runtime_checkable

from bridge.errors import AgentError

JSON = None | bool | int | float | str | list["JSON"] | dict[str, "JSON"]
JSONSchema = dict[str, "JSON"]

MOST_OUTPUT_BYTES = 16 * 1024
"""Of a result's UTF-8 text. The model reads all of it before it speaks: more costs money and a long silence."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Something that was said (or done) in a call."""

    who: Literal["caller", "agent", "tool"]
    text: str
    """The caller's words (empty while they are not written down, or if nobody does that), what was heard of the
    agent's, or a tool with its arguments and result."""
    at_ms: int
    """When it began, on the call's clock."""


class Call(Protocol):
    """A running call, as its tools see it.

    The verbs return at once, but for `warm_transfer` and `send_sms`, which an `async` tool awaits. All may be used from
    plain functions too (they run in a thread): there a verb returns when it is done.
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
    def turns(self) -> Sequence[Turn]:
        """The conversation so far, oldest first."""

    @property
    def data(self) -> dict[str, object]:
        """The agent's own notes, as long as the call lasts. Nothing of ours is in it."""

    def hang_up(self, reason: str = "agent_hung_up") -> None:
        """End the call once the caller has heard what is being said."""

    def transfer(self, to: str) -> None:
        """Hand the caller to this number once they have heard what is being said; our part ends there."""

    def warm_transfer(self, to: str, message: str, *, language: str = "en-US") -> Awaitable[str]:
        """Ring a person while the caller stays with us, tell them `message`, and hand the caller over if they take it.

        `accepted`: they pressed a key, and the caller goes to them once they have heard what is being said. Else why
        not: `declined`, `busy`, `no answer`, `not reachable`; nothing has happened to the caller. `message` is read to
        the person by the carrier's voice, in `language`. Takes up to a minute. Raises ToolError.
        """

    def send_sms(self, text: str, to: str = "") -> Awaitable[None]:
        """Send a text message, to the caller where nobody else is named. Raises ToolError."""

    def say(self, words: str) -> None:
        """Have the agent say these words, as soon as nobody else is speaking."""

    def tell_model(self, text: str, *, respond: bool = False) -> None:
        """Let the model know something that nobody said; `respond`: and say something about it."""

    def send_digits(self, digits: str) -> None:
        """Press keys (0-9, *, #, A-D; `w` waits half a second) for a machine at the other end."""

    def opt_out(self, reason: str = "") -> Awaitable[None]:
        """The other side does not want to be called again, ever. Raises ToolError where nobody keeps such a list."""

    def call_back(self, at: float, note: str = "") -> Awaitable[None]:
        """Call the other side again at this time (epoch seconds). Raises ToolError."""

    def record_result(self, reached: bool, note: str = "") -> None:
        """Did this call reach what it was for? Raises ToolError."""


DEFAULT_TIMEOUT_S = 10.0
"""Nobody listens to silence on the phone for longer."""

SpeakAfter = Literal["always", "never", "if_silent"]
Wait = Literal["tone", "music", "silence"]


@dataclass(frozen=True, slots=True)
class Manner:
    """How a tool behaves towards the people on the line. Raises AgentError for what makes no sense."""

    timeout_s: float = DEFAULT_TIMEOUT_S
    """How long the caller may be kept waiting for it."""
    say: str = ""
    """What the agent says when the tool takes longer than 0.8 s, word for word. Empty: the caller hears a soft tone."""
    speak_after: SpeakAfter = "always"
    """When the result is there the model speaks: always, never, or only if nobody is speaking by then."""
    confirm: str = ""
    """A question. The tool has no effect before the caller was asked it and said yes in a turn of their own."""
    approve: bool = False
    """A person has to say yes (console or API) before it has an effect."""
    wait: Wait = "tone"
    """What the caller hears while it runs for long: a soft tone now and then, music, or nothing."""
    interruptible: bool = True
    """The caller may talk to the agent while it runs. False: nothing they say leads to an answer before the result."""
    idempotent: bool = False
    """Doing it twice is doing it once: it may be run again, and the same call twice is no sign of a loop."""

    def __post_init__(self) -> None:
        given: object = self.timeout_s
        if not isinstance(given, int | float) or isinstance(given, bool):
            raise AgentError(f"timeout is a number of seconds, not {given!r}")
        if not (self.timeout_s > 0 and math.isfinite(self.timeout_s)):
            raise AgentError(f"a timeout of {self.timeout_s} s leaves no time to run")
        if self.speak_after not in ("always", "never", "if_silent"):
            raise AgentError(f"speak_after is always, never or if_silent, not {self.speak_after!r}")
        if self.wait not in ("tone", "music", "silence"):
            raise AgentError(f"wait is tone, music or silence, not {self.wait!r}")


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What the model gets to read.

    `ok`: did it work? `speak`: should the model now say something about it? `become`: the name of the agent of the
    team who goes on with the call, with the reason (`why`) and words said before (`announce`). `note`: for the records
    only, such as who allowed it.
    """

    output: str
    ok: bool = True
    speak: bool = True
    become: str = ""
    why: str = ""
    announce: str = ""
    note: str = ""

    @classmethod
    def of(cls, value: object) -> ToolResult:
        """What a function returned, as a result.

        Text stays as it is, None becomes "Done.", everything else becomes JSON: dicts, lists, dataclasses, pydantic
        models, dates, enums ... Raises TypeError for what is none of these.
        """
        if isinstance(value, ToolResult):
            return replace(value, output=_cut(value.output))
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
    def manner(self) -> Manner:
        """How it behaves towards the people on the line."""

    async def run(self, arguments: str, call: Call) -> ToolResult:
        """Do it. `arguments` is the JSON text of an object, still unchecked against `parameters`."""

    def definition(self) -> JSONSchema:
        """The tool as the Realtime API wants it: `type`, `name`, `description`, `parameters`."""


def definition_of(tool: Tool) -> JSONSchema:
    """A function tool as the Realtime API wants it."""
    told: JSONSchema = {"type": "function", "name": tool.name, "description": tool.description}
    return told | {"parameters": cast("JSON", tool.parameters)}


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found. `refused`: the tool must not run, and this is what the model reads instead."""

    refused: ToolResult | None = None
    note: str = ""
    """For the records, whatever was found."""


@runtime_checkable
class CheckedTool(Protocol):
    """A tool that wants to be asked, before anybody is asked for a yes, whether it may run with these arguments."""

    async def check(self, arguments: str, call: Call) -> Checked:
        """May it run? Asked again for the same arguments until it has run."""


class ToolSource(Protocol):
    """Tools that live elsewhere and are asked for (an MCP server). May stand among an agent's tools."""

    @property
    def name(self) -> str:
        """Shown in logs and errors."""

    @property
    def tools(self) -> Sequence[Tool]:
        """What it has; nothing before it is open."""

    async def open(self) -> None:
        """Connect and ask what there is. Raises ToolError, one sentence, when that does not work."""

    async def close(self) -> None:
        """Let go of it."""


def hosted_by(source: ToolSource) -> Sequence[JSONSchema]:
    """Further entries of a session's `tools`: a source may have `definitions` of what the model's service runs."""
    told: Sequence[JSONSchema] = getattr(source, "definitions", ())
    return told


def is_source(given: Tool | ToolSource) -> TypeGuard[ToolSource]:
    """Has it to be opened first?"""
    return hasattr(given, "open") and hasattr(given, "tools")


def _as_json(value: object) -> str:
    # pydantic's own writer, because it knows its models and all that pydantic knows; raises a ValueError of its own.
    from pydantic_core import to_json

    try:
        return to_json(value).decode()
    except (ValueError, RecursionError) as error:  # no JSON type, text that is none, a list that holds itself
        raise TypeError(f"a tool returned a {type(value).__name__}, which cannot be written as JSON") from error


def _cut(text: str) -> str:
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= MOST_OUTPUT_BYTES:
        return encoded.decode()  # and not `text`: half a surrogate pair cannot be sent to anybody
    note = f" [cut here: {len(encoded)} bytes are more than the {MOST_OUTPUT_BYTES} a result may have]"
    return encoded[: MOST_OUTPUT_BYTES - len(note)].decode("utf-8", "ignore") + note
