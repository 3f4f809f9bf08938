"""What the phone company complains about, by its own error numbers.

Source: the carrier's error dictionary. `error` ends what was being done, `warning` does not, `notice` is written down
by the real one too but is part of a healthy call (31921 when the application ends a stream by closing its socket).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from bridge.errors import BridgeError

Level = Literal["error", "warning", "notice"]

CATALOGUE: dict[int, tuple[Level, str]] = {
    11100: ("error", "Invalid URL format"),
    11200: ("error", "HTTP retrieval failure"),
    11205: ("error", "HTTP connection failure"),
    11750: ("error", "TwiML response body too large"),
    12100: ("error", "Document parse failure"),
    12200: ("warning", "Schema validation warning"),
    12300: ("error", "Invalid Content-Type"),
    13215: ("warning", "Dial: Invalid nested element"),
    13224: ("error", "Dial: number cannot be reached"),
    13230: ("warning", "Dial->Conference: Invalid muted value"),
    13231: ("warning", "Dial->Conference: Invalid endConferenceOnExit value"),
    13232: ("warning", "Dial->Conference: Invalid startConferenceOnEnter value"),
    13234: ("warning", "Dial->Conference: Invalid waitMethod value"),
    13235: ("warning", "Dial->Conference: Invalid beep value"),
    13237: ("error", "Dial->Conference: Invalid conference name"),
    13238: ("warning", "Dial->Conference: Invalid verb for waitUrl TwiML"),
    13240: ("error", "Dial->Conference: Invalid coach value"),
    13243: ("error", "Dial->SIP: Invalid SIP URI"),
    13520: ("error", "Say: invalid text"),
    13521: ("error", "Say: text too long"),
    15003: ("warning", "Call Progress: warning response to callback URL"),
    15004: ("error", "Call Progress: relative URL in the TwiML of a live update"),
    16023: ("warning", "Dial->Conference: Invalid participant label"),
    16025: ("error", "Dial->Conference: Participant label already in use"),
    31901: ("error", "Stream - WebSocket - Connection Timeout"),
    31902: ("error", "Stream - WebSocket - Connection Refused"),
    31903: ("error", "Stream - WebSocket - Connection Broken Pipe"),
    31910: ("error", "Stream - WebSocket - TLS Error"),
    31920: ("error", "Stream - WebSocket - Handshake Error"),
    31921: ("error", "Stream - WebSocket - Close Error"),
    31922: ("error", "Stream - WebSocket - Invalid Scheme"),
    31923: ("error", "Stream - WebSocket - Malformed URL"),
    31924: ("error", "Stream - WebSocket - Protocol Error"),
    31930: ("warning", "Stream - Inbound audio discarded"),
    31931: ("warning", "Stream - Outbound audio discarded, more than 10 minutes are waiting"),
    31941: ("error", "Stream - Invalid Track configuration"),
    31951: ("warning", "Stream - Message - Invalid Message"),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One complaint about what the other side did: `code` is the carrier's number, `at_s` the loop's time."""

    code: int
    text: str
    at_s: float
    level: Level

    @property
    def title(self) -> str:
        """The carrier's own words for the number."""
        return CATALOGUE[self.code][1]

    def __str__(self) -> str:
        return f"{self.level} {self.code} {self.title}: {self.text}"


class Report(Protocol):
    """Where complaints go."""

    def __call__(self, code: int, text: str, level: Level | None = None) -> None:
        """Complain with the carrier's number; `level` when it is not the usual one of that number."""


class Complaint(BridgeError):
    """What the application gave cannot be used; `code` is the carrier's number for it."""

    bucket = "client_error"

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class CallRefused(BridgeError):
    """A strict carrier let the call fail, because the real one would have complained."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems
