"""The agent template-name: asks three questions and writes the answers down, one line of JSON a call."""

import json
import os
from pathlib import Path
from typing import Literal

from bridge import Agent, Call, tool
from bridge.tools.phone import hang_up

ANSWERS = Path(os.environ.get("SURVEY_ANSWERS", "answers.jsonl"))


@tool
def note_answer(question: Literal["score", "reason", "again"], answer: str, call: Call) -> str:
    """Write down the answer to one question. Call it after each answer, before the next question.

    Args:
        question: Which question was answered.
        answer: The caller's answer in their own words; for the score only the number.
    """
    call.data[question] = answer
    missing = [name for name in ("score", "reason", "again") if name not in call.data]
    return f"Noted. Next question: {missing[0]}." if missing else "Noted. That was the last: call finish."


@tool
def finish(call: Call) -> str:
    """Save all answers. Call it once, when every question was answered or the caller wants to stop."""
    with ANSWERS.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"call": call.id, **call.data}) + "\n")
    return "Saved. Thank the caller, say goodbye and call hang_up."


INSTRUCTIONS = """You make a short survey on the telephone. Be friendly; ask one question at a time, and nothing else.
1. score: How content were you with us, from one to ten?
2. reason: What is the main reason for that?
3. again: Would you come to us again?
After each answer call note_answer. If an answer does not fit, ask once more, then note what was said. At the end call
finish. If the caller does not want to go on: call finish at once. Then thank them, say goodbye and call hang_up."""

agent = Agent(
    name="template-name",
    instructions=INSTRUCTIONS,
    greeting="Hello. We have three short questions about your last visit. Is that all right?",
    tools=[note_answer, finish, hang_up],
)
