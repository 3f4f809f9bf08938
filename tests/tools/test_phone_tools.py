"""The telephone's verbs as tools: asked of the call, never with a number the model made up."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from bridge.errors import AgentError
from bridge.sim import loop
from bridge.tools.base import ToolResult, Turn
from bridge.tools.phone import hang_up, hold, leave_voicemail, send_digits, send_sms, transfer_to

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


# ---- with a word before


def test_a_person_is_told_first_and_the_model_then_tells_the_caller(run: Run, call: Any) -> None:
    to_person = transfer_to("+14155550142", warm=True, language="de-DE", ask="Taste 1 nimmt an.")
    properties: Any = to_person.parameters["properties"]
    assert list(properties) == ["summary"] and "before they take the call" in properties["summary"]["description"]
    assert (to_person.manner.wait, to_person.manner.timeout_s) == ("music", 95.0)
    result = run(to_person, summary=" Ada, about her order. ")
    assert result.ok and result.speak
    assert call.asked == [("warm_transfer", "+14155550142 de-DE: Ada, about her order. Taste 1 nimmt an.")]


def test_a_person_who_does_not_take_the_call_is_told_to_the_model(run: Run, call: Any) -> None:
    call.became = "busy"
    result = run(transfer_to({"sales": "+14155550142"}, warm=True), to="sales", summary="x" * 900)
    assert not result.ok and result.speak
    assert "Nobody took the call: busy" in result.output
    assert len(call.asked[0][1]) < 400, "nobody listens to a novel"


# ---- texts, messages, music


def test_a_text_goes_to_the_caller_and_nowhere_else(run: Run, call: Any) -> None:
    properties: Any = send_sms.parameters["properties"]
    assert set(properties) == {"text"}
    assert run(send_sms, text='{"text": "12 Harbour Lane"}').ok
    assert call.asked == [("send_sms", ": 12 Harbour Lane")]
    assert "1 to 1600 characters" in run(send_sms, text='{"text": ""}').output


def test_a_message_for_a_machine_is_spoken_and_the_line_closed(run: Run, call: Any) -> None:
    result = run(leave_voicemail, message="This is the shop.")
    assert result.ok and not result.speak
    assert call.asked == [("say", "This is the shop."), ("hang_up", "machine")]
    assert not run(leave_voicemail, message=" ").ok


def test_on_hold_until_the_time_is_up_or_the_caller_speaks(call: Any) -> None:
    async def story() -> list[tuple[float, str]]:
        clock, found = asyncio.get_running_loop().time, []
        for seconds, speaks_after in ((0, 99.0), (30, 7.0), (9999, 999.0)):
            began = clock()
            task = asyncio.ensure_future(hold.run(json.dumps({"seconds": seconds}), call))
            await asyncio.wait([task], timeout=speaks_after)
            if not task.done():
                call.turns.append(Turn("caller", "Hello?", 1000))
            found.append((round(clock() - began), (await task).output[:20]))
        return found

    assert loop.run(story()) == [
        (5, "The time is up; the "),
        (7, "The caller spoke and"),
        (120, "The time is up; the "),
    ]
