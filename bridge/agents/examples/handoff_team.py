"""Four agents on one call: authentication, returns, sales and a person. Returns are decided by a supervisor."""

import os

from bridge.agents.agent import Agent
from bridge.agents.handoff import Handoff
from bridge.agents.supervisor import Supervisor
from bridge.errors import ToolError
from bridge.tools.base import Call
from bridge.tools.function import tool
from bridge.tools.phone import hang_up

CUSTOMERS = {"4271": ("Ada Lovelace", "snowboard, bought 9 days ago, unopened"), "1138": ("Ed", "boots, 40 days, worn")}


@tool
def authenticate(order: str, last_name: str, call: Call) -> str:
    """Check who is calling, by order number and last name. Read both back, character by character, before."""
    name, bought = CUSTOMERS.get(order, ("", ""))
    if not name or name.split()[-1].lower() != last_name.strip().lower():
        raise ToolError("That does not fit together. Ask once more; after a second failure hand over to the person.")
    call.data.update(customer=name, bought=bought)
    return f"This is {name}; they bought: {bought}."


@tool(timeout=5)
def return_item(reason: str, call: Call) -> str:
    """Begin the return of what the caller bought. Use it when they want to give it back and have said why."""
    if "customer" not in call.data:
        raise ToolError("The caller is not authenticated. Hand over to authentication first.")
    return f"The return of {call.data['bought']} has begun; a label comes by mail. Reason noted: {reason}."


@tool(idempotent=True)
def offers() -> list[str]:
    """What is on offer this week."""
    return ["Comet snowboard, 299 dollars", "Pine boots, 149 dollars", "wax, 9 dollars"]


POLICY = "Returns are free within 30 days of purchase if the item is unopened. Worn or opened items cannot be returned."
supervisor = Supervisor("You decide on returns for a snowboard shop, kindly and by the policy alone.")
returns = Agent("returns", "You handle returns. Ask why, then call return_item and follow what it says.",
                handoff_description="An authenticated caller wants to give something back.",
                tools=[supervisor.validates(return_item, POLICY), hang_up], handoffs=["sales", "person"])  # fmt: skip
sales = Agent("sales", "You sell. Mention offers only when asked. Never press anybody.", tools=[offers, hang_up],
              handoff_description="The caller wants to buy.", handoffs=["authentication", "person"])  # fmt: skip
person = Agent("person", "You speak for the shop's owner, who is busy. Listen, take a message, promise a call back.",
               handoff_description="The caller is upset, asks for a person, or nobody else can help.",
               transfer_to=os.environ.get("OWNER_NUMBER", ""), transfer="warm", tools=[hang_up])  # fmt: skip
agent = Agent(
    name="authentication",
    instructions="You answer for a snowboard shop. Find out what callers want. For a return, authenticate them first.",
    greeting="Summit Boards, hello. How can I help?",
    handoff_description="Somebody has to be authenticated.",
    tools=[authenticate, hang_up],
    handoffs=[Handoff(returns, say="I connect you to our returns desk."), Handoff(sales), Handoff(person)],
)
