"""`calls show` and `calls list` on a folder written by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command_line import document, refused, run

ID = "call_01m84w3zm209mwg3d6qx"
OLDER = "call_01m84w3000000000000x"
NO_SERVE = {"BRIDGE_ADMIN_PORT": "9"}  # the discard port: nobody listens

RECORD: dict[str, Any] = {
    "id": ID,
    "carrier_call_id": "CA" + "1" * 32,
    "direction": "inbound",
    "from": "+14155550100",
    "to": "+14155550199",
    "agent": "reception",
    "started_at": "2026-01-02T10:00:00.000Z",
    "answered_at": "2026-01-02T10:00:00.500Z",
    "ended_at": "2026-01-02T10:01:05.800Z",
    "end_reason": "agent_hung_up",
    "ended_by": "agent",
    "turns": 4,
    "usage": {"input_tokens": 900, "output_tokens": 120},
    "cost_usd": 0.0123,
    "error": None,
}
AGENT = {"role": "agent", "cut": False, "latency_ms": -1}
TURNS: list[dict[str, Any]] = [
    AGENT
    | {"turn": 1, "text": "Hello.", "heard_text": "Hello.", "start_ms": 200, "end_ms": 1100}
    | {"heard_ms": 900, "length_ms": 900},
    {"turn": 3, "role": "tool", "tool": "opening_hours", "arguments": '{"day": "Monday"}', "text": "Nine to six."}
    | {"start_ms": 4100, "end_ms": 4184, "ok": True},
    {"turn": 2, "role": "caller", "text": "", "start_ms": 2000, "end_ms": 3900},
    AGENT
    | {"turn": 4, "text": "We are open from nine to six.", "heard_text": "We are open", "cut": True}
    | {"start_ms": 4500, "end_ms": 6900, "heard_ms": 2400, "length_ms": 7900, "latency_ms": 600},
    {"turn": 5, "role": "keys", "text": "4271#", "start_ms": 65_000, "end_ms": 65_000},
    {"turn": 6, "role": "caller", "text": "thanks\u001b[2J\nbye", "start_ms": 65_100, "end_ms": 66_000},
]
SHOWN = f"""\
call       {ID}
who        inbound, +14155550100 -> +14155550199, agent reception
started    2026-01-02T10:00:00.000Z, lasted 1:05.3, 4 turns
ended      agent_hung_up (by the agent)
tokens     900 in, 120 out, $0.0123

  0:00.2  agent    "Hello."  (0.9 s)
  0:02.0  caller   [speech 1.9 s]
  0:04.1  tool     opening_hours(day="Monday") -> "Nine to six."  (84 ms)
  0:04.5  agent    heard 2.4 of 7.9 s: 'We are open' | not heard: 'from nine to six.'  (answered after 600 ms)
  1:05.0  keys     4271#
  1:05.1  caller   "thanks [2J bye"  (0.9 s)

transcript data/calls/{ID}/transcript.jsonl
record     data/calls/{ID}/call.json
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for call_id in (OLDER, ID):
        place = tmp_path / "data" / "calls" / call_id
        place.mkdir(parents=True)
        (place / "call.json").write_text(json.dumps(RECORD | {"id": call_id}), "utf-8")
    (place / "transcript.jsonl").write_text(
        "".join(json.dumps(turn) + "\n" for turn in TURNS) + '{"turn": 7, "ro', "utf-8"
    )
    return tmp_path


def test_a_call_in_words(folder: Path) -> None:
    shown = run(folder, "calls", "show", ID, env=NO_SERVE)
    assert (shown.returncode, shown.stderr, shown.stdout) == (0, "", SHOWN)


def test_the_last_call_is_the_newest(folder: Path) -> None:
    assert run(folder, "calls", "show", "last", env=NO_SERVE).stdout == SHOWN


def test_a_call_as_json_is_its_record_and_its_turns_in_order(folder: Path) -> None:
    found = document(run(folder, "calls", "show", ID, "--json", env=NO_SERVE))
    assert found == RECORD | {"transcript": sorted(TURNS, key=lambda turn: turn["turn"])}


def test_what_was_made_of_a_call_and_who_allowed_a_tool(folder: Path) -> None:
    place = folder / "data" / "calls" / ID
    made = {"model": "m", "made_at": "2026-01-02T10:01:09.000Z", "summary": "They\nasked.", "disposition": "answered"}
    made |= {"data": {"day": "Monday", "guests": None}}
    (place / "analysis.json").write_text(json.dumps(made), "utf-8")
    allowed = TURNS[1] | {"note": "supervisor: true. It is allowed."}
    (place / "transcript.jsonl").write_text(json.dumps(allowed) + "\n", "utf-8")
    shown = run(folder, "calls", "show", ID, env=NO_SERVE).stdout
    assert (
        "\n\nsummary    They asked.\ndisposition answered\ndata       day: Monday\ndata       guests: null\n"
        "made by    m\n\n" in shown
    )
    assert "(84 ms, supervisor: true. It is allowed.)" in shown
    assert f"analysis   data/calls/{ID}/analysis.json" in shown
    assert document(run(folder, "calls", "show", ID, "--json", env=NO_SERVE))["analysis"] == made
    (place / "analysis.json").write_text('{"model": "m", "error": "no answer"}', "utf-8")
    assert "\nanalysis   failed: no answer\n" in run(folder, "calls", "show", ID, env=NO_SERVE).stdout


def test_a_call_that_is_not_over(folder: Path) -> None:
    going_on = RECORD | {"ended_at": None, "end_reason": None, "ended_by": None, "usage": {}, "cost_usd": None}
    (folder / "data" / "calls" / ID / "call.json").write_text(json.dumps(going_on), "utf-8")
    shown = run(folder, "calls", "show", env=NO_SERVE)
    assert "not over (no running serve knows it), 4 turns" in shown.stdout
    assert "ended  " not in shown.stdout


def test_the_list(folder: Path) -> None:
    listed = run(folder, "calls", "list", env=NO_SERVE)
    assert [line.split()[0] for line in listed.stdout.splitlines()] == [ID, OLDER]
    assert "2026-01-02 10:00:00  +14155550100 -> +14155550199    1:05.3  agent_hung_up" in listed.stdout
    found = document(run(folder, "calls", "list", "--limit", "1", "--json", env=NO_SERVE))
    assert found == {"calls": [RECORD]}


def test_no_calls_at_all(tmp_path: Path) -> None:
    assert run(tmp_path, "calls", "list", env=NO_SERVE).stdout == "no calls yet in data\n"
    assert document(run(tmp_path, "calls", "list", "--json", env=NO_SERVE)) == {"calls": []}
    assert refused(tmp_path, "calls", "show", code=1, env=NO_SERVE) == "there is no call in data/calls"


def test_calls_nobody_knows(folder: Path) -> None:
    unknown = "call_" + "0" * 20
    assert (
        refused(folder, "calls", "show", unknown, code=1, env=NO_SERVE) == f"there is no call {unknown} in data/calls"
    )
    assert "is not a call id" in refused(folder, "calls", "show", "../../etc", code=1, env=NO_SERVE)


def test_files_that_do_not_hold_a_call(folder: Path) -> None:
    (folder / "data" / "calls" / ID / "call.json").write_text('{"id": "x"}', "utf-8")
    assert "do not hold what they should" in refused(folder, "calls", "show", ID, code=1, env=NO_SERVE)
    (folder / "data" / "calls" / ID / "call.json").write_text("{", "utf-8")
    assert "cannot be read" in refused(folder, "calls", "show", ID, code=1, env=NO_SERVE)
