"""What is looked up about a caller before the first word."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from bridge.agents.agent import Prepare
from bridge.tools.base import Call
from bridge.tools.threads import carried_out

log = logging.getLogger(__name__)


async def look_up(prepare: Prepare, call: Call, limit_s: float) -> Mapping[str, object]:
    """What the user's `prepare` finds; nothing when it fails or takes too long, which is logged."""
    about = {"call_id": call.id}
    try:
        async with asyncio.timeout(limit_s):
            found = await carried_out(prepare, call, prepare)
    except TimeoutError:
        log.warning("prepare took too long; the call begins without it", extra={**about, "limit_s": limit_s})
        return {}
    except Exception:  # the boundary to users' code
        log.exception("prepare failed; the call begins without it", extra=about)
        return {}
    if found is None:
        return {}
    if not isinstance(found, Mapping):
        log.error("prepare must return a dict", extra={**about, "returned": type(found).__name__})
        return {}
    return {str(name): value for name, value in found.items()}
