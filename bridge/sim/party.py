"""Who is reached when a number is dialled: the scripted other end of an outbound or forwarded call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from bridge.sim.phone import Phone

Answer = Literal["answer", "no-answer", "busy", "failed"]
AnsweredBy = Literal["human", "machine_start", "machine_end_beep", "machine_end_silence", "fax", "unknown"]

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


Directory = Callable[[str], Party]
"""Who is at a number; asked anew for each call to it, as every call needs a phone of its own."""
