"""`callbridge sim phone`: one call by a pretend caller, through a carrier of its own in this process."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.cli.caller_wish import CallerWish, caller_wish
from bridge.cli.sim import CarrierFlags, carrier_options
from bridge.cli.stopping import run_until_told
from bridge.errors import BridgeError, UsageError

if TYPE_CHECKING:
    from bridge.sim.carrier import CarrierOptions
    from bridge.sim.script import Score
    from bridge.sim.twilio.call import SimCall


@dataclass(frozen=True, slots=True)
class PhoneFlags:
    """Who calls whom, and what is said."""

    from_: str
    to: str
    say: list[str] = field(default_factory=list)
    wav: Path | None = None
    score: Path | None = None


def run_phone(carrier: CarrierFlags, phone: PhoneFlags) -> None:
    """Place the call and print what happens. Raises UsageError, and BridgeError when the call did not come about."""
    score = _score(phone)
    call, _ = run_until_told(_call(carrier_options(carrier), phone, score))
    if call is None:
        return  # told to stop: the caller hung up
    print(f"status {call.status}, {call.duration_s:.1f} s, {call.end_reason}")
    if call.status != "completed":
        raise BridgeError(f"the call ended as {call.status}: {call.end_reason or 'nobody answered'}")
    if call.problems:
        raise BridgeError(f"the carrier complained {len(call.problems)} times; first: {call.problems[0]}")


def _score(phone: PhoneFlags) -> Score:
    from bridge.sim.script import DEMO, playing, read_score, saying

    wish: CallerWish = caller_wish(phone.say, phone.wav)
    if phone.score is not None:
        if not wish.default:
            raise UsageError("--script excludes --say and --wav")
        try:
            text = phone.score.read_text(encoding="utf-8")
        except (OSError, UnicodeError) as error:
            raise UsageError(f"{phone.score}: cannot be read ({error})") from error
        return read_score(text, str(phone.score))
    if wish.wav is not None:
        return playing(wish.wav)
    return saying(wish.say) if wish.say else DEMO


async def _call(options: CarrierOptions, flags: PhoneFlags, score: Score) -> SimCall:
    from bridge.sim.carrier import Carrier
    from bridge.sim.phone import Phone
    from bridge.sim.script import Caller

    carrier = Carrier(options)
    await carrier.start()
    try:
        print(carrier.url, flush=True)
        caller = Caller(score, carrier.mouth)
        await caller.prepare()
        began_s = asyncio.get_running_loop().time()

        def show(what: str, at_s: float, detail: str) -> None:
            print(f"{at_s - began_s:7.2f}  {what:<12} {detail}".rstrip(), flush=True)

        call = await carrier.ring(flags.from_, flags.to, phone=Phone(caller, on_event=show))
        return await call.ended()
    finally:
        await carrier.stop()
