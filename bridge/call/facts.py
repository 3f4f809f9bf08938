"""What others may know of a call.

Facts are published and never obeyed: transcript, recorder, console and metrics listen, the call does not wait.
All `_ms` are milliseconds since the phone was attached, the same clock as the recording.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CallBegan:
    """We know of the call; nobody is on the line yet."""

    call_id: str
    carrier_call_id: str
    direction: str
    from_number: str
    to_number: str
    agent: str


@dataclass(frozen=True, slots=True)
class CallAnswered:
    """The caller is on the line."""

    stream_id: str


@dataclass(frozen=True, slots=True)
class PhaseChanged:
    """RINGING, CONNECTING, TALKING, AWAY, LEAVING or ENDED."""

    phase: str


@dataclass(frozen=True, slots=True)
class CallerStarted:
    """The caller began to speak."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class CallerStopped:
    """The caller stopped speaking; the words may follow."""

    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class CallerSaid:
    """A caller turn. `text` is empty when nothing was transcribed (and then nothing is claimed)."""

    turn: int
    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class AgentStarted:
    """The agent's voice begins. `latency_ms`: caller's last sound -> first frame to the phone; -1: no answer."""

    item_id: str
    at_ms: int
    latency_ms: int


@dataclass(frozen=True, slots=True)
class AgentSaid:
    """An agent turn, told when it has been heard or cut.

    `text` is all that was generated; `heard_text` is what fits into the `heard_ms` of `length_ms` that were heard.
    """

    turn: int
    item_id: str
    text: str
    heard_text: str
    start_ms: int
    end_ms: int
    heard_ms: int
    length_ms: int
    latency_ms: int
    cut: bool


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The caller spoke (or pressed a key) while the agent was being heard."""

    item_id: str
    at_ms: int
    heard_ms: int
    received_ms: int
    why: str


@dataclass(frozen=True, slots=True)
class KeysPressed:
    """The caller entered these keys."""

    turn: int
    digits: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class ToolStarted:
    """A tool runs."""

    tool_call_id: str
    name: str
    arguments: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class ToolUsed:
    """A tool answered."""

    turn: int
    tool_call_id: str
    name: str
    arguments: str
    output: str
    ok: bool
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class UsageCounted:
    """What a response cost in tokens, as the server counted."""

    usage: dict[str, int]


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something went wrong and the call goes on. `where`: model, phone or tool."""

    where: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class CallEnded:
    """The call is over."""

    reason: str
    by: str
    error: str
    at_ms: int


Fact = (
    CallBegan
    | CallAnswered
    | PhaseChanged
    | CallerStarted
    | CallerStopped
    | CallerSaid
    | AgentStarted
    | AgentSaid
    | Interrupted
    | KeysPressed
    | ToolStarted
    | ToolUsed
    | UsageCounted
    | Trouble
    | CallEnded
)
