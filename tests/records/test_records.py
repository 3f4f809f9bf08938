"""What is kept of a call: its record, its transcript and its cost, from the facts of one whole call."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from bridge.call import facts
from bridge.realtime.prices import price_of
from bridge.records.callrecord import CallRecord, iso
from bridge.records.costs import Costs
from bridge.records.transcript import Transcript, lines, turn_of
from bridge.store.disk import Disk, GrowingFile
from bridge.store.folder import RECORD, TRANSCRIPT, CallFolders, new_call_id

CALL = new_call_id(1_790_000_000.0)
BEGAN = facts.CallBegan(CALL, "CA1", "inbound", "+14155550101", "+14155550100", "reception")
USAGE = {
    "input_tokens": 132,
    "input_text_tokens": 119,
    "input_audio_tokens": 13,
    "cached_text_tokens": 64,
    "cached_audio_tokens": 0,
    "output_tokens": 121,
    "output_text_tokens": 30,
    "output_audio_tokens": 91,
}
STORY: list[facts.Fact] = [
    BEGAN,
    facts.PhaseChanged("CONNECTING"),
    facts.CallAnswered("MZ1"),
    facts.AgentStarted("item_1", 100, -1),
    facts.AgentSaid(1, "item_1", "Hello there.", "Hello", 100, 700, 600, 1200, -1, True),
    facts.CallerSaid(2, 'é "quoted"\n', 800, 1500),
    facts.ToolStarted("c1", "lookup", "{}", 1600),
    facts.ToolUsed(3, "c1", "lookup", "{}", '{"ok":1}', True, 1600, 1700),
    facts.KeysPressed(4, "12#", 2000),
    facts.UsageCounted(USAGE),
    facts.UsageCounted(USAGE),
    facts.CallAnswered("MZ2"),
    facts.Trouble("phone", "gap", "40 ms"),
    facts.CallEnded("caller_hung_up", "caller", "", 9000),
]


def keep(tmp_path: Path, story: list[facts.Fact], model: str = "gpt-realtime-2.1") -> list[dict[str, Any]]:
    """Tell the facts to the record; what `call.json` holds after each, with the disk drained."""
    folders, seen = CallFolders(tmp_path), list[dict[str, Any]]()

    async def tell() -> None:
        disk = Disk()
        times = iter([1_790_000_001.5, 1_790_000_009.25])
        record = CallRecord(folders, disk, Costs(price_of(model)), 1_790_000_000.0, lambda: next(times))
        for fact in story:
            record(fact)
            await disk.drained()
            seen.append(folders.read(CALL))
        disk.close()

    asyncio.run(tell())
    return seen


def test_a_record_is_complete_from_the_first_moment_and_closed_with_the_reason(tmp_path: Path) -> None:
    seen = keep(tmp_path, STORY)
    assert seen[0] == {
        "id": CALL,
        "carrier_call_id": "CA1",
        "direction": "inbound",
        "from": "+14155550101",
        "to": "+14155550100",
        "agent": "reception",
        "started_at": "2026-09-21T14:13:20.000Z",
        "answered_at": None,
        "ended_at": None,
        "end_reason": None,
        "ended_by": None,
        "turns": 0,
        "latency_p50_ms": None,
        "latency_p95_ms": None,
        "barge_ins": 0,
        "tool_calls": 0,
        "tool_errors": 0,
        "handed_to": "",
        "usage": {},
        "cost_usd": None,
        "error": None,
    }
    assert seen[2] == seen[0] | {"answered_at": "2026-09-21T14:13:21.500Z"}
    # Twice 55 text tokens in at 4, 64 cached at 0.4, 13 audio in at 32, 30 text out at 24, 91 audio out at 64 dollars.
    cost = 2 * (55 * 4 + 64 * 0.4 + 13 * 32 + 30 * 24 + 91 * 64) / 1e6
    assert seen[-1] == seen[2] | {
        "ended_at": "2026-09-21T14:13:29.250Z",
        "end_reason": "caller_hung_up",
        "ended_by": "caller",
        "turns": 3,
        "tool_calls": 1,
        "usage": {name: 2 * tokens for name, tokens in USAGE.items()},
        "cost_usd": pytest.approx(cost, abs=1e-6),
    }
    assert cost == pytest.approx(0.0144112)
    assert list(seen[-1]) == list(seen[0]), "the fields keep their places"


def test_an_unknown_model_costs_nobody_knows_what(tmp_path: Path) -> None:
    failed = facts.CallEnded("model_failed", "model", "no session", 1)
    last = keep(tmp_path, [BEGAN, facts.UsageCounted(USAGE), failed], model="private")[-1]
    assert (last["cost_usd"], last["usage"], last["error"]) == (None, USAGE, "no session")
    assert (last["answered_at"], last["end_reason"]) == (None, "model_failed")


@pytest.mark.parametrize(
    ("usage", "dollars"),
    [
        ({}, 0.0),
        ({"input_tokens": 500, "output_tokens": 500}, 0.0),
        ({"input_audio_tokens": 600}, 0.0192),
        ({"output_audio_tokens": 1200}, 0.0768),
        ({"input_audio_tokens": 100, "cached_audio_tokens": 100}, 0.00004),
        ({"input_audio_tokens": 100, "cached_audio_tokens": 900}, 0.00004),
        ({"input_image_tokens": 1_000_000}, 5.0),
    ],
)
def test_costs_by_hand(usage: dict[str, int], dollars: float) -> None:
    costs = Costs(price_of("gpt-realtime-2.1"))
    costs.add(usage)
    assert costs.usd == pytest.approx(dollars, abs=1e-9)


def test_times_are_utc_to_the_millisecond() -> None:
    assert iso(0.0) == "1970-01-01T00:00:00.000Z"
    assert iso(1_790_000_000.9996)[-5:] in ("000Z", ".999Z")


def test_the_transcript_has_one_line_a_turn(tmp_path: Path) -> None:
    async def tell() -> int:
        disk = Disk()
        transcript = Transcript(GrowingFile(disk, tmp_path / TRANSCRIPT, lines))
        for fact in STORY:
            transcript(fact)
        await disk.drained()
        disk.close()
        return transcript.turns

    assert asyncio.run(tell()) == 4
    written = [json.loads(line) for line in (tmp_path / TRANSCRIPT).read_text("utf-8").splitlines()]
    assert [(line["turn"], line["role"], line["text"]) for line in written] == [
        (1, "agent", "Hello there."),
        (2, "caller", 'é "quoted"\n'),
        (3, "tool", '{"ok":1}'),
        (4, "keys", "12#"),
    ]
    assert written[0] == {
        "turn": 1,
        "role": "agent",
        "text": "Hello there.",
        "start_ms": 100,
        "end_ms": 700,
        "heard_ms": 600,
        "length_ms": 1200,
        "cut": True,
        "heard_text": "Hello",
        "latency_ms": -1,
    }
    assert (written[2]["tool"], written[2]["arguments"], written[2]["ok"]) == ("lookup", "{}", True)
    assert (written[3]["start_ms"], written[3]["end_ms"]) == (2000, 2000)


def test_facts_that_are_no_turns_leave_no_line() -> None:
    turns = {facts.AgentSaid, facts.CallerSaid, facts.ToolUsed, facts.KeysPressed}
    assert {type(fact) for fact in STORY if turn_of(fact) is not None} == turns


def test_a_record_is_never_half_written(tmp_path: Path) -> None:
    keep(tmp_path, STORY)
    assert [p.name for p in CallFolders(tmp_path).path(CALL).iterdir()] == [RECORD]


def test_a_record_tells_how_quickly_it_answered_and_what_went_wrong(tmp_path: Path) -> None:
    waits = (400, 1_200, 300, 500)
    said = [facts.AgentSaid(n, f"i{n}", "Yes.", "Yes.", 0, 9, 9, 9, wait, False) for n, wait in enumerate(waits)]
    rest: list[facts.Fact] = [
        facts.Interrupted("i3", 500, 100, 400, "speech"),
        facts.ToolUsed(5, "c1", "lookup", "{}", "no", False, 1, 2),
        facts.HandingOver("+14155550107", 900),
        facts.TakenBack("no_answer", 950),
        facts.HandingOver("+14155550108", 990),
        facts.CallEnded("transferred", "agent", "", 1000),
    ]
    last = keep(tmp_path, [BEGAN, *said, *rest])[-1]
    assert (last["latency_p50_ms"], last["latency_p95_ms"]) == (400, 1_200)
    assert (last["barge_ins"], last["tool_calls"], last["tool_errors"]) == (1, 1, 1)
    assert last["handed_to"] == "+14155550108"
