"""A survey of three questions. When a call is over, its answers are data in the call's folder (`analysis.json`)."""

from typing import Literal

from pydantic import BaseModel, Field

from bridge.agents.agent import Agent
from bridge.agents.analysis import Analysis
from bridge.agents.listening import Silence
from bridge.tools.base import Call
from bridge.tools.function import tool
from bridge.tools.phone import hang_up

QUESTIONS = {
    "score": "How content were you with your last visit, from one to ten?",
    "reason": "What is the main reason for that?",
    "again": "Would you come to us again?",
}


class Answers(BaseModel):
    """What is left of a call."""

    score: int | None = Field(description="One to ten; null when no number was said.")
    reason: str | None = Field(description="In the caller's words.")
    again: bool | None


@tool(idempotent=True)
def note_answer(question: Literal["score", "reason", "again"], answer: str, call: Call) -> str:
    """Note the answer to a question, and learn the next one. Call it after each answer.

    Args:
        question: Which question was answered.
        answer: What the caller said; for the score the number alone, 1 to 10.
    """
    if question == "score" and not (answer.strip().isdecimal() and 1 <= int(answer) <= 10):
        return f"That is no number from one to ten. Ask once more: {QUESTIONS['score']}"
    call.data[question] = answer
    missing = next((words for name, words in QUESTIONS.items() if name not in call.data), "")
    return f"Noted. Now ask: {missing}" if missing else "Noted, and that was all. Thank them, and say goodbye."


INSTRUCTIONS = f"""You make a short survey for the Museum of Rain. Be friendly; ask one question at a time and nothing
else. When the caller agrees, begin: {QUESTIONS["score"]} After each answer call note_answer and ask what it says. Never
argue with an answer. If the caller wants to stop, stop. At the end thank them, say goodbye and call hang_up."""

agent = Agent(
    name="survey",
    instructions=INSTRUCTIONS,
    greeting="Hello, this is the Museum of Rain. May I ask you three short questions about your visit?",
    tools=[note_answer, hang_up],
    silence=Silence(after_s=8, say=["Take your time.", "Are you still there?"], goodbye_after_s=15),
    max_minutes=5,
    analysis=Analysis(Answers, dispositions=["complete", "partial", "refused"]),
)
