"""How much has the caller really heard?

The phone plays what we send in order, in real time, and returns each mark when everything before it has been played.
So this ledger keeps every chunk that has been sent and not yet been confirmed, and answers from three facts only:

1. a returned mark confirms its chunk and all chunks before it (marks are cumulative; a lost one costs nothing);
2. the first unconfirmed chunk is being played now: wall time since it began, delayed by as much as the last mark came
   later than we expected, is its played part, never more than the chunk, because its own mark has not come back; how
   late a phone begins after a pause nobody knows, so there nothing counts before the first mark;
3. what was never sent was never heard.

A `clear` makes the phone return every pending mark at once, unplayed. Each flush therefore begins a new generation:
names of an old one are forgotten and their late marks mean nothing.

Audio goes out in whole 20 ms frames, 20 to 200 ms a chunk, one mark a chunk. Smaller deltas wait for the next one or
for the item's end, where the last frame is filled with silence (filled bytes are played, but are nobody's words). The
first chunk after a pause is a single frame: its mark comes back soon and tells how late this phone plays. A mark's name
is item:ms:generation:serial; the serial makes each one unique in its call.

Units: bytes are mu-law samples at 8 kHz (8 bytes = 1 ms); times are seconds of the driver's clock.
"""

from __future__ import annotations

from dataclasses import dataclass

from bridge.call.values import value

FRAME = 160
"""20 ms: what the phone plays at a time. Odd-size crumbs make it stutter at word starts."""
CHUNK = 1600
"""200 ms: one mark a chunk, so a barge-in between marks leans on the clock for no more than this."""
SILENCE = b"\xff"
"""mu-law zero."""
CREDIT_S = 0.005
"""What is taken off a mark's delay on a phone that returns marks only at its 20 ms ticks, together with its frames:
there a mark waits for the tick, 10 ms on average. Never more than the smallest delay the call has seen."""
TICKED = 2
"""So many marks in a row that came with a frame of the caller make it such a phone; one may be chance."""
BYTES_PER_S = 8000.0
NEVER = float("-inf")
LOCAL = "local-"
"""Items with such names are sounds of ours: the model knows nothing of them."""


@dataclass(slots=True)
class Track:
    """The audio of one item's part: what came from the model, what went out, what was heard."""

    response_id: str
    item_id: str
    content_index: int
    received_ms: float = 0.0
    sent: int = 0
    heard: int = 0
    finished: bool = False
    began_at: float | None = None
    ended_at: float = 0.0
    rest: bytes = b""
    told: bool = False
    """Those who watch know that it began."""

    @property
    def local(self) -> bool:
        """A sound of ours."""
        return self.item_id.startswith(LOCAL)

    @property
    def heard_ms(self) -> int:
        """Whole milliseconds heard, never more than was received: the API refuses to truncate beyond the item's end."""
        return int(min(self.heard / 8.0, self.received_ms))

    @property
    def complete(self) -> bool:
        """All of it has come and all of it has been heard."""
        return self.finished and not self.rest and self.heard >= self.sent


@dataclass(slots=True)
class Chunk:
    """Sent and not yet confirmed. `length` is in bytes, `size` without the filling of an item's last frame."""

    track: Track
    audio: bytes
    """Emptied once it is sent, when nobody wants to know what it was."""
    length: int
    size: int
    mark: str
    starts_at: float
    ends_at: float
    joined: bool
    """It follows the chunk before it without a pause."""


@value
class Sounded:
    """A stretch of audio that was heard, from `at` (seconds of the driver's clock) on."""

    track: Track
    audio: bytes
    at: float


def place_of(mark: str) -> tuple[str, int, str]:
    """What a mark's name says of its chunk: the item, the ms of the item at which the chunk ends, the generation."""
    item_id, ms, generation, _ = mark.rsplit(":", 3)
    return item_id, int(ms), generation


class Playback:
    """One call's ledger. `line_on` says whether a phone is there to play; until then chunks are kept."""

    def __init__(self) -> None:
        self.generation = 0
        self.line_on = False
        self.lag_s = 0.0
        self._least_lag_s: float | None = None
        self._ticks = 0
        self._serial = 0
        self._queue: list[Chunk] = []  # a deque is 0.8 kB when it is empty
        self._tracks: dict[tuple[str, int], Track] = {}
        self._muted: set[str] = set()
        self._sounded_to = 0.0
        self._held = False

    # ---- what comes from the model

    def add(self, track_of: tuple[str, str, int], audio: bytes, ms: float, now: float) -> list[Chunk]:
        """Take `audio` (`ms` long as the model counts) of (response, item, content index); returns what to play now.

        Audio of a muted response or item is dropped.
        """
        response_id, item_id, index = track_of
        if self.muted(response_id, item_id):
            return []
        track = self._tracks.get((item_id, index))
        if track is None:
            track = self._tracks[item_id, index] = Track(response_id, item_id, index)
        track.received_ms += ms
        track.rest = track.rest + audio if track.rest else audio
        if self._held:
            return []
        return self._cut(track, len(track.rest) // FRAME * FRAME, now)

    def finish(self, item_id: str, index: int, now: float) -> list[Chunk]:
        """No more will come for this part: send what waits, its last frame filled with silence."""
        track = self._tracks.get((item_id, index))
        if track is None or track.finished:
            return []
        track.finished = True
        if self._held:
            return []
        return self._cut(track, len(track.rest), now)

    def finish_response(self, response_id: str, now: float) -> list[Chunk]:
        """The same for every part of a response, when its end comes without one for each part."""
        open_parts = [t for t in self._tracks.values() if t.response_id == response_id and not t.finished]
        return [c for t in open_parts for c in self.finish(t.item_id, t.content_index, now)]

    def mute(self, response_id: str) -> None:
        """Whatever still comes for this response is not to be played."""
        if response_id:
            self._muted.add(response_id)

    def _cut(self, track: Track, size: int, now: float) -> list[Chunk]:
        chunks = []
        at = 0
        while at < size:
            # What is sent now follows the chunk before it, if that one is still being played.
            before = self._queue[-1].ends_at if self._queue else NEVER
            joined = before >= now
            audio = track.rest[at : min(at + (CHUNK if joined else FRAME), size)]
            length = part = len(audio)
            at += part
            track.sent += part
            if part % FRAME:
                audio += SILENCE * (-part % FRAME)
                length = len(audio)
            starts = before if joined else now
            mark = f"{track.item_id}:{track.sent // 8}:{self.generation}:{self._serial}"
            chunk = Chunk(track, audio, length, part, mark, starts, starts + length / BYTES_PER_S, joined)
            self._queue.append(chunk)
            self._serial += 1
            chunks.append(chunk)
        track.rest = track.rest[size:]
        return chunks if self.line_on else []

    # ---- what comes from the phone

    def attach(self, now: float) -> list[Chunk]:
        """A phone is there: everything kept is to be played now."""
        self.line_on = True
        starts = now
        for chunk in self._queue:
            chunk.joined = starts > now
            chunk.starts_at, chunk.ends_at = starts, starts + chunk.length / BYTES_PER_S
            starts = chunk.ends_at
        return list(self._queue)

    def confirm(self, mark: str, now: float, *, ticked: bool = False) -> list[Sounded]:
        """A mark came back: it and all before it have been heard. Unknown and old names confirm nothing.

        `ticked`: it came together with a frame of the caller.
        """
        place = self._place(mark) if self.line_on else None
        if place is None:
            return []
        *before, chunk = self._queue[: place + 1]
        del self._queue[: place + 1]
        heard = [self._sound(earlier, earlier.size) for earlier in before]
        self.lag_s = max(0.0, now - chunk.ends_at)
        self._ticks = self._ticks + 1 if ticked else 0
        if self._least_lag_s is None or self.lag_s < self._least_lag_s:
            self._least_lag_s = self.lag_s
        heard.append(self._sound(chunk, chunk.size))
        return heard

    def _place(self, mark: str) -> int | None:
        """Where the chunk of this mark stands among those that were sent: the first, as marks come back in order."""
        for place, chunk in enumerate(self._queue):
            if chunk.mark == mark:
                return place
        return None

    def _sound(self, chunk: Chunk, size: int) -> Sounded:
        track = chunk.track
        track.heard += size
        # Marks wobble by a tick; the voice does not. What was played without a pause is told without one.
        at = self._sounded_to if chunk.joined else chunk.starts_at + self.lag_s
        self._sounded_to = at + chunk.length / BYTES_PER_S
        if track.began_at is None:
            track.began_at = at
        track.ended_at = at + size / BYTES_PER_S
        return Sounded(track, chunk.audio[:size], at)

    def flush(self, now: float) -> tuple[list[Sounded], list[Track]]:
        """Everything unheard is dropped. Returns the heard part of the chunk in the air, and the tracks that were cut.

        Cut tracks come in the order of playing, so the first is the audible one. Their items are muted: nothing more of
        them will be played. A track that is wholly heard but still being generated is cut where it stands.
        """
        sounded: list[Sounded] = []
        if self._queue:
            size = self._played_of_head(now)
            if size:
                sounded.append(self._sound(self._queue[0], size))
        cut = [t for t in self._tracks.values() if not t.complete]
        for track in cut:
            self._muted.add(track.item_id)
            track.rest = b""
            del self._tracks[track.item_id, track.content_index]
        self._forget_sent()
        self._held = False
        return sounded, cut

    # ---- stopped in doubt

    def hold(self, now: float) -> list[Sounded]:
        """The phone is being cleared, and perhaps for nothing: what was not heard is kept, as is what still comes.

        Returns the heard part of the chunk in the air. `release` or `flush` must follow.
        """
        sounded = []
        size = self._played_of_head(now) if self._queue else 0
        if size:
            sounded.append(self._sound(self._queue[0], size))
        unheard: dict[int, bytes] = {}
        for index, chunk in enumerate(self._queue):
            audio = chunk.audio[size if index == 0 else 0 : chunk.size]
            unheard[id(chunk.track)] = unheard.get(id(chunk.track), b"") + audio
        for track in self._tracks.values():
            back = unheard.get(id(track), b"")
            track.sent -= len(back)
            track.rest = back + track.rest
        self._forget_sent()
        self._held = True
        return sounded

    def release(self, now: float) -> list[Chunk]:
        """It was nothing: what was kept is to be played now, from the very sample on that was not heard."""
        self._held = False
        chunks = []
        for track in self._tracks.values():
            size = len(track.rest) if track.finished else len(track.rest) // FRAME * FRAME
            chunks += self._cut(track, size, now)
        return chunks

    def _forget_sent(self) -> None:
        """What the phone still returns for it means nothing."""
        self._queue.clear()
        self.generation += 1

    def take_complete(self) -> list[Track]:
        """Tracks that have been heard to the end since the last asking; the ledger forgets them."""
        done = [t for t in self._tracks.values() if t.complete]
        for track in done:
            del self._tracks[track.item_id, track.content_index]
        return done

    # ---- questions

    def _played_of_head(self, now: float) -> int:
        chunk = self._queue[0]
        if not self.line_on or not chunk.joined:
            return 0
        late = self.lag_s
        if self._ticks >= TICKED:
            late -= min(self._least_lag_s or 0.0, CREDIT_S)
        return max(0, min(chunk.size, int((now - chunk.starts_at - late) * BYTES_PER_S)))

    def muted(self, response_id: str, item_id: str) -> bool:
        """Is audio of this response or item not to be played any more?"""
        return item_id in self._muted or response_id in self._muted

    @property
    def busy(self) -> bool:
        """Something was sent (or waits for a phone, or for a doubt to end) and has not been confirmed."""
        return bool(self._queue) or (self._held and any(t.rest for t in self._tracks.values()))

    @property
    def kept(self) -> bool:
        """Can what was sent be sent again? (Not what was sent by terms without doubt, before an agent took over.)"""
        return all(chunk.audio for chunk in self._queue)

    def holds(self, response_id: str) -> bool:
        """Is some of this response still to be heard, or to come?"""
        return any(track.response_id == response_id for track in self._tracks.values())

    @property
    def only_local(self) -> bool:
        """Nothing but sounds of ours plays."""
        return all(track.local for track in self._tracks.values())

    @property
    def open(self) -> bool:
        """Some item has neither been heard to its end nor cut."""
        return bool(self._tracks)

    def quiet_at(self) -> float:
        """When the last chunk should have been heard, as far as is known; 0 when nothing plays."""
        return self._queue[-1].ends_at + self.lag_s if self._queue else 0.0

    def heard_ms(self, item_id: str, index: int, now: float) -> int:
        """Whole milliseconds of this part heard until now; 0 for a part the ledger does not hold."""
        track = self._tracks.get((item_id, index))
        if track is None:
            return 0
        extra = self._played_of_head(now) if self._queue and self._queue[0].track is track else 0
        return int(min((track.heard + extra) / 8.0, track.received_ms))
