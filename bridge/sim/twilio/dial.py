"""`<Dial>`: a second leg to somebody else, and what is told about it afterwards. Conferences: `join.py`.

A `<Number>` or `<Sip>` with a `url` hears that document first, and the caller hears nothing of it. When it ends, the
two are joined; when it hangs up, cannot be had, or the other one hangs up, they are not.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from bridge.sim.line import Line
from bridge.sim.party import SIP_CODES, Party
from bridge.sim.twilio.call import Change, Fetch, SimCall, Status, Stop
from bridge.sim.twilio.join import confer
from bridge.sim.twilio.mixer import Mixer, Seat
from bridge.sim.twilio.progress import EVENTS, Progress
from bridge.sim.twilio.twiml import Element
from bridge.sim.twilio.webhook import Form

if TYPE_CHECKING:
    from bridge.sim.twilio.verbs import Interpreter

WHISPERED = frozenset({"Say", "Play", "Pause", "Gather", "Redirect", "Hangup"})
_SIP_URI = re.compile(r"sips?:[^@\s]+@[^@\s;?]+([;?]\S*)?")
RING_TIMEOUT_S, TALK_LIMIT_S = 30.0, 14_400.0


async def dial(call: SimCall, interpreter: Interpreter, verb: Element) -> Change | None:
    """Perform the verb: ring the number, let the two talk, then go on with `action` or the next verb."""
    limit_s = verb.number("timeLimit", TALK_LIMIT_S, call.report)
    noun = next((child for child in verb.children if child.name == "Conference"), None)
    if noun is not None:
        if len(verb.children) > 1 or verb.text:
            call.report(13215, "<Dial> has something beside <Conference>, which is skipped: a conference stands alone")
        return await confer(call, interpreter, verb, noun, limit_s)
    noun = verb.children[0] if verb.children else None
    to = noun.text if noun is not None else verb.text
    if problem := _unreachable(noun, to):
        call.report(*problem)
        return interpreter.next_document(verb, (("DialCallStatus", "failed"),))
    party = call.account.directory(to)
    leg = SimCall(
        call.account, verb.get("callerId") or call.from_, to, "outbound-dial", party.phone, parent_sid=call.sid
    )
    progress = _progress(leg, interpreter, noun)
    if not verb.flag("answerOnBridge"):
        call.answer()
    bridged = False
    try:
        await _ring(leg, party, progress, verb.number("timeout", RING_TIMEOUT_S, call.report))
        if leg.answered_at is not None and await _accepted(leg, interpreter, noun):
            bridged = True
            await _talk(call.answer(), leg, limit_s, star=verb.flag("hangupOnStar"))
    finally:
        await leg.close_line()
        leg.ended_at = call.account.now()
        if not leg.over:
            leg.set_status("completed" if leg.answered_at else "canceled")
        call.note("dialled", f"{to} {leg.status}")
        progress.tell("completed")
        await progress.finish()
        call.webhooks += leg.webhooks
        call.problems += leg.problems
        await leg.settled()
    extra: Form = (("DialCallStatus", leg.status), ("DialCallSid", leg.sid))
    if noun is not None and noun.name == "Sip":
        extra += (("DialSipResponseCode", "200" if leg.answered_at else SIP_CODES.get(leg.status, "487")),)
    if leg.answered_at is not None:
        extra += (("DialCallDuration", str(int(leg.duration_s))), ("DialBridged", "true" if bridged else "false"))
    return interpreter.next_document(verb, extra)


def _unreachable(noun: Element | None, to: str) -> tuple[int, str] | None:
    if noun is not None and noun.name == "Sip":
        return None if _SIP_URI.fullmatch(to) else (13243, f"<Sip> has {to[:80]!r}, which is no sip:user@host")
    return None if to else (13224, "<Dial> has no number to dial")


async def _accepted(leg: SimCall, interpreter: Interpreter, noun: Element | None) -> bool:
    """Perform the noun's own document on the leg that was just answered: does it want to be joined?"""
    if noun is None or not noun.get("url"):
        return True
    url = interpreter.absolute(noun.get("url"))
    if url is None:
        return False
    whisper = interpreter.beside(leg, WHISPERED, f"the url of <{noun.name}>")
    plan = Fetch(url, noun.choice("method", ("POST", "GET"), leg.report))
    ended = await whisper.run_or_change(plan)
    return ended == Stop("twiml_ended")


async def _talk(near: Line, leg: SimCall, limit_s: float, *, star: bool) -> None:
    """Until the other one hangs up, `limit_s` pass or the caller presses *; the caller's hang-up cancels it."""
    far, mixer = leg.answer(), Mixer()
    seats = Seat(mixer, star=star), Seat(mixer)
    for seat in seats:
        mixer.add(seat)
    waits = {asyncio.create_task(leg.next_change()), asyncio.create_task(seats[0].over.wait())}
    try:
        near.leg, far.leg = seats
        await asyncio.wait(waits, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        near.leg = far.leg = None
        for wait in waits:
            wait.cancel()
        await asyncio.wait(waits)


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
        leg.answer()
        progress.tell("answered")
    else:
        ended: Status = "busy" if answered else "no-answer"
        leg.set_status(ended)


def _progress(leg: SimCall, interpreter: Interpreter, noun: Element | None) -> Progress:
    if noun is None:
        return Progress(leg, "")
    callback = noun.get("statusCallback")
    events = frozenset(noun.get("statusCallbackEvent", "completed").split())
    if strange := events - set(EVENTS):
        leg.report(12200, f"<{noun.name} statusCallbackEvent> knows no {', '.join(sorted(strange))}")
    url = (interpreter.absolute(callback) or "") if callback else ""
    return Progress(leg, url, method=noun.get("statusCallbackMethod", "POST"), events=events)
