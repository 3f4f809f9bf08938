"""The tools' side of the rules: run once, answer once, speak once."""

from __future__ import annotations

from bridge.call import commands as do
from bridge.call import events as ev
from bridge.call import facts
from bridge.call.departure import Departure
from bridge.call.desk import Desk
from bridge.call.phases import Intent, ModelLeg


class ToolSide:
    """What follows from tool calls and their results."""

    def __init__(self, desk: Desk, departure: Departure) -> None:
        self.desk = desk
        self.departure = departure

    def called(self, event: ev.ToolCalled) -> None:
        """The model wants a tool to run."""
        self.desk.progress_at = self.desk.now
        if not self.desk.tools.called(event.call_id, event.name, event.arguments, self.desk.now):
            return
        self.desk.tell(facts.ToolStarted(event.call_id, event.name, event.arguments, self.desk.now_ms))
        self.desk.put(do.RunTool(event.call_id, event.name, event.arguments))
        self._arm()

    def finished(self, event: ev.ToolFinished) -> None:
        """A result: returned to the model once, spoken about when it was the last."""
        call = self.desk.tools.returned(event.call_id, speak=event.speak)
        if call is None:
            return
        if self.desk.model is ModelLeg.UP:
            self.desk.put(do.ReturnTool(event.call_id, event.output))
        start, now = self.desk.ms(call.began_at), self.desk.now_ms
        number = self.desk.turns.next_number()
        self.desk.tell(
            facts.ToolUsed(number, call.call_id, call.name, call.arguments, event.output, event.ok, start, now)
        )
        self._arm()
        if self.desk.tools.take_speak() and self.desk.intent is Intent.TALK and not self.desk.caller_speaking:
            self.desk.respond()
        self.departure.check()

    def overdue(self) -> None:
        """A tool never reported: answer for it."""
        for call in self.desk.tools.overdue(self.desk.now, self.desk.terms.tool_s):
            self.finished(ev.ToolFinished(call.call_id, '{"error": "The tool did not answer in time."}', ok=False))

    def _arm(self) -> None:
        oldest_at = self.desk.tools.oldest_at
        if oldest_at is None:
            self.desk.timers.clear("tools")
        else:
            self.desk.timers.set("tools", oldest_at + self.desk.terms.tool_s)
