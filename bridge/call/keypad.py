"""The caller's keys: each takes the floor, and is a choice from a menu or part of an entry (ended by # or a pause).

So do words that were typed, where there is a keyboard; they are the caller's like spoken ones.
"""

from __future__ import annotations

from bridge.call import commands as do
from bridge.call import events as ev
from bridge.call import facts
from bridge.call.departure import Departure
from bridge.call.desk import Desk
from bridge.call.floor import Floor
from bridge.call.phases import Intent, ModelLeg

HANG_UP = "hang_up"
"""Menu meanings that are no words for the model: end the call ..."""
TRANSFER = "transfer:"
"""... or hand the caller to the number that follows."""


OPT_OUT = "do_not_call"
"""... or keep them from ever being called again, and say so."""


class Keypad:
    """One call's keys."""

    def __init__(self, desk: Desk, floor: Floor, departure: Departure) -> None:
        self.desk = desk
        self.floor = floor
        self.departure = departure
        self._keys = ""
        self._typed: list[str] = []

    def key(self, event: ev.PhoneKey) -> None:
        """A key. While leaving, none means anything any more."""
        desk = self.desk
        if desk.intent is not Intent.TALK:
            return
        desk.caller_active()
        if desk.playback.busy:
            self.floor.interrupt("key")
        meaning = "" if self._keys else desk.terms.menu.get(event.digit, "")
        if meaning:
            self._choose(event.digit, meaning)
        elif event.digit == "#" and self._keys:
            self.enter()
        else:
            self._keys += event.digit
            desk.timers.set("keys", desk.now + desk.terms.keys_s)

    def _choose(self, digit: str, meaning: str) -> None:
        if meaning == HANG_UP or meaning.startswith(TRANSFER):
            self._tell(digit)
            self.departure.ask(
                ev.LeaveAsked() if meaning == HANG_UP else ev.TransferAsked(meaning.removeprefix(TRANSFER))
            )
        elif meaning == OPT_OUT:
            self._tell(digit)
            self.desk.put(do.OptOut(f"pressed {digit}"))
            self.departure.say_goodbye("agent_hung_up", self.desk.terms.opted_out)
        elif self.desk.model is ModelLeg.UP:
            self._tell(digit)
            self._ask(f"The caller pressed {digit} on the keypad: {meaning}")
        else:  # nobody is there yet who could be told
            self._keys = digit
            self.desk.timers.set("keys", self.desk.now + self.desk.terms.keys_s)

    def enter(self) -> None:
        """The entry is complete: the model gets it as text, because a phone's tones are not audio for a model."""
        desk = self.desk
        if desk.model is not ModelLeg.UP:
            desk.timers.set("keys", desk.now + desk.terms.keys_s)
            return
        keys, self._keys = self._keys, ""
        desk.timers.clear("keys")
        self._tell(keys)
        meaning = desk.terms.menu.get(keys, "")
        self._ask(f"The caller pressed {keys} on the keypad" + (f": {meaning}" if meaning else "."))

    def typed(self, event: ev.CallerTyped) -> None:
        """A line of the caller's in writing."""
        desk = self.desk
        text = event.text.strip()
        if desk.intent is not Intent.TALK or not text:
            return
        desk.caller_active()
        if desk.playback.busy:
            self.floor.interrupt("typed")
        self._typed.append(text)
        self.send_typed()

    def send_typed(self) -> None:
        """The model gets what was typed, once there is one."""
        desk = self.desk
        if desk.model is not ModelLeg.UP:
            desk.timers.set("typed", desk.now + desk.terms.keys_s)
            return
        texts, self._typed = self._typed, []
        if desk.intent is not Intent.TALK:
            return
        for text in texts:
            desk.tell(facts.CallerSaid(desk.turns.next_number(), text, desk.now_ms, desk.now_ms))
            self._ask(text)

    def _tell(self, keys: str) -> None:
        self.desk.tell(facts.KeysPressed(self.desk.turns.next_number(), keys, self.desk.now_ms))

    def _ask(self, text: str) -> None:
        desk = self.desk
        desk.put(do.AddText(text))
        desk.turns.entered(desk.now_ms)
        desk.tools.caller_turn()
        desk.answered_caller = False
        if not desk.caller_speaking:  # else the end of what they say asks for the answer to both
            desk.respond()
