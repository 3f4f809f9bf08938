"""Calls the agent: the real bridge and the real tools, a pretend carrier, and a model that answers as planned."""

from pathlib import Path

from bridge.testing import Answer, Press, simulate

AGENT = Path(__file__).with_name("agent.py")
GOODBYE = Answer("Thank you for calling. Goodbye!", tool="hang_up")


def test_it_says_when_we_are_open_and_hangs_up() -> None:
    call = simulate(
        AGENT,
        caller=["When are you open on Saturday?", "Thank you, goodbye."],
        model=[Answer(tool="opening_hours", arguments={"day": "Saturday"}), GOODBYE],
    )
    assert call.problems == []
    assert call.said[0] == "Thanks for calling. How can I help you?"
    assert call.tool_calls[0].output == "On Saturday we are open from ten until four."
    assert call.end_reason == "agent_hung_up"


def test_it_looks_up_an_order_that_is_typed() -> None:
    call = simulate(
        AGENT,
        caller=["Where is my order?", Press("4271#"), "Thank you, goodbye."],
        model=[
            "What is its number?",
            Answer(tool="order_status", arguments={"number": "4271"}),
            GOODBYE,
        ],
    )
    assert call.problems == []
    assert call.tool_calls[0].output == "Order 4271 is out for delivery."


def test_an_unknown_order_is_asked_about_again() -> None:
    call = simulate(
        AGENT,
        caller=["Where is order nine?", "No, goodbye."],
        model=[Answer(tool="order_status", arguments={"number": "9"}, then="Is the number nine?"), GOODBYE],
    )
    assert call.problems == []
    assert not call.tool_calls[0].ok
    assert call.said[1] == "Is the number nine?"
