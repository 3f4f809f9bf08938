"""Bad tools, in whole calls on the simulator.

Whatever a tool does: the caller is never left in silence, the call goes on, and the model reads one helpful text, once.
"""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from wilful import Told, Wilful, desk, error_of, story, unharmed

from bridge.errors import ToolError
from bridge.sim import loop
from bridge.sim.script import Listen, Say, Wait
from bridge.tools.base import MOST_OUTPUT_BYTES
from bridge.tools.function import FunctionTool, tool
from bridge.tools.threads import let_finish

AnyTool = FunctionTool[Any, Any]

# ---- what a tool may do to us


@tool(timeout=8, say="One moment, please.")
async def hangs() -> str:
    """Never come back."""
    await asyncio.Event().wait()
    return ""


@tool(timeout=8)
async def hangs_and_will_not_be_stopped() -> str:
    """Never come back, whoever says so."""
    until = asyncio.get_running_loop().time() + 12
    while (left := until - asyncio.get_running_loop().time()) > 0:
        try:
            await asyncio.sleep(left)
        except asyncio.CancelledError:
            continue
    return "late"


@tool
async def raises() -> str:
    """Raise."""
    raise RuntimeError("password=hunter2")


@tool
def refuses() -> str:
    """Refuse."""
    raise ToolError("Ask for the customer number first.")


@tool
async def exits() -> str:
    """Exit."""
    raise SystemExit(3)


@tool
def exits_in_a_thread() -> str:
    """Exit."""
    raise SystemExit(3)


@tool
async def cancels_itself() -> str:
    """Cancel."""
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(0)
    return "never"


@tool
async def returns_much() -> str:
    """Return 10 MB."""
    return "much " * 2_000_000


@tool
def returns_a_long_list() -> list[dict[str, int]]:
    """Return 10 MB of JSON."""
    return [{"number": number} for number in range(600_000)]


@tool
async def returns_no_json() -> object:
    """Return what cannot be written."""
    return {"it": object()}


@tool
def recurses() -> str:
    """Go round for ever."""
    return recurses()


@tool
async def recurses_on_the_loop() -> str:
    """Go round for ever."""
    return await recurses_on_the_loop()


FAILED = "{} failed. Say that this did not work, and offer another way."
LATE = "{} did not answer within 8 seconds. Say so, and offer another way."
UNREADABLE = "{} was run, but its result cannot be read. Do not call it again, and do not guess: say so."
BAD: list[tuple[AnyTool, str]] = [
    (hangs, LATE),
    (hangs_and_will_not_be_stopped, LATE),
    (raises, FAILED),
    (refuses, "Ask for the customer number first."),
    (exits, FAILED),
    (exits_in_a_thread, FAILED),
    (cancels_itself, FAILED),
    (returns_no_json, UNREADABLE),
    (recurses, FAILED),
    (recurses_on_the_loop, FAILED),
]


@pytest.mark.parametrize(("bad", "sentence"), BAD, ids=lambda value: getattr(value, "name", ""))
def test_a_bad_tool_costs_the_caller_nothing_but_its_answer(tmp_path: Path, bad: AnyTool, sentence: str) -> None:
    brain = Wilful([(bad.name, "{}")])
    world, call = loop.run(story(tmp_path, desk(bad), brain))
    unharmed(world, call, brain)
    assert error_of(brain.read[0]) == sentence.format(bad.name)
    (used,) = (turn for turn in world.transcript() if turn["role"] == "tool")
    assert (used["ok"], used["text"]) == (False, brain.read[0])


@pytest.mark.parametrize("much", [returns_much, returns_a_long_list], ids=lambda value: value.name)
def test_ten_megabytes_are_cut_before_anybody_has_to_read_them(tmp_path: Path, much: AnyTool) -> None:
    brain = Wilful([(much.name, "")])
    world, call = loop.run(story(tmp_path, desk(much), brain))
    unharmed(world, call, brain)
    assert MOST_OUTPUT_BYTES - 8 < len(brain.read[0].encode()) <= MOST_OUTPUT_BYTES
    assert brain.read[0].endswith("bytes are more than the 16384 a result may have]")
    assert sum(path.stat().st_size for path in (tmp_path / "data").rglob("*.jsonl*")) < 1_000_000


def test_a_plain_tool_that_hangs_keeps_nobody_from_ending(tmp_path: Path) -> None:
    let_go = threading.Event()

    @tool(timeout=0.3)
    def stuck() -> None:
        """Never come back."""
        let_go.wait(20.0)

    brain = Wilful([("stuck", "{}")])
    try:
        world, call = loop.run(story(tmp_path, desk(stuck), brain))
        assert not let_go.is_set()
    finally:
        let_go.set()
        let_finish(5.0)
    unharmed(world, call, brain)


# ---- in real time


@pytest.mark.sockets
def test_a_tool_that_sleeps_holds_up_neither_the_loop_nor_the_caller(tmp_path: Path) -> None:
    """Two seconds in a plain function: the loop goes on, and the caller interrupts what is said meanwhile."""
    asleep: list[float] = []

    @tool(say="One moment please, I am looking that up for you in our books, which takes a little while today.")
    def sleeps() -> str:
        """Sleep."""
        asleep.append(time.monotonic())
        time.sleep(2.0)
        asleep.append(time.monotonic())
        return "slept well"

    lags: list[tuple[float, float]] = []

    async def watch() -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.005)
            lags.append((before, time.monotonic() - before - 0.005))

    async def told() -> Told:
        watching = asyncio.create_task(watch())
        try:
            score = (Listen(300), Say("Hm?"), Wait(1.6), Say("Oh wait."), Listen(300))
            return await story(tmp_path, desk(sleeps), brain, score)
        finally:
            watching.cancel()

    brain = Wilful([("sleeps", "{}")])
    world, _ = asyncio.run(told())
    began, woke = asleep
    during = [lag for at, lag in lags if began <= at <= woke]
    # A sleep in the loop would be one lag of two seconds; a busy machine's are shorter.
    assert len(during) > 100 and max(during) < 1.0
    clears = [line for line in world.timeline() if line.get("raw", {}).get("event") == "clear"]
    started = next(line["t"] for line in world.timeline() if line.get("fact") == "ToolStarted")
    assert any(started < line["t"] < started + 2.0 for line in clears), "interrupted while the tool slept"
    assert brain.read == ["slept well"]
    assert world.records()[0]["end_reason"] == "caller_hung_up"
