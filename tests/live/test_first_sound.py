"""The first sound of an answer is on its way before anybody is told of it, whatever it came together with."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from bridge.audio.path import make_path
from bridge.call import facts
from bridge.call.core import CallCore
from bridge.call.limits import Terms
from bridge.carriers.twilio.wire import TwilioWire
from bridge.live.blackbox import BlackBox
from bridge.live.blackbox import lines as blackbox_lines
from bridge.live.info import CallInfo
from bridge.live.model import ModelLink
from bridge.live.phone import PhoneLink
from bridge.live.session import CallSession
from bridge.observe.timeline import Timeline
from bridge.observe.timeline import lines as timeline_lines
from bridge.realtime.connection import OnClose, OnMessages
from bridge.realtime.dialect import DIALECTS
from bridge.realtime.session import SessionConfig
from bridge.realtime.wire import RealtimeWire
from bridge.store.disk import Disk, GrowingFile

START = {
    "event": "start",
    "streamSid": "MZ1",
    "start": {"streamSid": "MZ1", "callSid": "CA1", "accountSid": "AC1", "customParameters": {}},
}


class Model:
    """A socket to a server that says what it is told to."""

    writable = True

    def __init__(self) -> None:
        self.on_writable: Callable[[], None] = lambda: None
        self.says: OnMessages = lambda messages: None
        self.wrote: list[list[bytes]] = []

    async def connect(self, on_messages: OnMessages, on_close: OnClose) -> Model:
        self.says = on_messages
        return self

    def send(self, message: bytes) -> None:
        self.wrote.append([message])

    def send_all(self, messages: Sequence[bytes]) -> None:
        self.wrote.append(list(messages))

    def close(self) -> None: ...


class Phone:
    """A socket to a phone, always ready. `saw` is what it got and what was told, in order."""

    ready = True

    def __init__(self) -> None:
        self.saw: list[Any] = []

    def write(self, texts: Sequence[bytes]) -> None:
        self.saw.append([json.loads(text)["event"] for text in texts])


def said(kind: str, **fields: Any) -> bytes:
    return json.dumps({"type": kind, "event_id": "event_1", **fields}, separators=(",", ":")).encode()


def delta(item: str, response: str = "resp_1", ms: int = 200) -> bytes:
    place = {"response_id": response, "item_id": item, "output_index": 0, "content_index": 0}
    return said("response.output_audio.delta", **place, delta="/" * (ms * 8 // 3 * 4 + 4 * (ms * 8 % 3 > 0)))


def created(response: str = "resp_1") -> bytes:
    return said("response.created", response={"id": response, "status": "in_progress", "conversation_id": "conv_1"})


ADDED = said("response.output_item.added", response_id="resp_1", item={"id": "item_1"})
PART = said("response.content_part.added", response_id="resp_1", item_id="item_1", part={"type": "audio"})
WORDS = said("response.output_audio_transcript.delta", response_id="resp_1", item_id="item_1", delta="Hello")


def call(tmp_path: Path, reads: list[list[bytes]]) -> list[Any]:
    """What a phone got and watchers were told after these reads of the model's socket."""

    async def story() -> list[Any]:
        loop, disk, model, phone = asyncio.get_running_loop(), Disk(), Model(), Phone()
        config = SessionConfig("", "cedar", "pcmu", "pcmu", None)
        wire = RealtimeWire(DIALECTS["ga"], make_path("pcmu", "pcmu"), lambda _: config)
        timeline = Timeline(GrowingFile(disk, tmp_path / "timeline.jsonl", timeline_lines), loop.time)
        terms = Terms()
        box = BlackBox(GrowingFile(disk, tmp_path / "box.jsonl", blackbox_lines), terms, 0.0, loop.time())
        session = CallSession(
            CallInfo("call_1", "CA1", "inbound", "+14155550100", "+14155550101", "agent", 0.0),
            CallCore(terms, loop.time()),
            ModelLink(wire, model.connect, timeline),
            box,
            timeline,
            [lambda fact: phone.saw.append(type(fact))],
            None,
        )
        session.start()
        await asyncio.sleep(0)
        link = PhoneLink(TwilioWire())
        link.short_way = phone
        link.receive([json.dumps(START)])
        assert session.attach_phone(link)
        model.says([said("session.created", session={"id": "sess_1"})])
        asked = json.loads(model.wrote[0][0])
        model.says([said("session.updated", session=asked["session"])])
        phone.saw.clear()
        for messages in reads:
            model.says(messages)
        saw = list(phone.saw)
        await disk.drained()
        disk.close()
        return saw

    return asyncio.run(story())


@pytest.mark.parametrize(
    "reads",
    [
        [[created()], [ADDED], [PART], [delta("item_1")], [WORDS]],
        [[created()], [ADDED, PART, delta("item_1"), WORDS]],
        [[created(), ADDED, PART, delta("item_1"), WORDS]],
    ],
    ids=["one by one", "together", "all in one read"],
)
def test_a_first_sound_leaves_before_it_is_told_of(tmp_path: Path, reads: list[list[bytes]]) -> None:
    sound = ["media", "mark", "media", "mark"]
    assert call(tmp_path, reads) == [sound, facts.AgentStarted]


def test_what_comes_late_and_together_leaves_as_one_write(tmp_path: Path) -> None:
    late = [delta("item_1"), WORDS, delta("item_1"), WORDS, delta("item_1")]
    first, told, *rest = call(tmp_path, [[created(), ADDED, PART, *late]])
    assert (first, told) == (["media", "mark"] * 2, facts.AgentStarted)
    assert rest == [["media", "mark"] * 2], "the others wait for each other"


def test_what_fails_in_the_middle_of_a_read_holds_nothing_back() -> None:
    link, held = PhoneLink(TwilioWire()), list[bool]()
    link.on_together = held.append

    def failing(event: object) -> None:
        raise RuntimeError("a fault of ours")

    link.on_event = failing
    with pytest.raises(RuntimeError):
        link.receive([json.dumps(START)] * 3)
    assert held == [True, False]
