"""The black box: a call driven by hand, and the same commands when it is replayed from its file."""

import asyncio
import dataclasses
import itertools
import json
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.call import commands as do
from bridge.call import events as ev
from bridge.call import facts
from bridge.call.core import CallCore
from bridge.call.limits import Terms, ToolTerms
from bridge.errors import StoreError
from bridge.live.blackbox import BlackBox, lines, read, replay
from bridge.sim.loop import run
from bridge.store.disk import FLUSH_S, TOGETHER_S, Disk, GrowingFile

TERMS = Terms(greeting="Greet the caller.", silence_s=30.0, tone_ms=200)
FRAME = bytes(range(160))
USAGE = {"input_tokens": 1}
Decided = list[tuple[float, list[Any]]]


class Paper:
    """A growing file without a disk."""

    def __init__(self) -> None:
        self._parts: list[Any] = []
        self._written: list[bytes] = []
        self.before: Callable[[], None] = list

    def append(self, *parts: Any) -> None:
        self._parts += parts

    @property
    def lines(self) -> list[bytes]:
        """What is written when somebody looks, after what was written before."""
        self.before()
        parts, self._parts = self._parts, []
        self._written += lines(parts)
        return self._written


def by_size(command: do.Command) -> Any:
    """A command with audio counted and not looked at: the black box keeps no sound."""
    match command:
        case do.Feed(audio):
            return ("Feed", len(audio))
        case do.Play(audio, mark):
            return ("Play", len(audio), mark)
        case do.Heard(audio, at_ms):
            return ("Heard", len(audio), at_ms)
        case _:
            return command


def drive(file: Any, story: list[ev.Event | float], start: float = 1000.0) -> Decided:
    """Run a call: a number lets time pass (waking the rules when they want it), an event happens now."""
    core, box, now = CallCore(TERMS, start), BlackBox(file, TERMS, 1.79e9, start), start
    decided: Decided = []
    for step in story:
        if isinstance(step, ev.Event):
            box.event(step, now)
            decided.append((now, [by_size(c) for c in core.receive(step, now)]))
            continue
        until = now + step
        while (due := core.deadline()) is not None and due <= until:
            now = max(now, due)
            box.wake(now)
            decided.append((now, [by_size(c) for c in core.wake(now)]))
        now = until
    return decided


def replayed(path: Path) -> Decided:
    return [(now, [by_size(c) for c in commands]) for now, commands in replay(path)]


def written(path: Path, told: list[bytes]) -> Path:
    path.write_bytes(b"".join(line + b"\n" for line in told))
    return path


def speech(item: str, ms: int) -> ev.ModelAudio:
    return ev.ModelAudio("resp_1", item, 0, bytes(range(256)) * (ms // 32), float(ms))


STORY: list[ev.Event | float] = [
    ev.ModelOpened("sess_1", 1795500000),
    ev.ModelConfigured(),
    0.2,
    ev.PhoneAttached("MZ1"),
    ev.ResponseCreated("resp_1"),
    speech("item_1", 320),
    ev.AgentText("resp_1", "item_1", "Hello é \u2028 there"),
    ev.ModelAudioDone("resp_1", "item_1", 0),
    ev.ResponseDone("resp_1", "completed", usage=USAGE),
    *itertools.chain.from_iterable([ev.PhoneAudio(FRAME), 0.02] for _ in range(20)),
    ev.PhoneGap(60),
    ev.SpeechStarted("item_2", 300),
    ev.SpeechStopped("item_2", 900),
    ev.CallerText("item_2", "Where is my order?", final=True),
    ev.ResponseCreated("resp_2"),
    ev.ToolCalled("call_1", "lookup", '{"n": 1}', "resp_2"),
    ev.ResponseDone("resp_2", "completed", usage=USAGE),
    1.5,
    ev.ToolFinished("call_1", '{"ok": true}'),
    ev.HostedToolRan("item_9", ok=False),
    ev.PhoneKey("1"),
    ev.CallerTyped("Hello"),
    2.0,
    ev.ModelFault("response_cancel_not_active", "nothing active", "benign"),
    ev.PhoneAudio(FRAME),
    ev.LeaveAsked(),
    30.0,
]


def test_a_replay_decides_what_the_call_decided(tmp_path: Path) -> None:
    async def call() -> Decided:
        disk = Disk()
        decided = drive(GrowingFile(disk, tmp_path / "blackbox.jsonl", lines), STORY)
        await disk.drained()
        disk.close()
        return decided

    decided = asyncio.run(call())
    assert replayed(tmp_path / "blackbox.jsonl") == decided
    said = [c for _, commands in decided for c in commands]
    kinds = {c[0] if isinstance(c, tuple) else type(c).__name__ for c in said}
    assert {"Configure", "Respond", "Feed", "Play", "RunTool", "ReturnTool", "Publish", "End"} <= kinds
    assert any(isinstance(c, do.Publish) and isinstance(c.fact, facts.CallEnded) for c in said)


def test_a_black_box_holds_no_sound(tmp_path: Path) -> None:
    paper = Paper()
    drive(paper, STORY)
    path = written(tmp_path / "b", paper.lines)
    for sound in (FRAME, bytes(range(256))):
        assert b64encode(sound)[:40] not in path.read_bytes()
    assert all(isinstance(json.loads(line), list) for line in path.read_bytes().splitlines())
    terms, start, events = read(path)
    assert (terms, start) == (TERMS, 1000.0)
    sounds = [e for _, e in events if isinstance(e, ev.ModelAudio | ev.PhoneAudio)]
    assert {len(e.audio) for e in sounds if isinstance(e, ev.PhoneAudio)} == {160}
    assert {value for e in sounds for value in e.audio} == {0xFF}


def frame_lines(told: list[bytes]) -> list[Any]:
    """The lines of caller audio: size, and when each frame came."""
    return [fields for _, name, fields in map(json.loads, told) if name == "frames"]


def test_caller_audio_with_nothing_between_is_one_line() -> None:
    paper = Paper()
    box = BlackBox(paper, TERMS, 0.0, 1.0)  # type: ignore[arg-type]
    for at in (1.0, 1.02, 1.04):
        box.event(ev.PhoneAudio(FRAME), at)
    box.frame(160, 1.06)  # the short way tells the same
    box.frame(80, 1.08)  # of another size
    box.event(ev.PhoneGap(60), 1.1)
    box.frame(80, 1.12)
    box.wake(1.13)
    box.frame(80, 1.14)
    expected = [[160, [1.0, 1.02, 1.04, 1.06]], [80, [1.08]], [80, [1.12]], [80, [1.14]]]
    assert frame_lines(paper.lines) == expected
    box.frame(80, 1.16)  # what is written is written: this one begins a line
    box.frame(80, 1.18)
    assert frame_lines(paper.lines) == [*expected, [80, [1.16, 1.18]]]
    assert [json.loads(line)[0] for line in paper.lines] == [1.0, 1.0, 1.08, 1.1, 1.12, 1.13, 1.14, 1.16]
    assert box.heard() == 4 * 160 + 5 * 80


def test_what_comes_after_a_call_is_over_is_written_too() -> None:
    late = Paper()
    box = BlackBox(late, TERMS, 0.0, 1.0)  # type: ignore[arg-type]
    late.before = list  # as when the file is finished
    box.event(ev.PhoneStopped(), 2.0)
    box.wake(3.0)
    assert [json.loads(line)[:2] for line in late.lines] == [[1.0, "header"], [2.0, "PhoneStopped"], [3.0, "wake"]]


def test_a_caller_who_is_silent_is_written_too(tmp_path: Path) -> None:
    """Frames come and nothing else happens: what a killed process may lose is two seconds of them."""

    async def call() -> int:
        loop, disk = asyncio.get_running_loop(), Disk()
        file = GrowingFile(disk, tmp_path / "blackbox.jsonl", lines)
        box = BlackBox(file, TERMS, 0.0, loop.time())
        for _ in range(500):
            box.frame(160, loop.time())
            await asyncio.sleep(0.02)
        await disk.submit(list)  # what was handed to the thread before this is written
        _, _, events = read(file.path)
        found = len(list(events))
        await disk.drained()
        disk.close()
        return found

    assert run(call()) >= 500 - 50 * (FLUSH_S + TOGETHER_S)
    _, _, events = read(tmp_path / "blackbox.jsonl")
    assert len(list(events)) == 500


def test_frames_come_back_one_by_one_with_their_times(tmp_path: Path) -> None:
    paper = Paper()
    box = BlackBox(paper, TERMS, 0.0, 1.0)  # type: ignore[arg-type]
    times = [1.0 + 0.02 * n for n in range(50)]
    for at in times:
        box.frame(160, at)
    _, _, events = read(written(tmp_path / "b", paper.lines))
    assert list(events) == [(at, ev.PhoneAudio(b"\xff" * 160)) for at in times]


ANY: list[ev.Event] = [
    *(step for step in STORY if isinstance(step, ev.Event)),
    ev.PhoneMark("none"),
    ev.PhoneAudio(FRAME[:80]),
    ev.PhoneStopped(),
    ev.PhoneLost("cut"),
    ev.PhoneExpected(),
    ev.PhoneAttached("MZ2"),
    ev.CarrierReported("completed"),
    ev.ResponseDone("resp_1", "failed", "", "server_error", "x", "transient", None, False),
    ev.ModelConfigured(("output audio format is x",)),
    ev.ModelLost("gone", fatal=True),
    ev.TransferAsked("+14155550123"),
    ev.HandedOver(),
    ev.HandOverFailed("busy"),
    ev.TurnCommitted("item_9"),
    ev.Prepared("Greet Ms Doe."),
    ev.AgentChanged("sales", dataclasses.replace(TERMS, tools={"look_up": ToolTerms("One moment.")}), "wants to buy"),
    ev.ToolsChanged({"extra": ToolTerms(speak_after="never")}),
    ev.GuardrailTripped("no advice", "agent", "it gave advice", "I cannot advise on that."),
    ev.WordsAsked("Your taxi is there."),
    ev.NoteAsked("Nobody is free.", respond=True),
    ev.Attended(reads=True, listens=True),
    ev.Attended(reads=False, listens=False),
    ev.EndAsked("shutdown"),
    ev.DigitsAsked("12#"),
    ev.CalleeAnswered(),
    ev.CarrierDetected("machine_end_beep"),
    ev.LineHeard(False, 400, 1000, 240, True),
]


def test_every_kind_of_event_can_be_kept() -> None:
    assert {type(e) for e in ANY} == set(get_args(ev.Event))


@settings(deadline=None, database=None, derandomize=True, max_examples=150)
@given(st.lists(st.sampled_from(ANY) | st.floats(0.001, 12.0), max_size=40), st.floats(0, 1e6))
def test_any_order_of_events_is_replayed_alike(
    tmp_path_factory: Any, story: list[ev.Event | float], start: float
) -> None:
    paper = Paper()
    decided = drive(paper, story, start)
    path = written(tmp_path_factory.getbasetemp() / "any.jsonl", paper.lines)
    assert replayed(path) == decided


# ---- damaged files ------------------------------------------------------------------------------------------------


def test_a_killed_process_leaves_an_unfinished_line(tmp_path: Path) -> None:
    paper = Paper()
    decided = drive(paper, STORY[:8])
    path = tmp_path / "b"
    whole = b"".join(line + b"\n" for line in paper.lines)
    path.write_bytes(whole[:-20])
    assert replayed(path) == decided[:-1]


def test_a_damaged_line_is_told_with_its_number(tmp_path: Path) -> None:
    paper = Paper()
    drive(paper, STORY[:8])
    told = paper.lines
    for bad in (
        b"{",
        b"[]",
        b'[1,"NoEvent",{}]',
        b'[1,"PhoneKey",{}]',
        b'[1,"ModelAudio",[]]',
        b'[1,"PhoneMark"]',
        b'[1,"frames",[160]]',
        b'[1,"frames",[160,1.5]]',
        b"7",
    ):
        path = written(tmp_path / "b", [*told[:2], bad, *told[2:]])
        with pytest.raises(StoreError, match="line 3 cannot be read"):
            replay(path)


@pytest.mark.parametrize(
    "told",
    [
        [],
        [b"{"],
        [b"[]"],
        [b'[0,"wake"]'],
        [b'[0,"header",{}]'],
        [b'[0,"header",{"version":99,"terms":{}}]'],
        [b'[0,"header",{"version":1,"terms":{}}]'],
        [b'[0,"header",{"version":2,"terms":{"unknown":1}}]'],
        [b'[0,"header",[]]'],
        [b"\xff"],
    ],
)
def test_what_is_no_black_box(tmp_path: Path, told: list[bytes]) -> None:
    with pytest.raises(StoreError, match="black box"):
        read(written(tmp_path / "b", told))


def test_a_black_box_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be read as a black box"):
        read(tmp_path / "none")


def test_all_terms_come_back(tmp_path: Path) -> None:
    odd = dataclasses.replace(Terms(), greeting='é "\n', longest_s=61.5, model_answers=False)
    paper = Paper()
    BlackBox(paper, odd, 0.0, 0.25)  # type: ignore[arg-type]
    assert read(written(tmp_path / "b", paper.lines))[:2] == (odd, 0.25)
