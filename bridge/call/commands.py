"""What may be done about it.

`CallCore` returns these; `live/session.py` carries them out in order and adds nothing of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from bridge.call.facts import Fact

# ---- to the model -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Configure:
    """Send the session's whole configuration (`session.update` as one complete object)."""


@dataclass(frozen=True, slots=True)
class Feed:
    """Caller audio for the model: base64 text of `size` bytes of mu-law."""

    payload: str
    size: int


@dataclass(frozen=True, slots=True)
class Respond:
    """Ask for one response. `event_id` comes back when the server refuses it."""

    event_id: str
    instructions: str = ""


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop the response that is being generated."""

    response_id: str


@dataclass(frozen=True, slots=True)
class Truncate:
    """Tell the model how much of this item was heard, in whole milliseconds from its beginning."""

    item_id: str
    content_index: int
    audio_end_ms: int


@dataclass(frozen=True, slots=True)
class AddText:
    """Put a user text into the conversation (keys pressed, for one)."""

    text: str


@dataclass(frozen=True, slots=True)
class ReturnTool:
    """The one answer to a tool call."""

    call_id: str
    output: str


# ---- to the phone -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Play:
    """Agent audio for the phone, whole 20 ms frames, followed by its mark."""

    audio: bytes
    mark: str


@dataclass(frozen=True, slots=True)
class Flush:
    """Drop what has not been played: here first, then at the phone (`clear`)."""


@dataclass(frozen=True, slots=True)
class Detour:
    """Leave the stream to send these keys into the call, then come back on a new leg."""

    digits: str


# ---- to the house -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RunTool:
    """Run a tool; `ToolFinished` must follow, whatever happens."""

    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Heard:
    """Agent audio that reached the caller: `audio` began to sound at `at_ms` of the call. For the recorder."""

    audio: bytes
    at_ms: float


@dataclass(frozen=True, slots=True)
class Publish:
    """Tell whoever watches."""

    fact: Fact


@dataclass(frozen=True, slots=True)
class End:
    """The call is over. Comes once, last. `transfer_to` is set when the caller goes on to somebody else."""

    reason: str
    by: str
    error: str = ""
    transfer_to: str = ""


ModelCommand = Configure | Feed | Respond | Cancel | Truncate | AddText | ReturnTool
PhoneCommand = Play | Flush | Detour
Command = ModelCommand | PhoneCommand | RunTool | Heard | Publish | End
