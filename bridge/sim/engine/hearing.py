"""The listening half of a session: the caller's sound becomes turns, turns become items, items become words."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Protocol

from bridge.audio import base64text
from bridge.errors import BridgeError
from bridge.sim.ears import Ears
from bridge.sim.engine.complaints import buffer_too_small, invalid_type
from bridge.sim.engine.conversation import Conversation
from bridge.sim.engine.formats import BY_TYPE, SoundFormat
from bridge.sim.engine.items import CALLER_MS_PER_TOKEN, Item, audio_tokens, text_tokens
from bridge.sim.engine.record import SessionRecord
from bridge.sim.engine.response import Response
from bridge.sim.engine.turns import InputBuffer, SpeechStarted

log = logging.getLogger(__name__)

SHORTEST_COMMIT_MS = 100

NO_EARS = "This engine has no ears for words: install the extra `local` or set LOCAL_STT_URL."

TRANSCRIPTION = "conversation.item.input_audio_transcription"


class Host(Protocol):
    """What listening needs of its session."""

    ears: Ears
    conversation: Conversation
    record: SessionRecord

    def send(self, event: dict[str, Any]) -> None: ...
    def new_id(self, kind: str) -> str: ...
    def add(self, item: Item) -> None: ...
    def interrupt(self) -> None: ...
    def respond_to_turn(self, *, idle: bool = False) -> None: ...


class Hearing:
    """`configure` first and after every change of the session, `end` with the session."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._input = InputBuffer(host.ears)
        self._config: dict[str, Any] = {}
        self._item_id = ""  # announced at speech_started, used at the commit
        self._loop = asyncio.get_running_loop()
        self._idle: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def sound(self) -> SoundFormat:
        """The client's input format."""
        return self._input.sound

    def configure(self, config: dict[str, Any]) -> None:
        """Take over `session.audio.input`."""
        self._config = config
        self._input.configure(BY_TYPE[config["format"]["type"]], config["turn_detection"])
        self.watch_idle(None)

    def end(self) -> None:
        """Nobody listens any more."""
        if self._idle is not None:
            self._idle.cancel()
        for task in self._tasks:
            task.cancel()

    def append(self, event: dict[str, Any]) -> None:
        """`input_audio_buffer.append`. Raises Complaint."""
        try:
            data = base64text.decode(event["audio"])
        except ValueError as error:
            raise invalid_type("audio", "base64-encoded audio bytes", event["audio"]) from error
        if self._host.record.keep:
            self._host.record.audio_in += data
        for turn in self._input.feed(data):
            if isinstance(turn, SpeechStarted):
                self._speech_started(turn.audio_start_ms)
            else:
                self._speech_stopped(turn.audio_end_ms)

    def commit(self, event: dict[str, Any]) -> None:
        """`input_audio_buffer.commit`. Raises Complaint when there is too little."""
        if self._input.buffered_ms < SHORTEST_COMMIT_MS:
            raise buffer_too_small(self._input.buffered_ms)
        self._commit_audio(self._input.take())

    def clear(self, event: dict[str, Any]) -> None:
        """`input_audio_buffer.clear`."""
        self._input.take()
        self._item_id = ""
        self._host.send({"type": "input_audio_buffer.cleared"})

    def watch_idle(self, after: Response | None) -> None:
        """Count the caller's silence from where the sound of this answer ends, if it is played out at once.

        None: somebody speaks, or the session changed; stop counting.
        """
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        idle_ms = self._detection("idle_timeout_ms")
        if after is None or not idle_ms or self._input.speaking:
            return
        played_at_s = (after.first_audio_at_s or self._loop.time()) + after.audio_ms / 1000
        due_at_s = max(self._loop.time(), played_at_s) + idle_ms / 1000
        self._idle = self._loop.call_at(due_at_s, self._idle_over, int(self._input.clock_ms))

    def _speech_started(self, audio_start_ms: int) -> None:
        self.watch_idle(None)
        self._item_id = self._host.new_id("item")
        started = {"type": "input_audio_buffer.speech_started", "audio_start_ms": audio_start_ms}
        self._host.send(started | {"item_id": self._item_id})
        if self._detection("interrupt_response"):
            self._host.interrupt()

    def _speech_stopped(self, audio_end_ms: int) -> None:
        stopped = {"type": "input_audio_buffer.speech_stopped", "audio_end_ms": audio_end_ms}
        self._host.send(stopped | {"item_id": self._item_id})
        self._commit_audio(self._input.take(audio_end_ms))
        if self._detection("create_response"):
            self._host.respond_to_turn()

    def _idle_over(self, since_ms: int) -> None:
        self._idle = None
        self._item_id = self._host.new_id("item")
        times = {"audio_start_ms": since_ms, "audio_end_ms": int(self._input.clock_ms)}
        self._host.send({"type": "input_audio_buffer.timeout_triggered", **times, "item_id": self._item_id})
        self._input.take()
        self._commit_audio(b"")
        self._host.respond_to_turn(idle=True)

    def _commit_audio(self, pcm16: bytes) -> None:
        item_id, self._item_id = self._item_id or self._host.new_id("item"), ""
        previous = self._host.conversation.last_id
        committed = {"type": "input_audio_buffer.committed", "previous_item_id": previous, "item_id": item_id}
        self._host.send(committed)
        body = {"id": item_id, "object": "realtime.item", "type": "message", "status": "completed", "role": "user"}
        item = Item(body | {"content": [{"type": "input_audio", "transcript": None}]}, caller_audio=pcm16)
        self._host.add(item)
        if self._host.ears.knows_words and pcm16:
            item.heard = self._loop.create_future()
        tell = self._config["transcription"] is not None
        if item.heard is not None or tell:
            task = self._loop.create_task(self._transcribe(item, tell=tell))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _transcribe(self, item: Item, *, tell: bool) -> None:
        """Find out what was said, for the brain and, if the session asks for it, for the client."""
        words, failure = None, "" if self._host.ears.knows_words else NO_EARS
        if item.heard is not None:
            try:
                words = await self._host.ears.hear(item.caller_audio)
            except (BridgeError, OSError) as error:
                log.warning("the recogniser failed: %s", error)
                failure = str(error)
            item.heard.set_result(words)
        if tell and failure:
            self._tell_failure(item, failure)
        elif tell:
            self._tell_words(item, words or "")

    def _tell_failure(self, item: Item, failure: str) -> None:
        error = {"type": "server_error", "code": "transcription_unavailable", "message": failure, "param": None}
        place = {"item_id": item.id, "content_index": 0}
        self._host.send({"type": f"{TRANSCRIPTION}.failed", **place, "error": error})

    def _tell_words(self, item: Item, words: str) -> None:
        place = {"item_id": item.id, "content_index": 0}
        item.body["content"][0]["transcript"] = words
        if words:
            self._host.send({"type": f"{TRANSCRIPTION}.delta", **place, "delta": words})
        audio, text = audio_tokens(item.audio_ms, CALLER_MS_PER_TOKEN), text_tokens(words)
        usage: dict[str, Any] = {"type": "tokens", "total_tokens": audio + text}
        usage |= {"input_tokens": audio, "output_tokens": text}
        usage["input_token_details"] = {"text_tokens": 0, "audio_tokens": audio}
        self._host.send({"type": f"{TRANSCRIPTION}.completed", **place, "transcript": words, "usage": usage})

    def _detection(self, key: str) -> Any:
        return (self._config["turn_detection"] or {}).get(key)
