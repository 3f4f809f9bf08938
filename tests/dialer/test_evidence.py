"""Whatever order the words of a call come in, doubled or with some of them lost, they come to the same."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.dialer.evidence import Word, lay
from bridge.store.base import Attempt

SID = "CA" + "0" * 32


def attempt(**more: object) -> Attempt:
    return replace(Attempt("token", "+14155550101", "+14155550100", "intent", "dialer", 1000.0), **more)


def word(at: float, **more: object) -> Word:
    return Word(token="token", at=at, carrier_call_id=SID, **more)  # type: ignore[arg-type]


FIVE = [
    word(1001, status="initiated"),
    word(1002, status="ringing"),
    word(1008, status="in-progress"),
    word(1010, answered_by="machine_start"),
    word(1020, status="completed", sip=200, carrier_usd=0.014),
]


def after(words: list[Word], first: Attempt | None = None) -> Attempt:
    found = first or attempt()
    for one in words:
        found = lay(found, one)
    return found


def test_all_120_orders_of_five_words_end_alike() -> None:
    ends = [after(list(order)) for order in itertools.permutations(FIVE)]
    end = ends[0]
    assert ends == [end] * 120
    assert (end.state, end.outcome, end.answered_at, end.ended_at) == ("closed", "machine", 1008, 1020)


@given(st.lists(st.sampled_from(FIVE[:-1])), st.lists(st.sampled_from(FIVE[:-1])))
def test_doubled_and_lost_words_change_nothing_about_the_end(before: list[Word], behind: list[Word]) -> None:
    end = after([*before, FIVE[-1], *behind])
    assert end.state == "closed"
    assert end.outcome in ("machine", "abandoned"), "abandoned: nobody said that a machine answered, and we never spoke"
    assert (end.outcome == "machine") == any(w.answered_by for w in (*before, *behind))


def test_what_the_call_says_of_itself_counts_more_than_the_carriers_guess() -> None:
    ours = [word(1009, call_id="call_1"), word(1019, end_reason="caller_hung_up", judged="human", call_id="call_1")]
    for order in itertools.permutations([*FIVE[2:], *ours]):
        assert after(list(order)).outcome == "human"


def test_whoever_says_no_has_said_no() -> None:
    said = [word(1012, result="goal", call_id="c"), word(1013, result="opted_out", call_id="c"), FIVE[-1]]
    assert {after(list(order)).outcome for order in itertools.permutations(said)} == {"opted_out"}


@pytest.mark.parametrize(
    ("status", "sip", "outcome"),
    [
        ("busy", 486, "busy"),
        ("busy", 600, "busy"),
        ("no-answer", 487, "no_answer"),
        ("no-answer", 480, "no_answer"),
        ("canceled", 487, "canceled"),
        ("failed", 404, "bad_number"),
        ("failed", 484, "bad_number"),
        ("failed", 503, "failed"),
        ("failed", 0, "failed"),
        ("busy", 603, "declined"),
        ("failed", 607, "blocked"),
        ("no-answer", 608, "blocked"),
    ],
)
def test_sip_codes_say_more_than_the_status(status: str, sip: int, outcome: str) -> None:
    assert after([word(1005, status=status, sip=sip)]).outcome == outcome


OFF = word(1003, called_off="paused", reason="was to be called off: paused")
CANCELED = word(1004, status="canceled", sip=487)


@pytest.mark.parametrize(
    ("words", "outcome"),
    [
        ([OFF, CANCELED], "not_placed"),
        ([FIVE[0], OFF, CANCELED], "canceled"),  # it was on its way to a phone
        ([OFF, CANCELED, FIVE[1]], "canceled"),  # a phone rang
        ([FIVE[0], CANCELED], "canceled"),  # a person ended it
        ([FIVE[1], OFF, FIVE[2], FIVE[3], FIVE[4]], "machine"),  # it came too late
        ([OFF, word(1009, status="busy", sip=486)], "busy"),
    ],
)
def test_what_was_called_off_in_time_was_no_attempt_in_whatever_order_that_is_told(
    words: list[Word], outcome: str
) -> None:
    ends = [after(list(order)) for order in itertools.permutations(words)]
    assert ends == [ends[0]] * len(ends)
    assert (ends[0].state, ends[0].outcome) == ("closed", outcome)


def test_an_answer_that_was_lost_is_unknown_until_anything_is_heard_of_the_call() -> None:
    lost = Word(token="token", at=1010, lost=True)
    assert after([lost]).state == "unknown"
    assert after([lost, FIVE[1]]).state == "placed"
    assert after([FIVE[1], lost]).state == "placed"


def test_a_refused_order_closes_it_and_no_later_word_opens_it_again() -> None:
    no = Word(token="token", at=1001, not_placed="bad_number", error_code=21211, reason="no such number")
    closed = after([no])
    assert (closed.state, closed.outcome, closed.error_code) == ("closed", "bad_number", 21211)
    assert after([FIVE[1]], closed).state == "closed"
    assert after([FIVE[1], no]).state == "placed", "a call that exists weighs more than a refusal"


def test_words_of_another_call_do_not_count() -> None:
    other = replace(FIVE[-1], carrier_call_id="CA" + "1" * 32)
    assert after([FIVE[1], other]).state == "placed"


def test_a_call_that_was_answered_and_never_reached_us_is_abandoned() -> None:
    assert after([FIVE[2], FIVE[4]]).outcome == "abandoned"
    failed = word(1015, call_id="call_1", end_reason="model_failed")
    assert after([FIVE[2], failed, FIVE[4]]).outcome == "abandoned"
