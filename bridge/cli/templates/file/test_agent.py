"""Calls the agent: the real bridge and the real tools, a pretend carrier, and a model that answers as planned."""

from pathlib import Path

from bridge.testing import Answer, simulate

AGENT = Path(__file__).with_name("agent.toml")


def test_it_greets_answers_and_hangs_up() -> None:
    call = simulate(
        AGENT,
        caller=["When are you open on Saturday?", "Thank you, goodbye."],
        model=["On Saturday we are open from ten until four.", Answer("Goodbye!", tool="hang_up")],
    )
    assert call.problems == []
    assert call.said[0] == "Thanks for calling Harbour Lane Books. How can I help you?"
    assert call.end_reason == "agent_hung_up"


def test_it_connects_a_caller_with_a_person() -> None:
    call = simulate(
        AGENT,
        caller=["I want to speak to a person."],
        model=[Answer("I am connecting you.", tool="transfer_to_person")],
    )
    assert call.problems == []
    assert call.end_reason == "transferred"
