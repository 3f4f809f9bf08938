"""The phase table: what a call is, and what an event makes of it.

A call is two legs and an intent. Each has its own small table; what people see (`Phase`) is read off the three.
Everything that moves a leg stands in this file and nothing else does: an event that is not in a table for the leg's
present state leaves it where it is.

    phone leg   AWAITED --attached--> ON --stopped--> GONE
                                      ON --lost-----> AWAY --attached--> ON       (a call outlives its streams)
                                      ON --detour---> AWAY --stopped---> AWAY     (we sent it away, it comes back)
    model leg   OPENING --configured--> UP --lost--> LOST
    intent      TALK --> LEAVE (after the last word is heard)
                TALK --> HAND_OVER (the same, then AWAY to a person) --nobody took the call--> TALK
"""

from __future__ import annotations

from enum import Enum

from bridge.call import commands as do
from bridge.call import events as ev


class PhoneLeg(Enum):
    """Where the caller's leg is."""

    AWAITED = "awaited"
    ON = "on"
    AWAY = "away"
    GONE = "gone"


class ModelLeg(Enum):
    """Where the model's session is."""

    OPENING = "opening"
    UP = "up"
    LOST = "lost"


class Intent(Enum):
    """What we mean to do."""

    TALK = "talk"
    LEAVE = "leave"
    HAND_OVER = "hand over"


class Phase(Enum):
    """What people see of a call."""

    RINGING = "RINGING"
    CONNECTING = "CONNECTING"
    TALKING = "TALKING"
    AWAY = "AWAY"
    LEAVING = "LEAVING"
    ENDED = "ENDED"


Cause = type[ev.Event] | type[do.Detour] | type[do.HandOver]

PHONE_MOVES: dict[tuple[PhoneLeg, Cause], PhoneLeg] = {
    (PhoneLeg.AWAITED, ev.PhoneAttached): PhoneLeg.ON,
    (PhoneLeg.AWAITED, ev.CarrierReported): PhoneLeg.GONE,
    (PhoneLeg.ON, ev.PhoneStopped): PhoneLeg.GONE,
    (PhoneLeg.ON, ev.PhoneLost): PhoneLeg.AWAY,
    (PhoneLeg.ON, do.Detour): PhoneLeg.AWAY,
    (PhoneLeg.ON, do.HandOver): PhoneLeg.AWAY,
    (PhoneLeg.ON, ev.CarrierReported): PhoneLeg.GONE,
    (PhoneLeg.AWAY, ev.PhoneAttached): PhoneLeg.ON,
    (PhoneLeg.AWAY, ev.CarrierReported): PhoneLeg.GONE,
}

MODEL_MOVES: dict[tuple[ModelLeg, Cause], ModelLeg] = {
    (ModelLeg.OPENING, ev.ModelConfigured): ModelLeg.UP,
    (ModelLeg.OPENING, ev.ModelLost): ModelLeg.LOST,
    (ModelLeg.UP, ev.ModelLost): ModelLeg.LOST,
}

INTENT_MOVES: dict[tuple[Intent, Cause], Intent] = {
    (Intent.TALK, ev.LeaveAsked): Intent.LEAVE,
    (Intent.TALK, ev.TransferAsked): Intent.HAND_OVER,
    (Intent.HAND_OVER, ev.HandOverFailed): Intent.TALK,
}

_TALK: dict[tuple[PhoneLeg, ModelLeg], Phase] = {
    (PhoneLeg.AWAITED, ModelLeg.OPENING): Phase.RINGING,
    (PhoneLeg.AWAITED, ModelLeg.UP): Phase.RINGING,
    (PhoneLeg.AWAITED, ModelLeg.LOST): Phase.RINGING,
    (PhoneLeg.ON, ModelLeg.OPENING): Phase.CONNECTING,
    (PhoneLeg.ON, ModelLeg.UP): Phase.TALKING,
    (PhoneLeg.ON, ModelLeg.LOST): Phase.LEAVING,
    (PhoneLeg.AWAY, ModelLeg.OPENING): Phase.AWAY,
    (PhoneLeg.AWAY, ModelLeg.UP): Phase.AWAY,
    (PhoneLeg.AWAY, ModelLeg.LOST): Phase.AWAY,
    (PhoneLeg.GONE, ModelLeg.OPENING): Phase.ENDED,
    (PhoneLeg.GONE, ModelLeg.UP): Phase.ENDED,
    (PhoneLeg.GONE, ModelLeg.LOST): Phase.ENDED,
}


def phase_of(phone: PhoneLeg, model: ModelLeg, intent: Intent) -> Phase:
    """What people see of these three."""
    if intent is not Intent.TALK and phone is PhoneLeg.ON:
        return Phase.LEAVING
    return _TALK[phone, model]
