"""Tokens that stand in paths: who holds one may speak for a call.

    media   single use, 60 s, bound to its CallSid: opens the phone's socket
    after   the call's life: the carrier asks with it what comes next

A signature alone is not enough for a media socket: it is made over a constant URL and could be replayed for ever.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from bridge.errors import BadToken

MEDIA_S = 60.0
"""Answer document fetched -> media socket opened. It takes well under a second; a queue at the carrier may add some."""


@dataclass(slots=True)
class _Ticket:
    call_id: str
    expires_at: float


class Tickets:
    """The tokens of this process. Times are seconds of the caller's clock."""

    def __init__(self) -> None:
        self._media: dict[str, _Ticket] = {}
        self._after: dict[str, str] = {}

    def issue_media(self, call_id: str, now: float) -> str:
        """A token for one media socket of this call."""
        token = secrets.token_urlsafe(24)
        self._media[token] = _Ticket(call_id, now + MEDIA_S)
        return token

    def issue_after(self, call_id: str) -> str:
        """A token for everything that comes after this call's stream."""
        token = secrets.token_urlsafe(24)
        self._after[token] = call_id
        return token

    def redeem_media(self, token: str, now: float) -> str:
        """The call this token opens; it opens nothing a second time. Raises BadToken."""
        ticket = self._media.pop(token, None)
        if ticket is None:
            raise BadToken("this media token is unknown or has been used")
        if now > ticket.expires_at:
            raise BadToken("this media token has expired")
        return ticket.call_id

    def read_after(self, token: str) -> str:
        """The call this token speaks of. Raises BadToken."""
        call_id = self._after.get(token)
        if call_id is None:
            raise BadToken("this token is unknown")
        return call_id

    def drop(self, call_id: str) -> None:
        """The call is over and forgotten: nothing opens or asks for it any more."""
        self._media = {t: k for t, k in self._media.items() if k.call_id != call_id}
        self._after = {t: k for t, k in self._after.items() if k != call_id}
