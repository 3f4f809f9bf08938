"""The agent's voice as the model speaks it (24 kHz), for an ear that is better than a phone's.

The call stays a phone call: the ledger counts, marks and flushes mu-law as ever. What is kept here is each item's own
sound; when the ledger lets a chunk out its mark says which part of which item that is, and the same part goes out in
24 kHz instead. So what is heard, when, and how much of it, is to the millisecond what a phone would hear.
"""

from __future__ import annotations

from binascii import b2a_base64
from collections import OrderedDict

import msgspec

from bridge.audio.g711 import SAMPLE_RATE_HZ
from bridge.audio.path import MODEL_PCM_RATE_HZ
from bridge.call import commands as do
from bridge.call import events as ev
from bridge.call.playback import FRAME, place_of
from bridge.carriers.base import LegStart, Wire

ENCODING = f"audio/l16;rate={MODEL_PCM_RATE_HZ}"
"""PCM16, little-endian."""
WIDER = 2 * MODEL_PCM_RATE_HZ // SAMPLE_RATE_HZ
"""Bytes of it for each byte of mu-law."""
ITEMS = 4
"""Items that are kept: the one in the air, and what was generated behind it."""
MOST_BYTES = 48 * 600_000
"""Of one item: ten minutes. What goes on after that is heard as a phone hears it."""


class WideSound:
    """What the model said lately in one call, by item."""

    def __init__(self) -> None:
        self._items: OrderedDict[str, bytearray] = OrderedDict()

    def keep(self, item_id: str, pcm: bytes) -> None:
        """The next piece of an item."""
        item = self._items.get(item_id)
        if item is None:
            item = self._items[item_id] = bytearray()
            while len(self._items) > ITEMS:
                self._items.popitem(last=False)
        if len(item) < MOST_BYTES:
            item += pcm

    def part(self, item_id: str, start: int, size: int) -> bytes:
        """`size` bytes of mu-law from `start` on, in PCM16; shorter where less is known, and empty for nothing."""
        item = self._items.get(item_id)
        return b"" if item is None else bytes(item[start * WIDER : (start + size) * WIDER])


class WideWire:
    """A phone leg's protocol whose media are 24 kHz where that is known; all else is the carrier's own wire."""

    def __init__(self, wire: Wire, sound: WideSound) -> None:
        self._wire = wire
        self._sound = sound
        self.features = wire.features
        self.sound = wire.sound
        self._item = ("", "")
        self._at = 0

    @property
    def start(self) -> LegStart | None:
        """See `Wire.start`."""
        return self._wire.start

    @start.setter
    def start(self, start: LegStart | None) -> None:
        self._wire.start = start

    def read(self, message: str | bytes) -> tuple[ev.Event, ...]:
        """See `Wire.read`."""
        return self._wire.read(message)

    def write(self, command: do.PhoneCommand) -> tuple[bytes, ...]:
        """See `Wire.write`."""
        texts = self._wire.write(command)
        if not isinstance(command, do.Play) or self.start is None:
            return texts
        wide = self._wide(command)
        if not wide:
            return texts
        media = {"payload": b2a_base64(wide, newline=False).decode(), "encoding": ENCODING}
        return (msgspec.json.encode({"event": "media", "streamSid": self.start.stream_id, "media": media}), *texts[1:])

    def _wide(self, play: do.Play) -> bytes:
        item_id, end_ms, generation = place_of(play.mark)
        if (item_id, generation) != self._item:
            # The last frame of an item is filled up, and does not end where its mark says.
            filled = -end_ms * 8 % FRAME if len(play.audio) == FRAME else 0
            self._item, self._at = (item_id, generation), max(0, end_ms * 8 + filled - len(play.audio))
        start, self._at = self._at, self._at + len(play.audio)
        pcm = self._sound.part(item_id, start, len(play.audio))
        return pcm + bytes(len(play.audio) * WIDER - len(pcm)) if pcm else b""
