"""The tools' side of the rules: run once, answer once, speak once.

A model that calls the same tool with the same arguments again, without a word of the caller between, gets the answer
it already had: one effect, not two. The fifth time it is a loop, and the call is ended kindly.
"""

from __future__ import annotations

from bridge.call import commands as do
from bridge.call import events as ev
from bridge.call import facts
from bridge.call.departure import Departure
from bridge.call.desk import Desk
from bridge.call.phases import Intent, ModelLeg
from bridge.call.waiting import Waiting

NO_ANSWER = '{"error": "The tool did not answer in time."}'
STILL_RUNS = "This very call is running already; its result will come. Do not call it again."
LOOP = '{"error": "Not run: the same call has been made too often."}'


class ToolSide:
    """What follows from tool calls and their results."""

    def __init__(self, desk: Desk, departure: Departure, waiting: Waiting) -> None:
        self.desk = desk
        self.departure = departure
        self.waiting = waiting

    def called(self, event: ev.ToolCalled) -> None:
        """The model wants a tool to run."""
        desk = self.desk
        desk.progress_at = desk.now
        how = desk.tool_terms(event.name)
        deaf = not how.interruptible
        if not desk.tools.called(event.call_id, event.name, event.arguments, desk.now, deaf=deaf):
            return
        desk.tell(facts.ToolStarted(event.call_id, event.name, event.arguments, desk.now_ms))
        if desk.tools.in_a_row >= desk.terms.same_calls:
            self._break_loop(event)
        elif desk.tools.in_a_row > 1 and not how.idempotent:
            had = desk.tools.last_output
            again = STILL_RUNS if had is None else f"Done already, and not done again. The result was: {had}"
            self.finished(ev.ToolFinished(event.call_id, again, speak=had is not None))
        else:
            desk.put(do.RunTool(event.call_id, event.name, event.arguments))
            self._arm()
            self.waiting.begin()

    def _break_loop(self, event: ev.ToolCalled) -> None:
        desk = self.desk
        error = f"the model called {event.name} {desk.tools.in_a_row} times in a row with the same arguments"
        self.finished(ev.ToolFinished(event.call_id, LOOP, ok=False, speak=False))
        if desk.intent is Intent.TALK:
            desk.tell(facts.Trouble("tool", "loop", error))
            desk.gate.forget()
            self.departure.say_goodbye("model_failed", desk.terms.loop_goodbye, error=error, tools=False)

    def finished(self, event: ev.ToolFinished) -> None:
        """A result: returned to the model once, spoken about when it was the last."""
        desk = self.desk
        call = desk.tools.returned(event.call_id, event.output, speak=event.speak and self._speaks(event))
        if call is None:
            return
        if desk.model is ModelLeg.UP:
            desk.put(do.ReturnTool(event.call_id, event.output))
        start, now = desk.ms(call.began_at), desk.now_ms
        number = desk.turns.next_number()
        used = (number, call.call_id, call.name, call.arguments, event.output, event.ok, start, now, event.note)
        desk.tell(facts.ToolUsed(*used))
        self._arm()
        if not desk.tools.open:
            self.waiting.end()
        self._speak()
        self.departure.check()

    def ran_elsewhere(self, _: ev.HostedToolRan) -> None:
        """The model's own service has run one. It knows the result and says nothing unless it is asked to."""
        self.desk.progress_at = self.desk.now
        self.desk.tools.speak()
        self._speak()

    def _speak(self) -> None:
        desk = self.desk
        # A tool that hands the caller over may have the agent say so first.
        if desk.tools.take_speak() and desk.intent is not Intent.LEAVE and not desk.caller_speaking:
            desk.respond()

    def _speaks(self, event: ev.ToolFinished) -> bool:
        """Does the tool want its result to be spoken about? One that failed is, whatever it wanted."""
        desk = self.desk
        speak_after = desk.tool_terms(desk.tools.name_of(event.call_id)).speak_after
        if speak_after == "if_silent":
            return not (desk.playback.busy or desk.gate.busy or desk.caller_speaking)
        return speak_after == "always" or not event.ok

    def overdue(self) -> None:
        """A tool never reported: answer for it."""
        for call in self.desk.tools.overdue(self.desk.now, self.desk.terms.tool_s):
            self.finished(ev.ToolFinished(call.call_id, NO_ANSWER, ok=False))

    def _arm(self) -> None:
        oldest_at = self.desk.tools.oldest_at
        if oldest_at is None:
            self.desk.timers.clear("tools")
            self.desk.timers.clear("filler")
        else:
            self.desk.timers.set("tools", oldest_at + self.desk.terms.tool_s)
