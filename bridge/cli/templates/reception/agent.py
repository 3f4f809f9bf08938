"""The agent template-name: a reception that knows opening hours and orders, and can hand a caller to a person."""

from bridge import Agent, tool
from bridge.errors import ToolError
from bridge.tools.phone import hang_up

HOURS = {"Saturday": "from ten until four", "Sunday": "not at all"}
ORDERS = {"4271": "is out for delivery", "1138": "leaves our shop tomorrow morning"}


@tool
def opening_hours(day: str) -> str:
    """Say when we are open. Use it for every question about opening hours.

    Args:
        day: A day of the week in English, such as Monday.
    """
    return f"On {day} we are open {HOURS.get(day, 'from nine until six')}."


@tool(timeout=4, say="One moment, let me look.")
def order_status(number: str) -> str:
    """Say how far an order is. Ask for its number first; the caller may say it or type it on the keypad.

    Args:
        number: The order number, four digits.
    """
    if number not in ORDERS:
        raise ToolError(f"There is no order {number}. Read the number back to the caller and ask whether it is right.")
    return f"Order {number} {ORDERS[number]}."


INSTRUCTIONS = """You answer the telephone of a small shop. Be friendly and brief, one or two short sentences at a time.
- Opening hours: call opening_hours and say what it returns. Never guess.
- Orders: ask for the order number, then call order_status and say what it returns.
- A person: say that you are connecting them and call transfer_to_person in the same turn.
- When the caller says goodbye: say goodbye in one sentence and call hang_up in the same turn."""

agent = Agent(
    name="template-name",
    instructions=INSTRUCTIONS,
    greeting="Thanks for calling. How can I help you?",
    tools=[opening_hours, order_status, hang_up],
    transfer_to="+14155550142",  # a number that does not exist: put yours here
)
