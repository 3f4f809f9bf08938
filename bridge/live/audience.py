"""People who follow calls while they last: some read the words as they come, some listen.

A call without an audience does nothing for one: its words are told when a turn is over, and the sound is let go once it
is sent. With one it does no more than add a frame to a buffer. Every listener has a queue of their own, of `QUEUE`
blocks; who is too slow loses the oldest blocks, and neither the call nor anybody else waits.

What is heard here is what the caller heard: the agent's side comes from the ledger of what was played
(`call/playback.py`), so that an interruption sounds as it did on the line. For that it runs `BEHIND_MS` late.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bridge.audio.sides import Sides
from bridge.call import events as ev
from bridge.live.session import CallSession
from bridge.live.taps import AudioTap

BEHIND_MS = 600
"""Agent audio is told this late at most on a usual line: a 200 ms chunk and its mark's round trip."""
BLOCK_MS = 100
_BLOCK = BLOCK_MS * 8
_FRAME_MS = 20
"""The caller's audio comes in such steps: so many whole ones have come by now."""
QUEUE = 20
"""2 s."""


@dataclass(frozen=True, slots=True)
class Block:
    """100 ms of both sides (mu-law, 8 kHz), from `at_ms` of the call on."""

    at_ms: int
    caller: bytes
    agent: bytes


class Listener:
    """One person who listens. `block()` waits for the next block; None: the call is over."""

    def __init__(self) -> None:
        self._blocks: asyncio.Queue[Block | None] = asyncio.Queue(QUEUE)
        self.dropped = 0
        """Blocks that came too fast for them."""

    def put(self, block: Block | None) -> None:
        """Never waits."""
        if self._blocks.full():
            self._blocks.get_nowait()
            self.dropped += 1
        self._blocks.put_nowait(block)

    async def block(self) -> Block | None:
        """The next one."""
        return await self._blocks.get()


class _Room:
    """The listeners of one call; an AudioTap, beside the recorder (`other`) where there is one."""

    def __init__(self, at_ms: int, other: AudioTap | None) -> None:
        self.listeners: set[Listener] = set()
        self.other = other
        self._sides = Sides(at_ms * 8)
        self._zero: float | None = None
        """The session's time at which the call's clock began."""

    def caller(self, audio: bytes, at: float) -> None:
        if self.other is not None:
            self.other.caller(audio, at)
        self._sides.caller(audio)
        if self._sides.caller_size >= BEHIND_MS * 8 + _BLOCK:
            self._give(_BLOCK)

    def attached(self, at: float) -> None:
        if self.other is not None:
            self.other.attached(at)
        if self._zero is None:
            self._zero = at
        self._give(self._sides.size)
        self._sides.skip_to(max(self._sides.start, round((at - self._zero) * 8000)))

    def caller_gap(self, ms: int) -> None:
        if self.other is not None:
            self.other.caller_gap(ms)
        self._sides.silence(ms * 8)
        self._give(self._sides.caller_size - BEHIND_MS * 8)

    def heard(self, audio: bytes, at_ms: float) -> None:
        if self.other is not None:
            self.other.heard(audio, at_ms)
        self._sides.agent(audio, round(at_ms * 8))

    def starts_at(self, zero: float | None) -> None:
        """The call's clock began then; None: it has not."""
        self._zero = zero

    def _give(self, size: int) -> None:
        """The oldest so many bytes, in whole blocks."""
        for _ in range(min(size // _BLOCK, QUEUE)):
            at_ms = self._sides.start // 8
            block = Block(at_ms, *self._sides.take(_BLOCK))
            for listener in self.listeners:
                listener.put(block)

    def close(self) -> None:
        """The call is over: what is left, and the end."""
        self._give(self._sides.size)
        for listener in self.listeners:
            listener.put(None)


@dataclass(slots=True)
class _Following:
    readers: int = 0
    room: _Room | None = None
    told: tuple[bool, bool] = field(default=(False, False))


class Audience:
    """Who follows which calls of this process."""

    def __init__(self) -> None:
        self._calls: dict[CallSession, _Following] = {}

    @contextmanager
    def reads(self, session: CallSession) -> Iterator[None]:
        """Somebody reads along: words are told as they come."""
        following = self._following(session)
        following.readers += 1
        self._tell(session, following)
        try:
            yield
        finally:
            following.readers -= 1
            self._tell(session, following)

    @contextmanager
    def listens(self, session: CallSession) -> Iterator[Listener]:
        """Somebody listens in."""
        following = self._following(session)
        room = following.room
        if room is None:
            desk = session.core.desk
            now = asyncio.get_running_loop().time()
            room = following.room = _Room(desk.ms(now) // _FRAME_MS * _FRAME_MS, session.recorder)
            room.starts_at(desk.zero)
            session.recorder = room
        listener = Listener()
        room.listeners.add(listener)
        self._tell(session, following)
        try:
            if session.end is not None:
                listener.put(None)
            yield listener
        finally:
            room.listeners.discard(listener)
            if not room.listeners and session.end is None:
                session.recorder, following.room = room.other, None
            self._tell(session, following)

    def listeners(self, session: CallSession) -> int:
        """How many listen to this call."""
        following = self._calls.get(session)
        return len(following.room.listeners) if following is not None and following.room is not None else 0

    def _following(self, session: CallSession) -> _Following:
        found = self._calls.get(session)
        if found is None:
            found = self._calls[session] = _Following()
            session.over.add_done_callback(lambda _: self._over(session))
        return found

    def _tell(self, session: CallSession, following: _Following) -> None:
        now = (following.readers > 0, following.room is not None)
        if now != following.told and session.end is None:
            following.told = now
            session.handle(ev.Attended(*now))

    def _over(self, session: CallSession) -> None:
        following = self._calls.pop(session)
        if following.room is not None:
            following.room.close()
