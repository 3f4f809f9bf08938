"""What is done about attempts of which nothing is heard, as a table; and what a dialer knows of its own orders."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.dialer.patience import Patience
from bridge.dialer.reconcile import Known, next_step
from bridge.store.base import Attempt, AttemptState

P = Patience()
INTENT = Attempt("token", "+14155550101", "+14155550100", "intent", "host:1:x", 1000.0, terms={"ring_s": 25})
AGE = P.settle_s


def row(state: AttemptState, looks: int = 0) -> Attempt:
    return replace(INTENT, state=state, looks=looks)


@pytest.mark.parametrize(
    ("attempt", "known", "step"),
    [
        # its dialer is dead: settle, look twice, and then it was never sent
        (row("intent"), Known(AGE - 1, dead=True), "leave"),
        (row("intent"), Known(AGE, dead=True), "look"),
        (row("intent", 1), Known(AGE, tried_s=P.look_again_s - 1, dead=True), "leave"),
        (row("intent", 1), Known(AGE, tried_s=P.look_again_s, dead=True), "look"),
        (row("intent", 2), Known(AGE, dead=True), "redial"),
        # it lives, or nobody can tell: it may be frozen, and send the order yet
        (row("intent"), Known(AGE), "leave"),
        (row("intent", 2), Known(P.frozen_s - 1), "leave"),
        (row("intent", 2), Known(P.frozen_s), "review"),
        # our own: we know
        (row("intent"), Known(AGE, mine=True, at_work=True), "leave"),
        (row("intent"), Known(1, mine=True), "leave"),
        (row("intent"), Known(P.look_again_s, mine=True), "take_back"),
        # the answer to its order is lost: whoever wrote it, it was sent
        (row("unknown"), Known(AGE - 1, mine=True), "leave"),
        (row("unknown"), Known(AGE, mine=True), "look"),
        (row("unknown", 2), Known(AGE, mine=True), "review"),
        (row("unknown", 2), Known(AGE, dead=True), "review"),
        # calls that went silent: ask, and ask again
        (row("placed"), Known(25 + P.queue_s - 1, mine=True), "leave"),
        (row("placed"), Known(25 + P.queue_s, mine=True), "ask"),
        (row("placed"), Known(25 + P.queue_s, tried_s=P.ask_again_s - 1), "leave"),
        (row("placed"), Known(AGE, dead=True), "ask"),
        (row("answered"), Known(25 + P.queue_s, mine=True), "leave"),
        (row("answered"), Known(600 + P.talk_s, mine=True), "ask"),
        (row("review", 2), Known(1e9, dead=True), "leave"),
        # nobody wants it any more, and it waits at the carrier
        (row("placed"), Known(1, mine=True, unwanted_s=0), "call_off"),
        (row("placed"), Known(1, dead=True, unwanted_s=0), "call_off"),
        (replace(row("placed"), status="initiated"), Known(1, mine=True, unwanted_s=0), "call_off"),
        (row("placed"), Known(1, mine=True, unwanted_s=9, tried_s=P.look_again_s - 1), "leave"),
        (row("placed"), Known(1, mine=True, unwanted_s=0, at_work=True, under_way=True), "leave"),
        # only the disk does not know yet what the carrier said
        (row("placed"), Known(1, mine=True, unwanted_s=0, at_work=True), "call_off"),
        (row("unknown"), Known(1, mine=True, unwanted_s=0, at_work=True), "search"),
        # its own dialer may be frozen
        (row("placed"), Known(1, unwanted_s=P.others_s - 1), "leave"),
        (row("placed"), Known(1, unwanted_s=P.others_s), "call_off"),
        # it rings, or somebody talks: it goes on
        (replace(row("placed"), status="ringing"), Known(1, mine=True, unwanted_s=99), "leave"),
        (row("answered"), Known(1, mine=True, unwanted_s=99), "leave"),
        # nobody knows whether it waits there
        (row("unknown"), Known(1, mine=True, unwanted_s=0), "search"),
        (row("intent"), Known(1, dead=True, unwanted_s=0), "search"),
        (row("intent"), Known(1, unwanted_s=P.others_s - 1), "leave"),
        (row("intent"), Known(1, unwanted_s=P.others_s), "search"),
        (row("intent"), Known(1, mine=True, unwanted_s=99), "leave"),
        (row("intent"), Known(AGE, dead=True, unwanted_s=99), "look"),
    ],
)
def test_the_table(attempt: Attempt, known: Known, step: str) -> None:
    assert next_step(attempt, known, P) == step


def test_rules_may_say_that_what_nobody_can_tell_is_dialled_again() -> None:
    assert next_step(row("unknown", 2), Known(AGE), P, redial_unknown=True) == "redial"
    assert next_step(row("unknown", 1), Known(AGE), P, redial_unknown=True) == "look", "never before two looks"
    assert next_step(row("intent", 2), Known(AGE), P, redial_unknown=True) == "leave", "its dialer may send it yet"
