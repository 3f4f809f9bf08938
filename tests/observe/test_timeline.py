"""A call's timeline: whatever went over the wires, each line is one JSON object, in one order."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.call import facts
from bridge.observe.timeline import FOLD_S, LONGEST_RAW, Timeline
from bridge.sim.loop import run
from bridge.store.disk import Disk, GrowingFile
from bridge.store.folder import TIMELINE, CallFolders, new_call_id


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Paper:
    """The lines of a growing file, without a disk behind it."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def append(self, line: bytes) -> None:
        self.lines.append(line)

    def read(self) -> list[dict[str, Any]]:
        return [json.loads(line.decode("utf-8")) for line in self.lines]


def timeline() -> tuple[Timeline, Paper, Clock]:
    clock, paper = Clock(), Paper()
    return Timeline(paper, clock), paper, clock  # type: ignore[arg-type]


def test_messages_and_facts_in_one_order() -> None:
    line, paper, clock = timeline()
    clock.now += 0.25
    line.message("model", "in", '{"type":"session.created","é":1}')
    clock.now += 0.25
    line(facts.PhaseChanged("TALKING"))
    line.message("phone", "out", b'{"event":"clear"}')
    line(facts.UsageCounted({"input_tokens": 3}))
    assert paper.read() == [
        {"t": 0.25, "side": "model", "way": "in", "raw": {"type": "session.created", "é": 1}},
        {"t": 0.5, "fact": "PhaseChanged", "phase": "TALKING"},
        {"t": 0.5, "side": "phone", "way": "out", "raw": {"event": "clear"}},
        {"t": 0.5, "fact": "UsageCounted", "usage": {"input_tokens": 3}},
    ]


def test_audio_is_folded_to_a_line_a_second_and_direction() -> None:
    line, paper, clock = timeline()
    for frame in range(150):  # 3 s of a caller, and an agent who speaks in the first
        clock.now = 100 + frame * 0.02
        line.audio("phone", "in", 20)
        if frame < 10:
            line.audio("phone", "out", 100)
    line(facts.CallerStarted(3000))
    folded = paper.read()
    assert folded.pop() == {"t": 2.98, "fact": "CallerStarted", "at_ms": 3000}
    told: dict[tuple[str, str], list[int]] = {}
    for one in folded:
        total = told.setdefault((one["side"], one["way"]), [0, 0])
        total[0] += one["audio_ms"]
        total[1] += one["count"]
    assert told == {("phone", "in"): [3000, 150], ("phone", "out"): [1000, 10]}
    assert len(folded) <= 2 * 3 / FOLD_S


def test_audio_is_told_before_what_came_after_it() -> None:
    line, paper, _ = timeline()
    line.audio("model", "in", 200)
    line.message("model", "in", '{"type":"response.done"}')
    line.audio("model", "in", 40)
    line(facts.CallerStarted(1))
    assert [one.get("audio_ms", "said") for one in paper.read()] == [200, "said", 40, "said"]


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ('{"a":\n1}', {"text": '{"a":\n1}'}),
        ('{"a":\r1}', {"text": '{"a":\r1}'}),
        ("not json\x1b[2J", {"text": "not json\x1b[2J"}),
        (b'{"a":"\xff"}', {"text": '{"a":"�"}'}),
        ("", {"text": ""}),
        ('{"a":"\ud800"}', {"raw": {"a": "?"}}),
        ("[" * 30_000 + "]" * 30_000, {"text": "[" * 30_000 + "]" * 30_000}),
        ('"' + "x" * LONGEST_RAW + '"', {"bytes": LONGEST_RAW + 2}),
    ],
)
def test_messages_that_could_break_a_line(message: str | bytes, shown: dict[str, Any]) -> None:
    line, paper, _ = timeline()
    line.message("phone", "in", message)
    assert paper.read() == [{"t": 0.0, "side": "phone", "way": "in"} | shown]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
MESSAGES = st.one_of(
    st.binary(),
    st.text(st.characters()),
    JSON.map(json.dumps),
    JSON.map(lambda value: json.dumps(value, ensure_ascii=False, indent=1)),
    st.binary().map(lambda data: b'{"x":"' + data + b'"}'),
)


@settings(deadline=None, database=None, derandomize=True, max_examples=300)
@given(st.lists(MESSAGES, min_size=1, max_size=5), st.text(st.characters(exclude_categories=["Cs"])))
def test_every_line_is_one_json_object_whatever_was_said(messages: list[str | bytes], words: str) -> None:
    line, paper, _ = timeline()
    for message in messages:
        line.message("model", "in", message)
    line(facts.CallerSaid(1, words, 0, 1))
    assert len(paper.lines) == len(messages) + 1
    # Split as a text file is read: at any of the three line ends.
    assert not any(b"\n" in one or b"\r" in one for one in paper.lines)
    assert paper.read()[-1]["text"] == words


def test_it_is_read_back_from_the_folder(tmp_path: Path) -> None:
    folders, call_id = CallFolders(tmp_path), new_call_id()
    folders.path(call_id).mkdir(parents=True)

    async def story() -> None:
        disk = Disk()
        line = Timeline(GrowingFile(disk, folders.path(call_id) / TIMELINE), Clock())
        line.message("model", "in", '{"a":"\u2028"}')
        line.message("model", "in", b'{"a":\r\n"\xff"}')
        line(facts.Trouble("phone", "gap", "a\r\nb"))
        await disk.drained()
        disk.close()

    run(story())
    assert [one.get("message", one.get("raw", one.get("text"))) for one in folders.lines(call_id, TIMELINE)] == [
        {"a": "\u2028"},
        '{"a":\r\n"�"}',
        "a\r\nb",
    ]
