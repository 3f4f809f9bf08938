"""`callbridge dialer`: runs campaigns and nothing else. Whom it calls is answered by the `serve` at PUBLIC_URL.

On PostgreSQL any number of these may run, beside servers with BRIDGE_DIALER=off or on. An SQLite file has room for one
that runs campaigns, and the servers beside it need BRIDGE_DIALER=off.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Mapping
from dataclasses import replace

from bridge import config
from bridge.cli.serve import require_public_url
from bridge.cli.stopping import run_until_told
from bridge.config import Settings
from bridge.errors import ConfigError


def run(flags: Mapping[str, object]) -> None:
    """Dial until told to stop; orders under way are then waited for. Raises UsageError, StoreError."""
    settings = replace(config.load(flags).settings, dialer="on")
    require_public_url(settings)
    if not settings.twilio_account_sid:
        raise ConfigError("TWILIO_ACCOUNT_SID is missing: without it nobody can be called")
    if not settings.countries:
        raise ConfigError("BRIDGE_COUNTRIES is missing: the countries that may be called, such as US,CA")
    from bridge.observe import logs

    logs.set_up(settings)
    run_until_told(_dial(settings))


async def _dial(settings: Settings) -> None:
    from bridge.agents.library import load_agent
    from bridge.agents.team import Routing
    from bridge.carriers.registry import CARRIERS
    from bridge.dialer.callers import AgentBook
    from bridge.dialer.dialer import Dialer

    answers = load_agent(settings.agent)
    routing = answers if isinstance(answers, Routing) else Routing({}, answers)
    dialer = Dialer(settings, AgentBook(routing), CARRIERS["twilio"](settings).control, None)
    try:
        await dialer.open_or_raise()
        assert dialer.db is not None  # noqa: S101 - narrows the type
        print(f"dialing from {dialer.db.address.shown}", file=sys.stderr, flush=True)
        await asyncio.Event().wait()
    finally:
        with contextlib.suppress(asyncio.CancelledError):
            await dialer.close()
