"""People to whom a caller is handed with a word before.

While the caller waits with us, the person's phone rings; they are told who is there and press a key to take the call.
Then both are led into a room for two. Whoever does not answer, does not press a key or hangs up again costs the caller
nothing: they never left us, or are fetched back.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bridge.call import events as ev
from bridge.carriers.base import AnswerPlan, AskPerson, CallRef, DialOrder, DialPerson, HangUp, JoinRoom
from bridge.carriers.registry import Carrier
from bridge.errors import BadToken, CarrierError, ToolError
from bridge.live.info import CallInfo
from bridge.live.session import CallSession

log = logging.getLogger(__name__)

ROOM = "room:"
"""How a destination begins that is a room and no number."""
DECIDE_S = 80.0
"""From the order to the key: 25 s of ringing, the message twice (20 s each at most), and time to find the key."""
MOST_RINGS = 4
"""People rung for one call, one after the other: whoever talks an agent into more of them means no good."""
REMEMBERED_S = 120.0
"""The carrier may ask about a person's call for a while after it is over."""
MEET_S = 20.0
"""Our part ended -> the caller is in the room: whoever waits there for longer waits for nobody."""
EMPTY_S = 5.0
"""By then the carrier should have ended the room; the simulated one does so at once."""
_WHY = {"busy": "busy", "no-answer": "no answer", "canceled": "no answer", "failed": "not reachable"}
_LEFT = "they hung up again"


@dataclass(slots=True)
class _Errand:
    """One person, rung for one caller."""

    info: CallInfo
    room: str
    message: str
    language: str
    became: asyncio.Future[str] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    """`accepted`, or why not."""
    person: CallRef | None = None
    """Known when the order was answered, or from the person's own call if that says so first."""
    gone: bool = False
    begun: bool = False
    """The room is for talking now, and no longer for waiting."""

    def settle(self, became: str) -> None:
        """The first word counts."""
        if not self.became.done():
            self.became.set_result(became)

    @property
    def accepted(self) -> bool:
        """The person pressed a key."""
        return self.became.done() and not self.became.cancelled() and self.became.result() == "accepted"

    @property
    def open(self) -> bool:
        """The person is being rung, or waits for the caller."""
        return not self.became.done() or (self.accepted and not self.gone)


class People:
    """The errands of this process."""

    def __init__(self, carrier: Carrier, find: Callable[[str], CallSession | None], own_number: str) -> None:
        """`find`: a session by its call's id. `own_number`: who calls, where the call itself does not say."""
        self._carrier = carrier
        self._find = find
        self._own_number = own_number
        self._errands: dict[str, _Errand] = {}
        self._rung: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self.fetch_back: Callable[[CallSession], Awaitable[None]] | None = None
        """Has the carrier connect a caller to us again, who was sent to a room already."""

    # ---- for tools

    async def reach(self, info: CallInfo, to: str, message: str, language: str) -> tuple[str, str]:
        """Ring a person and ask: (`accepted`, the room they wait in), or (why not, "").

        Whoever stops waiting for it has the person's phone stop ringing. Raises ToolError when nobody can be rung: one
        person at a time, and nobody for a call that is over.
        """
        session = self._find(info.call_id)
        if session is None or session.end is not None:
            raise ToolError("The call is over, so nobody was rung.")
        if any(errand.open for errand in self._errands.values() if errand.info is info):
            raise ToolError("Somebody is being rung already, or has taken the call; nobody else was rung.")
        if self._rung[info.call_id] >= MOST_RINGS:
            raise ToolError("Enough people have been rung for this call; nobody else is. Offer another way.")
        self._rung[info.call_id] += 1
        token = secrets.token_urlsafe(24)
        errand = _Errand(info, f"{ROOM}{secrets.token_hex(12)}", message, language)
        self._errands[token] = errand
        try:
            became = await self._ask(token, errand, to)
        finally:
            if not errand.accepted:
                errand.settle("no answer")
                self._spawn(self._hang_up(errand))
            asyncio.get_running_loop().call_later(REMEMBERED_S, self._forget, token)
        log.info("a person was asked", extra={"call_id": info.call_id, "became": became})
        return became, errand.room if became == "accepted" else ""

    async def _ask(self, token: str, errand: _Errand, to: str) -> str:
        order = DialOrder(to, self._number_of(errand.info), *_paths(token), events=("answered", "completed"))
        self._spawn(self._dial(errand, order))
        try:
            async with asyncio.timeout(DECIDE_S):
                return await asyncio.shield(errand.became)
        except TimeoutError:
            return "no answer"

    async def _dial(self, errand: _Errand, order: DialOrder) -> None:
        """Place the call. It goes on when nobody waits for it any more: a phone that rings must be known to stop it."""
        try:
            errand.person = await self._carrier.control.dial(order)
        except CarrierError as error:
            log.warning("a person cannot be rung", extra={"call_id": errand.info.call_id, "error": str(error)})
            if errand.person is None:  # else only the answer to the order was lost
                errand.settle("not reachable")
        if errand.became.done() and not errand.accepted:
            await self._hang_up(errand)

    async def send_text(self, info: CallInfo, to: str, text: str) -> None:
        """Send a text message from the number of this call. Raises ToolError."""
        try:
            await self._carrier.control.send_text(to, self._number_of(info), text)
        except CarrierError as error:
            log.warning("a text was not sent", extra={"call_id": info.call_id, "error": str(error)})
            raise ToolError("The text message was not sent. Say so, and offer to tell it instead.") from None

    def _number_of(self, info: CallInfo) -> str:
        """Our number in this call."""
        own = info.to_number if info.direction == "inbound" else info.from_number
        return own if own.startswith("+") else self._own_number

    # ---- what the carrier asks and tells about a person's call

    def answered(self, token: str, carrier_call_id: str) -> AnswerPlan:
        """They picked up: what do they hear? Raises BadToken."""
        errand = self._errand(token)
        errand.person = CallRef(carrier_call_id)
        if errand.became.done():
            return HangUp()  # too late: the caller is told already that nobody came
        return AskPerson(errand.message, errand.language, _said(token))

    def said(self, token: str, digits: str) -> AnswerPlan:
        """They pressed a key, or none. Raises BadToken."""
        errand = self._errand(token)
        if not digits or (errand.became.done() and not errand.accepted):
            errand.settle("declined")
            return HangUp()
        errand.settle("accepted")
        return JoinRoom(errand.room.removeprefix(ROOM), begins=True, events_path=_events(token))

    def reported(self, token: str, status: str) -> None:
        """Their call is over. Raises BadToken."""
        errand = self._errand(token)
        errand.gone = True
        errand.settle(_WHY.get(status, "declined"))
        session = self._find(errand.info.call_id)
        if errand.accepted and session is not None and session.end is None:
            self._take_back(session, errand)
        elif errand.begun:
            self._spawn(self._empty(errand))

    def entered(self, token: str, carrier_call_id: str, *, begins: bool) -> None:
        """Somebody came into the room, or (`begins`) those in it hear each other. Raises BadToken."""
        errand = self._errand(token)
        errand.begun = errand.begun or begins
        session = self._find(errand.info.call_id)
        if session is None or session.handing_to != errand.room:
            return
        # One who comes into a room that has begun meets somebody; a room may begin with its first one.
        if errand.begun and (begins or carrier_call_id == errand.info.carrier_call_id):
            session.handle(ev.HandedOver())

    def way_to(self, to: str, session: CallSession) -> DialPerson | JoinRoom | None:
        """The caller's way to whom they are handed to; None when that person has left again."""
        if to.startswith(ROOM):
            return self.entrance(to, session.after_path)
        return DialPerson(to, session.after_path, session.handed_path)

    def entrance(self, room: str, after_path: str) -> JoinRoom | None:
        """The caller's way into the room; None when the person has left it."""
        for token, errand in self._errands.items():
            if errand.room == room and not errand.gone:
                return JoinRoom(
                    room.removeprefix(ROOM), begins=False, events_path=_events(token), after_path=after_path
                )
        return None

    # ---- the end

    def over(self, session: CallSession) -> None:
        """A call is over: a person who waits for it need not."""
        self._rung.pop(session.info.call_id, None)
        handed = session.end is not None and session.end.transfer_to
        for errand in self._errands.values():
            if errand.info is not session.info or not errand.open:
                continue
            if errand.room == handed:
                asyncio.get_running_loop().call_later(MEET_S, self._alone, errand)
            elif errand.accepted:
                self._spawn(self._hang_up(errand))
            else:
                errand.settle("no answer")  # and whoever waits for it hangs up

    def _alone(self, errand: _Errand) -> None:
        if not errand.begun:
            self._spawn(self._hang_up(errand))

    def _take_back(self, session: CallSession, errand: _Errand) -> None:
        to = session.handing_to
        if to not in ("", errand.room):
            return  # the caller is on the way to somebody else
        session.handle(ev.HandOverFailed(_LEFT))
        # The carrier may not have asked yet: then it will, and is told that the room is empty.
        if to and session.after_asked and self.fetch_back is not None:
            session.handing_to = ""
            self._spawn(self.fetch_back(session))

    async def _empty(self, errand: _Errand) -> None:
        """The person has left the room, which ends it for the caller. One who came just then would wait for ever."""
        await asyncio.sleep(EMPTY_S)
        try:
            await self._carrier.control.hang_up(CallRef(errand.info.carrier_call_id))
        except CarrierError as error:
            log.warning("a caller may wait for nobody", extra={"call_id": errand.info.call_id, "error": str(error)})

    async def _hang_up(self, errand: _Errand) -> None:
        if errand.person is None or errand.gone:
            return
        try:
            await self._carrier.control.hang_up(errand.person)
        except CarrierError as error:
            log.warning("a person's phone may go on", extra={"call_id": errand.info.call_id, "error": str(error)})

    def _errand(self, token: str) -> _Errand:
        errand = self._errands.get(token)
        if errand is None:
            raise BadToken("this token is unknown")
        return errand

    def _forget(self, token: str) -> None:
        errand = self._errands.get(token)
        if errand is not None and errand.accepted and not errand.gone and self._find(errand.info.call_id):
            asyncio.get_running_loop().call_later(REMEMBERED_S, self._forget, token)
        else:
            self._errands.pop(token, None)

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drained(self) -> None:
        """Everybody who was to be hung up on is."""
        while self._tasks:
            await asyncio.wait(self._tasks)


def _paths(token: str) -> tuple[str, str]:
    return f"/twilio/person/{token}", f"/twilio/person/{token}/status"


def _said(token: str) -> str:
    return f"/twilio/person/{token}/said"


def _events(token: str) -> str:
    return f"/twilio/person/{token}/room"
