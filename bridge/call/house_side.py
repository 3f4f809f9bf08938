"""The house's side of the rules: what is looked up before a call, and what changes in the middle of one.

Another agent of the team takes over, tools come and go, a guardrail trips, somebody has the agent say something.
"""

from __future__ import annotations

from dataclasses import replace

from bridge.call import commands as do
from bridge.call import events as ev
from bridge.call import facts
from bridge.call.desk import Desk
from bridge.call.floor import Floor
from bridge.call.limits import Terms
from bridge.call.phases import Intent, ModelLeg

SPARE_S = 1.0
"""Whoever looks something up keeps to a deadline of their own; this much after it nobody waits for them any more."""


class HouseSide:
    """What follows from the house's events."""

    def __init__(self, desk: Desk, floor: Floor) -> None:
        self.desk = desk
        self.floor = floor
        self._opened = False
        self._prepared = not desk.terms.prepare_s

    # ---- before the first word

    def opened(self, _: ev.ModelOpened) -> None:
        """The server speaks: configure the session before anything else, once we know what for."""
        if self.desk.model is not ModelLeg.OPENING or self._opened:
            return
        self._opened = True
        if self._prepared:
            self.desk.configure()
        else:
            self.desk.timers.set("prepare", self.desk.now + self.desk.terms.prepare_s + SPARE_S)

    def prepared(self, event: ev.Prepared) -> None:
        """What is known of the caller is known."""
        if self._prepared:
            return
        self._prepared = True
        self.desk.timers.clear("prepare")
        if event.greeting is not None:
            self.desk.greeting = event.greeting
        if self._opened and self.desk.model is ModelLeg.OPENING:
            self.desk.configure()

    def prepare_overdue(self) -> None:
        """Nobody came back with it."""
        self.prepared(ev.Prepared())

    # ---- in the middle of a call

    def agent_changed(self, event: ev.AgentChanged) -> None:
        """Another agent goes on. The whole configuration is sent again, or the line might get another sound."""
        desk = self.desk
        self._take(event.terms)
        desk.agent = event.agent
        if desk.model is ModelLeg.UP:
            if event.say:
                desk.say(event.say)
            desk.configure()
        desk.tell(facts.AgentTookOver(event.agent, event.why, desk.now_ms))

    def _take(self, terms: Terms) -> None:
        """Other terms. Deadlines that run go on; the next ones are set by the new terms."""
        self.desk.terms = terms
        self.desk.ours, self.desk.own = False, None
        self.desk.questions = 0

    def tools_changed(self, event: ev.ToolsChanged) -> None:
        """The model learns of other tools."""
        self.desk.more_tools = event.tools
        if event.tool_s:
            self.desk.terms = replace(self.desk.terms, tool_s=event.tool_s)
        if self.desk.model is ModelLeg.UP:
            self.desk.configure()

    def tripped(self, event: ev.GuardrailTripped) -> None:
        """What may not be said is cut off, in the middle of a word if need be, and something else is said."""
        desk = self.desk
        if desk.intent is not Intent.TALK:
            return
        if desk.playback.busy or desk.gate.active_id:
            self.floor.interrupt("guardrail")
        desk.gate.forget()
        # The server may be about to answer what the caller said, by itself.
        desk.drop_next = event.on == "caller" and not desk.gate.busy and "answer" in desk.timers
        desk.timers.clear("answer")
        desk.say(event.say)
        desk.tell(facts.Guarded(event.name, event.on, event.rationale, desk.now_ms))

    def attended(self, event: ev.Attended) -> None:
        """People follow the call, or do no longer. Nothing of the call itself is any different for it."""
        self.desk.read_along, self.desk.listened = event.reads, event.listens

    def words_asked(self, event: ev.WordsAsked) -> None:
        """Somebody puts words into the agent's mouth."""
        if self.desk.intent is Intent.TALK:
            self.desk.say(event.words)

    def note_asked(self, event: ev.NoteAsked) -> None:
        """The model learns something that nobody said."""
        if self.desk.model is not ModelLeg.UP:
            return
        self.desk.put(do.AddText(event.text, "system"))
        if event.respond and self.desk.intent is Intent.TALK and not self.desk.caller_speaking:
            self.desk.respond()
