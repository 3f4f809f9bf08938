"""An agent is checked when it is made, and knows all of its tools."""

from dataclasses import FrozenInstanceError, replace
from types import SimpleNamespace
from typing import Any

import pytest

from bridge.agents.agent import Agent
from bridge.agents.guardrails import Guardrail
from bridge.agents.listening import TurnDetection
from bridge.agents.team import Routing
from bridge.errors import AgentError
from bridge.tools.base import Manner
from bridge.tools.function import tool
from bridge.tools.phone import hang_up, transfer_to


@tool
def get_hours() -> str:
    """Opening hours."""
    return "nine to six"


def test_defaults_are_fit_for_the_phone() -> None:
    agent = Agent("desk", instructions="Answer.", tools=[get_hours, hang_up])
    assert agent.tools == agent.all_tools == (get_hours, hang_up)
    assert (agent.voice, agent.language, agent.model, agent.max_minutes) == ("marin", "en", "", 30)
    assert (agent.transcription_model, agent.noise_reduction) == ("gpt-transcribe", "near_field")
    assert agent.turn_detection.definition() == {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 500,
        "create_response": True,
        "interrupt_response": True,
    }


def test_turn_detection_is_complete_for_its_kind() -> None:
    idle = TurnDetection(threshold=0.6, idle_timeout_ms=8000, interrupt_response=False).definition()
    assert (idle["threshold"], idle["idle_timeout_ms"], idle["interrupt_response"]) == (0.6, 8000, False)
    assert TurnDetection("semantic_vad", eagerness="low").definition() == {
        "type": "semantic_vad",
        "eagerness": "low",
        "create_response": True,
        "interrupt_response": True,
    }


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"type": "vad"}, "type is server_vad, semantic_vad or local, not 'vad'"),
        ({"threshold": 1.5}, "threshold is between 0 and 1, not 1.5"),
        ({"silence_duration_ms": -1}, "cannot be negative"),
        ({"idle_timeout_ms": 100}, "idle_timeout_ms is 5000 to 30000, not 100"),
        ({"eagerness": "very"}, "eagerness is low, medium, high or auto, not 'very'"),
    ],
)
def test_turn_detection_is_checked(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(AgentError, match=f"turn_detection: .*{sentence}"):
        TurnDetection(**wrong)


def test_a_person_to_transfer_to_brings_the_tool() -> None:
    agent = Agent("desk", instructions="Answer.", tools=[get_hours], transfer_to="+14155550142")
    assert [tool.name for tool in agent.all_tools] == ["get_hours", "transfer_to_person"]
    assert agent.all_tools[1] is agent.all_tools[1], "made once: the model is told the same each time"
    nobody = replace(agent, transfer_to="")
    assert nobody.all_tools == (get_hours,)


def test_an_agent_does_not_change() -> None:
    agent = Agent("desk", instructions="Answer.")
    with pytest.raises(FrozenInstanceError):
        agent.voice = "cedar"  # type: ignore[misc]
    assert replace(agent, voice="cedar").voice == "cedar"


def undecorated() -> None:
    """No tool yet."""


wordless = SimpleNamespace(name="wordless", description="", parameters={}, manner=Manner(), run=None, definition=None)
"""A tool of somebody's own making; `@tool` would have refused it."""


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"name": " "}, "an agent needs a name"),
        ({"instructions": ""}, "agent 'desk': it has no instructions"),
        ({"instructions": None}, "agent 'desk': it has no instructions"),
        ({"voice": ""}, "it has no voice"),
        ({"noise_reduction": "none"}, "noise_reduction is near_field, far_field or empty, not 'none'"),
        ({"max_minutes": 0}, "max_minutes is between 0 and 55, not 0"),
        ({"max_minutes": float("nan")}, "max_minutes is between 0 and 55, not nan"),
        ({"max_minutes": 90}, "max_minutes is between 0 and 55, not 90"),
        ({"turn_detection": None}, "turn_detection is a TurnDetection"),
        ({"greeting": None}, "greeting is text, not None"),
        ({"max_minutes": "ten"}, "max_minutes is a number, not 'ten'"),
        ({"protect_greeting": "yes"}, "protect_greeting is true or false, not 'yes'"),
        ({"transfer_to": 4155550123}, "transfer_to is text, not 4155550123"),
        ({"silence": 10}, r"silence is a Silence\(...\)"),
        ({"hours": {"mon": "09:00-18:00"}}, r"hours is an OpeningHours\(...\)"),
        ({"analysis": {}}, r"analysis is an Analysis\(...\)"),
        ({"menu": {"1": 3}}, "menu is a dict of keys and what they mean"),
        ({"menu": ["1"]}, "menu is a dict of keys and what they mean"),
        ({"tools": get_hours}, "tools is a list of tools"),
        ({"tools": [undecorated]}, "undecorated is not a tool; put @tool above the function"),
        ({"tools": ["get_hours"]}, "'get_hours' is not a tool; a tool is the function itself"),
        ({"prepare": lambda: {}}, "prepare is called with one value, the call"),
        ({"tools": [3]}, "3 is not a tool$"),
        ({"prepare": {"name": "Bo"}}, "prepare is a function of the call that returns a dict, not {'name': 'Bo'}"),
        ({"tools": [wordless]}, "tool 'wordless' has no description; give its function a docstring"),
        ({"tools": [get_hours, hang_up, get_hours]}, "more than one tool is called get_hours"),
        ({"tools": [transfer_to("+14155550142")], "transfer_to": "+14155550143"}, "is called transfer_to_person"),
        ({"transfer_to": "911"}, "'911' is not a number to transfer to"),
    ],
)
def test_what_cannot_work_is_refused_in_one_sentence(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(AgentError, match=sentence) as refusal:
        Agent(**({"name": "desk", "instructions": "Answer."} | wrong))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("number", ["0199", "+1 415 555 0100", "", "14155550100"])
def test_a_number_that_no_call_comes_to_is_no_route(number: str) -> None:
    desk = Agent("desk", instructions="Answer.")
    with pytest.raises(AgentError, match="numbers are written like"):
        Routing({number: desk}, otherwise=desk)
    somebody: Any = "desk"
    with pytest.raises(AgentError, match="a routing is between agents, and 'desk' is none"):
        Routing({}, otherwise=somebody)
    assert Routing({"+14155550100": desk, "sip:desk@example.com": desk}, otherwise=desk).agents == (desk,)


def test_a_check_that_could_never_be_called_is_no_guardrail() -> None:
    of_words: Any = lambda words: ""  # noqa: E731
    with pytest.raises(AgentError, match="a guardrail's check is called with two values"):
        Guardrail(of_words)
    assert Guardrail(lambda words, call, mood="calm": "").say
    with pytest.raises(AgentError, match="is called with two values: the call, and what happened"):
        Agent("desk", instructions="Answer.").on("call.ended")(of_words)
