"""One response at a time.

The server refuses a second response while one is active, and several things may start one: its own turn detection,
our greeting, a tool result, a key entry. This gate asks for one at a time; requests that come meanwhile coalesce into
one, asked for when the active response is done. A cancelled response holds its slot until its `response.done`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Request:
    """A response to ask for now."""

    event_id: str
    instructions: str


class ResponseGate:
    """Which response is active, which is asked for, and whether another is wanted."""

    def __init__(self) -> None:
        self.active_id = ""
        self.pending_id = ""
        self._wanted: str | None = None
        self._asked = ""
        self._count = 0

    @property
    def busy(self) -> bool:
        """A response is active or asked for."""
        return bool(self.active_id or self.pending_id)

    @property
    def wanted(self) -> bool:
        """Another response will be asked for when the present one is done."""
        return self._wanted is not None

    def request(self, instructions: str = "") -> Request | None:
        """Ask for a response; None while another one holds the slot (then it is remembered)."""
        if self.busy:
            self._wanted = self._wanted or instructions
            return None
        self._wanted = None
        self._count += 1
        self._asked = instructions
        self.pending_id = f"respond_{self._count}"
        return Request(self.pending_id, instructions)

    def created(self, response_id: str) -> None:
        """The server began a response, ours or its own. One at a time: a new one replaces a done we never saw."""
        if not self.pending_id:
            self._asked = ""  # the server's own: should it fail, our earlier words are not the ones to repeat
        self.active_id = response_id
        self.pending_id = ""

    def done(self, response_id: str) -> Request | None:
        """A response ended; returns the next one to ask for."""
        if response_id == self.active_id:
            self.active_id = ""
        if self.busy or self._wanted is None:
            return None
        return self.request(self._wanted)

    def refused(self, event_id: str, *, busy: bool) -> None:
        """Our request was refused. `busy`: because another response is active; then it stays wanted."""
        if event_id in ("", self.pending_id):
            self.pending_id = ""
        if busy:
            # Also when the response that was in the way has been announced in between and took our slot.
            self._wanted = self._wanted or self._asked

    def retry(self) -> Request | None:
        """What was last asked for, asked for again."""
        self.pending_id = ""
        return self.request(self._asked)

    def forget(self) -> None:
        """The caller speaks: whatever was wanted will be answered together with what they say now."""
        self._wanted = None
