"""The agent template-name: who answers, and what it may do."""

from bridge import Agent, tool
from bridge.tools.phone import hang_up


@tool
def opening_hours(day: str) -> str:
    """Say when we are open. Use it for every question about opening hours.

    Args:
        day: A day of the week in English, such as Monday.
    """
    return f"On {day} we are open from nine to six."


INSTRUCTIONS = """You answer the telephone. Be friendly and brief: one or two short sentences at a time.
- Opening hours: call opening_hours and say what it returns. Never guess.
- When the caller says goodbye: say goodbye in one sentence and call hang_up in the same turn."""

agent = Agent(
    name="template-name",
    instructions=INSTRUCTIONS,
    greeting="Hello. How can I help you?",
    tools=[opening_hours, hang_up],
)
