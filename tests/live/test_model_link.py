"""The link to the model keeps what it holds back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bridge.audio.path import make_path
from bridge.live.model import ModelLink
from bridge.live.phone import _Silent
from bridge.realtime.connection import OnClose, OnMessages
from bridge.realtime.dialect import DIALECTS
from bridge.realtime.session import SessionConfig
from bridge.realtime.wire import RealtimeWire


class Reading:
    """A socket whose server reads."""

    def __init__(self) -> None:
        self.writable = True
        self.on_writable = lambda: None
        self.sent: list[bytes] = []

    def send(self, message: bytes) -> None:
        self.sent.append(message)

    def send_all(self, messages: Sequence[bytes]) -> None:
        self.sent += messages

    def close(self) -> None: ...


def test_three_seconds_that_come_in_one_read_all_reach_a_server_that_reads() -> None:
    async def story() -> Reading:
        socket = Reading()

        async def connect(on_messages: OnMessages, on_close: OnClose) -> Reading:
            return socket

        config = SessionConfig("", "cedar", "pcmu", "pcmu", None)
        link = ModelLink(RealtimeWire(DIALECTS["ga"], make_path("pcmu", "pcmu"), lambda _: config), connect, _Silent())
        await link.open()
        link.hold()
        for _ in range(150):
            link.feed(b"\x55" * 160)
        link.release()
        assert link.dropped_bytes == 0
        return socket

    assert len(asyncio.run(story()).sent) == 150
