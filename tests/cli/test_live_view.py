"""A call as it happens, from facts to lines."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from bridge.call import facts
from bridge.call.values import field_names
from bridge.cli.call_figures import CallPapers, figures
from bridge.cli.call_view import Line
from bridge.cli.demo import fault
from bridge.cli.live_view import LiveView, fact_of

GREETING = "We are open from nine to six."


def shown(*told: facts.Fact, knows_words: bool = True) -> list[str]:
    lines: list[Line] = []
    view = LiveView(lines.append, lambda: 1500, knows_words=knows_words)
    for fact in told:
        view(fact)
    return [str(line).strip() for line in lines]


def said(*, cut: bool) -> facts.AgentSaid:
    heard = ("We are open", 2400) if cut else (GREETING, 7900)
    return facts.AgentSaid(1, "item_1", GREETING, heard[0], 1000, 1000 + heard[1], heard[1], 7900, 612, cut)


@pytest.mark.parametrize("fact", [said(cut=True), facts.CallBegan("call_x", "CA1", "inbound", "a", "b", "c")])
def test_a_fact_survives_the_feed(fact: facts.Fact) -> None:
    fields = {name: getattr(fact, name) for name in field_names(type(fact))}
    data = {"call_id": "call_x", "fact": type(fact).__name__, **fields}
    assert fact_of(json.loads(msgspec.json.encode(data))) == fact


def test_what_is_no_fact_is_left_out() -> None:
    assert fact_of({}) is None
    assert fact_of({"fact": "Sneezed", "call_id": "call_x"}) is None
    assert fact_of({"fact": "CallerSaid", "text": "a fact with fields missing"}) is None


def test_an_interruption_says_what_was_heard() -> None:
    assert shown(facts.Interrupted("item_1", 3400, 2400, 7900, "speech"), said(cut=True)) == [
        '0:01.0  agent    "We are open from nine to six."  (answered after 612 ms)',
        "0:03.4  cut      interrupted after 2.4 s of 7.9 s: heard 'We are open'",
    ]


def test_a_turn_cut_by_the_end_of_the_call_was_not_interrupted() -> None:
    assert "cut off after 2.4 s of 7.9 s" in shown(said(cut=True))[1]


def test_without_words_a_turn_is_told_when_it_ends_and_only_once() -> None:
    turn = (facts.CallerStopped(2000, 3900), facts.CallerSaid(2, "", 2000, 3900))
    assert shown(*turn, knows_words=False) == ["0:02.0  caller   [speech 1.9 s]"]
    assert shown(*turn, knows_words=True) == ["0:02.0  caller   [speech 1.9 s]"]


def test_tools_keys_trouble_and_the_end() -> None:
    assert shown(
        facts.KeysPressed(3, "4271#", 5000),
        facts.ToolUsed(4, "fc_1", "order_status", '{"number": "4271"}', "On its way.", False, 5100, 5130),
        facts.ToolUsed(5, "fc_2", "odd", "not JSON", "", True, 5200, 5200),
        facts.Trouble("model", "lost", "close 1011\nagain"),
        facts.CallEnded("agent_hung_up", "agent", "", 6000),
    ) == [
        "0:05.0  keys     4271#",
        '0:05.1  tool     order_status(number="4271") -> "On its way." FAILED  (30 ms)',
        '0:05.2  tool     odd(not JSON) -> ""  (0 ms)',
        "0:01.5  trouble  model: close 1011 again",
        "0:06.0  hang-up  agent_hung_up (ended by the agent)",
    ]


RECORD: dict[str, Any] = {
    "id": "call_x",
    "answered_at": None,
    "ended_at": "2026-01-02T10:00:00Z",
    "turns": 1,
    "usage": {},
}
HEARD = {"turn": 1, "role": "agent", "text": "Goodbye.", "heard_ms": 900, "cut": False, "latency_ms": -1}


@pytest.mark.parametrize(
    ("record", "transcript", "problems", "expected"),
    [
        ({"end_reason": "model_failed", "error": "no key"}, [HEARD], [], "it ended as model_failed (no key)"),
        ({}, [], [], "the caller heard nothing of the agent"),
        ({}, [HEARD], [{"code": 11200, "title": "HTTP", "text": "403"}], "the carrier complained: 11200 HTTP, 403"),
        ({}, [HEARD], [], "the agent did not look up the opening hours"),
    ],
)
def test_a_call_that_went_wrong_is_not_called_good(
    record: dict[str, str], transcript: list[dict[str, object]], problems: list[dict[str, object]], expected: str
) -> None:
    whole = RECORD | {"end_reason": "agent_hung_up", "ended_by": "agent", "error": None, "cost_usd": None} | record
    papers = CallPapers(whole, transcript, [], {"recording": "recording.wav"})
    assert fault(figures(papers), papers, {"problems": problems}, default=True) == expected
