"""The simulated call that users' tests make: real tools, planned answers, and strict about both."""

import asyncio
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bridge import Agent, Call, tool
from bridge.agents.examples.reception import agent as reception
from bridge.errors import AgentError
from bridge.testing import Answer, HangUp, Press, SimulatedCall, simulate, simulated_call
from bridge.tools.phone import hang_up

GOODBYE = Answer("Goodbye!", tool="hang_up")


def test_a_call_with_tools_and_keys() -> None:
    call = simulate(
        reception,
        caller=["When are you open?", Press("4271#"), "Goodbye."],
        model=[Answer(tool="opening_hours", arguments={"day": "Monday"}), Answer(tool="order_status"), GOODBYE],
    )
    assert call.problems == []
    assert call.said[0] == "Thanks for calling Harbour Lane Books. How can I help you?"
    assert call.said[1] == call.tool_calls[0].output
    assert [(one.name, one.arguments, one.ok) for one in call.tool_calls] == [
        ("opening_hours", {"day": "Monday"}, True),
        ("order_status", {}, False),
        ("hang_up", {}, True),
    ]
    assert [turn["text"] for turn in call.transcript if turn["role"] == "keys"] == ["4271"]
    assert call.end_reason == "agent_hung_up"
    assert call.session["instructions"].endswith(reception.instructions)


def test_the_tools_see_the_call() -> None:
    @tool
    def whose(call: Call) -> str:
        """Say who calls."""
        return call.from_number

    agent = Agent("desk", "Be brief.", greeting="Hello.", tools=[whose, hang_up])
    call = simulate(agent, caller=["Who am I?", "Bye."], model=[Answer(tool="whose", then="I know."), GOODBYE])
    assert (call.problems, call.tool_calls[0].output, call.said[1]) == ([], "+14155550123", "I know.")


def test_a_caller_who_says_nothing_and_one_who_hangs_up() -> None:
    assert simulate(reception).end_reason == "caller_hung_up"
    call = simulate(reception, caller=["Where is my order?", HangUp()], model=["What is its number?"])
    assert (call.problems, call.end_reason) == ([], "caller_hung_up")


def test_without_a_greeting_the_plan_begins_when_the_caller_has_spoken() -> None:
    call = simulate(Agent("desk", "Be brief.", tools=[hang_up]), caller=["Hello?"], model=[GOODBYE])
    assert (call.problems, call.said, call.end_reason) == ([], ["Goodbye!"], "agent_hung_up")


@pytest.mark.parametrize(
    ("model", "problem"),
    [
        ([], "turn 1 was not planned: there are 0 answers"),
        (["Hello.", "Never said."], "the plan's Answer(say='Never said.') was never needed"),
        (
            [Answer(tool="opening_huors")],
            "the plan calls 'opening_huors', which the agent does not have; it has hang_up",
        ),
    ],
)
def test_a_call_that_goes_another_way_than_planned(model: list[Answer | str], problem: str) -> None:
    call = simulate(reception, caller=["Hello?"], model=model)
    assert any(one.startswith(problem) for one in call.problems), call.problems


def test_a_call_is_shown_as_what_was_said_and_done() -> None:
    call = simulate(reception, caller=["Bye."], model=[GOODBYE])
    shown = repr(call).splitlines()
    assert shown[0] == "<simulated call, ended: agent_hung_up, problems: []"
    assert shown[1:] == [
        "  agent: Thanks for calling Harbour Lane Books. How can I help you?",
        "  caller:",
        "  agent: Goodbye!",
        "  tool: hang_up{} The call ends when the caller has heard what you said. Say nothing more.>",
    ]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"caller": "Bye."}, "caller is a list of texts and steps such as Press.*, not 'Bye.' alone"),
        ({"caller": [GOODBYE]}, r"caller is a list .*; Answer\(say='Goodbye!', tool='hang_up'\) is neither"),
        ({"caller": [Press("x")]}, "keys is text of what is on a telephone"),
        ({"caller": [Press(1)]}, "keys is text of what is on a telephone"),  # type: ignore[arg-type]
        ({"model": "Hello."}, r"model is a list of texts and Answer\(...\), not 'Hello.' alone"),
        ({"model": GOODBYE}, "model is a list .* alone"),
        ({"model": [{"tool": "hang_up"}]}, "model is a list .* is neither"),
    ],
)
def test_what_no_caller_and_no_model_can_do_is_told_before_the_call(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(TypeError, match=sentence):
        simulate(reception, **given)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"tool": hang_up}, "tool is text, .*; write the tool's name, 'hang_up'"),
        ({"tool": "hang_up", "arguments": "{}"}, "arguments is a dict, not '{}'"),
        ({"tool": "book", "arguments": {"day": date(2027, 1, 1)}}, "a model gives arguments as JSON"),
    ],
)
def test_an_answer_that_no_model_can_give(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(TypeError, match=sentence):
        Answer(**given)


def test_in_a_running_loop_it_says_what_to_write_instead() -> None:
    async def story() -> SimulatedCall:
        return simulate(reception)

    with pytest.raises(RuntimeError, match="await simulated_call"):
        asyncio.run(story())


def test_the_files_can_be_kept(tmp_path: Path) -> None:
    call = simulate(reception, data=tmp_path)
    assert (tmp_path / "calls" / call.record["id"] / "transcript.jsonl").is_file()


def test_an_agent_by_its_file(tmp_path: Path) -> None:
    path = tmp_path / "desk.yaml"
    path.write_text("instructions: Be brief.\ngreeting: Hello there.\n")
    assert simulate(path).said == ["Hello there."]
    with pytest.raises(AgentError, match="there is no file"):
        simulate(tmp_path / "gone.yaml")


@pytest.mark.sockets
def test_in_real_time_it_takes_as_long_as_a_call() -> None:
    agent = Agent("desk", "Be brief.", greeting="Hello.", tools=[hang_up])

    async def story() -> SimulatedCall:
        return await simulated_call(agent, caller=["Bye."], model=[GOODBYE])

    assert asyncio.run(story()).end_reason == "agent_hung_up"
