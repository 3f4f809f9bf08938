"""`<Dial>`: a second leg to somebody else, and what is told about it afterwards."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bridge.sim.party import Party
from bridge.sim.twilio.call import Change, SimCall, Status
from bridge.sim.twilio.legs import Bridge
from bridge.sim.twilio.progress import EVENTS, Progress
from bridge.sim.twilio.twiml import Element
from bridge.sim.twilio.webhook import Form

if TYPE_CHECKING:
    from bridge.sim.twilio.verbs import Interpreter

RING_TIMEOUT_S, TALK_LIMIT_S = 30.0, 14_400.0


async def dial(call: SimCall, interpreter: Interpreter, verb: Element) -> Change | None:
    """Perform the verb: ring the number, let the two talk, then go on with `action` or the next verb."""
    number = next((child for child in verb.children if child.name == "Number"), None)
    to = number.text if number is not None else verb.text
    if not to:
        call.report(13224, "<Dial> has no number to dial")
        return interpreter.next_document(verb, (("DialCallStatus", "failed"),))
    party = call.account.directory(to)
    leg = SimCall(
        call.account, verb.get("callerId") or call.from_, to, "outbound-dial", party.phone, parent_sid=call.sid
    )
    progress = _progress(leg, interpreter, number)
    if not verb.flag("answerOnBridge"):
        call.answer()
    try:
        await _ring(leg, party, progress, verb.number("timeout", RING_TIMEOUT_S, call.report))
        if leg.status == "in-progress":
            await Bridge(party.phone).talk(call.answer(), verb.number("timeLimit", TALK_LIMIT_S, call.report))
            leg.set_status("completed")
    finally:
        if not leg.over:
            leg.set_status("completed" if leg.answered_at else "canceled")
        leg.ended_at = call.account.now()
        call.note("dialled", f"{to} {leg.status}")
        progress.tell("completed")
        await progress.finish()
        call.webhooks += leg.webhooks
        call.problems += leg.problems
        await party.phone.settled()
    extra: Form = (("DialCallStatus", leg.status), ("DialCallSid", leg.sid))
    if leg.answered_at is not None:
        extra += (("DialCallDuration", str(int(leg.duration_s))), ("DialBridged", "true"))
    return interpreter.next_document(verb, extra)


async def _ring(leg: SimCall, party: Party, progress: Progress, timeout_s: float) -> None:
    progress.tell("initiated")
    if party.does == "failed":
        leg.set_status("failed")
        return
    leg.set_status("ringing")
    progress.tell("ringing")
    answered = party.does != "no-answer" and party.after_s < timeout_s
    await asyncio.sleep(party.after_s if answered else timeout_s)
    if answered and party.does == "answer":
        leg.answered_at = leg.account.now()
        leg.set_status("in-progress")
        progress.tell("answered")
    else:
        ended: Status = "busy" if answered else "no-answer"
        leg.set_status(ended)


def _progress(leg: SimCall, interpreter: Interpreter, number: Element | None) -> Progress:
    callback = number.get("statusCallback") if number is not None else ""
    events = frozenset(number.get("statusCallbackEvent", "completed").split()) if number is not None else frozenset()
    if strange := events - set(EVENTS):
        leg.report(12200, f"<Number statusCallbackEvent> knows no {', '.join(sorted(strange))}")
    method = number.get("statusCallbackMethod", "POST") if number is not None else "POST"
    url = (interpreter.absolute(callback) or "") if callback else ""
    return Progress(leg, url, method=method, events=events)
