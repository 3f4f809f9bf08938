"""What happened in one session, for tests and for whoever debugs a client: both directions, with times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Seen:
    """One event and when it passed: seconds since the session was opened. Sound is cut out of it, see the record."""

    at_s: float
    event: dict[str, Any]

    @property
    def type(self) -> str:
        return str(self.event.get("type", ""))


@dataclass(frozen=True, slots=True)
class Truncation:
    """A truncation that was accepted: where the client cut, and how long the item's sound had been."""

    item_id: str
    audio_end_ms: int
    had_ms: float


@dataclass(slots=True)
class Answer:
    """One response: how it ended, what it said, what it called, how much sound was sent for it."""

    id: str
    status: str = "in_progress"
    said: str = ""
    calls: list[str] = field(default_factory=list)
    audio_ms: float = 0.0


@dataclass(slots=True)
class SessionRecord:
    """One connection's life. `dialect` is `ga` or `beta`; `close` is (code, reason) once it is closed.

    `audio_in` is everything the client appended and `audio_out` everything that was sent to it, each in the format
    that was agreed at the time; both stay empty when the server keeps no sound.
    """

    id: str
    dialect: str
    keep: bool = True
    received: list[Seen] = field(default_factory=list)
    sent: list[Seen] = field(default_factory=list)
    audio_in: bytearray = field(default_factory=bytearray)
    audio_out: bytearray = field(default_factory=bytearray)
    truncations: list[Truncation] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    close: tuple[int, str] | None = None

    def came(self, at_s: float, event: dict[str, Any]) -> None:
        """An event of the client."""
        if self.keep:
            self.received.append(Seen(at_s, _without(event, "audio")))

    def went(self, at_s: float, event: dict[str, Any]) -> None:
        """An event of ours."""
        if self.keep:
            self.sent.append(Seen(at_s, _without(event, "delta") if "audio.delta" in event["type"] else event))

    def types(self) -> Iterator[str]:
        """The names of all events we sent, in order."""
        return (seen.type for seen in self.sent)


def _without(event: dict[str, Any], key: str) -> dict[str, Any]:
    if not isinstance(event.get(key), str):
        return event
    return {**event, key: f"<{len(event[key])} characters>"}
