"""The calls of attempts, in the process that talks: they ring, are answered, and say what came of them.

The carrier's webhooks come here with an attempt's token. Each is evidence for the ledger and, where there is a session,
news for it: the session begins while the phone rings, so that the model is there with the callee's first word.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Literal

from bridge.agents.agent import Agent
from bridge.call import events as ev
from bridge.call import facts
from bridge.call.limits import AnswerTerms
from bridge.carriers.base import CallRef, Control, Detection, StatusReport
from bridge.dialer.callers import AgentBook
from bridge.dialer.disclosure import disclosed, screened
from bridge.dialer.evidence import Word
from bridge.dialer.ledger import Ledger
from bridge.dialer.standing import carrier_usd
from bridge.dialer.voicemail import Recordings
from bridge.errors import AgentError, BadToken, CallNotAllowed, CarrierError, StoreError, ToolError
from bridge.live.info import CallInfo, CallOrder
from bridge.live.session import CallSession
from bridge.live.switchboard import Switchboard
from bridge.store import do_not_call
from bridge.store.base import Attempt, DoNotCall
from bridge.store.folder import new_call_id

log = logging.getLogger(__name__)

PATIENCE_S = 1.0
"""Somebody has just picked up: a database that takes longer is not waited for, and what is remembered here is taken."""
MEMORY = 5_000
"""Attempts that are remembered here: a call is answered also while the database does not answer."""
END_S = 15.0
"""An order is under way for no longer than its time-out."""


class Outbound:
    """What the carrier tells about attempts, and what their calls say. `clock` gives epoch seconds.

    It is also what tools reach the dialer by (`live.outreach.Outreach`).
    """

    def __init__(
        self,
        ledger: Ledger,
        switchboard: Switchboard,
        agents: AgentBook,
        recordings: Recordings,
        control: Control,
        clock: Callable[[], float],
    ) -> None:
        self._ledger = ledger
        self._switchboard = switchboard
        self._agents = agents
        self._recordings = recordings
        self._control = control
        self._clock = clock
        self._known: dict[str, Attempt] = {}
        self._loading: asyncio.Task[object] | None = None

    async def close(self) -> None:
        """When what it began has come to an end."""
        if self._loading is not None:
            await self._loading

    def _call_comes(self) -> None:
        """What listens to who picks up needs numpy. That takes a third of a second to load and 10 MB to keep: not while
        somebody picks up, and not in a process that calls nobody."""
        if self._loading is None:
            self._loading = asyncio.create_task(asyncio.to_thread(import_module, "bridge.live.pickup"))

    def remember(self, attempt: Attempt) -> None:
        """An order for it goes out from here: its webhooks will come."""
        self._call_comes()
        self._known[attempt.token] = attempt
        while len(self._known) > MEMORY:
            self._known.pop(next(iter(self._known)))

    # ---- what the carrier asks and tells

    async def answered(self, token: str, carrier_call_id: str) -> CallSession | None:
        """They picked up: the session that talks to them; None when nobody should. Raises BadToken."""
        attempt = await self._attempt(token)
        if attempt.state == "closed" or attempt.carrier_call_id not in ("", carrier_call_id):
            log.warning("a call that is not wanted any more was answered", extra={"attempt": attempt.id})
            return None
        session = self._session(attempt, carrier_call_id)
        call_id = "" if session is None else session.info.call_id
        self._note(attempt, carrier_call_id=carrier_call_id, status="in-progress", call_id=call_id)
        if session is not None:
            session.handle(ev.CalleeAnswered())
        return session

    async def reported(self, token: str, report: StatusReport) -> None:
        """A status callback. Raises BadToken."""
        self._call_comes()
        attempt = await self._attempt(token)
        if attempt.carrier_call_id not in ("", report.carrier_call_id):
            await self._call_off(report)
            return
        self._note(
            attempt,
            carrier_call_id=report.carrier_call_id,
            status=report.status,
            sip=report.sip,
            error_code=report.error_code,
            answered_by=report.answered_by,
            at=report.at,
            carrier_usd=carrier_usd(attempt, report.duration_s),
        )
        if report.status == "ringing" and attempt.state != "closed":
            self._session(attempt, report.carrier_call_id)
        session = self._switchboard.by_carrier_id(report.carrier_call_id)
        if report.over and session is not None:
            session.handle(ev.CarrierReported(report.status))

    async def detected(self, token: str, detection: Detection) -> None:
        """The carrier's answering-machine detection. Raises BadToken."""
        attempt = await self._attempt(token)
        self._note(attempt, carrier_call_id=detection.carrier_call_id, answered_by=detection.answered_by)
        session = self._switchboard.by_carrier_id(detection.carrier_call_id)
        if session is not None:
            session.handle(ev.CarrierDetected(detection.answered_by))

    async def _attempt(self, token: str) -> Attempt:
        """The attempt of a token, as it stands. Raises BadToken; StoreError where nobody can say."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                found = await self._ledger.attempt(token)
        except (StoreError, TimeoutError) as error:
            log.warning("the database does not answer about a call", extra={"error": str(error)})
            found = self._known.get(token)
            if found is None:
                raise StoreError("the database does not answer about a call that somebody else placed") from error
        if found is None:
            raise BadToken("this token is unknown")
        return found

    async def _call_off(self, report: StatusReport) -> None:
        """One token is one call; whatever else rings with it is called off."""
        log.warning("a second call of one attempt is called off", extra={"carrier_call_id": report.carrier_call_id})
        if report.over:
            return
        try:
            await self._control.cancel(CallRef(report.carrier_call_id))
        except CarrierError as error:
            log.warning("a call cannot be called off", extra={"error": str(error)})

    # ---- the session

    def _session(self, attempt: Attempt, carrier_call_id: str) -> CallSession | None:
        known = self._switchboard.by_carrier_id(carrier_call_id)
        if known is not None or self._switchboard.full:
            return known
        try:
            agent = self._agents.get(attempt.agent)
        except AgentError as error:
            log.warning("nobody can talk to whom we called", extra={"attempt": attempt.id, "error": str(error)})
            return None
        now = self._clock()
        info = CallInfo(
            call_id=new_call_id(now),
            carrier_call_id=carrier_call_id,
            direction="outbound",
            from_number=attempt.from_number,
            to_number=attempt.phone,
            agent=agent.name,
            began_at=now,
            order=self._order(attempt, agent),
        )
        return self._switchboard.begin(info)

    def _order(self, attempt: Attempt, agent: Agent) -> CallOrder:
        terms = attempt.terms
        return CallOrder(
            agent=agent,
            token=attempt.token,
            variables=attempt.variables,
            answer=self._answer(attempt),
            max_minutes=float(terms["max_minutes"]) if terms.get("max_minutes") else None,
            disclosure=disclosed(str(terms.get("language", "")), str(terms.get("company", "")))
            if terms.get("disclosure", True)
            else "",
            campaign_id=attempt.campaign_id or "",
        )

    def _answer(self, attempt: Attempt) -> AnswerTerms:
        """What is done about machines; words may name the contact's {columns}."""
        terms = attempt.terms
        voicemail: Literal["hang_up", "message", "recording"] = terms.get("voicemail", "hang_up")
        company, purpose = str(terms.get("company", "")), str(terms.get("purpose", ""))
        return AnswerTerms(
            on_machine=voicemail,
            message=str(terms.get("voicemail_text", "")),
            recording=self._recordings.get(str(terms.get("voicemail_file", ""))),
            screening=screened(str(terms.get("language", "")), company, purpose),
        )

    def listen(self, info: CallInfo, cost_usd: Callable[[], float]) -> Callable[[facts.Fact], None]:
        """A listener for the session of an attempt: what it found out becomes evidence when it is over."""
        return _Listener(self, info, cost_usd)

    def ended(self, info: CallInfo, **found: object) -> None:
        """The session of an attempt is over, and this came of it."""
        if info.order is not None:
            word = Word(token=info.order.token, at=self._clock(), call_id="", **found)  # type: ignore[arg-type]
            self._ledger.note(word)

    def _note(self, attempt: Attempt, at: float | None = None, **said: object) -> None:
        self._ledger.note(Word(token=attempt.token, at=at or self._clock(), **said))  # type: ignore[arg-type]

    # ---- what people ask for

    async def end(self, attempt: Attempt) -> bool:
        """End its call: it is called off while it rings; who talks to them leaves. False: it is over already.

        Raises CallNotAllowed where nobody knows of a call; CarrierError, StoreError.
        """
        found: Attempt | None = attempt
        with suppress(TimeoutError):
            async with asyncio.timeout(END_S):
                while found is not None and found.state == "intent":  # what its order brings can be ended then
                    await asyncio.sleep(0.1)
                    found = await self._ledger.attempt(attempt.token)
        if found is None or found.state == "closed":
            return False
        if not found.carrier_call_id:
            raise CallNotAllowed("nobody knows yet whether this call was placed; ask again in a minute", why="unknown")
        session = self._switchboard.by_carrier_id(found.carrier_call_id)
        if found.state == "answered" and session is not None and session.end is None:
            session.handle(ev.LeaveAsked("agent_hung_up", "operator"))
        else:
            await self._control.cancel(CallRef(found.carrier_call_id))
        return True

    # ---- what tools ask for

    async def opt_out(self, info: CallInfo, reason: str) -> None:
        """The other side does not want to be called again, ever. Raises ToolError."""
        phone = info.to_number if info.direction == "outbound" else info.from_number
        if not phone.startswith("+"):
            raise ToolError("Their number is not known, so it cannot be put on the list. Say so.")
        entry = DoNotCall(phone, self._clock(), "call", reason, info.call_id)
        if info.order is not None:
            self._ledger.note(Word(token=info.order.token, at=self._clock(), result="opted_out", reason=reason))
        try:
            await self._ledger.db.write(do_not_call.add, [entry])
        except StoreError as error:
            log.warning("an opt-out waits for the database", extra={"call_id": info.call_id, "error": str(error)})
            if info.order is None:
                raise ToolError("The list cannot be written at the moment. Ask them to tell us again.") from None

    async def call_back(self, info: CallInfo, at: float, note: str) -> None:
        """Call them again at this time. Raises ToolError."""
        if info.order is None or not info.order.campaign_id:
            raise ToolError("This call belongs to no campaign, so nobody would call back. Offer another way.")
        self._ledger.note(
            Word(token=info.order.token, at=self._clock(), result="callback", callback_at=at, reason=note)
        )

    def result(self, info: CallInfo, word: str, note: str = "") -> None:
        """What came of the call. Raises ToolError."""
        if info.order is None:
            raise ToolError("This call was not placed by us; there is nothing to record.")
        self._ledger.note(Word(token=info.order.token, at=self._clock(), result=word, reason=note))


class _Listener:
    """Gathers what a call finds out about whom it reached."""

    def __init__(self, outbound: Outbound, info: CallInfo, cost_usd: Callable[[], float]) -> None:
        self._outbound = outbound
        self._info = info
        self._cost_usd = cost_usd
        self._judged = ""
        self._spoke = False

    def __call__(self, fact: facts.Fact) -> None:
        match fact:
            case facts.AnswerJudged():
                self._judged = fact.kind
            case facts.MessageLeft() if fact.heard_ms:
                self._judged = "voicemail_left"
            case facts.AgentSaid() if fact.heard_ms:
                self._spoke = True
            case facts.CallEnded():
                # A person with whom nobody spoke was not reached; whose fault it was, the end reason says.
                judged = "" if self._judged == "human" and not self._spoke else self._judged
                self._outbound.ended(
                    self._info, judged=judged, end_reason=fact.reason, model_usd=self._cost_usd(), reason=fact.error
                )
            case _:
                pass
