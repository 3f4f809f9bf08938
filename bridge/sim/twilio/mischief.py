"""What can go wrong on a media socket, for tests of the bridge: messages lost, doubled, swapped, forged, held back.

Each function answers a maker for `StreamOptions.mischief`; several are joined by `both`. The carrier itself never does
any of this by itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from bridge.sim.twilio.stream import Mischief, Wire

Maker = Callable[[], Mischief]


def without(event: str) -> Maker:
    """Never send this kind of message: no `start` leaves a parked socket, no `stop` an unannounced end."""
    return lambda: lambda message: () if _event(message) == event else (message,)


def doubled(every: int) -> Maker:
    """Send each n-th media message twice."""
    return _media(every, lambda message, _: (message, message))


def lost(every: int) -> Maker:
    """Leave out each n-th media message: a gap in the timestamps."""
    return _media(every, lambda message, _: ())


def swapped(every: int) -> Maker:
    """Send each n-th media message behind the one that follows it."""

    def make() -> Mischief:
        count, held = 0, list[str]()

        def swap(message: str) -> Sequence[Wire]:
            nonlocal count
            if _event(message) != "media":
                return (message,)
            count += 1
            if count % every == 0 and not held:
                held.append(message)
                return ()
            return (message, held.pop()) if held else (message,)

        return swap

    return make


def jumped(at: int, by_ms: int) -> Maker:
    """From the n-th media message on, timestamps are this much later (or, negative, earlier)."""

    def change(message: str, count: int) -> Sequence[Wire]:
        body = json.loads(message)
        body["media"]["timestamp"] = str(int(body["media"]["timestamp"]) + (by_ms if count >= at else 0))
        return (json.dumps(body),)

    return _media(1, change)


def slipped_in(after: int, *messages: Wire) -> Maker:
    """Behind the n-th message of any kind (the first is `connected`), send these. `{streamSid}` in a text is filled."""

    def make() -> Mischief:
        count = 0

        def slip(message: str) -> Sequence[Wire]:
            nonlocal count
            count += 1
            if count != after:
                return (message,)
            sid = str(json.loads(message).get("streamSid", ""))
            return (message, *(one.replace("{streamSid}", sid) if isinstance(one, str) else one for one in messages))

        return slip

    return make


def both(first: Maker, second: Maker) -> Maker:
    """One after the other; what the first one makes of a text message goes through the second."""

    def make() -> Mischief:
        one, two = first(), second()
        return lambda message: tuple(
            final for text in one(message) for final in (two(text) if isinstance(text, str) else (text,))
        )

    return make


def _media(every: int, change: Callable[[str, int], Sequence[Wire]]) -> Maker:
    """Change each n-th media message; `change` gets it with its number."""

    def make() -> Mischief:
        count = 0

        def mischief(message: str) -> Sequence[Wire]:
            nonlocal count
            if _event(message) != "media":
                return (message,)
            count += 1
            return change(message, count) if count % every == 0 else (message,)

        return mischief

    return make


def _event(message: str) -> str:
    """The kind of one of our own messages, which all begin with it."""
    return message[len('{"event":"') :].partition('"')[0]
