"""Whatever happens to a tool, the model gets one result it can use, and nothing it should not know."""

import asyncio
import contextlib
import json
import logging
import threading
from typing import Any

import pytest
from shapes import noted

from bridge.errors import ToolError
from bridge.tools.base import Call, ToolResult
from bridge.tools.function import FunctionTool, tool
from bridge.tools.runner import ToolRunner
from bridge.tools.threads import let_finish


@tool
def hours(day: str = "") -> str:
    """Opening hours."""
    return f"open {day}".strip()


@tool
def break_down() -> str:
    """Fail."""
    raise RuntimeError("password=hunter2 at /srv/app/db.py")


@tool
async def refuse() -> str:
    """Refuse."""
    raise ToolError("Ask for the customer number first.")


@tool
def leave() -> str:
    """Exit."""
    raise SystemExit(3)


@tool
async def time_out_by_itself() -> str:
    """Time out."""
    raise TimeoutError("the database did not answer")


@tool
async def leave_the_loop() -> str:
    """Exit."""
    raise SystemExit(3)


class Panic(BaseException):
    """As extensions written in Rust raise it."""


@tool
async def panic() -> str:
    """Panic."""
    raise Panic


@tool
def panic_in_a_thread() -> str:
    """Panic."""
    raise Panic


@tool
def stop_iterating() -> str:
    """Take the first of none."""
    return next(iter(()))


@tool
def recurse() -> str:
    """Go round for ever."""
    return recurse()


@tool
async def cancel_itself() -> None:
    """Cancel."""
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(0)


@tool
async def give_an_object() -> object:
    """Give."""
    return object()


@tool
def give_what_holds_itself() -> object:
    """Give."""
    ring: list[object] = []
    ring.append(ring)
    return ring


@tool
async def wait_for_what_is_cancelled() -> None:
    """Wait."""
    gone = asyncio.get_running_loop().create_future()
    gone.cancel()
    await gone


TOOLS: list[FunctionTool[Any, Any]] = [
    hours,
    break_down,
    refuse,
    leave,
    time_out_by_itself,
    leave_the_loop,
    panic,
    panic_in_a_thread,
    stop_iterating,
    recurse,
    cancel_itself,
    give_an_object,
    give_what_holds_itself,
    wait_for_what_is_cancelled,
]


def run(call: Any, name: str, arguments: str = "{}") -> ToolResult:
    return asyncio.run(ToolRunner(TOOLS, call).run(name, arguments))


def error_of(result: ToolResult) -> str:
    assert not result.ok and result.speak
    return str(json.loads(result.output)["error"])


def test_a_result(call: Any) -> None:
    assert run(call, "hours", '{"day": "Monday"}') == ToolResult("open Monday")
    assert run(call, "hours", "") == ToolResult("open")


def test_an_unknown_tool_is_told_which_there_are(call: Any) -> None:
    names = ", ".join(tool.name for tool in TOOLS)
    assert error_of(run(call, "hour")) == f"There is no tool 'hour'. Did you mean hours? There are: {names}."
    assert error_of(asyncio.run(ToolRunner([], call).run("hours", ""))).endswith("there are none at all.")


@pytest.mark.parametrize("arguments", ["{", "[]", "null", '"Monday"', "day=Monday", "[" * 100_000])
def test_arguments_that_are_no_object_are_refused(call: Any, arguments: str) -> None:
    assert error_of(run(call, "hours", arguments)) == (
        "hours was not run: its arguments are not a JSON object. Call it again."
    )


@pytest.mark.parametrize(
    "name",
    [
        *("break_down", "leave", "leave_the_loop", "panic", "panic_in_a_thread", "stop_iterating", "recurse"),
        *("time_out_by_itself", "wait_for_what_is_cancelled", "cancel_itself"),
    ],
)
def test_what_a_tool_raises_is_logged_and_not_told(call: Any, name: str, caplog: pytest.LogCaptureFixture) -> None:
    assert error_of(run(call, name)) == f"{name} failed. Say that this did not work, and offer another way."
    (record,) = caplog.records
    assert (record.levelno, record.message) == (logging.ERROR, "tool failed")
    assert record.__dict__["tool"] == name and record.__dict__["call_id"] == "call_01"
    assert record.exc_info is not None


@pytest.mark.parametrize("name", ["give_an_object", "give_what_holds_itself"])
def test_a_tool_with_an_effect_and_no_readable_result_is_not_called_again(
    call: Any, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    said = error_of(run(call, name))
    assert said == f"{name} was run, but its result cannot be read. Do not call it again, and do not guess: say so."
    (record,) = caplog.records
    assert (record.levelno, record.__dict__["tool"]) == (logging.ERROR, name)


def test_a_tool_that_will_not_be_stopped_is_not_waited_for(call: Any) -> None:
    async def story() -> None:
        over = asyncio.Event()

        @tool(timeout=0.01)
        async def stubborn() -> str:
            """Never mind."""
            while not over.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await over.wait()
            return "late"

        result = await asyncio.wait_for(ToolRunner([stubborn], call).run("stubborn", ""), 5.0)
        assert error_of(result).startswith("stubborn did not answer")
        over.set()

    asyncio.run(story())


def test_an_async_tool_under_a_plain_decorator_has_its_result_and_its_call(call: Any) -> None:
    """Its second half runs on the loop, where a verb must not wait for the loop."""

    @tool
    @noted
    async def leave(call: Call) -> str:
        """Leave."""
        await asyncio.sleep(0)
        call.hang_up("done")
        return "left"

    assert asyncio.run(ToolRunner([leave], call).run("leave", "")) == ToolResult("left")
    assert call.asked == [("hang_up", "done")]


def test_a_hundred_tools_that_hang_keep_nobody_elses_thread(call: Any) -> None:
    let_go = threading.Event()

    @tool(timeout=0.05)
    def stuck() -> None:
        """Stuck."""
        let_go.wait(10.0)

    async def story() -> str:
        runner = ToolRunner([stuck, hours], call)
        await asyncio.gather(*(runner.run("stuck", "") for _ in range(100)))
        return (await runner.run("hours", "")).output + await asyncio.to_thread(lambda: " and free")

    try:
        assert asyncio.run(story()) == "open and free", "the loop ended without waiting for the threads, too"
    finally:
        let_go.set()
    let_finish(5.0)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("users-")]


def test_a_tool_error_speaks_for_itself(call: Any) -> None:
    assert error_of(run(call, "refuse")) == "Ask for the customer number first."


def test_a_slow_async_tool_is_stopped(call: Any) -> None:
    stopped: list[bool] = []

    @tool(timeout=0.01)
    async def slow() -> str:
        """Slow."""
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(True)
        return "late"

    result = asyncio.run(ToolRunner([slow], call).run("slow", ""))
    assert error_of(result) == "slow did not answer within 0.01 seconds. Say so, and offer another way."
    assert stopped == [True]


def test_a_slow_plain_tool_is_not_waited_for(call: Any) -> None:
    let_go = threading.Event()

    @tool(timeout=0.01)
    def stuck() -> str:
        """Stuck."""
        let_go.wait(10.0)
        return "late"

    async def story() -> ToolResult:
        result = await ToolRunner([stuck], call).run("stuck", "")
        assert not let_go.is_set(), "the result was there before the function ended"
        let_go.set()
        return result

    assert error_of(asyncio.run(story())).startswith("stuck did not answer")


def test_tools_run_side_by_side(call: Any) -> None:
    met = threading.Barrier(2, timeout=10.0)

    @tool
    def meet() -> str:
        """Meet."""
        met.wait()
        return "met"

    async def story() -> tuple[ToolResult, ToolResult]:
        runner = ToolRunner([meet], call)
        first, second = await asyncio.gather(runner.run("meet", ""), runner.run("meet", ""))
        return first, second

    assert asyncio.run(story()) == (ToolResult("met"), ToolResult("met"))


def test_cancelling_is_the_only_thing_that_comes_out(call: Any) -> None:
    @tool
    async def wait() -> None:
        """Wait."""
        await asyncio.Event().wait()

    async def story() -> None:
        task = asyncio.create_task(ToolRunner([wait], call).run("wait", ""))
        await asyncio.sleep(0)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(story())
