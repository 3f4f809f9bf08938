"""A call that is over is gone: what it held is free at once, without waiting for the collector."""

from __future__ import annotations

import asyncio
import gc
import weakref
from pathlib import Path

import pytest
from house_world import house

from bridge.live.switchboard import AFTERLIFE_S
from bridge.sim import loop
from bridge.sim.script import Say, Wait


@pytest.mark.parametrize("audio", ["pcmu", "pcm"])
def test_a_call_that_is_over_is_not_kept(tmp_path: Path, audio: str) -> None:
    async def story() -> dict[str, bool]:
        async with house(tmp_path, realtime_audio=audio) as world:
            call = await world.ring([Wait(2.0), Say("Hello. What are your opening hours?"), Wait(4.0)])
            await world.until(lambda: world.app.services.switchboard.live != [])
            await world.until(lambda: world.app.services.switchboard.live[0].phone is not None)
            session = world.app.services.switchboard.live[0]
            parts = {
                "session": weakref.ref(session),
                "core": weakref.ref(session.core),
                "model": weakref.ref(session.model),
                "phone": weakref.ref(session.phone),
                "socket": weakref.ref(session.model._socket),
                "lane": weakref.ref(session.phone.short_way),
            }
            del session
            await call.ended()
            await world.written()
            await asyncio.sleep(AFTERLIFE_S + 1.0)
            return {name: part() is not None for name, part in parts.items()}

    gc.disable()
    try:
        kept = loop.run(story())
    finally:
        gc.enable()
    assert kept == dict.fromkeys(kept, False)
