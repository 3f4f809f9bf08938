"""The telephone's verbs as tools: asked of the call, never with a number the model made up."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from bridge.errors import AgentError
from bridge.tools.base import ToolResult
from bridge.tools.phone import hang_up, send_digits, transfer_to

Run = Callable[..., ToolResult]


def test_hang_up_asks_the_call_and_is_not_talked_about(run: Run, call: Any) -> None:
    result = run(hang_up, text="")
    assert (result.ok, result.speak) == (True, False)
    assert call.asked == [("hang_up", "agent_hung_up")]
    assert "goodbye" in hang_up.description and hang_up.parameters["properties"] == {}


def test_transfer_goes_to_the_one_person_there_is(run: Run, call: Any) -> None:
    to_person = transfer_to("+14155550142")
    assert to_person.name == "transfer_to_person" and to_person.parameters["properties"] == {}
    assert "+1415" not in json.dumps(to_person.definition())
    result = run(to_person, to="+14155550199")
    assert result.ok and not result.speak
    assert call.asked == [("transfer", "+14155550142")], "the model's number is not looked at"


def test_transfer_offers_names_and_keeps_the_numbers(run: Run, call: Any) -> None:
    to_person = transfer_to({"sales": "+14155550142", "repairs": "sip:repairs@example.com"})
    properties: Any = to_person.parameters["properties"]
    assert properties["to"]["enum"] == ["sales", "repairs"]
    assert "+1415" not in json.dumps(to_person.definition())
    assert run(to_person, to="repairs").ok
    assert not run(to_person, to="+14155550199").ok
    assert call.asked == [("transfer", "sip:repairs@example.com")]


@pytest.mark.parametrize(
    "number", ["", "911", "4155550142", "+0155550142", "+1 415 555 0142", "sip:nobody", "tel:+1415"]
)
def test_what_is_no_number_is_refused_when_the_agent_is_made(number: str) -> None:
    with pytest.raises(AgentError, match="not a number to transfer to"):
        transfer_to(number)
    with pytest.raises(AgentError, match="not a number to transfer to"):
        transfer_to({"somebody": number})


def test_transfer_needs_a_destination() -> None:
    with pytest.raises(AgentError, match="at least one destination"):
        transfer_to({})


def test_keys_are_sent(run: Run, call: Any) -> None:
    result = run(send_digits, digits="1w2*#")
    assert (result.ok, result.speak) == (True, False)
    assert call.asked == [("send_digits", "1w2*#")]


@pytest.mark.parametrize("digits", ["", "1-2", "one", "1" * 33])
def test_other_keys_are_explained(run: Run, call: Any, digits: str) -> None:
    result = run(send_digits, digits=digits)
    assert not result.ok and "Keys are 0 to 9" in result.output
    assert call.asked == []
