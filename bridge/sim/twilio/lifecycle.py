"""What moves a call from state to state: ring, answer, run its TwiML, obey changes from outside, end, report.

A change from outside (hang-up, REST update, time limit) cancels the TwiML that runs; a stream then says `stop` and
closes its socket before anything else happens.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from bridge.sim.party import Party
from bridge.sim.twilio.call import Plan, SimCall, Status, Stop
from bridge.sim.twilio.progress import Progress
from bridge.sim.twilio.verbs import Interpreter
from bridge.sim.twilio.webhook import Form

DIAL_DELAY_S = 0.3  # between leaving the queue and the first ring
MACHINE_KNOWN_S = 4.0  # who speaks for so long without a pause is taken for a machine


@dataclass(frozen=True, slots=True)
class Detection:
    """Answering-machine detection as asked for: asynchronous results go to `url`. `to_the_end`: a machine is only told
    of when its greeting is over (`DetectMessageEnd`), else as soon as it is known for one (`Enable`)."""

    asynchronous: bool = False
    url: str = ""
    method: str = "POST"
    to_the_end: bool = False

    def result(self, party: Party) -> tuple[str, float]:
        """The word for who picked up, and how long it takes to find it, in seconds."""
        word, took_s = party.answered_by, party.detect_s
        if self.to_the_end:
            return ("machine_end_other" if word == "machine_start" else word), took_s
        if word.startswith("machine"):
            return "machine_start", min(took_s, MACHINE_KNOWN_S)
        return word, took_s


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


async def run_outbound(
    call: SimCall, order: Order, party: Party, progress: Progress, turn: asyncio.Future[None]
) -> None:
    """The application calls somebody: wait for the turn to leave the queue, ring, and when it is answered run the
    TwiML."""
    try:
        stop = await _queue(call, turn) or await _ring(call, order, party, progress)
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


async def _queue(call: SimCall, turn: asyncio.Future[None]) -> Stop | None:
    """Until it leaves the queue (None), or is called off."""
    try:
        while not turn.done():
            change = asyncio.ensure_future(call.next_change())
            either: set[asyncio.Future[Any]] = {change, turn}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not change.done():
                change.cancel()
            elif isinstance(stop := change.result(), Stop):
                return stop
        return None
    finally:
        turn.cancel()


async def _ring(call: SimCall, order: Order, party: Party, progress: Progress) -> Stop | None:
    """Until it is answered (None), or the reason why it is not."""
    progress.tell("initiated")
    if stop := await _wait(call, DIAL_DELAY_S):
        return stop
    if party.does == "failed":
        return _not_reached(call, party, "failed")
    call.set_status("ringing")
    progress.tell("ringing")
    if party.does == "no-answer" or party.after_s >= order.ring_timeout_s:
        return await _wait(call, order.ring_timeout_s) or _not_reached(call, party, "no-answer")
    if stop := await _wait(call, party.after_s):
        return stop
    return _not_reached(call, party, "busy") if party.does == "busy" else None


def _not_reached(call: SimCall, party: Party, reason: str) -> Stop:
    call.sip_code = party.sip
    return Stop(reason)


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
    answered_by, took_s = detection.result(party)
    await asyncio.sleep(took_s)
    call.answered_by = answered_by
    call.note("answered_by", answered_by)
    if detection.asynchronous and detection.url:
        form = (
            ("CallSid", call.sid),
            ("AccountSid", call.account.account_sid),
            ("AnsweredBy", answered_by),
            ("MachineDetectionDuration", str(int(took_s * 1000))),
        )
        weather, rng = call.account.callbacks, call.account.rng
        if rng.random() < weather.lost:
            call.note("callback_lost", "answered_by")
        elif rng.random() < weather.late:
            call.account.later(_tell_detected(call, detection, form, after_s=rng.uniform(0.0, weather.late_s)))
        else:
            await _tell_detected(call, detection, form, times=2 if rng.random() < weather.doubled else 1)


async def _tell_detected(
    call: SimCall, detection: Detection, form: Form, *, after_s: float = 0.0, times: int = 1
) -> None:
    await asyncio.sleep(after_s)
    for _ in range(times):
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
