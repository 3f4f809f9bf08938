"""Who takes turns in an outbound call: we do until somebody listens, then the server, if the agent's terms say so.

The rules go by the agent's own terms from the server's confirmation on, because until then it does nothing by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bridge.call.desk import Desk
from bridge.call.phases import ModelLeg


class TurnTaking:
    """One call's."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._owed = False
        self._later: Callable[[], None] | None = None  # waits for the model

    def take(self) -> None:
        """From here on nothing is answered, and nothing stopped, but by us."""
        desk = self.desk
        self._owed, self._later = False, None
        own = desk.own or desk.terms  # its own are not back yet while their confirmation is on its way
        if desk.ours or not (own.model_answers or own.model_interrupts):
            return
        desk.ours, desk.own = True, own
        desk.terms = replace(desk.terms, model_answers=False, model_interrupts=False)
        if desk.model is ModelLeg.UP:
            desk.configure()

    def hand_back(self) -> None:
        """The server takes turns by itself again, by the agent's own terms."""
        self._owed = True
        self.turn_over()

    def turn_over(self) -> None:
        """The callee does not speak. What becomes of a turn whose detection is changed in the middle nobody knows."""
        desk = self.desk
        if not self._owed or desk.caller_speaking:
            return
        self._owed = False
        if not desk.ours:
            return
        desk.ours = False
        if desk.model is ModelLeg.UP:
            desk.configure()

    def configured(self, *, first: bool) -> None:
        """The server has taken a configuration."""
        desk = self.desk
        desk.unconfirmed = max(0, desk.unconfirmed - 1)
        if first:
            later, self._later = self._later, None
            if later is not None:
                later()
        if desk.own is not None and not desk.ours and not desk.unconfirmed:
            own, desk.own = desk.own, None
            desk.terms = replace(desk.terms, model_answers=own.model_answers, model_interrupts=own.model_interrupts)

    def when_up(self, then: Callable[[], None]) -> None:
        """Do this, now or as soon as the model is there. The latest wish is the one."""
        if self.desk.model is ModelLeg.UP:
            then()
        else:
            self._later = then
