"""A person says yes (or no) to what an agent is about to do: open questions of all calls, answered by the admin API."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from itertools import count

from bridge.tools.runner import Approval


@dataclass(frozen=True, slots=True)
class Asked:
    """One open question."""

    id: str
    call_id: str
    tool: str
    arguments: str
    asked_at: float
    """Epoch time in seconds."""
    answer: asyncio.Future[Approval] = field(repr=False, compare=False)


class Approvals:
    """The open questions of this process."""

    def __init__(self) -> None:
        self._open: dict[str, Asked] = {}
        self._count = count(1)

    async def ask(self, call_id: str, tool: str, arguments: str, now: float) -> Approval:
        """Wait for somebody to answer. Whoever asks sets the time limit; a cancelled question is closed."""
        answer: asyncio.Future[Approval] = asyncio.get_running_loop().create_future()
        asked = Asked(f"approval_{next(self._count)}", call_id, tool, arguments, now, answer)
        self._open[asked.id] = asked
        try:
            return await answer
        finally:
            del self._open[asked.id]

    @property
    def open(self) -> list[Asked]:
        """Questions that wait, oldest first."""
        return list(self._open.values())

    def answer(self, approval_id: str, approval: Approval) -> bool:
        """Answer one; False when it is not open (any more)."""
        asked = self._open.get(approval_id)
        if asked is None or asked.answer.done():
            return False
        asked.answer.set_result(approval)
        return True
