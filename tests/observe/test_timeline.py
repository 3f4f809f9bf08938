"""A call's timeline: whatever went over the wires, each line is one JSON object, in one order."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.call import facts
from bridge.observe.timeline import LONGEST_RAW, Part, Timeline, lines
from bridge.sim.loop import run
from bridge.store.disk import Disk, GrowingFile
from bridge.store.folder import TIMELINE, CallFolders, new_call_id


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Paper:
    """A growing file without a disk behind it."""

    def __init__(self) -> None:
        self.parts: list[Part] = []

    def append(self, *parts: Part, size: int = 64) -> None:
        self.parts += parts

    @property
    def lines(self) -> list[bytes]:
        return list(lines(self.parts))

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


def test_audio_is_one_line_for_each_direction_since_the_last() -> None:
    line, paper, clock = timeline()
    heard = 0
    line.heard = lambda: heard
    out, back = line.meter("phone", "out"), line.meter("model", "in")
    for frame in range(150):  # 3 s of a caller, and an agent who speaks in the first
        clock.now = 100 + frame * 0.02
        heard += 160
        if frame < 10:
            back.size += 800
            out.size += 800
    line(facts.CallerStarted(3000))
    heard += 161
    line(facts.CallerStopped(3000, 3020))
    line(facts.CallerStarted(3020))
    assert paper.read() == [
        {"t": 2.98, "side": "phone", "way": "in", "audio_ms": 3000},
        {"t": 2.98, "side": "phone", "way": "out", "audio_ms": 1000},
        {"t": 2.98, "side": "model", "way": "in", "audio_ms": 1000},
        {"t": 2.98, "fact": "CallerStarted", "at_ms": 3000},
        {"t": 2.98, "side": "phone", "way": "in", "audio_ms": 20},
        {"t": 2.98, "fact": "CallerStopped", "start_ms": 3000, "end_ms": 3020},
        {"t": 2.98, "fact": "CallerStarted", "at_ms": 3020},
    ]


def test_audio_is_told_before_a_fact_and_not_before_a_message() -> None:
    line, paper, _ = timeline()
    meter = line.meter("model", "in")
    meter.size += 1600
    line.message("model", "in", '{"type":"response.done"}')
    meter.size += 320
    line(facts.CallerStarted(1))
    assert [one.get("audio_ms", "said") for one in paper.read()] == ["said", 240, "said"]
    assert meter.size == 0


def test_audio_is_told_before_the_file_is_written(tmp_path: Path) -> None:
    async def story() -> None:
        disk = Disk()
        file = GrowingFile(disk, tmp_path / TIMELINE, lines)
        line = Timeline(file, Clock())
        file.before = line.fold
        line.message("phone", "in", '{"event":"connected"}')
        line.meter("phone", "out").size += 1600
        await disk.drained()
        disk.close()

    run(story())
    assert [json.loads(one) for one in (tmp_path / TIMELINE).read_bytes().splitlines()] == [
        {"t": 0.0, "side": "phone", "way": "in", "raw": {"event": "connected"}},
        {"t": 0.0, "side": "phone", "way": "out", "audio_ms": 200},
    ]


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ('{"a":\n1}', {"raw": {"a": 1}}),
        ('{\r\n"a":\r1}\n', {"raw": {"a": 1}}),
        (b'{"a":\n"\xc3\xa9"}', {"raw": {"a": "é"}}),
        ('{"a":"\ud800"}', {"raw": {"a": "?"}}),
        ('"' + "x" * (LONGEST_RAW - 2) + '"', {"raw": "x" * (LONGEST_RAW - 2)}),
        ('"' + "x" * LONGEST_RAW + '"', {"bytes": LONGEST_RAW + 2}),
    ],
)
def test_messages_that_could_break_a_line(message: str | bytes, shown: dict[str, Any]) -> None:
    line, paper, _ = timeline()
    line.message("phone", "in", message)
    assert paper.read() == [{"t": 0.0, "side": "phone", "way": "in"} | shown]


@pytest.mark.parametrize(
    ("garbage", "text"),
    [
        ("not json\x1b[2J", "not json\x1b[2J"),
        ('{"a":\r\n1}', '{"a":\r\n1}'),
        (b'{"a":"\xff"}', '{"a":"�"}'),
        ('{"a":"\ud800"}', '{"a":"?"}'),
        ("", ""),
        ("[" * 30_000 + "]" * 30_000, "[" * 30_000 + "]" * 30_000),
        (b"x" * (LONGEST_RAW + 7), "x" * LONGEST_RAW),
    ],
)
def test_what_was_not_understood_is_quoted(garbage: str | bytes, text: str) -> None:
    line, paper, _ = timeline()
    line.garbage("phone", "in", garbage)
    assert paper.read() == [{"t": 0.0, "side": "phone", "way": "in", "text": text}]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
MESSAGES = st.one_of(
    JSON.map(json.dumps),
    JSON.map(lambda value: json.dumps(value, indent=1).replace("\n", "\r\n").encode()),
    JSON.map(lambda value: json.dumps(value, ensure_ascii=False, indent=1)),
)
GARBAGE = st.one_of(st.binary(), st.text(st.characters()), st.binary().map(lambda data: b'{"x":"' + data + b'"}'))


@settings(deadline=None, database=None, derandomize=True, max_examples=300)
@given(
    st.lists(st.tuples(st.just(True), MESSAGES) | st.tuples(st.just(False), GARBAGE), min_size=1, max_size=5),
    st.text(st.characters(exclude_categories=["Cs"])),
)
def test_every_line_is_one_json_object_whatever_was_said(told: list[tuple[bool, str | bytes]], words: str) -> None:
    line, paper, _ = timeline()
    for understood, message in told:
        (line.message if understood else line.garbage)("model", "in", message)
    line(facts.CallerSaid(1, words, 0, 1))
    assert len(paper.lines) == len(told) + 1
    # Split as a text file is read: at any of the three line ends.
    assert not any(b"\n" in one or b"\r" in one for one in paper.lines)
    assert ["raw" in one for one in paper.read()[:-1]] == [understood for understood, _ in told]
    assert paper.read()[-1]["text"] == words


def test_it_is_read_back_from_the_folder(tmp_path: Path) -> None:
    folders, call_id = CallFolders(tmp_path), new_call_id()
    folders.path(call_id).mkdir(parents=True)

    async def story() -> None:
        disk = Disk()
        line = Timeline(GrowingFile(disk, folders.path(call_id) / TIMELINE, lines), Clock())
        line.message("model", "in", '{"a":"\u2028"}')
        line.garbage("model", "in", b'{"a":\r\n"\xff"}')
        line(facts.Trouble("phone", "gap", "a\r\nb"))
        await disk.drained()
        disk.close()

    run(story())
    assert [one.get("message", one.get("raw", one.get("text"))) for one in folders.lines(call_id, TIMELINE)] == [
        {"a": "\u2028"},
        '{"a":\r\n"�"}',
        "a\r\nb",
    ]


def test_a_line_of_audio_tells_when_the_first_of_it_came() -> None:
    line, paper, clock = timeline()
    meter = line.meter("model", "in")
    for frame in range(4):
        clock.now = 101.5 + frame * 0.2
        if not meter.size:
            meter.begin()
        meter.size += 1600
    line(facts.CallerStarted(1))
    meter.begin()
    meter.size += 1600
    line(facts.CallerStarted(2))
    told = [(one["t"], one["since"], one["audio_ms"]) for one in paper.read() if "audio_ms" in one]
    assert told == [(2.1, 1.5, 800), (2.1, 2.1, 200)]
