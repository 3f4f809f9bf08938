"""Every way a call can end has its sentence."""

from __future__ import annotations

from bridge.live.info import END_REASONS
from bridge.observe.endings import SENTENCES, ending


def test_every_end_reason_has_a_sentence_and_no_sentence_is_left_over() -> None:
    assert set(SENTENCES) == END_REASONS


def test_an_error_stands_behind_the_sentence_once() -> None:
    told = ending({"end_reason": "model_failed", "error": "no key\nwas given"})
    assert told == "The model failed, and the caller was told so. No key was given."
    assert ending({"end_reason": "crashed", "error": "killed"}) == "callbridge was killed during this call."
    assert ending({"end_reason": None}) == "The call is not over."
    assert ending({"end_reason": "agent_hung_up", "ended_by": "operator"}) == "Somebody at the console hung up."
    assert ending({"end_reason": "odd"}) == "The call ended: odd."
