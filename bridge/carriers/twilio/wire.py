"""Twilio Media Streams, one leg: JSON text in, events out; commands in, JSON text out.

Facts this file relies on (reference: Twilio's Media Streams WebSocket messages):

- every counter is a string; `sequenceNumber` counts messages from 1, `timestamp` is ms since the stream began and its
  first value is not 0; 160 bytes a frame is usual and not promised, so any length is taken;
- frames may be lost, repeated or swapped on the way. The time stamp decides: what is older than what we have is
  dropped, what is missing is reported as a gap, nothing is ever put back in the past;
- `clear` returns pending marks as if they had been played; that is the ledger's business, not the wire's;
- everything needs the `streamSid`, which is known from `start` on.
"""

from __future__ import annotations

from binascii import b2a_base64

import msgspec

from bridge.call import commands as do
from bridge.call import events as ev
from bridge.carriers.base import Features, LegStart
from bridge.errors import WireError

GAP_MS = 15
"""A jump of the time stamp by this much is a lost frame (20 ms); below it is rounding (captured: 19.97 ms a frame)."""
WRAP_MS = 60_000
"""A time stamp this far back is a new count and not an old frame."""
RESTART_FRAMES = 25
"""So are this many old frames in a row, each later than the one before (500 ms): nobody repeats that much."""
LONGEST_MS = 86_400_000
"""Twilio's longest call, 24 h. A time stamp beyond it is not believed."""
NOT_YET = 1 << 62
"""Stands for the time stamp before the first: nothing comes after it."""

_MEDIA = b'{"event":"media",'
_KEYS = frozenset("0123456789*#ABCD")


class _Media(msgspec.Struct, gc=False):
    payload: bytes  # base64 in the message; decoded strictly
    track: str = "inbound"
    timestamp: str | int = ""


class _Mark(msgspec.Struct, gc=False):
    name: str


class _Dtmf(msgspec.Struct, gc=False):
    digit: str


class _Start(msgspec.Struct, gc=False):
    callSid: str
    accountSid: str
    streamSid: str = ""
    customParameters: dict[str, str] = {}


class _Message(msgspec.Struct, gc=False):
    event: str
    streamSid: str = ""
    media: _Media | None = None
    mark: _Mark | None = None
    dtmf: _Dtmf | None = None
    start: _Start | None = None


class _Sound(msgspec.Struct, gc=False, tag_field="track", tag="inbound"):
    """The media of a caller's frame, spelled as Twilio does."""

    payload: bytes
    timestamp: str


class _Frame(msgspec.Struct, gc=False, tag_field="event", tag="media"):
    """A caller's frame as Twilio spells it. Whatever else stands in it is not looked at; `read` reads the others."""

    streamSid: str
    media: _Sound


_decode = msgspec.json.Decoder(_Message).decode
_decode_frame = msgspec.json.Decoder(_Frame).decode


class TwilioWire:
    """One Media Streams leg."""

    __slots__ = (
        "_clear",
        "_head",
        "_last_ms",
        "_mark_head",
        "_next_ms",
        "_old_ms",
        "_old_run",
        "_stream_id",
        "duplicates",
        "start",
    )
    features = Features()

    def __init__(self) -> None:
        self.start: LegStart | None = None
        self.duplicates = 0
        """Frames dropped because they were repeated or came too late."""
        self._stream_id: str | None = None
        self._last_ms = NOT_YET
        self._next_ms = 0
        self._old_ms = -1
        self._old_run = 0
        self._head = b""
        self._mark_head = b""
        self._clear = b""

    def read(self, message: str | bytes) -> tuple[ev.Event, ...]:
        """Events of one message; unknown kinds have none. Raises WireError."""
        if isinstance(message, bytes):
            raise WireError("a binary message; Media Streams are text")
        try:
            msg = _decode(message)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise WireError(f"not a Media Streams message: {str(error)[:120]}") from None
        if msg.event == "media":
            return self._read_media(msg)
        if msg.event == "start":
            return self._read_start(msg)
        if msg.event == "connected":
            return ()
        if msg.streamSid != self._stream_id:
            self._check_stream(msg)
        if msg.event == "mark" and msg.mark is not None:
            return (ev.PhoneMark(msg.mark.name),)
        if msg.event == "dtmf" and msg.dtmf is not None and msg.dtmf.digit in _KEYS:
            return (ev.PhoneKey(msg.dtmf.digit),)
        if msg.event == "stop":
            return (ev.PhoneStopped(),)
        if msg.event in ("mark", "dtmf"):
            raise WireError(f"a {msg.event} message without its content")
        return ()  # a kind that Twilio may add tomorrow

    def sound(self, message: bytes) -> bytes | None:
        """The mu-law of a frame that is just the next one; None for all else."""
        if not message.startswith(_MEDIA):
            return None
        try:
            frame = _decode_frame(message)
            sound = frame.media
            at = int(sound.timestamp)
        except (msgspec.DecodeError, UnicodeError, RecursionError, ValueError):
            return None  # `read` says what is wrong with it
        audio = sound.payload
        if not self._last_ms < at < self._next_ms + GAP_MS or at > LONGEST_MS or not audio:
            return None
        if frame.streamSid != self._stream_id:
            return None
        self._old_run = 0
        self._last_ms = at
        self._next_ms = at + (len(audio) + 4) // 8
        return audio

    def _check_stream(self, msg: _Message) -> None:
        if self.start is None:
            raise WireError(f"{msg.event[:20]} before start")
        if msg.streamSid and msg.streamSid != self.start.stream_id:
            raise WireError(f"{msg.event[:20]} of another stream")

    def _read_start(self, msg: _Message) -> tuple[ev.Event, ...]:
        if self.start is not None:
            raise WireError("a second start")
        start = msg.start
        stream_id = msg.streamSid or (start.streamSid if start else "")
        if start is None or not stream_id:
            raise WireError("a start message without its content")
        self._stream_id = stream_id
        self.start = LegStart(stream_id, start.callSid, start.accountSid, start.customParameters)
        sid = msgspec.json.encode(stream_id)
        self._head = b'{"event":"media","streamSid":' + sid + b',"media":{"payload":"'
        self._mark_head = b'{"event":"mark","streamSid":' + sid + b',"mark":{"name":'
        self._clear = b'{"event":"clear","streamSid":' + sid + b"}"
        return (ev.PhoneAttached(stream_id),)

    def _read_media(self, msg: _Message) -> tuple[ev.Event, ...]:
        self._check_stream(msg)
        media = msg.media
        if media is None:
            raise WireError("a media message without its content")
        if media.track != "inbound":
            return ()  # our own voice, on streams that carry both tracks: never fed back to the model
        if not media.payload:
            raise WireError("a media payload without audio")
        gap = self._place(media.timestamp, (len(media.payload) + 4) // 8)
        if gap < 0:
            self.duplicates += 1
            return ()
        audio = ev.PhoneAudio(media.payload)
        return (ev.PhoneGap(gap), audio) if gap else (audio,)

    def _place(self, timestamp: str | int, duration_ms: int) -> int:
        """Where the frame stands: 0 in its place, positive after a gap of that many ms, -1 already had (or too late).

        Without a readable time stamp a frame is taken as the next one.
        """
        last, expected = self._last_ms, self._next_ms
        try:
            at = int(timestamp)
        except ValueError:
            at = -1
        if not 0 <= at <= LONGEST_MS:
            if last == NOT_YET:
                return 0
            at = expected
        elif last != NOT_YET and last - WRAP_MS < at <= last and not self._began_anew(at):
            return -1
        self._old_run = 0
        self._last_ms = at
        self._next_ms = at + duration_ms
        if last == NOT_YET or at < last or at - expected < GAP_MS:
            return 0
        return at - expected

    def _began_anew(self, at: int) -> bool:
        """Is this frame of the past one of a new count? Without this a clock set back would cost a minute of speech."""
        self._old_run = self._old_run + 1 if self._old_run and at > self._old_ms else 1
        self._old_ms = at
        return self._old_run >= RESTART_FRAMES

    def write(self, command: do.PhoneCommand) -> tuple[bytes, ...]:
        """Messages for one command. Only after `start` was read."""
        if type(command) is do.Play:
            media = b"".join((self._head, b2a_base64(command.audio, newline=False), b'"}}'))
            return (media, self._mark_head + msgspec.json.encode(command.mark) + b"}}")
        if type(command) is do.Flush:
            return (self._clear,)
        return ()  # a stream is left by closing it, and keys go by the document: there are no messages for them
