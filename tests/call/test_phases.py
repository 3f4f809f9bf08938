"""The tables of the legs: every pair of state and event that means something, and the phase people see."""

from __future__ import annotations

from itertools import product

import pytest

from bridge.call import commands as do
from bridge.call import events as ev
from bridge.call.phases import INTENT_MOVES, MODEL_MOVES, PHONE_MOVES, Intent, ModelLeg, Phase, PhoneLeg, phase_of

AWAITED, ON, AWAY, GONE = PhoneLeg.AWAITED, PhoneLeg.ON, PhoneLeg.AWAY, PhoneLeg.GONE


def test_how_a_phone_leg_moves() -> None:
    moves = {
        (AWAITED, ev.PhoneAttached): ON,
        (AWAITED, ev.CarrierReported): GONE,
        (ON, ev.PhoneStopped): GONE,
        (ON, ev.PhoneLost): AWAY,
        (ON, do.Detour): AWAY,
        (ON, do.HandOver): AWAY,
        (ON, ev.CarrierReported): GONE,
        (AWAY, ev.PhoneAttached): ON,
        (AWAY, ev.CarrierReported): GONE,
    }
    assert moves == PHONE_MOVES


def test_how_a_model_leg_and_an_intent_move() -> None:
    model_moves = {
        (ModelLeg.OPENING, ev.ModelConfigured): ModelLeg.UP,
        (ModelLeg.OPENING, ev.ModelLost): ModelLeg.LOST,
        (ModelLeg.UP, ev.ModelLost): ModelLeg.LOST,
    }
    intent_moves = {
        (Intent.TALK, ev.LeaveAsked): Intent.LEAVE,
        (Intent.TALK, ev.TransferAsked): Intent.HAND_OVER,
        (Intent.HAND_OVER, ev.HandOverFailed): Intent.TALK,
    }
    assert (model_moves, intent_moves) == (MODEL_MOVES, INTENT_MOVES)


def test_nothing_leads_out_of_an_end() -> None:
    assert not [state for state, _ in PHONE_MOVES if state is GONE]
    assert not [state for state, _ in MODEL_MOVES if state is ModelLeg.LOST]
    assert not [state for state, _ in INTENT_MOVES if state is Intent.LEAVE]


def test_every_state_can_be_reached() -> None:
    assert {AWAITED} | set(PHONE_MOVES.values()) == set(PhoneLeg)
    assert {ModelLeg.OPENING} | set(MODEL_MOVES.values()) == set(ModelLeg)
    assert {Intent.TALK} | set(INTENT_MOVES.values()) == set(Intent)


@pytest.mark.parametrize(("phone", "model", "intent"), list(product(PhoneLeg, ModelLeg, Intent)))
def test_every_reachable_triple_has_the_phase_people_expect(phone: PhoneLeg, model: ModelLeg, intent: Intent) -> None:
    phase = phase_of(phone, model, intent)
    if phone is ON:
        talking = {ModelLeg.OPENING: Phase.CONNECTING, ModelLeg.UP: Phase.TALKING, ModelLeg.LOST: Phase.LEAVING}
        assert phase is (talking[model] if intent is Intent.TALK else Phase.LEAVING)
    else:
        assert phase is {AWAITED: Phase.RINGING, AWAY: Phase.AWAY, GONE: Phase.ENDED}[phone]
