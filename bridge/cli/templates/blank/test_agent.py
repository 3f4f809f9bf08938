"""Calls the agent: the real bridge and the real tools, a pretend carrier, and a model that answers as planned."""

from pathlib import Path

from bridge.testing import Answer, simulate

AGENT = Path(__file__).with_name("agent.py")


def test_it_says_when_we_are_open_and_hangs_up() -> None:
    call = simulate(
        AGENT,
        caller=["When are you open on Monday?", "Thank you, goodbye."],
        model=[Answer(tool="opening_hours", arguments={"day": "Monday"}), Answer("Goodbye!", tool="hang_up")],
    )
    assert call.problems == []
    assert call.said[0] == "Hello. How can I help you?"
    assert call.tool_calls[0].output == "On Monday we are open from nine to six."
    assert call.end_reason == "agent_hung_up"
