"""What TwiML does to a call: fetch a document, perform its verbs in order, follow where they lead.

A verb answers None (go on with the next one), a plan (another document takes over) or a Stop (the call ends). A
document whose last verb is done ends the call. `<Connect>` and `<Dial>` in detail: `connect.py`, `dial.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import urljoin, urlsplit

from bridge.audio.g711 import SAMPLE_RATE_HZ, pcm16_to_ulaw
from bridge.audio.tones import dtmf, silence
from bridge.sim.twilio.call import Change, Fetch, Inline, Plan, SimCall, Stop
from bridge.sim.twilio.connect import connect
from bridge.sim.twilio.dial import dial
from bridge.sim.twilio.legs import Announcement, Keypad
from bridge.sim.twilio.problems import Complaint
from bridge.sim.twilio.sounds import fetch_sound
from bridge.sim.twilio.twiml import Element, read_answer, read_document
from bridge.sim.twilio.webhook import Exchange, Form

MOST_SPOKEN_CHARACTERS = 4096
KEY_MS, KEY_PAUSE_MS = 100, 100
GATHER_TIMEOUT_S = 5.0
ENDLESS_LOOPS = 1000  # loop="0"; the caller hangs up sooner

Verb = Callable[[Element], Awaitable[Change | None]]


class Interpreter:
    """Performs TwiML for one call."""

    def __init__(self, call: SimCall, only: frozenset[str] | None = None, place: str = "") -> None:
        """`only`: the verbs that are performed, when the document belongs to a `place` where not all are."""
        self._call = call
        self._only = only
        self._place = place
        self.base = ""  # the URL of the document; empty for inline TwiML
        self._live = False
        self._verbs: Mapping[str, Verb] = {
            "Connect": self._connect,
            "Dial": self._dial,
            "Gather": self._gather,
            "Hangup": self._hangup,
            "Pause": self._pause,
            "Play": self._play,
            "Redirect": self._redirect,
            "Reject": self._reject,
            "Say": self._say,
        }

    def beside(self, call: SimCall, only: frozenset[str] | None = None, place: str = "") -> Interpreter:
        """Another one, for a document beside this one: on the other leg, or for waiting."""
        return Interpreter(call, only, place)

    async def run(self, plan: Plan, first: asyncio.Task[None] | None = None) -> Stop:
        """Perform documents until one ends. `first` is waited for before anything is fetched."""
        if first is not None:
            await first
        while True:
            change = await self._document(plan)
            if isinstance(change, Stop):
                return change
            plan = change

    async def run_or_change(self, plan: Plan, first: asyncio.Task[None] | None = None) -> Change:
        """How the TwiML ended, or what came from outside instead of it, after the TwiML has been taken down."""
        work = asyncio.create_task(self.run(plan, first), name=f"TwiML of {self._call.sid}")
        news = asyncio.create_task(self._call.next_change(), name=f"changes of {self._call.sid}")
        try:
            await asyncio.wait({work, news}, return_when=asyncio.FIRST_COMPLETED)
            return work.result() if work.done() else news.result()
        finally:
            for task in (work, news):
                task.cancel()
            await asyncio.wait({work, news})

    async def fetched(self, url: str, method: str, form: Form) -> Exchange:
        """What is at `url`, from where relative URLs now go out. Raises Complaint."""
        exchange = await self._call.post(url, method, form)
        if exchange.failure or exchange.status >= 300:
            code = 11205 if exchange.failure == "ct" else 11100 if exchange.failure == "url" else 11200
            raise Complaint(code, f"{url}: {exchange.reason or f'the application answered {exchange.status}'}")
        self.base, self._live = exchange.url, False
        return exchange

    def absolute(self, url: str) -> str | None:
        """A URL of the document, resolved against the document's own; None, with a complaint, when that fails."""
        if urlsplit(url).scheme:
            return url
        if self.base:
            return urljoin(self.base, url)
        if self._live:
            self._call.report(15004, f"{url!r} is relative, and TwiML handed over by REST has no URL of its own")
        else:
            self._call.report(11100, f"{url!r} is relative, and inline TwiML has no URL of its own")
        return None

    def next_document(self, verb: Element, extra: Form = ()) -> Change | None:
        """The `action` of a verb that is done, or None to go on with the next verb."""
        if not verb.get("action"):
            return None
        url = self.absolute(verb.get("action"))
        return Fetch(url, verb.get("method", "POST"), extra) if url else Stop("application_error")

    async def _document(self, plan: Plan) -> Change:
        try:
            verbs = await self._load(plan)
        except Complaint as error:
            self._call.report(error.code, str(error))
            if isinstance(plan, Fetch) and plan.fallback_url:
                extra = (("ErrorCode", str(error.code)), ("ErrorUrl", plan.url))
                return Fetch(plan.fallback_url, plan.fallback_method, extra)
            return Stop("application_error")
        for verb in verbs:
            if self._only is not None and verb.name not in self._only:
                self._call.report(12200, f"<{verb.name}> is not for {self._place} and is skipped")
                continue
            self._call.note("verb", verb.name)
            change = await self._verbs[verb.name](verb)
            if change is not None:
                return change
        return Stop("twiml_ended")

    async def _load(self, plan: Plan) -> tuple[Element, ...]:
        call = self._call
        if isinstance(plan, Inline):
            self.base, self._live = "", plan.live
            return read_document(plan.twiml.encode(), call.report)
        detected = (("AnsweredBy", call.answered_by),) if call.answered_by and not plan.extra else ()
        exchange = await self.fetched(plan.url, plan.method, call.form() + detected + plan.extra)
        return read_answer(exchange.content_type, exchange.body, call.report)

    async def _connect(self, verb: Element) -> Change | None:
        return await connect(self._call, self, verb)

    async def _dial(self, verb: Element) -> Change | None:
        return await dial(self._call, self, verb)

    async def _say(self, verb: Element) -> Change | None:
        await self._play_out(await self.sound(verb))
        return None

    async def _play(self, verb: Element) -> Change | None:
        await self._play_out(await self.sound(verb))
        return None

    async def _pause(self, verb: Element) -> Change | None:
        # As the first verb it does not answer the call: the caller goes on hearing it ring.
        await asyncio.sleep(verb.number("length", 1.0, self._call.report))
        return None

    async def _gather(self, verb: Element) -> Change | None:
        call = self._call
        if "dtmf" not in verb.get("input", "dtmf"):
            call.report(12200, "<Gather> for speech alone: the pretend carrier only gathers keys")
        prompt = b"".join([await self.sound(child) for child in verb.children])
        wanted = verb.number("numDigits", 0, call.report)
        keypad = Keypad(
            prompt,
            wanted=int(wanted) or None,
            finish_on=verb.get("finishOnKey", "#"),
            timeout_s=verb.number("timeout", GATHER_TIMEOUT_S, call.report),
        )
        digits = await keypad.collect(call.answer())
        if not digits and not verb.flag("actionOnEmptyResult"):
            return None
        extra = (("Digits", digits), ("FinishedOnKey", keypad.finished_on))
        # Without an action the document itself is asked again, with the digits.
        return self.next_document(verb, extra) or (Fetch(self.base, "POST", extra) if self.base else None)

    async def _redirect(self, verb: Element) -> Change | None:
        url = self.absolute(verb.text)
        return Fetch(url, verb.get("method", "POST")) if url else Stop("application_error")

    async def _hangup(self, verb: Element) -> Change | None:
        return Stop("twiml_hangup")

    async def _reject(self, verb: Element) -> Change | None:
        if self._call.answered_at is not None:
            self._call.report(12200, "<Reject> comes too late: the call has been answered")
            return Stop("twiml_hangup")
        return Stop("busy" if verb.get("reason") == "busy" else "rejected")

    async def _play_out(self, ulaw: bytes) -> None:
        await Announcement(ulaw).play(self._call.answer())

    async def sound(self, verb: Element) -> bytes:
        """The sound of a Say, Play or Pause, its loops included."""
        loops = verb.number("loop", 1, self._call.report)
        return await self.sound_once(verb) * int(loops or ENDLESS_LOOPS)

    async def sound_once(self, verb: Element) -> bytes:
        """The same without its loops."""
        report = self._call.report
        if verb.name == "Pause":
            return _silence(verb.number("length", 1.0, report) * 1000)
        if verb.name == "Play":
            return self._tones(verb.get("digits")) if verb.get("digits") else await self._file(verb)
        if not verb.text or len(verb.text) > MOST_SPOKEN_CHARACTERS:
            report(13521 if verb.text else 13520, f"<Say> has {len(verb.text)} characters")
            return b""
        self._call.note("said", verb.text)
        return await self._call.account.announce(verb.text)

    async def _file(self, verb: Element) -> bytes:
        url = self.absolute(verb.text)
        if not url:
            return b""
        try:
            return await fetch_sound(self._call, url)
        except Complaint as error:
            self._call.report(error.code, str(error))
            return b""

    def _tones(self, digits: str) -> bytes:
        """`<Play digits>`: w is half a second of silence, W a whole one."""
        self._call.note("digits", digits)
        sound = bytearray()
        for digit in digits:
            if digit in "wW":
                sound += _silence(500 if digit == "w" else 1000)
            elif digit in "0123456789*#ABCD":
                sound += pcm16_to_ulaw(dtmf(digit, KEY_MS, SAMPLE_RATE_HZ)) + _silence(KEY_PAUSE_MS)
            else:
                self._call.report(12200, f"<Play digits> has {digit!r}, which is no key")
        return bytes(sound)


def _silence(duration_ms: float) -> bytes:
    return pcm16_to_ulaw(silence(duration_ms, SAMPLE_RATE_HZ))
