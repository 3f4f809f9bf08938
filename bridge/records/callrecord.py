"""`call.json`: one record a call, complete from the first moment and closed with the true reason."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from bridge.call import facts
from bridge.records.costs import Costs
from bridge.store.disk import Disk
from bridge.store.figures import percentile
from bridge.store.folder import RECORD, CallFolders


def iso(epoch_s: float) -> str:
    """An epoch time as ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class CallRecord:
    """One call's record. `wall_now` gives epoch seconds."""

    def __init__(
        self, folders: CallFolders, disk: Disk, costs: Costs, began_at: float, wall_now: Callable[[], float]
    ) -> None:
        self._folders = folders
        self._disk = disk
        self._costs = costs
        self._began_at = began_at
        self._answered_at: float | None = None
        self._wall_now = wall_now
        self._waits: list[int] = []
        """How long the caller waited for each answer, in ms, shortest first."""
        self.fields: dict[str, Any] = {}

    def __call__(self, fact: facts.Fact) -> None:
        """Keep the record in step with what happens."""
        match fact:
            case facts.CallBegan():
                self._begin(fact)
            case facts.CallAnswered() if self._answered_at is None:
                self._answered_at = self._wall_now()
                self.fields["answered_at"] = iso(self._answered_at)
                self._save()
            case facts.AnswerJudged(kind):
                self.fields["answered_by"] = kind
                self._save()
            case facts.MessageLeft(heard_ms):
                self.fields["voicemail_heard_ms"] = heard_ms
            case facts.AgentSaid() | facts.CallerSaid() | facts.KeysPressed():
                self.fields["turns"] += 1
                if isinstance(fact, facts.AgentSaid) and fact.latency_ms >= 0:
                    insort(self._waits, fact.latency_ms)
            case facts.UsageCounted(usage):
                self._costs.add(usage)
            case facts.CallEnded():
                self._end(fact)
            case _:
                self._count(fact)

    def _count(self, fact: facts.Fact) -> None:
        """What lists of calls show beside the turns."""
        match fact:
            case facts.Interrupted():
                self.fields["barge_ins"] += 1
            case facts.ToolUsed():
                self.fields["tool_calls"] += 1
                self.fields["tool_errors"] += not fact.ok
            case facts.HandingOver():
                self.fields["handed_to"] = fact.to
            case facts.TakenBack():
                self.fields["handed_to"] = ""
            case _:
                pass

    def _begin(self, fact: facts.CallBegan) -> None:
        self.fields = {
            "id": fact.call_id,
            "carrier_call_id": fact.carrier_call_id,
            "direction": fact.direction,
            "from": fact.from_number,
            "to": fact.to_number,
            "agent": fact.agent,
            "started_at": iso(self._began_at),
            "answered_at": None,
            "ended_at": None,
            "end_reason": None,
            "ended_by": None,
            "turns": 0,
            "latency_p50_ms": None,
            "latency_p95_ms": None,
            "barge_ins": 0,
            "tool_calls": 0,
            "tool_errors": 0,
            "handed_to": "",
            "usage": {},
            "cost_usd": None,
            "error": None,
        }
        self._save()

    def _end(self, fact: facts.CallEnded) -> None:
        self.fields |= {
            "ended_at": iso(self._wall_now()),
            "end_reason": fact.reason,
            "ended_by": fact.by,
            "latency_p50_ms": percentile(self._waits, 0.5),
            "latency_p95_ms": percentile(self._waits, 0.95),
            "usage": self._costs.usage,
            "cost_usd": self._costs.usd,
            "error": fact.error or None,
        }
        self._save()

    def _save(self) -> None:
        fields = dict(self.fields)
        name = self._folders.path(fields["id"]) / RECORD
        self._disk.submit(lambda: self._folders.write(fields["id"], fields), owed_as=name)
