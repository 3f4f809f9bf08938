"""What the carrier posts. The signature is checked first; nothing is spent on anybody without one.

/twilio/voice            a call comes in: answer with a stream
/twilio/after/{token}    the stream (or a transfer) ended: what comes next?
/twilio/handed/{token}   whoever the caller is transferred to picked up
/twilio/status           the call's progress
/twilio/stream           the stream's progress; the only place where a failed upgrade shows
/twilio/amd, /twilio/recording    taken note of
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from bridge.call import events as ev
from bridge.carriers.base import (
    AnswerPlan,
    Apologise,
    HangUp,
    Incoming,
    Refuse,
    StreamTo,
)
from bridge.errors import BadToken, RefusedRequest, StoreError, WireError
from bridge.live.info import CallInfo
from bridge.live.session import CallSession
from bridge.store.folder import new_call_id
from bridge.web import intake
from bridge.web.inspector import Seen, bare_path
from bridge.web.plans import document, lead_to_us, stream_to
from bridge.web.services import Services

log = logging.getLogger(__name__)

RESUMES = 2
"""How often a call whose stream was lost is connected again; a third loss is not an accident."""
REMEMBERED = 50_000
"""CallSids that are known as answered. A signature has no time in it: a replayed webhook must not begin a call."""

Handler = Callable[[Request], Awaitable[Response]]
Signed = Callable[[Request, Mapping[str, str]], Awaitable[Response]]


class Webhooks:
    """The carrier's HTTP side."""

    def __init__(self, services: Services) -> None:
        self._s = services
        self._refusals = 0
        self._answered: OrderedDict[str, None] = OrderedDict()
        self._plans: dict[str, StreamTo] = {}
        services.switchboard.on_over.append(self._forget)

    def _forget(self, session: CallSession) -> None:
        self._plans.pop(session.info.carrier_call_id, None)

    def signed(self, handler: Signed) -> Handler:
        """Only requests that the carrier signed for us reach `handler`."""

        async def check(request: Request) -> Response:
            with self._s.inspector.watching(request.method, request.url.path) as seen:
                answer = await self._checked(request, handler, seen)
                seen.status = answer.status_code
                return answer

        return check

    async def _checked(self, request: Request, handler: Signed, seen: Seen) -> Response:
        webhook = self._s.carrier.webhook
        try:
            raw = seen.raw = await asyncio.wait_for(intake.read(request), intake.BODY_S)
            seen.signature = "bad"
            webhook.verify(raw)
            seen.taken, seen.signature = True, "good" if webhook.checks else "not checked"
            return await handler(request, webhook.form(raw))
        except intake.TooLarge:
            return PlainTextResponse("too large", 413, {"Connection": "close"})
        except (ClientDisconnect, TimeoutError):
            return PlainTextResponse("request timeout", 408, {"Connection": "close"})
        except RefusedRequest as error:
            seen.error = str(error)
            self._note_refusal(request, error)
            return PlainTextResponse("forbidden", 403)
        except WireError as error:
            seen.error = str(error)
            log.warning("webhook not understood", extra={"path": bare_path(request.url.path), "error": str(error)})
            return PlainTextResponse("bad request", 400)
        except StoreError as error:
            seen.error = str(error)
            log.warning("webhook not taken", extra={"path": bare_path(request.url.path), "error": str(error)})
            return PlainTextResponse("the database does not answer", 503)

    def heard(self, handler: Signed) -> Signed:
        """Somebody is on the line: whatever fails in `handler`, they hear something. What is refused stays refused."""

        async def answer(request: Request, form: Mapping[str, str]) -> Response:
            try:
                return await handler(request, form)
            except (RefusedRequest, WireError):
                raise
            except Exception:  # the boundary of a call that waits for an answer
                facts = {"path": bare_path(request.url.path), "carrier_call_id": form.get("CallSid", "")}
                log.exception("cannot answer a call", extra=facts)
                return document(self._s, Apologise())

        return answer

    def _note_refusal(self, request: Request, error: RefusedRequest) -> None:
        """One line for the first refusals and for every hundredth: strangers must not fill the log."""
        self._refusals += 1
        if self._refusals <= 5 or self._refusals % 100 == 0:
            facts = {"path": bare_path(request.url.path), "error": str(error), "refusals": self._refusals}
            log.warning("request refused", extra=facts)

    # ---- a call comes in

    async def voice(self, request: Request, form: Mapping[str, str]) -> Response:
        """Answer an incoming call with a stream to us."""
        return document(self._s, self._answer(self._s.carrier.webhook.incoming(form)))

    def _answer(self, incoming: Incoming) -> AnswerPlan:
        known = self._plans.get(incoming.carrier_call_id)
        if known is not None:
            return known  # the carrier asks twice when an answer was slow: one call, one answer
        if incoming.carrier_call_id in self._answered:
            return HangUp()
        if self._s.inspector.replaying:
            return HangUp()  # whoever was refused then has left: played again, nothing begins
        if self._s.switchboard.full:
            log.warning("call refused, at the limit or draining", extra={"from": incoming.from_number})
            return Refuse()
        self._answered[incoming.carrier_call_id] = None
        if len(self._answered) > REMEMBERED:
            self._answered.popitem(last=False)
        now = time.time()
        info = CallInfo(
            call_id=new_call_id(now),
            carrier_call_id=incoming.carrier_call_id,
            direction="inbound",
            from_number=incoming.from_number,
            to_number=incoming.to_number,
            agent=self._s.routing.agent_for(incoming.to_number).name,
            began_at=now,
        )
        session = self._s.switchboard.begin(info)
        plan = lead_to_us(self._s, session)
        self._plans[incoming.carrier_call_id] = plan
        return plan

    # ---- what comes next

    async def after(self, request: Request, form: Mapping[str, str]) -> Response:
        """The stream ended, or a transfer did: nobody is left in silence."""
        try:
            session = self._session(request)
        except BadToken:
            if "DialCallStatus" not in form:
                raise
            session = None  # the transfer ended hours later perhaps: our part is long forgotten
        if session is None:
            return document(self._s, HangUp() if _talked(form) else Apologise())
        if form.get("CallSid") != session.info.carrier_call_id:
            raise BadToken("this token belongs to another call")
        session.after_asked = True
        return document(self._s, self._next(session, form))

    def _session(self, request: Request) -> CallSession:
        """The call that a token in a path speaks of."""
        session = self._s.switchboard.get(self._s.switchboard.tickets.read_after(request.path_params["token"]))
        if session is None:
            raise BadToken("this token belongs to no call any more")
        return session

    async def handed(self, request: Request, form: Mapping[str, str]) -> Response:
        """Whoever the caller is transferred to picked up; this is told of that leg, which is a call of its own."""
        session = self._session(request)
        if form.get("ParentCallSid") != session.info.carrier_call_id:
            raise BadToken("this token belongs to another call")
        if form.get("CallStatus") == "in-progress":
            session.handle(ev.HandedOver())
        return Response(status_code=204)

    def _next(self, session: CallSession, form: Mapping[str, str]) -> AnswerPlan:
        if form.get("CallStatus") == "completed":
            session.handle(ev.CarrierReported("completed"))
        if "DialCallStatus" in form:
            return self._after_transfer(session, form)
        if session.end is None:
            return self._hand_over(session) if session.handing_to else self._again(session)
        if session.end.transfer_to:
            return self._hand_over(session, session.end.transfer_to)
        if session.end.reason in ("model_failed", "phone_lost", "shutdown"):
            return Apologise()
        return HangUp()

    def _hand_over(self, session: CallSession, to: str = "") -> AnswerPlan:
        way = self._s.people.way_to(to or session.handing_to, session)
        return way if way is not None else self._taken_back(session, "they hung up again")

    def _after_transfer(self, session: CallSession, form: Mapping[str, str]) -> AnswerPlan:
        if session.end is not None:
            return HangUp() if _talked(form) else Apologise()
        dialled = form.get("DialCallSid", "")
        if dialled and dialled in session.dialled:
            return session.dialled[dialled]  # asked once more: what became of a leg is told once
        plan = self._became(session, form)
        if dialled:
            session.dialled[dialled] = plan
        return plan

    def _became(self, session: CallSession, form: Mapping[str, str]) -> AnswerPlan:
        if _talked(form) and session.handing_to:  # else they are ours again already, and on their way back
            session.handle(ev.HandedOver())
            return HangUp()
        return self._taken_back(session, form["DialCallStatus"].replace("-", " "))

    def _taken_back(self, session: CallSession, why: str) -> AnswerPlan:
        """Nobody took the caller: the agent goes on with them."""
        session.handing_to = ""
        session.handle(ev.HandOverFailed(why))
        if session.end is not None:
            return Apologise()
        session.after_asked = False
        return stream_to(self._s, session)

    def _again(self, session: CallSession) -> AnswerPlan:
        """The call goes on: connect its stream again, after keys that were asked for or after an accident."""
        if session.phone is not None:  # the carrier knew of the broken stream before we did
            session.detach_phone(session.phone, "the carrier asked what comes next")
        if session.end is not None:  # losing the line was the end of it
            return self._next(session, {})
        keys, session.detour = session.detour, ""
        if not keys:
            session.resumes += 1
            if session.resumes > RESUMES:
                return Apologise()
            session.handle(ev.PhoneExpected())  # keys take their time and have a deadline of their own
        session.after_asked = False  # it will have to ask again
        return stream_to(self._s, session, keys)

    # ---- what is reported

    async def status(self, _: Request, form: Mapping[str, str]) -> Response:
        """Status callbacks may be late, doubled and out of order; only a terminal one says something here."""
        report = self._s.carrier.webhook.report(form)
        session = self._s.switchboard.by_carrier_id(report.carrier_call_id)
        if report.over and session is not None:
            session.handle(ev.CarrierReported(report.status))
        return Response(status_code=204)

    async def stream(self, _: Request, form: Mapping[str, str]) -> Response:
        """The stream's own callback."""
        if form.get("StreamEvent") == "stream-error":
            facts = {"carrier_call_id": form.get("CallSid", ""), "error": form.get("StreamError", "")}
            log.warning("the carrier could not stream", extra=facts)
        return Response(status_code=204)

    async def noted(self, _: Request, form: Mapping[str, str]) -> Response:
        """Taken note of."""
        log.info("callback", extra={"fields": dict(form)})
        return Response(status_code=204)


def _talked(form: Mapping[str, str]) -> bool:
    """Did the caller and whoever they were transferred to speak to each other?"""
    return form.get("DialCallStatus") in ("completed", "answered") and form.get("DialBridged", "true") == "true"
