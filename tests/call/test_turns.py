"""Who said what, and how much of it was heard."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.call import facts
from bridge.call.playback import Track
from bridge.call.turns import Turns, part_heard


@pytest.mark.parametrize(
    ("heard_ms", "length_ms", "words"),
    [
        (0, 1000, ""),
        (-5, 1000, ""),
        (10, 0, ""),
        (1000, 1000, "one two three"),
        (2000, 1000, "one two three"),
        (500, 1000, "one"),
        (540, 1000, "one two"),
        (100, 1000, ""),
    ],
)
def test_words_heard_by_even_speaking_rate(heard_ms: int, length_ms: int, words: str) -> None:
    assert part_heard("one two three", heard_ms, length_ms) == words


@given(st.text(max_size=60), st.integers(0, 5000), st.integers(0, 5000))
def test_what_was_heard_is_a_beginning_in_whole_words(text: str, heard_ms: int, length_ms: int) -> None:
    heard = part_heard(text, heard_ms, length_ms)
    assert text.startswith(heard)
    rest = text[len(heard) :]
    assert not heard or not rest or rest[0].isspace()


def test_a_caller_turn_with_words_that_come_in_pieces_and_late() -> None:
    turns = Turns()
    turns.caller_started("item_1", 100)
    turns.caller_started("item_1", 150)  # told twice, begun once
    assert turns.caller_stopped("item_1", 900, 1000) == facts.CallerStopped(100, 900)
    assert turns.caller_text("item_1", "Good ", final=False, now_ms=1100) is None
    assert turns.caller_text("item_1", " Good day. ", final=True, now_ms=1200) == facts.CallerSaid(
        1, "Good day.", 100, 900
    )
    assert turns.untold(2000) == []


def test_turns_that_end_or_speak_without_having_begun() -> None:
    turns = Turns()
    assert turns.caller_stopped("item_1", 500, 600) == facts.CallerStopped(500, 500)
    assert turns.caller_text("item_2", "Yes.", final=True, now_ms=700) == facts.CallerSaid(2, "Yes.", 700, 700)
    turns.caller_started("item_3", 800)
    assert turns.untold(1500) == [facts.CallerSaid(1, "", 500, 500), facts.CallerSaid(3, "", 800, 1500)]


def test_latency_runs_from_the_callers_end_to_the_first_frame_once() -> None:
    turns = Turns()
    turns.caller_started("item_1", 0)
    turns.caller_stopped("item_1", 900, 1000)
    assert turns.agent_audio("item_2", 1450) == facts.AgentStarted("item_2", 1450, 550)
    assert turns.agent_audio("item_2", 1500) is None
    assert turns.agent_audio("item_3", 1600) == facts.AgentStarted("item_3", 1600, -1)
    turns.entered(2000)
    turns.caller_started("item_4", 2100)  # speaks on: the wait is over
    assert turns.agent_audio("item_5", 2200) == facts.AgentStarted("item_5", 2200, -1)


def test_an_item_that_was_never_played_is_no_turn() -> None:
    turns = Turns()
    turns.agent_text("item_1", "Never ", final=False)
    turns.agent_text("item_1", "said.", final=False)
    assert turns.agent_done(Track("resp_1", "item_1", 0), start_ms=0, end_ms=0, cut=True) is None


def test_an_item_cut_in_the_middle_is_told_with_both_texts() -> None:
    turns = Turns()
    turns.agent_audio("item_1", 100)
    turns.agent_text("item_1", "one two ", final=False)
    turns.agent_text("item_1", "three", final=False)
    track = Track("resp_1", "item_1", 0, received_ms=1000.0, sent=8000, heard=4400)
    assert turns.agent_done(track, start_ms=100, end_ms=650, cut=True) == facts.AgentSaid(
        1, "item_1", "one two three", "one two", 100, 650, 550, 1000, -1, True
    )
