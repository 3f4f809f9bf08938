"""A tool runs the function with checked arguments, in the right thread, and gives the model text to read."""

import asyncio
import dataclasses
import datetime
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from bridge.errors import AgentError
from bridge.tools.base import MOST_OUTPUT_BYTES, Call, ToolResult
from bridge.tools.function import DEFAULT_TIMEOUT_S, FunctionTool, tool

Run = Callable[..., ToolResult]


class Line(BaseModel):
    title: str
    pieces: int


@dataclasses.dataclass
class Receipt:
    total: float
    day: datetime.date


def test_it_is_still_the_function() -> None:
    @tool
    def double(number: int) -> int:
        """Twice."""
        return 2 * number

    @tool(name="later", description="In words.", timeout=2.5)
    async def shout(text: str) -> str:
        """Loud."""
        return text.upper()

    assert double(21) == 42
    assert asyncio.run(shout(text="hi")) == "HI"
    assert (double.name, double.description, double.manner.timeout_s) == ("double", "Twice.", DEFAULT_TIMEOUT_S)
    assert (shout.name, shout.description, shout.manner.timeout_s) == ("later", "In words.", 2.5)
    assert isinstance(double, FunctionTool) and repr(shout) == "<tool later>"


def test_plain_functions_run_in_a_thread_and_async_ones_on_the_loop(run: Run) -> None:
    @tool
    def plain() -> bool:
        """P."""
        return threading.current_thread() is threading.main_thread()

    @tool
    async def quick() -> bool:
        """Q."""
        return threading.current_thread() is threading.main_thread()

    assert run(plain).output == "false"
    assert run(quick).output == "true"


def test_arguments_arrive_as_what_they_are_hinted_to_be(run: Run) -> None:
    seen: list[Any] = []

    @tool
    def order(line: Line, day: datetime.date, /, copies: int = 1, *, gift: bool = False, json: str = "x") -> None:
        """O."""
        seen.extend((line, day, copies, gift, json))

    result = run(order, line={"title": "Emma", "pieces": "2"}, day="2026-03-01", gift=True)
    assert result == ToolResult("Done.")
    assert seen == [Line(title="Emma", pieces=2), datetime.date(2026, 3, 1), 1, True, "x"]


def test_a_number_where_text_is_wanted_is_text(run: Run) -> None:
    @tool
    def status(number: str) -> str:
        """S."""
        return f"order {number}"

    assert run(status, number=4271).output == "order 4271"


def test_no_arguments_at_all_are_an_empty_object(run: Run) -> None:
    @tool
    def hours(day: str = "") -> str:
        """H."""
        return f"[{day}]"

    assert run(hours, text="").output == run(hours, text="  ").output == run(hours, text="{}").output == "[]"


def test_wrong_arguments_are_explained_to_the_model_without_repeating_them(run: Run) -> None:
    @tool
    def pay(card: int, line: Line) -> None:
        """P."""
        raise AssertionError("must not run")

    result = run(pay, card="4111-1111", line={"title": "Emma"})
    assert not result.ok and result.speak
    said = json.loads(result.output)["error"]
    assert said.startswith("pay was not run: card: Input should be a valid integer")
    assert "line.pieces: Field required" in said
    assert "4111" not in said


def test_a_call_parameter_is_the_running_call(run: Run, call: Any) -> None:
    @tool
    async def who(greeting: str, c: Call) -> str:
        """W."""
        c.data["greeted"] = True
        return f"{greeting} {c.from_number}"

    assert run(who, greeting="Hello").output == "Hello +14155550101"
    assert call.data == {"greeted": True}


def test_verbs_used_in_a_thread_are_carried_out_on_the_loop(run: Run, call: Any) -> None:
    @tool
    def leave(call: Call, digits: str) -> str:
        """L."""
        call.send_digits(digits)
        call.transfer("+14155550199")
        call.hang_up("sold_out")
        return f"{call.id} {call.to_number} {call.direction} {call.agent} {call.carrier_call_id[:2]} {len(call.data)}"

    assert run(leave, digits="12#").output == "call_01 +14155550100 inbound reception CA 0"
    assert call.asked == [("send_digits", "12#"), ("transfer", "+14155550199"), ("hang_up", "sold_out")]
    assert call.threads == {threading.get_ident()}
    assert not run(leave, digits="!").ok, "what a verb raises is raised where it was used"


@pytest.mark.parametrize(
    ("value", "output"),
    [
        ("as it is \u2713", "as it is \u2713"),
        ("", ""),
        (None, "Done."),
        (7, "7"),
        (True, "true"),
        ({"a": [1, None]}, '{"a":[1,null]}'),
        (["\u00e9"], '["\u00e9"]'),
        (Line(title="Emma", pieces=2), '{"title":"Emma","pieces":2}'),
        (Receipt(9.5, datetime.date(2026, 3, 1)), '{"total":9.5,"day":"2026-03-01"}'),
        (ToolResult("quiet", speak=False), "quiet"),
    ],
)
def test_what_a_function_returns_becomes_text(value: object, output: str) -> None:
    assert ToolResult.of(value).output == output
    assert ToolResult.of(value).ok


def test_what_is_no_value_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="returned a dict, which cannot be written as JSON"):
        ToolResult.of({"it": object()})


@pytest.mark.parametrize("text", ["x" * 100_000, "\u00e9" * 50_000, "\U0001f4d6" * 20_000])
def test_a_long_result_is_cut_with_a_note(text: str) -> None:
    cut = ToolResult.of(ToolResult(text, ok=False, speak=False))
    assert MOST_OUTPUT_BYTES - 8 < len(cut.output.encode()) <= MOST_OUTPUT_BYTES
    assert cut.output.startswith(text[:4000]) and cut.output.endswith(
        "bytes are more than the 16384 a result may have]"
    )
    assert (cut.ok, cut.speak) == (False, False)
    assert ToolResult.of("x" * MOST_OUTPUT_BYTES).output == "x" * MOST_OUTPUT_BYTES


def test_what_is_no_function_and_what_has_no_time_is_refused() -> None:
    not_a_function: Any = "get_hours"
    with pytest.raises(AgentError, match="'get_hours' is none"):
        tool(not_a_function)
    with pytest.raises(AgentError, match="no time to run"):

        @tool(timeout=0)
        def hours() -> None:
            """H."""
