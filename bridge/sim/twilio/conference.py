"""Conferences: rooms of the account, by name, where calls hear each other.

    nobody -> waiting -> started -> over

It starts when two are in it and one of all in it has `startConferenceOnEnter`; until then each hears its own music,
and one alone therefore always does. It stays started when only one is left. It is over when the last one leaves or one
with `endConferenceOnExit` does; the next to ask for the name opens another one, with another SID.

Callbacks go to the address of the first participant who has one, in order, beside the calls and never in their way.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from bridge.audio.g711 import SAMPLE_RATE_HZ, pcm16_to_ulaw
from bridge.audio.tones import sine
from bridge.sim.twilio.forms import conference_form
from bridge.sim.twilio.mixer import Mixer, Seat
from bridge.sim.twilio.webhook import Form

if TYPE_CHECKING:
    from bridge.sim.twilio.account import Account
    from bridge.sim.twilio.call import SimCall
    from bridge.sim.twilio.waiting import Music

EVENTS = ("start", "end", "join", "leave", "mute", "hold", "modify", "speaker", "announcement")
"""What can be subscribed to. Only the first four ever happen here, as there is no Participants API."""
DEFAULT_EVENTS = "start end"
MOST_PARTICIPANTS = 250


@dataclass(frozen=True, slots=True)
class Callback:
    """Where events go, and which."""

    url: str
    method: str
    events: frozenset[str]


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms one participant takes part."""

    start_on_enter: bool = True
    end_on_exit: bool = False
    muted: bool = False
    beep: str = "true"
    label: str = ""
    coach: str = ""
    """The SID of the call that alone hears this one."""
    callback: Callback | None = None


class Participant:
    """One call in a conference; fits `Line.leg`. `over` is set when it is to leave."""

    def __init__(self, conference: Conference, call: SimCall, terms: Terms, music: Music, *, star: bool) -> None:
        self.call = call
        self.terms = terms
        self.seat = Seat(conference.mixer, star=star)
        self.seat.muted = terms.muted
        self.over = self.seat.over
        self._conference = conference
        self._music = music

    def listen(self, ulaw: bytes, key: str, at_s: float) -> None:
        """Heard by the others once the conference has started."""
        self.seat.press(key)
        if self._conference.started:
            self.seat.say(ulaw)

    def speak(self, at_s: float) -> bytes:
        """Music, then the others."""
        return self.seat.speak(at_s) if self._conference.started else self._music.take()

    @property
    def fields(self) -> Form:
        """What every event about it carries."""
        fields = [("CallSid", self.call.sid)]
        for name, value in (
            ("Muted", self.terms.muted),
            ("Hold", False),
            ("Coaching", bool(self.terms.coach)),
            ("EndConferenceOnExit", self.terms.end_on_exit),
            ("StartConferenceOnEnter", self.terms.start_on_enter),
        ):
            fields.append((name, "true" if value else "false"))
        if self.terms.label:
            fields.append(("ParticipantLabel", self.terms.label))
        return tuple(fields)


class Conference:
    """One room. `reason` says why it ended."""

    def __init__(self, account: Account, name: str) -> None:
        self.sid = "CF" + secrets.token_hex(16)
        self.name = name
        self.participants: list[Participant] = []
        self.mixer = Mixer()
        self.begun = asyncio.Event()
        self.over = False
        self.reason = ""
        self._account = account
        self._callback: Callback | None = None
        self._sequence = 0
        self._news: asyncio.Queue[tuple[SimCall, Form] | None] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    @classmethod
    def of(cls, account: Account, name: str) -> Conference:
        """The room of that name that is open, or a new one, which counts once somebody is in it."""
        rooms = (one for one in account.conferences if one.name == name and not one.over)
        return next(rooms, None) or cls(account, name)

    @property
    def started(self) -> bool:
        """Do they hear each other?"""
        return self.begun.is_set()

    def participant(self, call_sid: str) -> Participant | None:
        """Who takes part with that call."""
        return next((one for one in self.participants if one.call.sid == call_sid), None)

    def join(self, participant: Participant) -> None:
        """Somebody comes in."""
        if self not in self._account.conferences:
            self._account.conferences.append(self)
        self.participants.append(participant)
        self.mixer.add(participant.seat)
        if coached := self.participant(participant.terms.coach):
            participant.seat.only_for = coached.seat
        self._callback = self._callback or participant.terms.callback
        self._tell("participant-join", participant, participant.fields)
        if self.started:
            self._beep(participant, "onEnter")
        elif len(self.participants) >= 2 and any(one.terms.start_on_enter for one in self.participants):
            self.begun.set()
            self._tell("conference-start", participant)
            self._beep(participant, "onEnter")

    def leave(self, participant: Participant, why: str) -> None:
        """Somebody goes out, which may end it for all."""
        if participant not in self.participants:
            return
        self.participants.remove(participant)
        self.mixer.remove(participant.seat)
        status = "completed" if participant.call.phone.hung_up else participant.call.status
        left = (("ParticipantCallStatus", status), ("ReasonParticipantLeft", why))
        self._tell("participant-leave", participant, participant.fields + left)
        if self.over:
            return
        if participant.terms.end_on_exit:
            self._end(participant, "participant-with-end-conference-on-exit-left")
        elif not self.participants:
            self._end(participant, "last-participant-left")
        elif self.started:
            self._beep(participant, "onExit")

    async def settled(self) -> None:
        """Wait until everything that happened so far has been posted."""
        await self._news.join()
        if self.over and self._task is not None:
            await self._task

    def _end(self, by: Participant, reason: str) -> None:
        self.over, self.reason = True, reason
        for one in list(self.participants):
            one.over.set()
            self.leave(one, "moderator_ended_conference")
        extra = [("CallSidEndingConference", by.call.sid), ("ReasonConferenceEnded", reason)]
        if by.terms.label:
            extra.append(("ParticipantLabelEndingConference", by.terms.label))
        self._tell("conference-end", by, tuple(extra))
        if self._task is not None:
            self._news.put_nowait(None)

    def _beep(self, about: Participant, when: str) -> None:
        """To all others; the one it is about has said whether."""
        if about.terms.beep in {"true", when}:
            for one in self.participants:
                if one is not about:
                    one.seat.play(_beep())

    def _tell(self, event: str, about: Participant, extra: Form = ()) -> None:
        about.call.note(event, f"{self.name} {self.sid}")
        callback = self._callback
        if callback is None or event.rpartition("-")[2] not in callback.events:
            return
        self._sequence += 1
        form = conference_form(
            self._account.account_sid,
            self.sid,
            self.name,
            event,
            sequence=self._sequence,
            at=self._account.now(),
            extra=extra,
        )
        self._news.put_nowait((about.call, form))
        if self._task is None:
            self._task = asyncio.create_task(self._post(callback), name=f"callbacks of {self.sid}")

    async def _post(self, callback: Callback) -> None:
        while (news := await self._news.get()) is not None:
            call, form = news
            exchange = await call.post(callback.url, callback.method, form)
            if exchange.failure or exchange.status >= 300:
                call.report(15003, f"the conference callback {callback.url}: {exchange.reason or exchange.status}")
            self._news.task_done()
        self._news.task_done()


@cache
def _beep() -> bytes:
    """A fifth of a second, soft."""
    return pcm16_to_ulaw(sine(880, 200, SAMPLE_RATE_HZ, peak_dbfs=-20))
