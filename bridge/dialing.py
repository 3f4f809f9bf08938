"""`bridge.dial`: call somebody from a Python program, by a running `callbridge serve`.

call = await bridge.dial("+14155550123", agent="survey.py:agent", variables={"name": "Ada"})
ended = await call.ended()
print(ended.outcome)        # human, busy, no_answer ...: see `bridge.dialer.outcomes`
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bridge import config
from bridge.client import AdminClient, admin_url

LOOK_S = 1.0
"""How often a call is looked at that has not ended."""


@dataclass(frozen=True, slots=True)
class DialedCall:
    """A call that we placed, as it stood when it was looked at last."""

    id: str
    """Of its attempt: `att_...`."""
    to: str
    state: str
    """intent, placed, answered, closed; unknown and review while nobody can tell whether it was placed."""
    outcome: str
    """What became of it, once it is closed: human, goal, busy, no_answer, voicemail_left ..."""
    reason: str
    call_id: str
    """Of its call folder, when somebody answered: `call_...`."""
    cost_usd: float
    _url: str = field(repr=False, compare=False)
    _token: str = field(repr=False, compare=False)

    @property
    def over(self) -> bool:
        """Nothing more will happen, or only a person's decision (`review`)."""
        return self.state in ("closed", "review")

    async def now(self) -> DialedCall:
        """As it stands now. Raises ServiceUnavailable, StoreError."""
        return await asyncio.to_thread(_ask, self._url, self._token, "GET", f"/attempts/{self.id}", {}, "")

    async def ended(self, limit_s: float | None = None) -> DialedCall:
        """When it is over. Raises TimeoutError after `limit_s`, and what `now` raises."""
        found = self
        async with asyncio.timeout(limit_s):
            while not found.over:
                await asyncio.sleep(LOOK_S)
                found = await found.now()
        return found

    async def hang_up(self) -> DialedCall:
        """Call it off while it rings; when they talk, the agent leaves. Raises what `now` raises."""
        return await asyncio.to_thread(_ask, self._url, self._token, "POST", f"/attempts/{self.id}/hangup", {}, "")


async def dial(
    to: str,
    *,
    agent: str = "",
    from_: str = "",
    variables: Mapping[str, str] | None = None,
    url: str = "",
    token: str = "",
    key: str = "",
    **rules: Any,
) -> DialedCall:
    """Call somebody; returns when the order is accepted, and not when they answer.

    Args:
        to: Their number, `+14155550123`.
        agent: Who talks, as the server names it; "" is the agent that serves.
        from_: One of your numbers; "" is TWILIO_PHONE_NUMBER.
        variables: What the agent's words may name.
        url: The admin API; "" is BRIDGE_ADMIN_URL, or the admin listener's address.
        token: Of the server at `url`, or one that was made for you; without `url` it is BRIDGE_ADMIN_TOKEN.
        key: The same key is the same call, however often it is asked for; "" makes a new one.
        rules: Of a campaign, for this call: max_minutes, voicemail, voicemail_text, company, purpose ...

    Raises:
        NumberRefused, CallNotAllowed: nobody may be called so; `why` says it in one word.
        UsageError: something else about the request cannot be.
        ServiceUnavailable: there is no running serve.
        StoreError: its database does not answer.
    """
    if not url:  # the token of the settings is for the server of the settings alone
        settings = config.load().settings
        url, token = admin_url(settings), token or settings.admin_token
    body = {"to": to, "agent": agent, "from": from_, "variables": dict(variables or {}), **rules}
    return await asyncio.to_thread(_ask, url, token, "POST", "/calls", body, key or secrets.token_urlsafe(16))


def _ask(url: str, token: str, method: str, path: str, body: Mapping[str, Any], key: str) -> DialedCall:
    with AdminClient(url, token) as client:
        row = client.get(path) if method == "GET" else client.post(path, body, key=key)
    return DialedCall(
        id=row["id"],
        to=row["phone"],
        state=row["state"],
        outcome=row["outcome"],
        reason=row["reason"],
        call_id=row["call_id"],
        cost_usd=row["carrier_usd"] + row["model_usd"],
        _url=url,
        _token=token,
    )
