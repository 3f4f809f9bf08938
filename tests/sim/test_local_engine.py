"""The local engine beside a house: started once, again after it died, ended with the house."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest
from websockets.asyncio.client import connect

from bridge.errors import ModelUnreachable
from bridge.sim.local_engine import LocalEngine

pytestmark = pytest.mark.sockets


async def answers(url: str) -> bool:
    """Does a Realtime session open there?"""
    async with connect(f"{url}?model=any", compression=None) as socket:
        return "session.created" in str(await socket.recv())


def test_it_is_started_once_and_again_when_it_died() -> None:
    async def story() -> None:
        engine = LocalEngine()
        try:
            first, same = await asyncio.gather(engine.url(), engine.url())
            assert first == same and await answers(first)
            part = engine._part
            assert part is not None and part._process is not None
            os.kill(part._process.pid, signal.SIGKILL)
            await part.died("was killed")
            assert await answers(await engine.url())
        finally:
            await engine.close()
        with pytest.raises(OSError):
            await answers(first)

    asyncio.run(story())


def test_one_that_cannot_start_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        engine = LocalEngine()
        with pytest.raises(ModelUnreachable, match=r"^the local engine did not start: 'nonsense' is not"):
            await engine.url()
        await engine.close()

    monkeypatch.setenv("LOCAL_LLM_URL", "nonsense")
    asyncio.run(story())
