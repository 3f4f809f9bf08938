"""A call as it happens: facts from the feed in, lines out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, get_args

from bridge.call import facts
from bridge.call.values import field_names
from bridge.cli.call_view import Line, latency, printable, quoted, turn_lines
from bridge.records.transcript import turn_of

_KINDS: Mapping[str, type[facts.Fact]] = {kind.__name__: kind for kind in get_args(facts.Fact)}


def fact_of(event: Mapping[str, Any]) -> facts.Fact | None:
    """The fact in one event of `/feed`; None for what is none (or comes from a newer callbridge)."""
    kind = _KINDS.get(str(event.get("fact", "")))
    if kind is None:
        return None
    try:
        fact: facts.Fact = kind(**{name: event[name] for name in field_names(kind)})
    except KeyError:
        return None
    return fact


class LiveView:
    """One call's lines. `now_ms` tells the time since it was answered, for facts without one of their own."""

    def __init__(self, put: Callable[[Line], None], now_ms: Callable[[], int], *, knows_words: bool) -> None:
        """`knows_words`: the ears transcribe; without, a caller's turn is told when it ends and not for its words."""
        self._put = put
        self._now_ms = now_ms
        self._knows_words = knows_words
        self._interrupted: set[str] = set()

    def __call__(self, fact: facts.Fact) -> None:
        """Show one fact, if there is something to show."""
        for line in self._lines(fact):
            self._put(line)

    def _lines(self, fact: facts.Fact) -> list[Line]:
        match fact:
            case facts.CallBegan():
                who = f"{fact.from_number} -> {fact.to_number}, answered by {fact.agent}"
                return [Line(0, "call", printable(who), fact.call_id)]
            case facts.PhaseChanged(phase):
                return [Line(self._now_ms(), "phase", phase.lower())]
            case facts.CallerStopped() if not self._knows_words:
                return turn_lines({"role": "caller", "text": "", "start_ms": fact.start_ms, "end_ms": fact.end_ms})
            case facts.CallerSaid(text=text) if not (text or self._knows_words):
                return []  # shown when it ended
            case facts.Interrupted():
                self._interrupted.add(fact.item_id)
                return []  # the cut turn follows, and knows the words
            case facts.AgentSaid(cut=True):
                return self._cut(fact)
            case facts.Trouble():
                return [Line(self._now_ms(), "trouble", printable(f"{fact.where}: {fact.message or fact.code}"))]
            case facts.AnswerJudged():
                return [Line(fact.at_ms, "heard", fact.kind.replace("_", " "), printable(fact.why))]
            case facts.MessageLeft():
                left = f"{fact.heard_ms / 1000:.1f} s of a message" + ("" if fact.whole else ", not to its end")
                return [Line(fact.at_ms, "left", left)]
            case facts.CallEnded():
                text = f"{fact.reason} (ended by the {fact.by})" if fact.by else fact.reason
                return [Line(fact.at_ms, "hang-up", text, printable(fact.error))]
            case _:
                turn = turn_of(fact)
                return turn_lines(turn) if turn is not None else []

    def _cut(self, fact: facts.AgentSaid) -> list[Line]:
        spoken = Line(fact.start_ms, "agent", quoted(fact.text), latency(fact.latency_ms))
        how = "interrupted" if fact.item_id in self._interrupted else "cut off"
        after = f"{how} after {fact.heard_ms / 1000:.1f} s of {fact.length_ms / 1000:.1f} s"
        return [spoken, Line(fact.end_ms, "cut", f"{after}: heard '{printable(fact.heard_text)}'")]
