"""What can happen to a call.

Every event is a frozen value without a clock: `CallCore.receive(event, now)` is told the time beside it.
Audio is counted as the phone counts it: mu-law at 8 kHz, one byte a sample, 8 bytes a millisecond.
Model events carry the GA names' meaning whatever dialect came over the wire (see `realtime/dialect.py`).
"""

from __future__ import annotations

from typing import Literal

from bridge.call.limits import Terms, ToolTerms
from bridge.call.values import value

Severity = Literal["benign", "transient", "fatal"]


# ---- the phone leg ------------------------------------------------------------------------------------------------
@value
class PhoneAttached:
    """A phone leg is on the line: its `start` was read and belongs to this call."""

    stream_id: str


@value
class PhoneAudio:
    """Caller audio: mu-law, 20 ms as a rule."""

    audio: bytes


@value
class PhoneGap:
    """The carrier's clock jumped: `ms` of caller audio are missing and are heard as silence."""

    ms: int


@value
class PhoneMark:
    """The phone returned a mark: played, or flushed by a clear. The ledger knows which."""

    name: str


@value
class PhoneKey:
    """The caller pressed a key: 0-9, *, # or A-D."""

    digit: str


@value
class CallerTyped:
    """The caller wrote this instead of saying it; a phone cannot, a browser can."""

    text: str


@value
class PhoneStopped:
    """The carrier said that this leg's stream is over: hung up, or redirected by us."""


@value
class PhoneLost:
    """The leg's socket went away without a word."""

    detail: str


@value
class PhoneExpected:
    """The carrier asked what comes next and was told to connect again: a new leg will attach."""


@value
class CarrierReported:
    """The carrier's status callback gave a terminal status (completed, busy, no-answer, failed, canceled)."""

    status: str


@value
class CalleeAnswered:
    """An outbound call: the carrier fetched its answer document, so somebody or something picked up."""


@value
class CarrierDetected:
    """The carrier's own detection, in its words (`human`, `machine_end_beep` ...): may come late, twice or never."""

    answered_by: str


@value
class LineHeard:
    """The opening of an outbound call: the line sounds otherwise than before, or has gone on as it was.

    `voice`: somebody has spoken for `ms` of the line's own audio; else nobody has for `ms`. `tone_hz`: a steady tone
    has been on the line for `tone_ms`; 0: none. One that has ended is told once more, with `tone_ended`. `second_hz`:
    it is two tones, of which this is the higher one.
    """

    voice: bool
    ms: int
    tone_hz: int = 0
    tone_ms: int = 0
    tone_ended: bool = False
    second_hz: int = 0


# ---- the model leg ------------------------------------------------------------------------------------------------
@value
class ModelOpened:
    """`session.created`: the server speaks. `expires_at` is an epoch second, 0 when it was not told."""

    session_id: str
    expires_at: int = 0


@value
class ModelConfigured:
    """`session.updated`: `problems` are decisive differences from what was asked (audio formats)."""

    problems: tuple[str, ...] = ()


@value
class ResponseCreated:
    """A response began. Out-of-band ones (`conversation: none`) never reach the phone."""

    response_id: str
    conversational: bool = True


@value
class ResponseDone:
    """A response ended: completed, cancelled, incomplete or failed. All of it is generated, little of it heard."""

    response_id: str
    status: str
    reason: str = ""
    error_code: str = ""
    error_message: str = ""
    severity: Severity = "benign"
    usage: dict[str, int] | None = None
    conversational: bool = True


@value
class ModelAudio:
    """Agent audio, already mu-law. `ms` is its length as the model counts it, which truncation must respect."""

    response_id: str
    item_id: str
    content_index: int
    audio: bytes
    ms: float


@value
class ModelAudioDone:
    """No more audio for this item will come."""

    response_id: str
    item_id: str
    content_index: int


@value
class AgentText:
    """Transcript of what the agent is generating; `final` replaces all before it."""

    response_id: str
    item_id: str
    text: str
    final: bool = False


@value
class TurnCommitted:
    """The server made an item of what it was fed."""

    item_id: str


@value
class CallerText:
    """Transcript of what the caller said; `final` replaces all before it. It may come long after the turn."""

    item_id: str
    text: str
    final: bool = False


@value
class SpeechStarted:
    """The caller began to speak, at `at_ms` of the audio fed so far."""

    item_id: str
    at_ms: int


@value
class SpeechStopped:
    """The caller stopped, at `at_ms` of the audio fed so far."""

    item_id: str
    at_ms: int


@value
class ToolCalled:
    """The model called a tool and its arguments are complete."""

    call_id: str
    name: str
    arguments: str
    response_id: str = ""


@value
class HostedToolRan:
    """The model's own service ran a tool of a server it knows (MCP). No response follows by itself."""

    item_id: str
    ok: bool = True


@value
class ModelFault:
    """An `error` event. `event_id` is the one of our event that failed, when the server says so."""

    code: str
    message: str
    severity: Severity
    event_id: str = ""


@value
class ModelLost:
    """The model's socket could not be opened or went away."""

    detail: str
    fatal: bool = False


# ---- the house ----------------------------------------------------------------------------------------------------
@value
class ToolFinished:
    """A tool returned (or failed, or ran out of time). `speak`: should the model talk about it? `note`: for records."""

    call_id: str
    output: str
    ok: bool = True
    speak: bool = True
    note: str = ""


@value
class Prepared:
    """What was to be looked up about the caller is there (or too late, or failed): the session can be configured.

    `greeting` are the instructions for the first response, now that the caller is known; None: those of the terms.
    """

    greeting: str | None = None


@value
class AgentChanged:
    """Another agent of the team goes on with the call, by these terms. `why` is the first one's reason."""

    agent: str
    terms: Terms
    why: str = ""
    say: str = ""
    """Words before the other one speaks."""


@value
class ToolsChanged:
    """The tools of the call are others now: the session has to be told. `tool_s`: see `Terms`; 0: as before."""

    tools: dict[str, ToolTerms]
    tool_s: float = 0.0


@value
class GuardrailTripped:
    """What is being said (`on`: by whom) may not be said. The agent is cut off and says `say` instead."""

    name: str
    on: str
    rationale: str
    say: str


@value
class Attended:
    """Who follows the call from now on: does anybody read its words as they come, does anybody listen?"""

    reads: bool
    listens: bool


@value
class WordsAsked:
    """The agent shall say these words, as soon as nobody else is speaking."""

    words: str


@value
class NoteAsked:
    """The model shall know this; `respond`: and say something about it."""

    text: str
    respond: bool = False


@value
class LeaveAsked:
    """Hang up once what is being said has been heard."""

    reason: str = "agent_hung_up"
    by: str = "agent"


@value
class EndAsked:
    """End the call now, whatever is being said: there is no time left for a goodbye."""

    reason: str
    by: str = "bridge"


@value
class TransferAsked:
    """Hand the caller over once what is being said has been heard: to a number, or to a person who waits in a room."""

    to: str


@value
class HandedOver:
    """Whoever the caller was handed to is on the line with them."""


@value
class HandOverFailed:
    """Nobody took the caller (`why`: busy, no-answer ...): they are, or come, back to us."""

    why: str


@value
class DigitsAsked:
    """Send keys into the call; the stream ends for it and returns."""

    digits: str


_Keys = PhoneKey | CallerTyped
_Phone = PhoneAttached | PhoneAudio | PhoneGap | PhoneMark | _Keys | PhoneStopped | PhoneLost | PhoneExpected
_Carrier = CarrierReported | CalleeAnswered | CarrierDetected | LineHeard
_Answer = ResponseCreated | ResponseDone | ModelAudio | ModelAudioDone | AgentText | ToolCalled | HostedToolRan
_Heard = CallerText | SpeechStarted | SpeechStopped | TurnCommitted
_Model = _Answer | _Heard | ModelOpened | ModelConfigured | ModelFault | ModelLost
_Change = Prepared | AgentChanged | ToolsChanged | GuardrailTripped | ToolFinished | Attended
_Wish = WordsAsked | NoteAsked | LeaveAsked | EndAsked | TransferAsked | HandedOver | HandOverFailed | DigitsAsked
Event = _Phone | _Carrier | _Model | _Change | _Wish
