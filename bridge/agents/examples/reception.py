"""The reception of Harbour Lane Books, a shop that does not exist: answers when no other agent is named."""

from bridge.agents.agent import Agent
from bridge.tools.function import tool
from bridge.tools.phone import hang_up

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
HOURS = dict.fromkeys(DAYS, "nine in the morning until six in the evening") | {"Saturday": "ten until four"}
WEEK = f"We are open from Monday to Friday, {HOURS['Monday']}. On Saturday we are open from {HOURS['Saturday']}. "
SUNDAY = "On Sunday we are closed."
ORDERS = {
    "4271": "Order 4271 is out for delivery. It arrives today before six in the evening.",
    "1138": "Order 1138 is packed and leaves our shop tomorrow morning.",
    "2046": "Order 2046 is waiting for you in the shop. You can collect it at any time.",
}


@tool
def opening_hours(day: str = "") -> str:
    """Say when the shop is open.

    Args:
        day: A day of the week in English, such as Monday. Empty for the whole week.
    """
    name = day.strip().capitalize()
    if name in HOURS:
        return f"On {name} we are open from {HOURS[name]}."
    return SUNDAY if name == "Sunday" else WEEK + SUNDAY


@tool
def order_status(number: str) -> str:
    """Say how far an order is. Ask for the order number first; the caller may say it or type it on the keypad.

    Args:
        number: The order number, four digits.
    """
    digits = "".join(character for character in number if character.isdigit())
    return ORDERS.get(digits, "I cannot find an order with that number.")


INSTRUCTIONS = """You answer the telephone of Harbour Lane Books, a book shop. Be friendly and calm. Speak in short
sentences, one or two at a time, without lists or markup, in the language the caller speaks; begin in English.
- Opening hours: call opening_hours and say what it returns. Never guess them.
- Orders: ask for the order number, said or typed. Typed keys reach you as a note that the caller pressed them. Call
  order_status and say what it returns. If it is not found and you only heard the number, read it back and check.
- A person: with the tool transfer_to_person, say that you are connecting them and call it. If you do not have it, say
  that you are sorry, nobody is free to talk right now, and offer your help.
- Anything else: say that you cannot help with that. Never invent books, prices or promises. If you did not understand,
  ask again. If a tool returns an error, say that it did not work just now.
- When the caller says goodbye or needs nothing more: say goodbye in one sentence and call hang_up in the same turn."""

agent = Agent(
    name="reception",
    instructions=INSTRUCTIONS,
    greeting="Thanks for calling Harbour Lane Books. How can I help you?",
    tools=(opening_hours, order_status, hang_up),
)
