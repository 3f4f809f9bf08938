"""One response at a time.

The server refuses a second response while one is active, and several things may start one: its own turn detection,
our greeting, a tool result, a key entry. This gate asks for one at a time; requests that come meanwhile coalesce into
one, asked for when the active response is done. A cancelled response holds its slot until its `response.done`.

Words that must be said as they stand ("One moment, please.") coalesce with nothing: they wait in line, before what else
is wanted.
"""

from __future__ import annotations

from dataclasses import dataclass

from bridge.call.words import exactly


@dataclass(frozen=True, slots=True)
class Request:
    """A response to ask for now."""

    event_id: str
    instructions: str
    tools: bool = True
    """The model may call tools in it."""


class ResponseGate:
    """Which response is active, which is asked for, and whether another is wanted."""

    def __init__(self) -> None:
        self.active_id = ""
        self.pending_id = ""
        self.given_id = ""
        """The response that is words we gave, if the latest one is."""
        self.unwanted: set[str] = set()
        """Requests (by `event_id`) whose response nobody wants any more."""
        self._wanted: str | None = None
        self._words: list[str] = []
        self._asked = ""
        self._asked_words = ""
        self._tools = True  # a model that was told to speak without tools once (it is in a loop) gets none again
        self._count = 0

    @property
    def busy(self) -> bool:
        """A response is active or asked for."""
        return bool(self.active_id or self.pending_id)

    @property
    def wanted(self) -> bool:
        """Another response will be asked for when the present one is done."""
        return self._wanted is not None or bool(self._words)

    def request(self, instructions: str = "", *, tools: bool = True) -> Request | None:
        """Ask for a response; None while another one holds the slot (then it is remembered)."""
        self._tools = self._tools and tools
        if self.busy:
            self._wanted = self._wanted or instructions
            return None
        self._wanted = None
        self._asked, self._asked_words = instructions, ""
        return self._next(instructions, tools=self._tools)

    def say(self, words: str) -> Request | None:
        """Ask for a response of these words; None while another one holds the slot (then they wait in line)."""
        if self.busy:
            self._words.append(words)
            return None
        self._asked_words = words
        return self._next(exactly(words), tools=False)

    def _next(self, instructions: str, *, tools: bool = True) -> Request:
        self._count += 1
        self.pending_id = f"respond_{self._count}"
        return Request(self.pending_id, instructions, tools)

    def created(self, response_id: str) -> None:
        """The server began a response, ours or its own. One at a time: a new one replaces a done we never saw."""
        if not self.pending_id:
            # The server's own: should it fail, our earlier words are not the ones to repeat.
            self._asked = self._asked_words = ""
        self.given_id = response_id if self._asked_words else ""
        self.active_id = response_id
        self.pending_id = ""

    def done(self, response_id: str) -> Request | None:
        """A response ended; returns the next one to ask for."""
        if response_id == self.active_id:
            self.active_id = ""
        if self.busy:
            return None
        if self._words:
            return self.say(self._words.pop(0))
        return None if self._wanted is None else self.request(self._wanted)

    def refused(self, event_id: str, *, busy: bool) -> None:
        """Our request was refused. `busy`: because another response is active; then it stays wanted."""
        if event_id in ("", self.pending_id):
            self.pending_id = ""
        if busy and self._asked_words:
            self._words.insert(0, self._asked_words)
        elif busy:
            # Also when the response that was in the way has been announced in between and took our slot.
            self._wanted = self._wanted or self._asked

    def retry(self) -> Request | None:
        """What was last asked for, asked for again."""
        self.pending_id = ""
        return self.say(self._asked_words) if self._asked_words else self.request(self._asked)

    def disown(self) -> None:
        """What is asked for is not wanted after all, nor is what waits for it: it is cancelled when it begins."""
        if self.pending_id:
            self.unwanted.add(self.pending_id)
        self.forget()

    def give_up(self) -> None:
        """Nobody answers any more."""
        self.active_id = self.pending_id = ""
        self.forget()

    def forget(self) -> None:
        """The caller speaks: whatever was wanted will be answered together with what they say now."""
        self._wanted = None
        self._words.clear()
