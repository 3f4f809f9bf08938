"""What others may know of a call.

Facts are published and never obeyed: transcript, recorder, console and metrics listen, the call does not wait.
All `_ms` are milliseconds since the phone was attached, the same clock as the recording.
"""

from __future__ import annotations

from bridge.call.values import value


@value
class CallBegan:
    """We know of the call; nobody is on the line yet."""

    call_id: str
    carrier_call_id: str
    direction: str
    from_number: str
    to_number: str
    agent: str


@value
class CallAnswered:
    """The caller is on the line."""

    stream_id: str


@value
class AnswerJudged:
    """An outbound call: what picked up, as we judge it; told again when better evidence comes.

    `kind`: human, machine, mailbox_full, screening, menu, fax, busy, no_service or silence (nobody has said anything
    yet). `why`: the evidence, in words. `first_word_ms`: when our first word left for the phone; -1: none has yet.
    """

    kind: str
    why: str
    at_ms: int
    first_word_ms: int = -1


@value
class MessageLeft:
    """A message for an answering machine: how much of it was heard, in ms. `whole`: to its end."""

    heard_ms: int
    whole: bool
    at_ms: int


@value
class PhaseChanged:
    """RINGING, CONNECTING, TALKING, AWAY, LEAVING or ENDED."""

    phase: str


@value
class CallerStarted:
    """The caller began to speak."""

    at_ms: int


@value
class CallerStopped:
    """The caller stopped speaking; the words may follow."""

    start_ms: int
    end_ms: int


@value
class CallerSaid:
    """A caller turn, spoken or (then it has no length) typed.

    `text` is empty when nothing was transcribed (and then nothing is claimed).
    """

    turn: int
    text: str
    start_ms: int
    end_ms: int


@value
class AgentStarted:
    """The agent's voice begins. `latency_ms`: caller's last sound -> first frame to the phone; -1: no answer."""

    item_id: str
    at_ms: int
    latency_ms: int


@value
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


@value
class Interrupted:
    """The caller spoke (or pressed a key, or wrote) while the agent was being heard. `why`: speech, key, typed ..."""

    item_id: str
    at_ms: int
    heard_ms: int
    received_ms: int
    why: str


@value
class KeysPressed:
    """The caller entered these keys."""

    turn: int
    digits: str
    at_ms: int


@value
class ToolStarted:
    """A tool runs."""

    tool_call_id: str
    name: str
    arguments: str
    at_ms: int


@value
class ToolUsed:
    """A tool answered. `note`: what the model did not read, such as the verdict that allowed it."""

    turn: int
    tool_call_id: str
    name: str
    arguments: str
    output: str
    ok: bool
    start_ms: int
    end_ms: int
    note: str = ""


@value
class WordsSaid:
    """Words of a turn that is still being said, all of them so far; the agent's run ahead of its voice.

    `who`: caller or agent. `given`: we asked for these very words. Told only where terms ask for it.
    """

    who: str
    item_id: str
    text: str
    final: bool
    given: bool = False


@value
class AgentTookOver:
    """Another agent of the team goes on with the call."""

    agent: str
    why: str
    at_ms: int


@value
class Guarded:
    """A guardrail tripped, and the agent was cut off."""

    name: str
    on: str
    rationale: str
    at_ms: int


@value
class Resumed:
    """The sound that stopped the agent was no word: it goes on where it was stopped."""

    item_id: str
    heard_ms: int
    at_ms: int


@value
class HandingOver:
    """The caller has left the stream to be connected to somebody else."""

    to: str
    at_ms: int


@value
class TakenBack:
    """Nobody took the caller, and the agent goes on."""

    why: str
    at_ms: int


@value
class UsageCounted:
    """What a response cost in tokens, as the server counted."""

    usage: dict[str, int]


@value
class Trouble:
    """Something went wrong and the call goes on. `where`: model, phone or tool."""

    where: str
    code: str
    message: str


@value
class CallEnded:
    """The call is over."""

    reason: str
    by: str
    error: str
    at_ms: int


Fact = (
    CallBegan
    | CallAnswered
    | AnswerJudged
    | MessageLeft
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
    | WordsSaid
    | AgentTookOver
    | Guarded
    | Resumed
    | HandingOver
    | TakenBack
    | UsageCounted
    | Trouble
    | CallEnded
)
