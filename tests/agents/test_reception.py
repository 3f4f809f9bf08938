"""The bundled reception: its words, its tools, and that it stays short enough to be read first."""

import asyncio
import inspect
import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from bridge.agents.examples import reception
from bridge.tools.runner import ToolRunner

WEEK = (
    "We are open from Monday to Friday, nine in the morning until six in the evening. "
    "On Saturday we are open from ten until four. On Sunday we are closed."
)


def answer(name: str, **arguments: str) -> str:
    call: Any = SimpleNamespace(id="call_01")  # these tools do not look at the call
    runner = ToolRunner(reception.agent.all_tools, call)
    result = asyncio.run(runner.run(name, json.dumps(arguments)))
    assert result.ok
    return result.output


@pytest.mark.parametrize(
    ("day", "sentence"),
    [
        ("", WEEK),
        ("today", WEEK),
        ("Monday", "On Monday we are open from nine in the morning until six in the evening."),
        (" friday", "On Friday we are open from nine in the morning until six in the evening."),
        ("SATURDAY", "On Saturday we are open from ten until four."),
        ("Sunday", "On Sunday we are closed."),
    ],
)
def test_opening_hours(day: str, sentence: str) -> None:
    assert answer("opening_hours", day=day) == sentence


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        ("4271", "Order 4271 is out for delivery. It arrives today before six in the evening."),
        ("4-2-7-1", "Order 4271 is out for delivery. It arrives today before six in the evening."),
        ("1138", "Order 1138 is packed and leaves our shop tomorrow morning."),
        ("2046", "Order 2046 is waiting for you in the shop. You can collect it at any time."),
        ("9999", "I cannot find an order with that number."),
        ("", "I cannot find an order with that number."),
    ],
)
def test_order_status(number: str, sentence: str) -> None:
    assert answer("order_status", number=number) == sentence


def test_no_day_is_the_whole_week() -> None:
    assert answer("opening_hours") == WEEK


def test_it_greets_and_can_say_goodbye() -> None:
    agent = reception.agent
    assert agent.greeting == "Thanks for calling Harbour Lane Books. How can I help you?"
    assert [tool.name for tool in agent.all_tools] == ["opening_hours", "order_status", "hang_up"]


def test_it_transfers_only_when_there_is_somebody() -> None:
    names = [tool.name for tool in replace(reception.agent, transfer_to="+14155550142").all_tools]
    assert names == ["opening_hours", "order_status", "hang_up", "transfer_to_person"]


def test_it_names_every_tool_it_has_in_its_instructions() -> None:
    agent = replace(reception.agent, transfer_to="+14155550142")
    assert all(tool.name in agent.instructions for tool in agent.all_tools)


def test_it_is_short_enough_to_be_read_first() -> None:
    assert len(inspect.getsource(reception).splitlines()) < 60
