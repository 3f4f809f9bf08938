"""What is known of a call from its first moment on, and what its tools see of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from bridge.agents.agent import Agent
from bridge.agents.thinker import Thinker
from bridge.call import events as ev
from bridge.call.limits import AnswerTerms
from bridge.errors import AgentError, ToolError
from bridge.live.outreach import Outreach
from bridge.live.visit import Visit
from bridge.tools.base import Turn
from bridge.tools.phone import Destination, check_destination

END_REASONS = frozenset(
    [
        "caller_hung_up",
        "agent_hung_up",
        "transferred",
        "silence",
        "max_duration",
        "rejected",
        "model_failed",
        "phone_lost",
        "no_answer",
        "busy",
        "machine",
        "shutdown",
        "crashed",
    ]
)
"""Every way a call can end, as `call.json` names it."""
LONGEST_SMS = 1600
"""Characters; a carrier refuses more."""
_KEYS = frozenset("0123456789*#ABCDw")


@dataclass(frozen=True, slots=True)
class CallOrder:
    """What an outbound call is for: one attempt of the dialer's."""

    agent: Agent
    token: str
    """The attempt's own name."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """What is known of the callee: fills `{variables}` and `{{variables}}` in greeting and instructions."""
    answer: AnswerTerms = field(default_factory=AnswerTerms)
    max_minutes: float | None = None
    """The call ends after this time; None: the agent's own."""
    disclosure: str = ""
    """Said at the beginning of the greeting, word for word; empty: nothing is."""
    campaign_id: str = ""
    """Empty: a call of its own."""
    zone: str = ""
    """The callee's time zone (IANA), for times they name; empty: not known."""


@dataclass(frozen=True, slots=True)
class CallInfo:
    """Who calls whom, and who answers. `began_at` is an epoch time in seconds."""

    call_id: str
    carrier_call_id: str
    direction: Literal["inbound", "outbound"]
    from_number: str
    to_number: str
    agent: str
    began_at: float
    order: CallOrder | None = None
    """What it is for, when we called them."""
    visit: Visit | None = None
    """Whom it is for, when it comes from a browser."""


def known(info: CallInfo) -> dict[str, object]:
    """What `{variables}` in greetings and instructions may name without anything being looked up."""
    order = info.order
    given: dict[str, object] = {} if order is None else {**order.variables, "disclosure": order.disclosure}
    return given | {
        "from_number": info.from_number,
        "to_number": info.to_number,
        "direction": info.direction,
        "call_id": info.call_id,
    }


class Line(Protocol):
    """Other ways to people than the call itself; `live.people.People` is one."""

    async def reach(self, info: CallInfo, to: str, message: str, language: str) -> tuple[str, str]:
        """Ring a person and ask: (`accepted`, where the caller goes to meet them), or (why not, "")."""

    async def send_text(self, info: CallInfo, to: str, text: str) -> None:
        """Send a text message. Raises ToolError."""


@dataclass(slots=True)
class LiveCall:
    """A running call as its tools see it (`bridge.Call`). The verbs may be used from any thread."""

    info: CallInfo
    ask: Callable[[ev.Event], None]
    loop: asyncio.AbstractEventLoop
    data: dict[str, object] = field(default_factory=dict)
    turns: Sequence[Turn] = ()
    """The conversation so far, oldest first."""
    line: Line | None = None
    allowed: Callable[[str], str] = check_destination
    """Says no, by an AgentError, to numbers that nobody wrote down beforehand; see `tools.phone.destination_gate`."""
    thinker: Thinker | None = None
    """The text model beside it, for supervisors; None: that of the settings."""
    outreach: Outreach | None = None
    """Who keeps what callees wish and what came of a call; None: nobody here does."""
    running: set[asyncio.Task[None]] = field(default_factory=set)
    """Work that goes on when the call is over."""
    speaking: str = ""
    """Which agent of the team has taken over; empty: the one the call began with speaks."""

    @property
    def id(self) -> str:
        """Our own id of the call."""
        return self.info.call_id

    @property
    def carrier_call_id(self) -> str:
        """The carrier's id of the call."""
        return self.info.carrier_call_id

    @property
    def from_number(self) -> str:
        """Who calls."""
        return self.info.from_number

    @property
    def to_number(self) -> str:
        """Who is called."""
        return self.info.to_number

    @property
    def direction(self) -> str:
        """`inbound` or `outbound`."""
        return self.info.direction

    @property
    def agent(self) -> str:
        """The agent's name."""
        return self.speaking or self.info.agent

    def hang_up(self, reason: str = "agent_hung_up") -> None:
        """End the call once what is being said has been heard. `reason`: an end reason, or a note of yours."""
        if reason not in END_REASONS:
            self.data.setdefault("hang_up_reason", reason)
            reason = "agent_hung_up"
        self._post(ev.LeaveAsked(reason))

    def transfer(self, to: str) -> None:
        """Hand the caller over once what is being said has been heard. Raises ToolError for what is no number."""
        self._post(ev.TransferAsked(self._number(to)))

    async def warm_transfer(self, to: str, message: str, *, language: str = "en-US") -> str:
        """Ring a person, tell them `message` and hand the caller over when they press a key; see `bridge.Call`."""
        number, line = self._number(to), self._line("ring anybody")
        became, room = await line.reach(self.info, number, message, language)
        if room:
            self._post(ev.TransferAsked(room))
        return became

    async def send_sms(self, text: str, to: str = "") -> None:
        """Send a text message, to the caller where nobody else is named. Raises ToolError."""
        other = self.from_number if self.direction == "inbound" else self.to_number
        line = self._line("send a text message")
        if not (to or other).startswith("+"):
            raise ToolError("The caller's number is not known, so no text message can be sent.")
        if not text.strip() or len(text) > LONGEST_SMS:
            raise ToolError(f"A text message has 1 to {LONGEST_SMS} characters; this one has {len(text)}.")
        # Who talks to us already may be written to, wherever they are.
        number = self._number(to) if to and to != other else other
        await line.send_text(self.info, number, text)

    async def opt_out(self, reason: str = "") -> None:
        """The other side does not want to be called again, ever. Raises ToolError."""
        await self._to_the_end(self._outreach("keep a list of people not to be called").opt_out(self.info, reason))

    async def call_back(self, at: float, note: str = "") -> None:
        """Call the other side again at this time (epoch seconds). Raises ToolError."""
        await self._to_the_end(self._outreach("call anybody back").call_back(self.info, at, note))

    def record_result(self, reached: bool, note: str = "") -> None:
        """Did this call reach what it was for? Raises ToolError."""
        self._outreach("keep what came of a call").result(self.info, "goal" if reached else "no_goal", note)

    async def _to_the_end(self, wish: Coroutine[Any, Any, None]) -> None:
        """Done even when they hang up meanwhile, as people do."""
        task = asyncio.ensure_future(wish)
        self.running.add(task)
        task.add_done_callback(self.running.discard)
        await asyncio.shield(task)

    def _outreach(self, what: str) -> Outreach:
        if self.outreach is None:
            raise ToolError(f"Nothing here can {what}.")
        return self.outreach

    def _number(self, to: str) -> str:
        if isinstance(to, Destination):
            return str(to)
        try:
            return str(self.allowed(to))
        except AgentError as error:
            raise ToolError(str(error)) from None

    def _line(self, what: str) -> Line:
        if self.line is None:
            raise ToolError(f"Nothing here can {what}: there is no phone company.")
        return self.line

    def send_digits(self, digits: str) -> None:
        """Press keys into the call. Raises ToolError for what is no key."""
        if not digits or len(digits) > 32 or not set(digits) <= _KEYS:
            raise ToolError("keys are 0-9, *, #, A-D and w for half a second of pause, at most 32 of them")
        self._post(ev.DigitsAsked(digits))

    def say(self, words: str) -> None:
        """Have the agent say these words, as soon as nobody else is speaking."""
        if words.strip():
            self._post(ev.WordsAsked(words))

    def tell_model(self, text: str, *, respond: bool = False) -> None:
        """Let the model know something that nobody said; `respond`: and say something about it."""
        if text.strip():
            self._post(ev.NoteAsked(text, respond))

    def _post(self, event: ev.Event) -> None:
        self.loop.call_soon_threadsafe(self.ask, event)
