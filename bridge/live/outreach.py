"""What a call may ask of whoever dials: never call again, call back, and what came of the call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bridge.live.info import CallInfo


class Outreach(Protocol):
    """Keeps what people on the phone wish. The dialer is one."""

    async def opt_out(self, info: CallInfo, reason: str) -> None:
        """The other side of this call does not want to be called again, ever. Raises ToolError, one sentence."""

    async def call_back(self, info: CallInfo, at: float, note: str) -> None:
        """Call them again at this time (epoch seconds). Raises ToolError, one sentence."""

    def result(self, info: CallInfo, word: str, note: str = "") -> None:
        """What came of the call: `goal` or `no_goal`, and a note for people. Raises ToolError, one sentence."""
