"""What moves a call from state to state: ring, answer, run its TwiML, obey changes from outside, end, report.

A change from outside (hang-up, REST update, time limit) cancels the TwiML that runs; a stream then says `stop` and
closes its socket before anything else happens.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from bridge.sim.party import Party
from bridge.sim.twilio.call import Plan, SimCall, Status, Stop
from bridge.sim.twilio.progress import Progress
from bridge.sim.twilio.verbs import Interpreter

DIAL_DELAY_S = 0.3  # between leaving the queue and the first ring


@dataclass(frozen=True, slots=True)
class Detection:
    """Answering-machine detection as asked for: asynchronous results go to `url`."""

    asynchronous: bool = False
    url: str = ""
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class Order:
    """An outbound call as the REST API took it."""

    plan: Plan
    ring_timeout_s: float = 60.0
    detection: Detection | None = None


async def run_inbound(call: SimCall, plan: Plan, progress: Progress) -> None:
    """Somebody calls the application's number."""
    call.set_status("ringing")
    try:
        await _live(call, plan)
    finally:
        await _finish(call, progress)


async def run_outbound(call: SimCall, order: Order, party: Party, progress: Progress, queued_s: float) -> None:
    """The application calls somebody: wait in the queue, ring, and when it is answered run the TwiML."""
    try:
        stop = await _ring(call, order, party, progress, queued_s)
        if stop is None:
            await _answered(call, order, party, progress)
        else:
            call.end_reason = stop.reason
    finally:
        await _finish(call, progress)


async def _answered(call: SimCall, order: Order, party: Party, progress: Progress) -> None:
    call.answer()
    progress.tell("answered")
    detecting = asyncio.create_task(_detect(call, order.detection, party), name="answering-machine detection")
    try:
        await _live(call, order.plan, first=None if _asynchronous(order.detection) else detecting)
    finally:
        detecting.cancel()
        await asyncio.wait({detecting})


def _asynchronous(detection: Detection | None) -> bool:
    return detection is None or detection.asynchronous


async def _ring(call: SimCall, order: Order, party: Party, progress: Progress, queued_s: float) -> Stop | None:
    """Until it is answered (None), or the reason why it is not."""
    if stop := await _wait(call, queued_s):
        return stop
    progress.tell("initiated")
    if stop := await _wait(call, DIAL_DELAY_S):
        return stop
    if party.does == "failed":
        return Stop("failed")
    call.set_status("ringing")
    progress.tell("ringing")
    if party.does == "no-answer" or party.after_s >= order.ring_timeout_s:
        return await _wait(call, order.ring_timeout_s) or Stop("no-answer")
    if stop := await _wait(call, party.after_s):
        return stop
    return Stop("busy") if party.does == "busy" else None


async def _wait(call: SimCall, seconds: float) -> Stop | None:
    """Let time pass unless the call is called off."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                change = await call.next_change()
                if isinstance(change, Stop):
                    return change
    except TimeoutError:
        return None


async def _detect(call: SimCall, detection: Detection | None, party: Party) -> None:
    """Person or machine? Posts the result when it was asked for asynchronously."""
    if detection is None:
        return
    await asyncio.sleep(party.detect_s)
    call.answered_by = party.answered_by
    call.note("answered_by", party.answered_by)
    if detection.asynchronous and detection.url:
        form = (
            ("CallSid", call.sid),
            ("AccountSid", call.account.account_sid),
            ("AnsweredBy", party.answered_by),
            ("MachineDetectionDuration", str(int(party.detect_s * 1000))),
        )
        exchange = await call.post(detection.url, detection.method, form)
        if exchange.failure:
            call.report(11200, f"the detection callback {detection.url}: {exchange.reason}")


async def _live(call: SimCall, plan: Plan, first: asyncio.Task[None] | None = None) -> None:
    """Run TwiML, and whatever replaces it, until the call ends. `first` is waited for before anything is fetched."""
    interpreter = Interpreter(call)
    limit = asyncio.get_running_loop().call_later(call.time_limit_s, call.hang_up, "time_limit")
    change: Plan | Stop = plan
    try:
        while not isinstance(change, Stop):
            change = await interpreter.run_or_change(change, first)
            first = None
        call.end_reason = change.reason
    finally:
        limit.cancel()


async def _finish(call: SimCall, progress: Progress) -> None:
    """Put the phone down, settle the status, and tell whoever asked."""
    await call.close_line()
    call.ended_at = call.account.now()
    call.set_status(_final_status(call))
    progress.tell("completed")
    await progress.finish()
    for conference in call.conferences:
        await conference.settled()
    await call.settled()


def _final_status(call: SimCall) -> Status:
    if call.answered_at is not None:
        return "completed"
    unanswered: dict[str, Status] = {
        "busy": "busy",
        "rejected": "no-answer",
        "no-answer": "no-answer",
        "failed": "failed",
        "refused": "failed",
        "application_error": "failed",
        "twiml_ended": "completed",
        "twiml_hangup": "completed",
    }
    return unanswered.get(call.end_reason, "canceled")
