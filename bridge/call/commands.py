"""What may be done about it.

`CallCore` returns these; `live/session.py` carries them out in order and adds nothing of its own.
"""

from __future__ import annotations

from typing import Literal

from bridge.call.facts import Fact
from bridge.call.values import value

# ---- to the model -------------------------------------------------------------------------------------------------


@value
class Configure:
    """Send the session's whole configuration (`session.update` as one complete object), as this agent's.

    "" is the agent the call began with.
    """

    agent: str = ""
    answers: bool = True
    """False: whatever the agent's turn detection says, the server neither answers nor stops by itself."""


@value
class Feed:
    """Caller audio (mu-law) for the model."""

    audio: bytes


@value
class Commit:
    """What was fed since the last time is a turn of the caller."""


@value
class Respond:
    """Ask for one response. `event_id` comes back when the server refuses it."""

    event_id: str
    instructions: str = ""
    tools: bool = True
    """False: the model may not call tools in it."""


@value
class Cancel:
    """Stop the response that is being generated."""

    response_id: str


@value
class Truncate:
    """Tell the model how much of this item was heard, in whole milliseconds from its beginning."""

    item_id: str
    content_index: int
    audio_end_ms: int


@value
class AddText:
    """Put a text into the conversation: the caller's (keys pressed, for one), or the house's own."""

    text: str
    role: Literal["user", "system"] = "user"


@value
class ReturnTool:
    """The one answer to a tool call."""

    call_id: str
    output: str


# ---- to the phone -------------------------------------------------------------------------------------------------


@value
class Play:
    """Agent audio for the phone, whole 20 ms frames, followed by its mark."""

    audio: bytes
    mark: str


@value
class Flush:
    """Drop what has not been played: here first, then at the phone (`clear`)."""


@value
class Detour:
    """Leave the stream to send these keys into the call, then come back on a new leg."""

    digits: str


@value
class HandOver:
    """Leave the stream so that the carrier connects the caller to somebody else; they may come back on a new leg."""

    to: str


# ---- to the house -------------------------------------------------------------------------------------------------


@value
class RunTool:
    """Run a tool; `ToolFinished` must follow, whatever happens."""

    call_id: str
    name: str
    arguments: str


@value
class OptOut:
    """The other side does not want to be called again; `how` they said so."""

    how: str


@value
class Heard:
    """Agent audio that reached the caller: `audio` began to sound at `at_ms` of the call. For the recorder."""

    audio: bytes
    at_ms: float


@value
class Publish:
    """Tell whoever watches."""

    fact: Fact


@value
class End:
    """The call is over. Comes once, last. `transfer_to` is set when the caller goes on to somebody else."""

    reason: str
    by: str
    error: str = ""
    transfer_to: str = ""


ModelCommand = Configure | Feed | Commit | Respond | Cancel | Truncate | AddText | ReturnTool
PhoneCommand = Play | Flush | Detour | HandOver
Command = ModelCommand | PhoneCommand | RunTool | OptOut | Heard | Publish | End
