"""What every phone company must give, whatever it is called.

`Wire` speaks to one phone leg, `Control` to the company's REST API, `Webhook` reads what the company posts and writes
what we answer. Code elsewhere asks `Features` what a company can do, never which one it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from bridge.call.commands import PhoneCommand
from bridge.call.events import Event


@dataclass(frozen=True, slots=True)
class Features:
    """What a carrier can do."""

    marks: bool = True
    """It tells when audio has been played."""
    clear: bool = True
    """It can drop audio that it has not played yet."""
    keys_in_stream: bool = False
    """Keys can be sent without leaving the stream."""
    binary_audio: bool = False
    """Audio travels as binary frames."""


@dataclass(frozen=True, slots=True)
class LegStart:
    """Who a phone leg says it is, before anybody has believed it."""

    stream_id: str
    carrier_call_id: str
    account_id: str
    parameters: Mapping[str, str] = field(default_factory=dict)


class Wire(Protocol):
    """One phone leg's protocol: text in, events out; commands in, text out. No I/O; one for each leg."""

    features: Features
    start: LegStart | None
    """What the leg said of itself; None until its start message was read."""

    def read(self, message: str | bytes) -> tuple[Event, ...]:
        """Events of one message; a gap and its audio are two events.

        Raises:
            WireError: the message does not follow the protocol. The leg goes on.
        """
        ...

    def sound(self, message: bytes) -> bytes | None:
        """The usual message, taken the short way: the mu-law of a frame that is just the next one. Else None, and
        nothing has happened: `read` it. (May always say None.)"""
        ...

    def write(self, command: PhoneCommand) -> tuple[bytes, ...]:
        """Messages for one command, as UTF-8; `Play` is audio and mark."""
        ...


CallEvent = Literal["initiated", "ringing", "answered", "completed"]
"""What can be told of a call that we placed; `completed` stands for every way to end."""


@dataclass(frozen=True, slots=True)
class CallRef:
    """A call as the carrier knows it."""

    carrier_call_id: str


@dataclass(frozen=True, slots=True)
class DialOrder:
    """A call to be placed: whose document is at `answer_path`; `status_path` is told how it goes."""

    to: str
    from_: str
    answer_path: str
    status_path: str
    ring_s: int = 25
    """How long it may ring."""
    detect_path: str = ""
    """Is told who or what picked up, while the call goes on; empty: the carrier does not listen for that."""
    time_limit_s: int | None = None
    """How long the call may last, whatever we do; None leaves it to the carrier (Twilio: four hours)."""
    events: tuple[CallEvent, ...] = ("initiated", "ringing", "answered", "completed")
    """What `status_path` is told."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the carrier says became of a call. `status` is the carrier's word for it."""

    status: str
    over: bool
    answered_by: str = ""
    duration_s: int = 0
    """Seconds of conversation, once it is over."""
    price_usd: float | None = None
    """What it cost, as a positive number; None while the carrier does not know it, or where it is no US dollars."""


@dataclass(frozen=True, slots=True)
class NumberHooks:
    """Whom a number's calls are told to; an empty URL is nobody. Methods are GET or POST."""

    voice_url: str = ""
    voice_method: str = "POST"
    fallback_url: str = ""
    """Asked when the first cannot answer."""
    fallback_method: str = "POST"
    status_url: str = ""
    status_method: str = "POST"


@dataclass(frozen=True, slots=True)
class OwnedNumber:
    """A number of the account."""

    number_id: str
    number: str
    name: str
    voice: bool
    """Can it be called?"""
    hooks: NumberHooks
    ruled_by: str = ""
    """What answers its calls in place of `hooks`, if anything does: an application's id or a trunk's."""


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """The account that the credentials open. `status` is the carrier's word."""

    account_id: str
    name: str
    status: str
    active: bool
    trial: bool
    verified: tuple[str, ...] = ()
    """The only numbers that a trial may call; not asked for otherwise."""


class Control(Protocol):
    """The carrier's REST side. Every method raises CarrierError; none waits longer than its time-out."""

    async def hang_up(self, call: CallRef) -> None:
        """End a call that is queued, ringing or in progress. An ended call is no error."""
        ...

    async def take_back(self, call: CallRef) -> bool:
        """Call off a call that is queued or rings: True. Where somebody just has picked up it goes on, and one that has
        ended is no error: False."""
        ...

    async def cancel(self, call: CallRef) -> bool:
        """Call off a call that is queued or rings, so that nobody picks up: True. Where somebody just has, it is hung
        up: False. An ended call is no error, and False as well."""
        ...

    async def dial(self, order: DialOrder) -> CallRef:
        """Call a number. Tried once: an answer that is lost does not mean that nobody is being called; the error's
        `placed` says whether it can have been."""
        ...

    async def find(self, to: str, from_: str, since: float) -> list[CallRef]:
        """The calls from `from_` to `to` that the carrier began since then (epoch seconds by its clock, whole ones
        count), newest first. One that was placed a moment ago may not be listed yet."""
        ...

    async def send_text(self, to: str, from_: str, text: str) -> str:
        """Send a text message and return the carrier's id of it. Tried once."""
        ...

    async def redirect(self, call: CallRef, document: str) -> None:
        """Have a live call follow another document from now on; its stream ends."""
        ...

    async def look_up(self, call: CallRef) -> Outcome | None:
        """What the carrier says of a call; None when it does not know it."""
        ...

    async def account(self) -> AccountFacts:
        """The account, as it stands."""
        ...

    async def numbers(self, number: str = "") -> list[OwnedNumber]:
        """The account's numbers, or only this one."""
        ...

    async def point_number(self, number_id: str, hooks: NumberHooks) -> OwnedNumber:
        """Have a number's calls told to others from now on; what it then says of itself. May be repeated."""
        ...


@dataclass(frozen=True, slots=True)
class RawRequest:
    """A request exactly as it came. `path` is undecoded and without query; both are part of what was signed."""

    path: str
    query: str
    headers: Mapping[str, str]
    """Lower-case names."""
    body: bytes = b""
    websocket: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """What we answer a webhook with."""

    text: str
    content_type: str


@dataclass(frozen=True, slots=True)
class StreamTo:
    """Connect the caller to us: paths below the public URL, with their tokens."""

    media_path: str
    after_path: str
    stream_status_path: str
    keys_first: str = ""
    """Keys to send into the call before the stream begins."""


@dataclass(frozen=True, slots=True)
class DialPerson:
    """Hand the caller to a person. `handed_path` is told when they pick up, `after_path` asked when it is over."""

    number: str
    after_path: str
    handed_path: str


@dataclass(frozen=True, slots=True)
class AskPerson:
    """Tell a person who was called something, and wait for a key that says that they take the caller."""

    message: str
    language: str
    """As the carrier's voice knows it: `en-US`."""
    said_path: str
    """Is told the key, or that there was none."""


@dataclass(frozen=True, slots=True)
class JoinRoom:
    """Into a room for two; whoever leaves it ends it. `begins`: the first one, for whom nobody waits yet."""

    room: str
    begins: bool
    events_path: str
    after_path: str = ""


@dataclass(frozen=True, slots=True)
class Apologise:
    """Something failed: say so, and end the call."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """Nothing is left to say."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """Do not answer at all."""


AnswerPlan = StreamTo | DialPerson | AskPerson | JoinRoom | Apologise | HangUp | Refuse


@dataclass(frozen=True, slots=True)
class Incoming:
    """An incoming call's webhook."""

    carrier_call_id: str
    account_id: str
    from_number: str
    to_number: str
    status: str


@dataclass(frozen=True, slots=True)
class StatusReport:
    """A status callback. `over` says that nothing comes after this status; what it does not say keeps its default."""

    carrier_call_id: str
    status: str
    over: bool
    sip: int = 0
    """The network's last word (RFC 3261): 486 is busy, 404 no such number."""
    duration_s: int | None = None
    """Seconds of conversation, once it is over."""
    answered_by: str = ""
    sequence: int = -1
    """The carrier's count of what it told about this call, from 0: what is higher is newer."""
    at: float | None = None
    """When it happened, by the carrier's clock, in whole epoch seconds."""
    error_code: int = 0
    to: str = ""
    from_: str = ""


@dataclass(frozen=True, slots=True)
class Detection:
    """Who or what picked up, as the carrier heard it: `answered_by` is its word, found after `duration_ms`."""

    carrier_call_id: str
    answered_by: str
    duration_ms: int = 0


class Webhook(Protocol):
    """What the carrier posts, and what we answer."""

    def verify(self, request: RawRequest) -> None:
        """Raises BadSignature unless the carrier signed exactly this request for our public URL."""
        ...

    @property
    def checks(self) -> bool:
        """Signatures are looked at; else anybody may ask."""
        ...

    def signed_url(self, request: RawRequest) -> str:
        """The URL that this request must have been signed for; for people, when a signature does not fit."""
        ...

    def sign(self, request: RawRequest) -> Mapping[str, str]:
        """The headers with which the carrier would have sent this request, so that `verify` takes it; those of
        `request` count for nothing. Raises BadSignature when there is nothing to sign with."""
        ...

    def form(self, request: RawRequest) -> Mapping[str, str]:
        """The request's fields."""
        ...

    def incoming(self, form: Mapping[str, str]) -> Incoming:
        """An incoming call. Raises WireError when the form is none."""
        ...

    def report(self, form: Mapping[str, str]) -> StatusReport:
        """A status callback. Raises WireError when the form is none."""
        ...

    def detection(self, form: Mapping[str, str]) -> Detection:
        """What was found out about who picked up. Raises WireError when the form does not say it."""
        ...

    def answer(self, plan: AnswerPlan) -> Document:
        """The document that makes the carrier do this."""
        ...
