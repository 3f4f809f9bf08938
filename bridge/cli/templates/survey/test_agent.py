"""Calls the agent: the real bridge and the real tools, a pretend carrier, and a model that answers as planned."""

import json
from pathlib import Path

import pytest

from bridge.testing import Answer, simulate

AGENT = Path(__file__).with_name("agent.py")


def noted(question: str, answer: str, then: str) -> Answer:
    """The model writes an answer down and goes on."""
    return Answer(tool="note_answer", arguments={"question": question, "answer": answer}, then=then)


def test_it_asks_three_questions_and_keeps_the_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SURVEY_ANSWERS", str(tmp_path / "answers.jsonl"))
    call = simulate(
        AGENT,
        caller=["Yes.", "Nine.", "You were quick.", "Yes, I would.", "Goodbye."],
        model=[
            "How content were you with us, from one to ten?",
            noted("score", "9", "What is the main reason for that?"),
            noted("reason", "quick", "Would you come to us again?"),
            noted("again", "yes", "That was all. Is there anything else?"),
            Answer("Thank you. Goodbye!", tool="hang_up"),
        ],
    )
    assert call.problems == []
    assert [one.output for one in call.tool_calls][2] == "Noted. That was the last: call finish."
    assert call.end_reason == "agent_hung_up"


def test_a_caller_who_stops_early_is_kept_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SURVEY_ANSWERS", str(tmp_path / "answers.jsonl"))
    call = simulate(
        AGENT,
        caller=["Nine.", "I have to go."],
        model=[noted("score", "9", "Why?"), Answer(tool="finish", then="Thank you. Goodbye!")],
    )
    assert call.problems == []
    [line] = (tmp_path / "answers.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line) == {"call": call.record["id"], "score": "9"}
