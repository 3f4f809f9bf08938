"""Who is reached when a number is dialled: the scripted other end of an outbound or forwarded call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from bridge.sim.phone import Phone

Answer = Literal["answer", "no-answer", "busy", "failed"]
AnsweredBy = Literal[
    "human", "machine_start", "machine_end_beep", "machine_end_silence", "machine_end_other", "fax", "unknown"
]

SIP_CODES: dict[str, str] = {"answer": "200", "no-answer": "487", "busy": "486", "failed": "404", "canceled": "487"}


@dataclass(slots=True)
class Party:
    """One telephone somewhere: what it does when it rings, and who picks up."""

    does: Answer = "answer"
    after_s: float = 2.0
    """Seconds of ringing until it is answered or found busy; `no-answer` rings as long as the caller lets it."""
    answered_by: AnsweredBy = "human"
    detect_s: float = 2.0
    """How long answering-machine detection needs."""
    phone: Phone = field(default_factory=Phone)
    sip: str = ""
    """The network's code for not being reached, where it is not the usual one: `busy` with 603 is a call declined,
    `failed` with 608 one that a network took for unwanted, with 503 trouble on the way."""
    refusal: int = 0
    """The error number with which the REST API refuses to call it at all; 0: it does not."""


Directory = Callable[[str], Party]
"""Who is at a number; asked anew for each call to it, as every call needs a phone of its own."""
