"""Who said what, and when.

The caller's turns come from the model's turn detection, their words later from its transcription; the agent's turns
come from its items, and count as said when they were heard or cut. Turns are numbered in the order they began.

All `_ms` are milliseconds of the call's clock, which starts when the phone is first attached.
"""

from __future__ import annotations

from dataclasses import dataclass

from bridge.call import facts
from bridge.call.playback import Track

HERE = "here_"
"""How the id of a turn begins that was detected here."""
LONGEST_WAIT_MS = 10_000
"""A server that places the end of a turn further back than this does not mean the end of speech."""


@dataclass(slots=True)
class CallerTurn:
    """One stretch of caller speech."""

    number: int
    start_ms: int
    end_ms: int = -1
    text: str = ""
    told: bool = False


@dataclass(slots=True)
class AgentTurn:
    """One spoken item of the agent."""

    number: int
    start_ms: int
    latency_ms: int
    text: str = ""


class Turns:
    """One call's conversation so far."""

    def __init__(self) -> None:
        self._count = 0
        self._caller: dict[str, CallerTurn] = {}
        self._agent: dict[str, AgentTurn] = {}
        self._texts: dict[str, str] = {}
        self._stopped_ms: int | None = None

    def next_number(self) -> int:
        """A number for a turn that is neither speech of the caller nor of the agent (keys, tools)."""
        self._count += 1
        return self._count

    # ---- the caller

    def caller_started(self, item_id: str, at_ms: int) -> None:
        """The caller began to speak."""
        self._stopped_ms = None
        if item_id not in self._caller:
            self._caller[item_id] = CallerTurn(self.next_number(), at_ms)

    def committed(self, item_id: str) -> None:
        """The oldest turn that has ended and that no server has named is called so from now on."""
        found = next((name for name, turn in self._caller.items() if name.startswith(HERE) and turn.end_ms >= 0), None)
        if found is not None:
            self._caller[item_id] = self._caller.pop(found)

    def caller_stopped(self, item_id: str, at_ms: int, now_ms: int) -> facts.CallerStopped:
        """The caller stopped; the wait for an answer begins now."""
        turn = self._caller.setdefault(item_id, CallerTurn(0, at_ms))
        if not turn.number:
            turn.number = self.next_number()
        turn.end_ms = max(at_ms, turn.start_ms)
        # The wait began with the caller's last sound, not when the server was sure of it.
        self._stopped_ms = max(turn.end_ms, now_ms - LONGEST_WAIT_MS)
        return facts.CallerStopped(turn.start_ms, turn.end_ms)

    def entered(self, now_ms: int) -> None:
        """The caller finished entering keys; that waits for an answer too."""
        self._stopped_ms = now_ms

    def caller_text(self, item_id: str, text: str, *, final: bool, now_ms: int) -> facts.CallerSaid | None:
        """Words of a caller turn; the turn as a fact when they are final."""
        turn = self._caller.get(item_id)
        if turn is None:
            turn = self._caller[item_id] = CallerTurn(self.next_number(), now_ms, now_ms)
        turn.text = text if final else turn.text + text
        return self._tell(turn, now_ms) if final else None

    def words_of(self, item_id: str) -> str:
        """What is known of the words of an item, the caller's or the agent's."""
        turn = self._caller.get(item_id)
        return turn.text if turn is not None else self._texts.get(item_id, "")

    @staticmethod
    def _tell(turn: CallerTurn, now_ms: int) -> facts.CallerSaid:
        turn.told = True
        end = turn.end_ms if turn.end_ms >= 0 else now_ms
        return facts.CallerSaid(turn.number, turn.text.strip(), turn.start_ms, max(end, turn.start_ms))

    def untold(self, now_ms: int) -> list[facts.CallerSaid]:
        """Caller turns whose words never came: at the end of the call they are told with what is known."""
        return [self._tell(t, now_ms) for t in self._caller.values() if not t.told]

    # ---- the agent

    def agent_audio(self, item_id: str, now_ms: int) -> facts.AgentStarted | None:
        """Audio of this item goes to the phone; a fact when it is the item's first."""
        if item_id in self._agent:
            return None
        latency = now_ms - self._stopped_ms if self._stopped_ms is not None else -1
        self._stopped_ms = None
        self._agent[item_id] = AgentTurn(self.next_number(), now_ms, latency)
        return facts.AgentStarted(item_id, now_ms, latency)

    def agent_text(self, item_id: str, text: str, *, final: bool) -> None:
        """Words of an agent item. They run ahead of the audio."""
        self._texts[item_id] = text if final else self._texts.get(item_id, "") + text

    def agent_done(self, track: Track, *, start_ms: int, end_ms: int, cut: bool) -> facts.AgentSaid | None:
        """The item was heard to its end, or cut; None when it never became a turn."""
        turn = self._agent.get(track.item_id)
        if turn is None:
            return None
        text = self._texts.pop(track.item_id, "").strip()
        length = int(track.received_ms)
        heard_text = part_heard(text, track.heard_ms, length) if cut else text
        return facts.AgentSaid(
            turn.number, track.item_id, text, heard_text, start_ms, end_ms, track.heard_ms, length, turn.latency_ms, cut
        )


def part_heard(text: str, heard_ms: int, length_ms: int) -> str:
    """The words of `text` that fit into `heard_ms` of `length_ms`, by even speaking rate, whole words only."""
    if length_ms <= 0 or heard_ms <= 0:
        return ""
    if heard_ms >= length_ms:
        return text
    end = len(text) * heard_ms // length_ms
    if end < len(text) and not text[end].isspace():
        end = text.rfind(" ", 0, end + 1)
    return text[: max(0, end)].rstrip()
