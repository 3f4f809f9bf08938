"""A call that notes what was asked of it."""

from __future__ import annotations

import threading

from bridge.errors import ToolError
from bridge.tools.base import Turn


class NotedCall:
    """A call as tools see it, with every verb written down: (verb, argument, the thread it was carried out in)."""

    id = "call_01"
    from_number = "+14155550101"
    to_number = "+14155550100"
    direction = "inbound"
    agent = "reception"
    carrier_call_id = "CA00000000000000000000000000000001"

    def __init__(self) -> None:
        self.data: dict[str, object] = {}
        self.became = "accepted"
        self.turns: list[Turn] = []
        self.asked: list[tuple[str, str]] = []
        self.threads: set[int] = set()

    def hang_up(self, reason: str = "agent_hung_up") -> None:
        self._note("hang_up", reason)

    def transfer(self, to: str) -> None:
        self._note("transfer", to)

    async def warm_transfer(self, to: str, message: str, *, language: str = "en-US") -> str:
        self._note("warm_transfer", f"{to} {language}: {message}")
        return self.became

    async def send_sms(self, text: str, to: str = "") -> None:
        if not text:
            raise ToolError("A text message has 1 to 1600 characters; this one has 0.")
        self._note("send_sms", f"{to}: {text}")

    def say(self, words: str) -> None:
        self._note("say", words)

    def tell_model(self, text: str, *, respond: bool = False) -> None:
        self._note("tell_model", text)

    def send_digits(self, digits: str) -> None:
        if "!" in digits:
            raise ValueError("no such key")
        self._note("send_digits", digits)

    def _note(self, verb: str, argument: str) -> None:
        self.asked.append((verb, argument))
        self.threads.add(threading.get_ident())
