"""What a session lets others see of it while it runs. All of these are synchronous and may not block."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

from bridge.call.facts import Fact

Side = Literal["phone", "model"]
Way = Literal["in", "out"]

Subscriber = Callable[[Fact], None]


class AudioTap(Protocol):
    """Hears the call: the recorder."""

    def caller(self, audio: bytes, at: float) -> None:
        """Caller audio (mu-law) as it came, at this time of the session's clock."""
        ...

    def attached(self, at: float) -> None:
        """A leg is on, the first one or another."""
        ...

    def caller_gap(self, ms: int) -> None:
        """Caller audio that never came."""
        ...

    def heard(self, audio: bytes, at_ms: float) -> None:
        """Agent audio (mu-law) that was heard from `at_ms` of the call on."""
        ...


class Meter(Protocol):
    """Audio of one side and way that no line tells of yet. Adding to a field takes less time than a call."""

    size: int
    """8 a millisecond."""

    def begin(self) -> None:
        """Told before `size` grows from nothing: that moment is worth a line."""
        ...


class WireTap(Protocol):
    """Sees both protocols: the timeline."""

    def message(self, side: Side, way: Way, text: str | bytes) -> None:
        """A message without audio, as it went over the wire."""
        ...

    def garbage(self, side: Side, way: Way, text: str | bytes) -> None:
        """A message that was not understood."""
        ...

    def meter(self, side: Side, way: Way) -> Meter:
        """Where messages with audio are counted, by their length alone."""
        ...
