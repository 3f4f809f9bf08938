"""`<Dial><Conference>`: one call takes part in a conference until it, or the conference, is through."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from bridge.sim.twilio.call import Change, SimCall
from bridge.sim.twilio.conference import (
    DEFAULT_EVENTS,
    EVENTS,
    MOST_PARTICIPANTS,
    Callback,
    Conference,
    Participant,
    Terms,
)
from bridge.sim.twilio.problems import Complaint
from bridge.sim.twilio.twiml import Element
from bridge.sim.twilio.waiting import Music, play_url, soft_tone

if TYPE_CHECKING:
    from bridge.sim.twilio.verbs import Interpreter

MOST_LABEL_CHARACTERS = 128
_FAILED = (("DialCallStatus", "failed"),)
_CALL_SID = re.compile(r"CA[0-9a-f]{32}")


async def confer(
    call: SimCall, interpreter: Interpreter, verb: Element, noun: Element, limit_s: float
) -> Change | None:
    """Perform the verb: take part, then go on with `action` or the next verb."""
    line = call.answer()
    try:
        participant, conference, music = _enter(call, interpreter, verb, noun)
    except Complaint as error:
        call.report(error.code, str(error))
        return interpreter.next_document(verb, _FAILED)
    waiting = asyncio.create_task(
        _wait(participant, conference, music, interpreter, noun), name=f"waiting of {call.sid}"
    )
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    why = "participant_updated_via_api"  # unless this task is not cancelled
    try:
        line.leg = participant
        async with asyncio.timeout(limit_s):
            await participant.over.wait()
        why = "participant_hung_up"
    except TimeoutError:
        why = "participant_hung_up"
    finally:
        line.leg = None
        waiting.cancel()
        conference.leave(participant, "participant_hung_up" if call.phone.hung_up else why)
        await asyncio.wait({waiting})
    if not waiting.cancelled() and not waiting.result():
        return interpreter.next_document(verb, _FAILED)
    duration = str(int(round(loop.time() - began_s, 3)))  # a timer may fire a hair early
    return interpreter.next_document(verb, (("DialCallStatus", "completed"), ("DialCallDuration", duration)))


def _enter(
    call: SimCall, interpreter: Interpreter, verb: Element, noun: Element
) -> tuple[Participant, Conference, Music]:
    if not noun.text:
        raise Complaint(13237, "<Conference> has no name")
    terms = _terms(call, interpreter, noun)
    conference = Conference.of(call.account, noun.text)
    most = noun.number("maxParticipants", MOST_PARTICIPANTS, call.report)
    if len(conference.participants) >= most:
        # Which number the real one gives to this is not known.
        raise Complaint(12200, f"the conference {noun.text!r} is full: {most:g} take part")
    if terms.label and any(one.terms.label == terms.label for one in conference.participants):
        raise Complaint(16025, f"there is a {terms.label!r} in the conference {noun.text!r} already")
    if terms.coach and conference.participant(terms.coach) is None:
        raise Complaint(13240, f"coach={terms.coach!r} is no call in the conference {noun.text!r}")
    music = Music()
    participant = Participant(conference, call, terms, music, star=verb.flag("hangupOnStar"))
    call.conferences.append(conference)
    conference.join(participant)
    return participant, conference, music


async def _wait(
    participant: Participant, conference: Conference, music: Music, interpreter: Interpreter, noun: Element
) -> bool:
    """Provide the music until the conference starts; False, and the participant is out, when it cannot be had."""
    call = participant.call
    if not noun.get("waitUrl"):
        if "waitUrl" not in noun.attributes:
            music.loop(soft_tone())
        return True
    url = interpreter.absolute(noun.get("waitUrl"))
    if url is None:
        participant.over.set()
        return False
    method = noun.choice("waitMethod", ("POST", "GET"), call.report, 13234)
    extra = (("ConferenceSid", conference.sid), ("FriendlyName", conference.name))
    begun = asyncio.create_task(conference.begun.wait(), name="conference begins")
    playing = asyncio.create_task(
        play_url(music, call, interpreter.beside(call), url, method, extra), name="music for waiting"
    )
    try:
        await asyncio.wait({begun, playing}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (begun, playing):
            task.cancel()
        await asyncio.wait({begun, playing})
    try:
        if not playing.cancelled():
            playing.result()
    except Complaint as error:
        call.report(error.code, str(error))
        participant.over.set()
        return False
    return True


def _terms(call: SimCall, interpreter: Interpreter, noun: Element) -> Terms:
    report = call.report
    label = noun.get("participantLabel")
    if len(label) > MOST_LABEL_CHARACTERS or "/" in label or _CALL_SID.fullmatch(label):
        report(16023, f"<Conference participantLabel={label[:40]!r}> is too long, a call SID or has a slash")
        label = ""
    return Terms(
        start_on_enter=noun.choice("startConferenceOnEnter", ("true", "false"), report, 13232) == "true",
        end_on_exit=noun.choice("endConferenceOnExit", ("false", "true"), report, 13231) == "true",
        muted=noun.choice("muted", ("false", "true"), report, 13230) == "true",
        beep=noun.choice("beep", ("true", "false", "onEnter", "onExit"), report, 13235),
        label=label,
        coach=noun.get("coach"),
        callback=_callback(call, interpreter, noun),
    )


def _callback(call: SimCall, interpreter: Interpreter, noun: Element) -> Callback | None:
    events = frozenset(noun.get("statusCallbackEvent", DEFAULT_EVENTS).split())
    if strange := events - set(EVENTS):
        call.report(12200, f"<Conference statusCallbackEvent> knows no {', '.join(sorted(strange))}")
    method = noun.choice("statusCallbackMethod", ("POST", "GET"), call.report)
    given = noun.get("statusCallback")
    url = interpreter.absolute(given) if given else None
    return Callback(url, method, events) if url else None
