"""What picked up an outbound call? A pure judge over what is heard in its first seconds.

Observations come with their time and lead to a verdict, or to none. Nothing here waits or hears: levels and tones come
from `audio/pickup.py` as `LineHeard`, words from the model's transcription, a second opinion from the carrier.

    what is observed                                            verdict
    ----------------------------------------------------------  -----------------------------------------------------
    an utterance up to 2 s, then 0.4 s of silence               human: at that very frame, nothing else is waited for
    an utterance up to 6 s, then 1.2 s of silence               human, with a long hello
    one that goes on for more than 6 s                          machine (by length: a short "hello?" makes it human)
    nobody says anything for `wait_s`                           silence: somebody may be there and wait, so we begin
    words of a greeting, full mailbox, menu or assistant         machine, mailbox_full, menu, screening: beat lengths
    one steady tone of 350 to 2100 Hz, 120 ms to 3 s,           beep: the message may begin (also a machine, if nobody
        after speech, then 0.2 s of silence                         knew); once more while it is left: begin again
    2100 Hz for 0.6 s, or 1100 Hz for 0.4 s before any word     fax
    three rising tones (SIT)                                    no_service
    a tone on and off three times, evenly                       busy
    after a machine's words: 2.5 s of silence, the longest      beep: some machines have none, or none that we hear
        greeting's time, or the carrier's `machine_end_*`
    screening, we said who calls, then an utterance up to 2 s   human (words such as "please hold" are the assistant's;
        and silence                                                 without words it is believed after 1 s)
    the carrier's `human`                                       a pause of 0.4 s is enough whatever the length
    the carrier's `machine_*`, `fax`                            as they say, early or late, until there was a dialogue
    the carrier's `unknown`                                     nothing

**A verdict can be wrong**, and the quick one on purpose: a voicemail's "Hi, this is Bob." followed by a breath is a
person to anybody who must answer within half a second. So better evidence may come later and turns it (human or silence
to anything else), until a dialogue has happened: one of the agent's turns was heard to its end and answered. From then
on nothing is judged any more (`close`), whatever the carrier says.

**The carrier's detection** comes at any time, twice or never, and is one witness: what it says of machines is believed
as long as nobody has spoken with us, its `human` only shortens a wait. Its `machine_end_beep` after our own beep is the
same beep.
"""

from __future__ import annotations

from bridge.call import events as ev
from bridge.call.limits import AnswerTerms
from bridge.call.phrases import spoken_by
from bridge.call.values import value

HELLO_S = 2.0
"""Longest hello that a short pause ends. Asterisk's detector takes 1.5 s for a person, carriers 1.8 to 2.4."""
LONG_HELLO_S = 6.0
"""Longest hello at all ("Good morning, Smith and Sons, Mary speaking, how can I help you?"): greetings are longer."""
LONG_PAUSE_S = 1.2
"""Ends a long hello. Breaths between a greeting's sentences are shorter, and its words come within a second."""
END_SILENCE_S = 2.5
"""A greeting that is followed by this much silence is over. Beeps come 0.3 to 2 s after it."""
BEEP_LEAST_MS, BEEP_MOST_MS = 130, 3000
"""A beep as it is measured: one of 120 ms reads 140, and no held vowel of our voices reads more than 120."""
BEEP_HZ = (340, 2110)
BEEP_QUIET_MS = 200
"""So much silence after a tone makes it a beep; a vowel or a tune goes on."""
FAX_HZ, FAX_MS, FAX_LATE_MS = 2100, 600, 1500
"""CED (ITU-T T.30) lasts 2.6 to 4 s; a voicemail's beep of the same pitch is never as long."""
CALLING_FAX_HZ, CALLING_FAX_MS = 1100, 400
"""CNG: half a second every three."""
SIT_HZ = ((880, 1020), (1330, 1460), (1740, 1820))
"""Special information tones (ITU-T E.180): three, rising, each of two pitches."""
CADENCE_MS = (150, 700)
"""A burst of a busy or congestion tone, and the gap after it: 250 to 500 ms in most countries."""
GRACE_S = 1.0
"""How long the words of what may be a person after a screening assistant are waited for."""
MACHINE_ENDS = frozenset({"machine_end_beep", "machine_end_silence", "machine_end_other"})


@value
class Verdict:
    """What it is, and by what evidence.

    `human`, `silence`, `machine`, `beep` (the message may begin now), `mailbox_full`, `screening`, `unanswered` (the
    assistant brought nobody), `menu`, `fax`, `busy` or `no_service`.
    """

    kind: str
    why: str


class AnswerJudge:
    """One call's. Each observation returns a verdict when it changes what is known, else None."""

    def __init__(self, terms: AnswerTerms, now: float) -> None:
        """`now`: the line is on."""
        self.terms = terms
        self.kind = ""
        """The verdict so far; empty: unsure."""
        self.closed = False
        """A dialogue has happened, or the call is being left: nothing is judged any more."""
        self.deadline: float | None = now + terms.wait_s
        """When `overdue` must be called at the latest."""
        self._began_at = now
        self._sure = False  # of a machine: not by length alone
        self._beep_by = ""
        self._spoken = False
        self._speaking = False
        self._start: float | None = None  # of the utterance that has not ended in a deciding pause
        self._end = now
        self._tones: list[tuple[int, int, float]] = []  # hz, ms and end of those since the last voice
        self._beep: tuple[int, int] | None = None  # a tone that is a beep if silence follows
        self._carrier_says_human = False
        self._candidate = False  # somebody has spoken after a screening assistant
        self._person_until = 0.0

    def close(self) -> None:
        """Judge no more."""
        self.closed = True
        self.deadline = None

    def _found(self, kind: str, why: str) -> Verdict | None:
        if self.closed or (kind == self.kind and kind != "beep"):
            return None
        self.kind = kind
        self._start = None
        self._candidate = False
        return Verdict(kind, why)

    # ---- the line

    def line(self, seen: ev.LineHeard, now: float, *, ours: bool = False) -> Verdict | None:
        """The line sounds like this. `ours`: we are speaking, so that whatever they say is no answer yet."""
        if seen.tone_hz:
            return self._tone(seen, now)
        if seen.voice:
            return self._voice(now - seen.ms / 1000.0, now)
        if self._speaking:
            self._speaking, self._end = False, now - seen.ms / 1000.0
        return self._quiet(seen.ms / 1000.0, now, ours=ours)

    def _voice(self, since: float, now: float) -> Verdict | None:
        self._spoken = self._speaking = True
        self._beep = None
        self._tones.clear()
        if self.kind in ("", "silence") and self.deadline is not None:
            self.deadline = None  # they speak: what decides now is their pause
        if self._start is None:
            self._start = since
        if self.kind in ("", "silence") and now - self._start > LONG_HELLO_S and not self._carrier_says_human:
            return self._machine(f"spoke for more than {LONG_HELLO_S:g} s", sure=False)
        return None

    def _quiet(self, quiet_s: float, now: float, *, ours: bool) -> Verdict | None:
        if self._beep is not None and quiet_s * 1000.0 >= BEEP_QUIET_MS - 1.0:
            (hz, ms), self._beep = self._beep, None
            return self._message(f"a beep of {hz} Hz, {ms} ms", "tone")
        if self.kind == "machine" and quiet_s >= END_SILENCE_S and self._spoken and not self._speaking:
            return self._message(f"{END_SILENCE_S:g} s of silence after the greeting", "silence")
        if self._start is None:
            return None
        length = self._end - self._start
        return self._paused(length, quiet_s + 0.001, now, ours=ours)

    def _paused(self, length: float, quiet_s: float, now: float, *, ours: bool) -> Verdict | None:
        why = f"spoke for {length:.1f} s, then paused"
        if self.kind in ("", "silence"):
            short = length <= HELLO_S or self._carrier_says_human
            return self._found("human", why) if quiet_s >= (self.terms.pause_s if short else LONG_PAUSE_S) else None
        if self.kind == "screening":
            if ours or length > HELLO_S:
                self._start = None
            elif quiet_s >= self.terms.pause_s and not self._candidate:
                self._candidate = True
                self.deadline = min(now + GRACE_S, self._person_until)
            return None
        if quiet_s < LONG_PAUSE_S:
            return None
        self._start = None
        if self.kind == "machine" and not self._sure and length <= HELLO_S:
            return self._found("human", why)
        return None

    # ---- tones

    def _tone(self, seen: ev.LineHeard, now: float) -> Verdict | None:
        if self._speaking:
            self._speaking, self._end = False, now - seen.tone_ms / 1000.0
        if not seen.second_hz and (fax := self._is_fax(seen)):
            return self._found("fax", fax) if self.kind != "beep" else None
        if not seen.tone_ended:
            return None
        self._tones = [*self._tones[-2:], (seen.tone_hz, seen.tone_ms, now)]
        if not self._spoken and (network := self._of_network()):
            return self._found(*network)
        low, high = BEEP_HZ
        long_enough = BEEP_LEAST_MS <= seen.tone_ms <= BEEP_MOST_MS
        if self._spoken and not seen.second_hz and long_enough and low <= seen.tone_hz <= high:
            self._beep = (seen.tone_hz, seen.tone_ms)
        return None

    def _is_fax(self, seen: ev.LineHeard) -> str:
        hz, ms = seen.tone_hz, seen.tone_ms
        if abs(hz - FAX_HZ) <= 20 and ms >= (FAX_LATE_MS if self._spoken else FAX_MS):
            return f"a tone of {hz} Hz for {ms} ms"
        if abs(hz - CALLING_FAX_HZ) <= 30 and ms >= CALLING_FAX_MS and not self._spoken:
            return f"a tone of {hz} Hz for {ms} ms"
        return ""

    def _of_network(self) -> tuple[str, str] | None:
        if len(self._tones) < 3:
            return None
        if all(low <= hz <= high for (low, high), (hz, _, _) in zip(SIT_HZ, self._tones, strict=True)):
            return "no_service", "the network's information tones"
        least, most = CADENCE_MS
        pitches = [hz for hz, _, _ in self._tones]
        bursts = [ms for _, ms, _ in self._tones]
        gaps = [
            (end - ms / 1000.0 - before) * 1000.0
            for (_, _, before), (_, ms, end) in zip(self._tones, self._tones[1:], strict=False)
        ]
        even = all(least <= length <= most for length in (*bursts, *gaps))
        return ("busy", "the network's busy tone") if even and max(pitches) - min(pitches) <= 15 else None

    # ---- words

    def words(self, text: str, now: float, *, final: bool) -> Verdict | None:
        """Words of the callee's line, all of one turn so far."""
        said = spoken_by(text)
        why = f'"{text.strip()[-80:]}"'
        if said in ("", "wait"):
            return self._of_candidate(why, said, final=final)
        if self.kind == "beep":
            return self._found(said, why) if said == "mailbox_full" else None
        if said == "machine":
            return self._machine(why, sure=True)
        if said == "menu" and self.kind in ("machine", "screening"):
            return None  # "or press one to page this person"
        if said == "screening":
            if self.kind == "screening":
                self._assistant_spoke()
                return None
            self.deadline = self._person_until = now + self.terms.person_s
        return self._found(said, why)

    def _of_candidate(self, why: str, said: str, *, final: bool) -> Verdict | None:
        if not self._candidate:
            return None
        if said == "wait":
            self._assistant_spoke()
            return None
        return self._found("human", why) if final and why != '""' else None

    def _assistant_spoke(self) -> None:
        self._candidate, self._start = False, None
        self.deadline = self._person_until

    # ---- the carrier

    def carrier(self, answered_by: str, now: float) -> Verdict | None:
        """The carrier's own detection says so, whenever it does."""
        why = f"the carrier says {answered_by}"
        if answered_by == "human":
            self._carrier_says_human = True
            waits = self._spoken and not self._speaking and now - self._end >= self.terms.pause_s
            return self._found("human", why) if self.kind == "" and waits else None
        if answered_by == "fax":
            return self._found("fax", why)
        if answered_by in MACHINE_ENDS:
            return self._message(why, answered_by)
        if answered_by.startswith("machine"):
            return self._machine(why, sure=True)
        return None

    def _machine(self, why: str, *, sure: bool) -> Verdict | None:
        if self.kind in ("beep", "machine"):
            self._sure = self._sure or sure
            return None
        self._sure = sure
        self.deadline = self._began_at + self.terms.longest_greeting_s
        speaks = self._start
        found = self._found("machine", why)
        self._start = speaks if self._speaking else None
        return found

    def _message(self, why: str, by: str) -> Verdict | None:
        """The greeting is over, or seems to be."""
        again = self.kind == "beep"
        if again and not (by == "tone" or (by == "machine_end_beep" and self._beep_by not in ("tone", by))):
            return None
        self._beep_by = by
        self.deadline = None
        return self._found("beep", why)

    # ---- time

    def overdue(self, now: float) -> Verdict | None:
        """The deadline has passed."""
        self.deadline = None
        if self.kind == "":
            return self._found("silence", f"nobody spoke for {self.terms.wait_s:g} s")
        if self.kind == "machine":
            return self._message(f"no beep within {self.terms.longest_greeting_s:g} s", "time")
        if self.kind == "screening" and self._candidate:
            return self._found("human", "somebody spoke after the assistant")
        return self._found("unanswered", "the assistant brought nobody") if self.kind == "screening" else None
